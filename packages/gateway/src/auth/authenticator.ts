import type { Clock } from '@tidemill/core'
import type { RequestView } from '../dataplane/request-view.ts'
import { AddressCheck } from './address-check.ts'
import { ApiKeyCheck } from './api-key-check.ts'
import type { AuthCheck } from './auth-check.ts'
import { AuthResult, type Identity, passed, Refusals, refusalRank } from './auth-result.ts'
import type { AuthRule, AuthSpec } from './auth-spec.ts'
import {
  CertificateCheck,
  forwardedClientCert,
  forwardedClientCertHeader,
} from './certificate-check.ts'
import type { CredentialPlace } from './credential-source.ts'
import type { JwksCache, JwksSet } from './jwks-cache.ts'
import { JwtCheck } from './jwt-check.ts'

/** Who may send requests to one rule. */
export interface Authenticator {
  /**
   * Fields of the request that never go upstream, lower case: those by which we say who it is, which a client must
   * not write, and credentials that are not forwarded. Removed before `identity.headers` are added.
   */
  readonly removeHeaders: readonly string[]
  /** Parameters of the query that do not go upstream: see `queryWithout`. */
  readonly removeQuery: readonly string[]
  /** The result at once whenever keys are there; undefined when the request has to `wait` for them. */
  check(view: RequestView): AuthResult | undefined
  /** Gives the result of a request for which `check` had none: once, within the time that a fetch of keys may take. */
  wait(view: RequestView, decided: (result: AuthResult) => void): void
  /** Its key sets are fetched no more unless another uses them. */
  close(): void
}

export interface AuthPorts {
  readonly clock: Clock
  /** One for all authenticators. */
  readonly jwks: JwksCache
}

export function createAuthenticator(spec: AuthSpec, ports: AuthPorts): Authenticator {
  return new RuleAuthenticator(spec, ports)
}

class RuleAuthenticator implements Authenticator {
  readonly removeHeaders: readonly string[]
  readonly removeQuery: readonly string[]
  readonly #root: AuthCheck
  readonly #refusals: Refusals
  readonly #tokens: JwtCheck[] = []
  readonly #setsCertificate: boolean
  readonly #pending: JwksSet[] = []

  constructor(spec: AuthSpec, ports: AuthPorts) {
    const removed = new Set([spec.consumerHeader])
    const query = new Set<string>()
    if (spec.forwardedClientCert !== 'forward') removed.add(forwardedClientCertHeader)
    collect(spec, removed, query)
    this.removeHeaders = Object.freeze([...removed])
    this.removeQuery = Object.freeze([...query])
    this.#setsCertificate = spec.forwardedClientCert === 'set'
    this.#refusals = new Refusals(challenges(spec, spec.realm))
    this.#root = this.#build(spec, spec, ports)
  }

  check(view: RequestView): AuthResult | undefined {
    this.#pending.length = 0
    const result = this.#root.check(view, this.#pending)
    if (!this.#setsCertificate || result === undefined || result.refusal !== undefined) {
      return result
    }
    return withCertificate(result, view)
  }

  wait(view: RequestView, decided: (result: AuthResult) => void): void {
    this.#attempt(view, decided, 8)
  }

  /** A fetch that is over may lead to another check that waits, of another issuer; never more often than there can be issuers. */
  #attempt(view: RequestView, decided: (result: AuthResult) => void, left: number): void {
    const result = this.check(view)
    const set = this.#pending[0]
    if (result !== undefined) decided(result)
    else if (set === undefined || left === 0) decided(this.#refusals.refuse('keys'))
    else if (!set.wait(() => this.#attempt(view, decided, left - 1))) {
      decided(this.#refusals.refuse('keys'))
    }
  }

  close(): void {
    for (const check of this.#tokens) check.close()
  }

  #build(rule: AuthRule, spec: AuthSpec, ports: AuthPorts): AuthCheck {
    const refusals = this.#refusals
    const header = spec.consumerHeader
    const checks: AuthCheck[] = []
    if (rule.allow !== undefined || rule.deny !== undefined) {
      checks.push(new AddressCheck(rule.allow, rule.deny, refusals))
    }
    if (rule.clientCertificate !== undefined) {
      checks.push(new CertificateCheck(rule.clientCertificate, header, refusals))
    }
    if (rule.apiKeys !== undefined) checks.push(new ApiKeyCheck(rule.apiKeys, header, refusals))
    if (rule.jwt.length > 0) {
      const check = new JwtCheck(rule.jwt, header, refusals, ports)
      this.#tokens.push(check)
      checks.push(check)
    }
    for (const part of rule.allOf) checks.push(this.#build(part, spec, ports))
    if (rule.anyOf.length > 0) {
      checks.push(new AnyOf(rule.anyOf.map((part) => this.#build(part, spec, ports))))
    }
    const all = checks.length === 1 ? (checks[0] as AuthCheck) : new AllOf(checks)
    return rule.optional ? new Optional(all) : all
  }
}

/** All must pass; the first refusal counts, also while another check waits for keys. */
class AllOf implements AuthCheck {
  readonly #checks: readonly AuthCheck[]

  constructor(checks: readonly AuthCheck[]) {
    this.#checks = checks
  }

  check(view: RequestView, pending: JwksSet[]): AuthResult | undefined {
    let together = passed
    let waits = false
    for (let i = 0; i < this.#checks.length; i++) {
      const result = (this.#checks[i] as AuthCheck).check(view, pending)
      if (result === undefined) waits = true
      else if (result.refusal !== undefined) return result
      else if (together === passed) together = result
      else if (result.identity.method !== 'none') together = joined(together, result)
    }
    return waits ? undefined : together
  }
}

/** One must pass; when none does, the refusal of the one that came nearest. */
class AnyOf implements AuthCheck {
  readonly #checks: readonly AuthCheck[]

  constructor(checks: readonly AuthCheck[]) {
    this.#checks = checks
  }

  check(view: RequestView, pending: JwksSet[]): AuthResult | undefined {
    let nearest: AuthResult | undefined
    let waits = false
    for (let i = 0; i < this.#checks.length; i++) {
      const result = (this.#checks[i] as AuthCheck).check(view, pending)
      if (result === undefined) waits = true
      else if (result.refusal === undefined) return result
      else if (nearest === undefined || refusalRank(result.reason) > refusalRank(nearest.reason)) {
        nearest = result
      }
    }
    return waits ? undefined : nearest
  }
}

class Optional implements AuthCheck {
  readonly #inner: AuthCheck

  constructor(inner: AuthCheck) {
    this.#inner = inner
  }

  check(view: RequestView, pending: JwksSet[]): AuthResult | undefined {
    const result = this.#inner.check(view, pending)
    return result?.reason === 'missing' ? passed : result
  }
}

/** Both are who it is: the first names the consumer, each adds its fields. */
function joined(first: AuthResult, second: AuthResult): AuthResult {
  if (first.identity.method === 'none') return second
  const headers = [...first.identity.headers]
  const added = second.identity.headers
  for (let i = 0; i < added.length; i += 2) {
    if (!headers.includes(added[i] as string))
      headers.push(added[i] as string, added[i + 1] as string)
  }
  const token = first.identity.method === 'jwt' ? first.identity : second.identity
  const { claims, provider } = token
  return new AuthResult(
    Object.freeze({ ...first.identity, claims, provider, headers: Object.freeze(headers) }),
    undefined,
    '',
  )
}

const certificateHeaders = new WeakMap<object, string>()

function withCertificate(result: AuthResult, view: RequestView): AuthResult {
  const { peer } = view
  if (peer === undefined) return result
  let text = certificateHeaders.get(peer)
  if (text === undefined) {
    text = forwardedClientCert(peer) ?? ''
    certificateHeaders.set(peer, text)
  }
  if (text === '') return result
  const identity: Identity = {
    ...result.identity,
    headers: [...result.identity.headers, forwardedClientCertHeader, text],
  }
  return new AuthResult(identity, undefined, '')
}

function collect(rule: AuthRule, headers: Set<string>, query: Set<string>): void {
  const take = (from: readonly CredentialPlace[], forward: boolean): void => {
    if (forward) return
    for (const place of from) {
      if (place.kind === 'header') headers.add(place.name)
      if (place.kind === 'query') query.add(place.name)
    }
  }
  for (const provider of rule.jwt) {
    take(provider.from, provider.forward)
    for (const { header } of provider.claimsToHeaders) headers.add(header)
  }
  if (rule.apiKeys !== undefined) take(rule.apiKeys.from, rule.apiKeys.forward)
  for (const part of [...rule.anyOf, ...rule.allOf]) collect(part, headers, query)
}

/** What a request without credential is told, each kind once. */
function challenges(rule: AuthRule, realm: string): readonly string[] {
  const kinds = new Set<string>()
  const visit = (part: AuthRule): void => {
    if (part.jwt.length > 0) kinds.add('Bearer')
    for (const place of part.apiKeys?.from ?? []) {
      kinds.add(place.scheme === 'bearer ' ? 'Bearer' : 'ApiKey')
    }
    for (const inner of [...part.anyOf, ...part.allOf]) visit(inner)
  }
  visit(rule)
  return Array.from(kinds, (kind) => `${kind} realm="${realm}"`)
}
