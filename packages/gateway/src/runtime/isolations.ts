import type { Isolation } from '../breaker/index.ts'
import type { BreakerRegistry } from '../breaker-registry.ts'

/** Breakers that somebody holds open. */
export class Isolations {
  readonly #breakers: BreakerRegistry
  readonly #held = new Map<string, Isolation>()

  constructor(breakers: BreakerRegistry) {
    this.#breakers = breakers
  }

  /** Holds the breaker of a route and service open, or lets it go; false when there is none. */
  set(route: string, upstream: string, open: boolean): boolean {
    const key = `${route} ${upstream}`
    const breaker = this.#breakers.find(route, upstream)
    this.#held.get(key)?.release()
    this.#held.delete(key)
    if (breaker === undefined) return false
    if (open) this.#held.set(key, breaker.isolate())
    return true
  }
}
