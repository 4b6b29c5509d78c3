import type { Clock, Random } from '@tidemill/core'
import {
  type Authenticator,
  type AuthSpec,
  createAuthenticator,
  type JwksCache,
} from '../auth/index.ts'
import {
  type ConcurrencyLimit,
  type ConcurrencySpec,
  createConcurrencyLimit,
} from '../concurrency/index.ts'
import { type LeaseClient, type LimitSpec, RequestLimit } from '../limit/index.ts'
import type { EffectivePolicy } from '../policy/index.ts'
import { noGuards, type RuleGuards } from './rule-guards.ts'

export interface GuardPorts {
  readonly clock: Clock
  readonly random: Random
  readonly jwks: JwksCache
  readonly leases: LeaseClient | undefined
  /** How late the event loop is, milliseconds. */
  readonly lag: () => number
}

/** One guard of a route and the settings that it was made or last changed with. */
interface Kept<Guard> {
  readonly guard: Guard
  text: string
  used: boolean
}

interface RouteGuards {
  /** By name of the limit. */
  readonly limits: Map<string, Kept<RequestLimit>>
  /** By their settings as the policy was read: an authenticator remembers nothing that a change should keep. */
  readonly authenticators: Map<AuthSpec, Kept<Authenticator>>
  concurrency: Kept<ConcurrencyLimit> | undefined
}

/**
 * The guards of all routes. They outlive changes of their route, so a reload forgives nobody: a limit with the same name
 * keeps what its clients used. Rules of one route share what has the same name.
 */
export class GuardRegistry {
  readonly #routes = new Map<string, RouteGuards>()
  readonly #ports: GuardPorts

  constructor(ports: GuardPorts) {
    this.#ports = ports
  }

  /** Before the rules of a route are opened anew. */
  begin(route: string): void {
    const guards = this.#routes.get(route)
    if (guards === undefined) return
    for (const kept of all(guards)) kept.used = false
  }

  /** The guards of one rule, made or brought to the settings of its policy. */
  open(route: string, policy: EffectivePolicy): RuleGuards {
    const limits = policy.limits ?? []
    const auth = policy.auth
    const concurrency = policy.concurrency
    if (limits.length === 0 && auth === undefined && concurrency === undefined) return noGuards
    let guards = this.#routes.get(route)
    if (guards === undefined) {
      guards = { limits: new Map(), authenticators: new Map(), concurrency: undefined }
      this.#routes.set(route, guards)
    }
    const authenticator = auth === undefined ? undefined : this.#authenticator(guards, auth)
    return {
      auth: authenticator,
      authFilters:
        authenticator === undefined || authenticator.removeHeaders.length === 0
          ? []
          : [{ remove: authenticator.removeHeaders }],
      limits: limits.map((spec) => this.#limit(route, guards, spec)),
      concurrency: concurrency === undefined ? undefined : this.#concurrency(guards, concurrency),
    }
  }

  /** After the rules of a route are open: ends what none of them uses any more. */
  end(route: string): void {
    const guards = this.#routes.get(route)
    if (guards === undefined) return
    for (const [name, kept] of guards.limits) {
      if (kept.used) continue
      kept.guard.close()
      guards.limits.delete(name)
    }
    for (const [spec, kept] of guards.authenticators) {
      if (kept.used) continue
      kept.guard.close()
      guards.authenticators.delete(spec)
    }
    if (guards.concurrency?.used === false) guards.concurrency = undefined
    const empty = guards.limits.size === 0 && guards.authenticators.size === 0
    if (empty && guards.concurrency === undefined) this.#routes.delete(route)
  }

  /** Every limit in force with its route. */
  *limits(): Generator<{ readonly route: string; readonly limit: RequestLimit }> {
    for (const [route, guards] of this.#routes) {
      for (const { guard } of guards.limits.values()) yield { route, limit: guard }
    }
  }

  /** Every concurrency limit in force with its route. */
  *concurrencies(): Generator<{ readonly route: string; readonly limit: ConcurrencyLimit }> {
    for (const [route, { concurrency }] of this.#routes) {
      if (concurrency !== undefined) yield { route, limit: concurrency.guard }
    }
  }

  close(): void {
    for (const route of this.#routes.keys()) {
      this.begin(route)
      this.end(route)
    }
  }

  #limit(route: string, guards: RouteGuards, spec: LimitSpec): RequestLimit {
    const text = JSON.stringify(spec)
    const known = guards.limits.get(spec.name)
    if (known !== undefined && (known.text === text || !known.used)) {
      if (known.text !== text) known.guard.configure(spec)
      known.text = text
      known.used = true
      return known.guard
    }
    // Two rules with other settings under one name: the second is told apart by them.
    const name = known === undefined ? spec.name : `${spec.name} ${text}`
    const other = known === undefined ? undefined : guards.limits.get(name)
    if (other !== undefined) {
      other.used = true
      return other.guard
    }
    const { clock, leases } = this.#ports
    const guard = new RequestLimit(spec, { clock, leases, id: `${route} ${name}` })
    guards.limits.set(name, { guard, text, used: true })
    return guard
  }

  #authenticator(guards: RouteGuards, spec: AuthSpec): Authenticator {
    const known = guards.authenticators.get(spec)
    if (known !== undefined) {
      known.used = true
      return known.guard
    }
    const { clock, jwks } = this.#ports
    const guard = createAuthenticator(spec, { clock, jwks })
    guards.authenticators.set(spec, { guard, text: '', used: true })
    return guard
  }

  #concurrency(guards: RouteGuards, spec: ConcurrencySpec): ConcurrencyLimit {
    const text = JSON.stringify(spec)
    const known = guards.concurrency
    if (known !== undefined) {
      if (known.text !== text) known.guard.configure(spec)
      known.text = text
      known.used = true
      return known.guard
    }
    const guard = createConcurrencyLimit(spec, this.#ports)
    guards.concurrency = { guard, text, used: true }
    return guard
  }
}

function all(guards: RouteGuards): Kept<unknown>[] {
  return [
    ...guards.limits.values(),
    ...guards.authenticators.values(),
    ...(guards.concurrency === undefined ? [] : [guards.concurrency]),
  ]
}
