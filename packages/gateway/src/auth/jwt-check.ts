import type { Clock } from '@tidemill/core'
import type { RequestView } from '../dataplane/request-view.ts'
import type { AuthCheck } from './auth-check.ts'
import { type AuthReason, AuthResult, type Refusals } from './auth-result.ts'
import type { JwtProvider } from './auth-spec.ts'
import { claimHeader, claimPasses, deepFreeze, hasScopes, readClaim } from './claim.ts'
import { bareCredential, findCredential, repeated } from './credential-source.ts'
import type { VerificationKey } from './jwk.ts'
import type { JwksCache, JwksSet } from './jwks-cache.ts'
import { type DecodedJwt, decodeJwt, verifyJwt } from './jwt.ts'
import { type CachedToken, TokenCache } from './token-cache.ts'

interface ProviderState {
  readonly provider: JwtProvider
  /** Undefined when the keys stand in the configuration. */
  readonly set: JwksSet | undefined
}

interface VerifiedToken extends CachedToken {
  readonly state: ProviderState
  readonly generation: number
  readonly result: AuthResult
}

/** A token of one of several issuers. */
export class JwtCheck implements AuthCheck {
  readonly #clock: Clock
  readonly #refusals: Refusals
  readonly #consumerHeader: string
  readonly #providers: readonly ProviderState[]
  readonly #jwks: JwksCache
  readonly #cache = new TokenCache<VerifiedToken>()

  constructor(
    providers: readonly JwtProvider[],
    consumerHeader: string,
    refusals: Refusals,
    ports: { readonly clock: Clock; readonly jwks: JwksCache },
  ) {
    this.#clock = ports.clock
    this.#jwks = ports.jwks
    this.#refusals = refusals
    this.#consumerHeader = consumerHeader
    this.#providers = providers.map((provider) => ({
      provider,
      set:
        provider.jwksUri === ''
          ? undefined
          : ports.jwks.open({
              uri: provider.jwksUri,
              refreshMs: provider.refreshMs,
              staleMs: provider.staleMs,
              algorithms: provider.algorithms,
            }),
    }))
  }

  close(): void {
    for (const { set } of this.#providers) if (set !== undefined) this.#jwks.release(set)
  }

  check(view: RequestView, pending: JwksSet[]): AuthResult | undefined {
    let reason: AuthReason = 'missing'
    for (let p = 0; p < this.#providers.length; p++) {
      const state = this.#providers[p] as ProviderState
      const { from } = state.provider
      for (let i = 0; i < from.length; i++) {
        const place = from[i] as (typeof from)[number]
        const found = findCredential(view, place)
        if (found === undefined) continue
        if (found === repeated) return this.#refusals.refuse('repeated')
        const known = this.#cache.get(found)
        if (known !== undefined) {
          if (known.state === state && this.#counts(known)) return known.result
          if (known.state !== state) {
            // The token is another provider's; should that one not read this place, its issuer is unknown here.
            reason = 'issuer'
            continue
          }
          this.#cache.delete(found)
        }
        const verdict = this.#verify(state, found, bareCredential(found, place), pending)
        if (verdict !== 'issuer') {
          return typeof verdict === 'string' ? this.#refusals.refuse(verdict) : verdict
        }
        reason = verdict
      }
    }
    return this.#refusals.refuse(reason)
  }

  #counts(token: VerifiedToken): boolean {
    const { set } = token.state
    if (set !== undefined) {
      // Starts the refresh that is due, and forgets keys that are too old.
      set.current()
      if (set.generation !== token.generation) return false
    }
    return this.#clock.now() < token.until
  }

  #verify(
    state: ProviderState,
    found: string,
    token: string,
    pending: JwksSet[],
  ): AuthResult | AuthReason | undefined {
    const { provider, set } = state
    const jwt = decodeJwt(token)
    if (typeof jwt === 'string') return jwt
    const { claims } = jwt
    // Only chooses the provider; whether the issuer said it is what the signature tells.
    if (claims['iss'] !== provider.issuer) return 'issuer'
    if (!provider.algorithms.includes(jwt.algorithm.name)) return 'algorithm'
    const keys = set === undefined ? provider.keys : set.current()
    const verdict = verifyWith(jwt, keys)
    if (verdict !== '') return this.#withoutKey(verdict, jwt, set, pending)
    const now = this.#clock.now()
    const reason = checkClaims(jwt, provider, now)
    if (reason !== undefined) return reason
    deepFreeze(claims)
    const result = this.#accept(provider, jwt)
    const { exp } = claims
    const until = typeof exp === 'number' ? exp * 1000 + provider.skewMs : Number.POSITIVE_INFINITY
    this.#cache.set(found, { until, state, generation: set?.generation ?? 0, result })
    return result
  }

  /** A key that is not there may have been added by the issuer since; so may one that has no name. */
  #withoutKey(
    verdict: 'key' | 'signature',
    jwt: DecodedJwt,
    set: JwksSet | undefined,
    pending: JwksSet[],
  ): AuthReason | undefined {
    if (set === undefined || (verdict === 'signature' && jwt.kid !== '')) return verdict
    if (set.usable) set.seek()
    if (set.fetching) {
      pending.push(set)
      return undefined
    }
    return set.usable ? verdict : 'keys'
  }

  #accept(provider: JwtProvider, jwt: DecodedJwt): AuthResult {
    const { claims } = jwt
    const named = readClaim(claims, provider.consumerClaim)
    const consumer = typeof named === 'string' || typeof named === 'number' ? String(named) : ''
    const headers: string[] = []
    const consumerText = claimHeader(consumer)
    if (consumerText !== undefined) headers.push(this.#consumerHeader, consumerText)
    for (const { claim, header } of provider.claimsToHeaders) {
      const text = claimHeader(readClaim(claims, claim))
      if (text !== undefined) headers.push(header, text)
    }
    const { name } = provider
    const identity = Object.freeze({
      method: 'jwt' as const,
      consumer,
      provider: name,
      claims,
      headers: Object.freeze(headers),
    })
    return new AuthResult(identity, undefined, '')
  }
}

/** Empty when one of the keys made the signature. */
function verifyWith(jwt: DecodedJwt, keys: readonly VerificationKey[]): '' | 'key' | 'signature' {
  let tried = 0
  for (const key of keys) {
    if (jwt.kid !== '' && key.kid !== jwt.kid) continue
    if (!key.algorithms.includes(jwt.algorithm.name)) continue
    // A token without kid may be any key's; a set with many must not multiply the work of a bad token.
    if (++tried > 4) break
    if (verifyJwt(jwt, key)) return ''
  }
  return tried === 0 ? 'key' : 'signature'
}

/** RFC 7519 section 4.1, with the skew in favour of the token. */
function checkClaims(jwt: DecodedJwt, provider: JwtProvider, now: number): AuthReason | undefined {
  const { claims } = jwt
  const { exp, nbf, iat } = claims
  for (const time of [exp, nbf, iat]) {
    if (time !== undefined && !(typeof time === 'number' && Number.isFinite(time))) {
      return 'malformed'
    }
  }
  if (
    provider.type !== '' &&
    jwt.type.toLowerCase().replace(/^application\//u, '') !== provider.type
  ) {
    return 'type'
  }
  if (exp === undefined && !provider.allowNoExpiry) return 'expiry'
  if (exp !== undefined && now >= (exp as number) * 1000 + provider.skewMs) return 'expired'
  const latest = now + provider.skewMs
  if (nbf !== undefined && (nbf as number) * 1000 > latest) return 'early'
  if (iat !== undefined && (iat as number) * 1000 > latest) return 'early'
  if (!hasAudience(claims['aud'], provider.audiences)) return 'audience'
  if (!hasScopes(claims, provider.scopes)) return 'scope'
  for (const { claim, test } of provider.requiredClaims) {
    if (!claimPasses(readClaim(claims, claim), test)) return 'claims'
  }
  return undefined
}

function hasAudience(aud: unknown, accepted: readonly string[]): boolean {
  if (accepted.length === 0) return true
  if (typeof aud === 'string') return accepted.includes(aud)
  return Array.isArray(aud) && aud.some((item) => accepted.includes(item as string))
}
