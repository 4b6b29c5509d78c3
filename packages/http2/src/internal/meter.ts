import type { Clock } from '@tidemill/core'

const windowMs = 10_000

/** HEADERS and DATA frames of a connection, both ways: the work that control frames are measured against. */
export interface Progress {
  frames: number
}

/**
 * Counts events against a limit per ten seconds. The clock is read once in as many events as the limit, so an event
 * costs an increment; the price is that a peer may come to twice the limit across the border of two windows.
 */
export class Meter {
  readonly #clock: Clock
  readonly #progress: Progress | undefined
  readonly #limit: number
  /** All events ever. */
  total = 0
  #since: number
  #totalBefore = 0
  #framesBefore = 0
  /** The total from which on the clock is to be read again. */
  #next: number

  constructor(clock: Clock, limit: number, progress?: Progress) {
    this.#clock = clock
    this.#limit = limit
    this.#progress = progress
    this.#since = clock.monotonic()
    this.#next = limit
  }

  /** Counts one event; true when that is one too many. */
  hit(): boolean {
    this.total++
    if (this.total <= this.#next) return false
    const frames = this.#progress === undefined ? 0 : this.#progress.frames
    const now = this.#clock.monotonic()
    if (now - this.#since >= windowMs) {
      // What was done before buys nothing now.
      this.#since = now
      this.#totalBefore = this.total
      this.#framesBefore = frames
      this.#next = this.total + this.#limit
      return this.#limit === 0
    }
    const allowed = this.#totalBefore + this.#limit + 4 * (frames - this.#framesBefore)
    if (this.total > allowed) return true
    this.#next = Math.min(allowed, this.total + this.#limit)
    return false
  }
}
