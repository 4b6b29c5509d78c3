import type { Clock } from '@tidemill/core'

const windowMs = 10_000

/** HEADERS and DATA frames of a connection, both ways: the work that control frames are measured against. */
export interface Progress {
  frames: number
}

/**
 * Counts events against a limit per ten seconds. The clock is read only when the limit is exceeded, so an event costs
 * an increment; the price is that a peer may come to twice the limit across the border of two windows.
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

  constructor(clock: Clock, limit: number, progress?: Progress) {
    this.#clock = clock
    this.#limit = limit
    this.#progress = progress
    this.#since = clock.monotonic()
  }

  /** Counts one event; true when that is one too many. */
  hit(): boolean {
    this.total++
    const grown = this.#progress === undefined ? 0 : this.#progress.frames - this.#framesBefore
    if (this.total - this.#totalBefore <= this.#limit + 4 * grown) return false
    const now = this.#clock.monotonic()
    if (now - this.#since < windowMs) return true
    this.#since = now
    this.#totalBefore = this.total
    this.#framesBefore = this.#progress?.frames ?? 0
    return this.#limit === 0
  }
}
