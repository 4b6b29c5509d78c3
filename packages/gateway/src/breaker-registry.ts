import { channel } from 'node:diagnostics_channel'
import type { Clock, Logger, Random } from '@tidemill/core'
import {
  type Breaker,
  type BreakerSnapshot,
  type BreakerSpec,
  createBreaker,
} from './breaker/index.ts'

/** A breaker and what it guards. */
export interface BreakerStatus extends BreakerSnapshot {
  /** `namespace/name`. */
  readonly route: string
  /** Name of the rule when a policy gave the rule a breaker of its own, else empty. */
  readonly rule: string
  /** `namespace/service`. */
  readonly upstream: string
}

interface Kept {
  readonly route: string
  readonly rule: string
  readonly upstream: string
  readonly breaker: Breaker
  spec: string
  /** The object that `spec` was made from: most changes of a route leave it as it is. */
  source: BreakerSpec
}

const breakerChannel = channel('tidemill:gateway:breaker')

/** Breakers by route and upstream; they live through changes of the route, so a reload forgets nothing. */
export class BreakerRegistry {
  readonly #kept = new Map<string, Kept>()
  /** Keys by route, so that a change of one route does not look at the breakers of all. */
  readonly #byRoute = new Map<string, Set<string>>()
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger

  constructor(clock: Clock, random: Random, logger: Logger) {
    this.#clock = clock
    this.#random = random
    this.#logger = logger
  }

  /** The breaker of that place, made or brought to the given settings. */
  open(route: string, rule: string, upstream: string, spec: BreakerSpec): Breaker {
    const key = `${route}|${rule}|${upstream}`
    const known = this.#kept.get(key)
    if (known?.source === spec) return known.breaker
    const text = JSON.stringify(spec)
    if (known !== undefined) {
      if (known.spec !== text) known.breaker.configure(spec)
      known.spec = text
      known.source = spec
      return known.breaker
    }
    const breaker = createBreaker(spec, {
      clock: this.#clock,
      random: this.#random,
      onTransition: (change) => {
        const event = { route, rule, upstream, ...change }
        this.#logger.log(change.to === 'open' ? 'warn' : 'info', 'breaker changed', event)
        if (breakerChannel.hasSubscribers) breakerChannel.publish(event)
      },
    })
    this.#kept.set(key, { route, rule, upstream, breaker, spec: text, source: spec })
    const keys = this.#byRoute.get(route)
    if (keys === undefined) this.#byRoute.set(route, new Set([key]))
    else keys.add(key)
    return breaker
  }

  find(route: string, upstream: string, rule = ''): Breaker | undefined {
    return this.#kept.get(`${route}|${rule}|${upstream}`)?.breaker
  }

  /** Drops the breakers of a route that are not among those still in use. */
  retain(route: string, used: ReadonlySet<Breaker>): void {
    const keys = this.#byRoute.get(route)
    if (keys === undefined) return
    for (const key of keys) {
      const kept = this.#kept.get(key)
      if (kept !== undefined && used.has(kept.breaker)) continue
      this.#kept.delete(key)
      keys.delete(key)
    }
    if (keys.size === 0) this.#byRoute.delete(route)
  }

  list(): BreakerStatus[] {
    return Array.from(this.#kept.values(), ({ route, rule, upstream, breaker }) =>
      Object.assign({ route, rule, upstream }, breaker.snapshot()),
    )
  }
}
