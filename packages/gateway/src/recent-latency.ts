import { createHistogram, type Histogram } from '@tidemill/core'

const sliceMs = 5000

/**
 * Latencies of the last 5 to 10 seconds: two histograms of five seconds each, the older one emptied and
 * used again. Bounded whatever the rate, no timer; `now` is monotonic milliseconds.
 */
export class RecentLatency {
  #current: Histogram = createHistogram()
  #before: Histogram = createHistogram()
  #slice = 0

  record(ms: number, now: number): void {
    this.#turn(now)
    this.#current.record(ms)
  }

  /** Both slices as one; empty when nothing ended lately. */
  read(now: number): Histogram {
    this.#turn(now)
    const both = createHistogram()
    both.merge(this.#before)
    both.merge(this.#current)
    return both
  }

  #turn(now: number): void {
    const slice = Math.floor(now / sliceMs)
    if (slice === this.#slice) return
    const oldest = this.#before
    this.#before = this.#current
    this.#current = oldest
    oldest.reset()
    if (slice > this.#slice + 1) this.#before.reset()
    this.#slice = slice
  }
}
