import type { Duration } from '@tidemill/core'

/**
 * Who may send requests, as a person writes it. Everything that one object names must hold; of `anyOf` one
 * must, of `allOf` all must.
 */
export interface AuthSettings extends AuthRuleSettings {
  /** Name of the protection space in challenges; default `tidemill`. */
  readonly realm?: string
  /** Field that tells the upstream who the consumer is; default `x-tidemill-consumer`. Never taken from outside. */
  readonly consumerHeader?: string
  /**
   * x-forwarded-client-cert: `sanitize` (default) removes what clients send, `set` writes the certificate of the
   * connection in Envoy's form instead, `forward` lets it through, for a trusted proxy in front.
   */
  readonly forwardedClientCert?: 'sanitize' | 'set' | 'forward'
}

export interface AuthRuleSettings {
  /** The token's issuer chooses the provider. */
  readonly jwt?: readonly JwtProviderSettings[]
  readonly apiKeys?: ApiKeySettings
  readonly clientCertificate?: ClientCertificateSettings
  readonly ip?: IpSettings
  readonly anyOf?: readonly AuthRuleSettings[]
  readonly allOf?: readonly AuthRuleSettings[]
  /** Requests without credential pass as nobody; a wrong credential is still refused. Default false. */
  readonly optional?: boolean
}

/** Where a credential stands; exactly one field. */
export interface CredentialSource {
  readonly header?: string
  /** Scheme before the token in that header, such as `Bearer`; default `Bearer` for Authorization, else none. */
  readonly scheme?: string
  readonly cookie?: string
  readonly query?: string
}

/** A JSON Web Key Set (RFC 7517), inline. */
export interface JwksSettings {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

export interface JwtProviderSettings {
  readonly name: string
  /** Exactly what `iss` must be. */
  readonly issuer: string
  /** One of them must stand in `aud`; default: any audience. */
  readonly audiences?: readonly string[]
  /** RFC 7518 names; default: the asymmetric ones. `none` does not exist. */
  readonly algorithms?: readonly string[]
  readonly jwks?: JwksSettings
  /** https, or http on the loopback. */
  readonly jwksUri?: string
  /** How long fetched keys are used before they are fetched anew in the background; default 10m. */
  readonly refresh?: Duration
  /** How long after a fetch the keys serve while the issuer cannot be reached; default 24h. */
  readonly staleFor?: Duration
  /** Default: Authorization with the scheme Bearer. */
  readonly from?: readonly CredentialSource[]
  /** Tolerance of exp, nbf and iat; default 60s. */
  readonly clockSkew?: Duration
  /** Accept tokens without `exp`; default false. */
  readonly allowNoExpiry?: boolean
  /** What `typ` of the header must be, case-insensitive, for example `at+jwt`; default: anything. */
  readonly type?: string
  /**
   * Claims that must be there, `true` for any value, else the value or one of the list; a claim that is a list
   * must hold one of them. `realm_access.roles` names a nested claim unless a claim has that very name.
   */
  readonly requiredClaims?: Readonly<Record<string, ClaimTest>>
  /** All of them must stand in `scope` or `scp`. */
  readonly scopes?: readonly string[]
  /** Claim that names the consumer; default `sub`. */
  readonly consumerClaim?: string
  /** Values outside printable ASCII are percent-encoded; commas within the members of a list too. */
  readonly claimsToHeaders?: readonly { readonly claim: string; readonly header: string }[]
  /** Whether the upstream sees the token too; default false. Tokens in cookies are always forwarded. */
  readonly forward?: boolean
}

export type ClaimTest = string | number | boolean | readonly (string | number | boolean)[]

export interface ApiKeySettings {
  /** Default: the header x-api-key. */
  readonly from?: readonly CredentialSource[]
  /** SHA-256 of the key in hex, never the key. */
  readonly keys: readonly { readonly sha256: string; readonly consumer: string }[]
  /** Whether the upstream sees the key too; default false. */
  readonly forward?: boolean
}

/** A verified certificate that is in one of the lists; any verified one without lists. */
export interface ClientCertificateSettings {
  readonly subjects?: readonly string[]
  /** A first label `*` stands for one label. */
  readonly dnsNames?: readonly string[]
  /** `*` at the end stands for anything, as in `spiffe://example.org/ns/shop/*`. */
  readonly uris?: readonly string[]
  /** SHA-256 of the certificate in hex, colons allowed. */
  readonly fingerprints?: readonly string[]
}

/** Addresses and networks (CIDR). `deny` goes before `allow`; without `allow` every other address passes. */
export interface IpSettings {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
}
