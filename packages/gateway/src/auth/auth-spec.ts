import type { ClaimTest } from './auth-settings.ts'
import type { CredentialPlace } from './credential-source.ts'
import type { IpMatcher } from './ip-matcher.ts'
import type { VerificationKey } from './jwk.ts'

/** {@link AuthSettings} checked, in the form and the units that the authenticator computes with. */
export interface AuthSpec extends AuthRule {
  readonly realm: string
  /** Lower case. */
  readonly consumerHeader: string
  readonly forwardedClientCert: 'sanitize' | 'set' | 'forward'
}

export interface AuthRule {
  readonly jwt: readonly JwtProvider[]
  readonly apiKeys: ApiKeyTable | undefined
  readonly clientCertificate: CertificateRule | undefined
  /** Undefined where every address passes. */
  readonly allow: IpMatcher | undefined
  readonly deny: IpMatcher | undefined
  readonly anyOf: readonly AuthRule[]
  readonly allOf: readonly AuthRule[]
  readonly optional: boolean
}

export interface JwtProvider {
  readonly name: string
  readonly issuer: string
  /** Empty takes any. */
  readonly audiences: readonly string[]
  readonly algorithms: readonly string[]
  /** Empty when they come from `jwksUri`. */
  readonly keys: readonly VerificationKey[]
  readonly jwksUri: string
  readonly refreshMs: number
  readonly staleMs: number
  readonly from: readonly CredentialPlace[]
  readonly skewMs: number
  readonly allowNoExpiry: boolean
  /** Lower case, without `application/`; empty takes any. */
  readonly type: string
  readonly requiredClaims: readonly { readonly claim: string; readonly test: ClaimTest }[]
  readonly scopes: readonly string[]
  readonly consumerClaim: string
  readonly claimsToHeaders: readonly { readonly claim: string; readonly header: string }[]
  readonly forward: boolean
}

export interface ApiKeyTable {
  readonly from: readonly CredentialPlace[]
  readonly consumers: readonly string[]
  /** Digests one after the other, 32 bytes each, in the order of `consumers`. */
  readonly digests: Buffer
  /** Positions by the first 16 hexadecimal digits. */
  readonly byStart: ReadonlyMap<string, readonly number[]>
  readonly forward: boolean
}

/** All lists empty: any verified certificate. */
export interface CertificateRule {
  readonly subjects: readonly string[]
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
  /** Hex, lower case. */
  readonly fingerprints: readonly string[]
}
