/** Width of a bucket: the engine sees a change within it, and three days of them are 400 KB. */
export const bucketMs = 5000

interface Window {
  readonly buckets: number
  /** Sums of the full buckets of the window; the running one is added when they are read. */
  good: number
  bad: number
}

export interface WindowCounts {
  readonly good: number
  readonly bad: number
}

/**
 * Good and bad events over several windows that end now. Buckets in a ring as long as the longest window; the sums of
 * each window follow as time goes on. The oldest bucket of a window counts by the part of it that is still inside. Times
 * are monotonic milliseconds.
 */
export class BurnWindows {
  readonly lengths: readonly number[]
  readonly #width: number
  readonly #good: Uint32Array
  readonly #bad: Uint32Array
  readonly #windows: readonly Window[]
  /** Bucket that runs. */
  #now = -1
  /** Place of that bucket in the ring. */
  #at = 0

  /** `lengths` in milliseconds. */
  constructor(lengths: readonly number[], width: number = bucketMs) {
    this.lengths = lengths
    this.#width = width
    this.#windows = lengths.map((ms) => ({
      buckets: Math.max(1, Math.round(ms / width)),
      good: 0,
      bad: 0,
    }))
    const longest = Math.max(...this.#windows.map((window) => window.buckets))
    this.#good = new Uint32Array(longest + 1)
    this.#bad = new Uint32Array(longest + 1)
  }

  /** Events that happened at `now`; earlier than the running bucket they count in it. */
  record(good: number, bad: number, now: number): void {
    this.advance(now)
    const at = this.#at
    this.#good[at] = (this.#good[at] as number) + good
    this.#bad[at] = (this.#bad[at] as number) + bad
  }

  /** Good and bad events in a window. */
  read(window: number, now: number): WindowCounts {
    this.advance(now)
    const { buckets, good, bad } = this.#windows[window] as Window
    const size = this.#good.length
    const oldest = (this.#at - buckets + size) % size
    // Full buckets and the running one are together longer than the window: of the oldest a part has left.
    const left = Math.min(1, Math.max(0, now / this.#width - this.#now))
    return {
      good: good + (this.#good[this.#at] as number) - left * (this.#good[oldest] as number),
      bad: bad + (this.#bad[this.#at] as number) - left * (this.#bad[oldest] as number),
    }
  }

  /** The same events under other windows of the same bucket width; what they do not reach is forgotten. */
  resized(lengths: readonly number[]): BurnWindows {
    const next = new BurnWindows(lengths, this.#width)
    next.#now = this.#now
    const size = this.#good.length
    const nextSize = next.#good.length
    for (let age = 0; age < Math.min(size, nextSize); age++) {
      const from = (this.#at - age + size) % size
      const to = (nextSize - age) % nextSize
      const good = this.#good[from] as number
      const bad = this.#bad[from] as number
      next.#good[to] = good
      next.#bad[to] = bad
      for (const window of next.#windows) {
        if (age === 0 || age > window.buckets) continue
        window.good += good
        window.bad += bad
      }
    }
    return next
  }

  /** Brings the windows to `now`; time does not go back. */
  advance(now: number): void {
    const bucket = Math.floor(now / this.#width)
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
    const ran = this.#at
    const at = (ran + 1) % size
    for (let i = 0; i < this.#windows.length; i++) {
      const window = this.#windows[i] as Window
      const leaving = (ran - window.buckets + size) % size
      window.good += (this.#good[ran] as number) - (this.#good[leaving] as number)
      window.bad += (this.#bad[ran] as number) - (this.#bad[leaving] as number)
    }
    this.#good[at] = 0
    this.#bad[at] = 0
    this.#at = at
  }
}
