import type { ConcurrencyRule } from './concurrency-rule.ts'
import type { OverloadConfig } from './concurrency-spec.ts'

const buckets = 20

/**
 * The system guard of Sentinel after BBR: while the event loop lags more than the threshold, a request is refused when
 * more are under way than the best throughput times the best latency of the window (Little's law: more only wait).
 */
export class OverloadGuard implements ConcurrencyRule {
  readonly #lag: () => number
  #config: OverloadConfig
  readonly #done = new Uint32Array(buckets)
  readonly #least = new Float64Array(buckets).fill(Number.POSITIVE_INFINITY)
  #bucket = 0

  /** `lag` says how late the event loop is, in milliseconds. */
  constructor(config: OverloadConfig, lag: () => number) {
    this.#config = config
    this.#lag = lag
  }

  admits(active: number, now: number): boolean {
    return this.#lag() <= this.#config.lagMs || active <= this.capacity(now)
  }

  record(now: number, ms: number, _ok: boolean): void {
    this.#turn(now)
    const place = this.#bucket % buckets
    this.#done[place] = (this.#done[place] as number) + 1
    if (ms < (this.#least[place] as number)) this.#least[place] = ms
  }

  /** max(1, most completions per second * least latency); Infinity when nothing was seen. */
  capacity(now: number): number {
    this.#turn(now)
    let most = 0
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < buckets; i++) {
      if ((this.#done[i] as number) > most) most = this.#done[i] as number
      if ((this.#least[i] as number) < least) least = this.#least[i] as number
    }
    if (most === 0) return Number.POSITIVE_INFINITY
    const perMs = (most * buckets) / this.#config.windowMs
    return Math.max(1, perMs * least)
  }

  /** New settings; another window starts empty. */
  configure(config: OverloadConfig): void {
    if (config.windowMs !== this.#config.windowMs) this.#clear(0)
    this.#config = config
  }

  #turn(now: number): void {
    const bucket = Math.floor((now * buckets) / this.#config.windowMs)
    if (bucket === this.#bucket) return
    if (bucket - this.#bucket >= buckets || bucket < this.#bucket) {
      this.#clear(bucket)
      return
    }
    while (this.#bucket < bucket) {
      const place = ++this.#bucket % buckets
      this.#done[place] = 0
      this.#least[place] = Number.POSITIVE_INFINITY
    }
  }

  #clear(bucket: number): void {
    this.#done.fill(0)
    this.#least.fill(Number.POSITIVE_INFINITY)
    this.#bucket = bucket
  }
}
