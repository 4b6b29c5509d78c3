import type { Random } from '@tidemill/core'
import type { ConcurrencyRule } from './concurrency-rule.ts'
import type { AdaptiveConfig } from './concurrency-spec.ts'

const mostSamples = 1024
/** Intervals at the lowest limit after which the best latency is doubted. */
const patience = 5

/**
 * The gradient controller of Envoy (adaptive_concurrency, gradient_controller.cc): every interval
 * limit = limit * g + sqrt(limit * g) with g = clamp(minRTT * (1 + buffer) / sampleRTT, 0.5, 2). From time to time, and
 * when the limit stays lowest, minRTT is measured anew from a number of requests at the lowest concurrency. Keeps no
 * timer: what is due is done by the request that comes after.
 */
export class Gradient implements ConcurrencyRule {
  limit: number
  /** Milliseconds; 0 before the first measurement is over. */
  minRttMs = 0
  readonly #random: Random
  #config: AdaptiveConfig
  readonly #samples = new Float64Array(mostSamples)
  #count = 0
  #measuring = true
  /** The limit to come back to when a measurement is over. */
  #resume: number
  #updateAt = Number.NEGATIVE_INFINITY
  #measureAt = 0
  #measuringSince = Number.NEGATIVE_INFINITY
  #lowest = 0

  constructor(config: AdaptiveConfig, random: Random) {
    this.#config = config
    this.#random = random
    this.limit = config.min
    this.#resume = config.min
  }

  /** Whether minRTT is being measured. */
  get measuring(): boolean {
    return this.#measuring
  }

  admits(active: number, now: number): boolean {
    if (!this.#measuring && now >= this.#updateAt) this.#update(now)
    return active < this.limit
  }

  record(now: number, ms: number, _ok: boolean): void {
    if (!this.#measuring) {
      // The newest are kept when an interval has more than fits.
      this.#samples[this.#count++ & (mostSamples - 1)] = ms
      if (now >= this.#updateAt) this.#update(now)
      return
    }
    // What began before the measurement waited behind the crowd of then.
    if (now - ms < this.#measuringSince) return
    this.#samples[this.#count++] = ms
    if (this.#count >= this.#config.minRttRequests) this.#measured(now)
  }

  configure(config: AdaptiveConfig): void {
    this.#config = config
    this.#resume = clamp(this.#resume, config)
    this.limit = this.#measuring ? config.min : clamp(this.limit, config)
  }

  #measured(now: number): void {
    const config = this.#config
    this.minRttMs = this.#percentile()
    this.#measuring = false
    this.limit = this.#resume
    this.#lowest = 0
    this.#updateAt = now + config.intervalMs
    this.#measureAt = now + config.minRttIntervalMs * (1 + config.jitter * this.#random.next())
  }

  #update(now: number): void {
    const config = this.#config
    this.#updateAt = now + config.intervalMs
    if (this.#count > 0) {
      const sample = this.#percentile()
      const raw = (this.minRttMs * (1 + config.buffer)) / sample
      const gradient = sample > 0 ? Math.max(0.5, Math.min(2, raw)) : 2
      const limit = this.limit * gradient
      this.limit = clamp(Math.floor(limit + Math.sqrt(limit)), config)
      this.#lowest = this.limit === config.min ? this.#lowest + 1 : 0
    }
    if (now >= this.#measureAt || this.#lowest >= patience) this.#measure(now)
  }

  #measure(now: number): void {
    this.#measuringSince = now
    this.#measuring = true
    this.#count = 0
    this.#resume = this.limit
    this.limit = this.#config.min
  }

  /** Of the samples so far, which it consumes. */
  #percentile(): number {
    const samples = this.#samples.subarray(0, Math.min(this.#count, mostSamples)).toSorted()
    this.#count = 0
    const rank = Math.ceil(samples.length * this.#config.percentile) - 1
    return samples[Math.max(0, rank)] as number
  }
}

function clamp(limit: number, { min, max }: AdaptiveConfig): number {
  return Math.max(min, Math.min(max, limit))
}
