/** Width of a bucket: the engine sees a change within it, and three days of them are 400 KB. */
export const bucketMs = 5000

interface Window {
  readonly buckets: number
  good: number
  bad: number
}

/**
 * Good and bad events over several windows that end now. Buckets of five seconds in a ring as long as the longest
 * window; the sums of each window follow as time goes on. The oldest bucket of a window counts by the part of it that is
 * still inside. Times are monotonic milliseconds.
 */
export class BurnWindows {
  readonly #good: Uint32Array
  readonly #bad: Uint32Array
  readonly #windows: readonly Window[]
  /** Bucket that runs. */
  #now = -1
  /** Place of that bucket in the ring. */
  #at = 0

  /** `lengths` in milliseconds. */
  constructor(lengths: readonly number[]) {
    this.#windows = lengths.map((ms) => ({
      buckets: Math.max(1, Math.round(ms / bucketMs)),
      good: 0,
      bad: 0,
    }))
    const longest = Math.max(...this.#windows.map((window) => window.buckets))
    this.#good = new Uint32Array(longest + 1)
    this.#bad = new Uint32Array(longest + 1)
  }

  record(good: boolean, now: number, count = 1): void {
    this.advance(now)
    const at = this.#at
    if (good) {
      this.#good[at] = (this.#good[at] as number) + count
      for (let i = 0; i < this.#windows.length; i++) (this.#windows[i] as Window).good += count
    } else {
      this.#bad[at] = (this.#bad[at] as number) + count
      for (let i = 0; i < this.#windows.length; i++) (this.#windows[i] as Window).bad += count
    }
  }

  /** Good and bad events in a window. */
  read(window: number, now: number): { readonly good: number; readonly bad: number } {
    this.advance(now)
    const { buckets, good, bad } = this.#windows[window] as Window
    const size = this.#good.length
    const oldest = (this.#at - buckets + size) % size
    // The sums hold the running bucket and `buckets` before it; of the oldest a part has left.
    const left = (now - this.#now * bucketMs) / bucketMs
    return {
      good: good - left * (this.#good[oldest] as number),
      bad: bad - left * (this.#bad[oldest] as number),
    }
  }

  /** Brings the windows to `now`; time does not go back. */
  advance(now: number): void {
    const bucket = Math.floor(now / bucketMs)
    if (bucket === this.#now) return
    if (this.#now < 0) {
      this.#now = bucket
      return
    }
    const steps = bucket - this.#now
    if (steps <= 0) return
    this.#now = bucket
    const size = this.#good.length
    if (steps >= size) {
      this.#good.fill(0)
      this.#bad.fill(0)
      for (const window of this.#windows) {
        window.good = 0
        window.bad = 0
      }
      return
    }
    for (let step = 0; step < steps; step++) this.#step(size)
  }

  #step(size: number): void {
    const at = (this.#at + 1) % size
    for (let i = 0; i < this.#windows.length; i++) {
      const window = this.#windows[i] as Window
      const leaving = (at - window.buckets - 1 + 2 * size) % size
      window.good -= this.#good[leaving] as number
      window.bad -= this.#bad[leaving] as number
    }
    this.#good[at] = 0
    this.#bad[at] = 0
    this.#at = at
  }
}
