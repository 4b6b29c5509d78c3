import type { Random } from '@tidemill/core'
import type { ConcurrencyRule } from './concurrency-rule.ts'
import type { AdmissionConfig } from './concurrency-spec.ts'

const buckets = 30

/**
 * Admission control as Envoy's: of n finished requests of the window ok succeeded, then
 * p = max(0, (n - ok / sr) / (n + 1)) ^ (1 / aggression) are refused, at most `maxRejection`. What was refused does not
 * count.
 */
export class Admission implements ConcurrencyRule {
  readonly #random: Random
  #config: AdmissionConfig
  readonly #all = new Uint32Array(buckets)
  readonly #good = new Uint32Array(buckets)
  #bucket = 0
  #total = 0
  #ok = 0

  constructor(config: AdmissionConfig, random: Random) {
    this.#config = config
    this.#random = random
  }

  admits(_active: number, now: number): boolean {
    const p = this.rejection(now)
    return p === 0 || this.#random.next() >= p
  }

  record(now: number, _ms: number, ok: boolean): void {
    this.#turn(now)
    const place = this.#bucket % buckets
    this.#all[place] = (this.#all[place] as number) + 1
    this.#total++
    if (!ok) return
    this.#good[place] = (this.#good[place] as number) + 1
    this.#ok++
  }

  /** The part that is refused now. */
  rejection(now: number): number {
    this.#turn(now)
    const { successRate, aggression, maxRejection, minRps, windowMs } = this.#config
    if (this.#total * 1000 < minRps * windowMs) return 0
    const p = (this.#total - this.#ok / successRate) / (this.#total + 1)
    return p <= 0 ? 0 : Math.min(p ** (1 / aggression), maxRejection)
  }

  /** New settings; another window starts empty. */
  configure(config: AdmissionConfig): void {
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
      this.#total -= this.#all[place] as number
      this.#ok -= this.#good[place] as number
      this.#all[place] = 0
      this.#good[place] = 0
    }
  }

  #clear(bucket: number): void {
    this.#all.fill(0)
    this.#good.fill(0)
    this.#total = 0
    this.#ok = 0
    this.#bucket = bucket
  }
}
