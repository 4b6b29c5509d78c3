import type { TidemillError } from '@tidemill/core'
import { type GatewayErrorCode, gatewayErrors } from '../errors.ts'

/** What a token says, nested values included, frozen. */
export type Claims = Readonly<Record<string, unknown>>

/** Who sends a request. */
export interface Identity {
  /** `none` when authentication is optional and nothing was sent, or when only the address was looked at. */
  readonly method: 'none' | 'jwt' | 'api-key' | 'certificate'
  /** Name of the consumer; empty for none. */
  readonly consumer: string
  /** Name of the provider whose token it was; empty otherwise. */
  readonly provider: string
  /** Of the token; empty otherwise. */
  readonly claims: Claims
  /** Fields that the upstream is given, a flat list in lower case. */
  readonly headers: readonly string[]
}

export const noClaims: Claims = Object.freeze({})

export const anonymous: Identity = Object.freeze({
  method: 'none',
  consumer: '',
  provider: '',
  claims: noClaims,
  headers: Object.freeze([]) as readonly string[],
})

/** Why a request is refused. */
export interface AuthRefusal {
  /** 401, 403 or 503. Says why, and never what the credential was. */
  readonly error: TidemillError
  /** WWW-Authenticate where the status demands it, a flat list in lower case. */
  readonly headers: readonly string[]
}

const reasonTexts = {
  missing: 'no credential was sent',
  repeated: 'the credential was sent more than once',
  long: 'the token is too long',
  malformed: 'the token is not well formed',
  algorithm: 'the algorithm of the token is not accepted',
  critical: 'the token has critical extensions, which are not known here',
  type: 'the token is of another type',
  issuer: 'the issuer of the token is not known',
  key: 'the key of the token is not known',
  signature: 'the signature of the token is wrong',
  expiry: 'the token does not say when it expires',
  expired: 'the token has expired',
  early: 'the token is not valid yet',
  audience: 'the token is for another audience',
  scope: 'the token lacks a scope that is needed here',
  claims: 'the token lacks a claim that is needed here',
  'api-key': 'the API key is not known',
  certificate: 'a client certificate is needed here',
  'certificate-name': 'the client certificate is not one of those accepted here',
  address: 'the address of the client is not accepted here',
  keys: 'the keys of the token issuer cannot be had',
} as const

/** Why a check failed; a closed set, so that it can be a label. */
export type AuthReason = keyof typeof reasonTexts

const forbidden: readonly string[] = [
  'scope',
  'claims',
  'certificate',
  'certificate-name',
  'address',
] satisfies AuthReason[]

/** The outcome of a check. Results without a request's own data are made once and shared. */
export class AuthResult {
  readonly identity: Identity
  readonly refusal: AuthRefusal | undefined
  /** Why it was refused; empty when it was not. */
  readonly reason: AuthReason | ''

  constructor(identity: Identity, refusal: AuthRefusal | undefined, reason: AuthReason | '') {
    this.identity = identity
    this.refusal = refusal
    this.reason = reason
  }
}

export const passed: AuthResult = new AuthResult(anonymous, undefined, '')

/** How near a refused request came: nothing sent, something wrong sent, known but not allowed. */
export function refusalRank(reason: AuthReason | ''): number {
  if (reason === 'missing') return 0
  return forbidden.includes(reason) ? 2 : 1
}

/** One result per reason, made when it is first needed: a flood of bad tokens makes no errors. */
export class Refusals {
  readonly #challenges: readonly string[]
  readonly #made = new Map<AuthReason, AuthResult>()

  /** `challenges` are those of a request without credential, for example `Bearer realm="x"`. */
  constructor(challenges: readonly string[]) {
    this.#challenges = challenges
  }

  refuse(reason: AuthReason): AuthResult {
    let result = this.#made.get(reason)
    if (result === undefined) {
      result = this.#make(reason)
      this.#made.set(reason, result)
    }
    return result
  }

  #make(reason: AuthReason): AuthResult {
    const denied = forbidden.includes(reason)
    const code: GatewayErrorCode =
      reason === 'keys'
        ? 'TM_GATEWAY_AUTH_UNAVAILABLE'
        : denied
          ? 'TM_GATEWAY_FORBIDDEN'
          : 'TM_GATEWAY_UNAUTHENTICATED'
    const error = gatewayErrors.error(code, { reason: reasonTexts[reason] })
    return new AuthResult(anonymous, { error, headers: this.#headers(reason, error.http) }, reason)
  }

  /** RFC 6750 section 3: an error code only where a credential was sent. */
  #headers(reason: AuthReason, status: number): readonly string[] {
    if (status !== 401 && reason !== 'scope') return []
    const headers: string[] = []
    for (const challenge of this.#challenges) {
      const bearer = challenge.startsWith('Bearer ') && reason !== 'missing' && reason !== 'api-key'
      const error = reason === 'scope' ? 'insufficient_scope' : 'invalid_token'
      const text = bearer
        ? `${challenge}, error="${error}", error_description="${reasonTexts[reason]}"`
        : challenge
      headers.push('www-authenticate', text)
    }
    return headers
  }
}
