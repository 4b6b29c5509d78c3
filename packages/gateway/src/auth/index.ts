export {
  type AuthReason,
  type AuthRefusal,
  AuthResult,
  anonymous,
  type Claims,
  type Identity,
} from './auth-result.ts'
export { readAuthSpec } from './auth-reader.ts'
export type {
  ApiKeySettings,
  AuthRuleSettings,
  AuthSettings,
  ClaimTest,
  ClientCertificateSettings,
  CredentialSource,
  IpSettings,
  JwksSettings,
  JwtProviderSettings,
} from './auth-settings.ts'
export type {
  ApiKeyTable,
  AuthRule,
  AuthSpec,
  CertificateRule,
  JwtProvider,
} from './auth-spec.ts'
export { type Authenticator, type AuthPorts, createAuthenticator } from './authenticator.ts'
export { forwardedClientCert, forwardedClientCertHeader } from './certificate-check.ts'
export { type CredentialPlace, queryWithout } from './credential-source.ts'
export { parseIp } from './ip-address.ts'
export { IpMatcher, type IpNetwork, parseNetwork } from './ip-matcher.ts'
export type { VerificationKey } from './jwk.ts'
export {
  JwksCache,
  type JwksCacheOptions,
  type JwksFetch,
  JwksSet,
  type JwksSettingsMs,
  type JwksStatus,
  mostJwksBytes,
} from './jwks-cache.ts'
export { fetchJwks } from './jwks-fetch.ts'
