import type { Clock } from '@tidemill/core'

/** Milliseconds in which at least one of many was held up. */
export class BlockedTime {
  readonly #clock: Clock
  #count = 0
  #since = 0
  #total = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One more is held up. */
  enter(): void {
    if (this.#count++ === 0) this.#since = this.#clock.monotonic()
  }

  /** One of them goes on, or has ended. */
  leave(): void {
    if (--this.#count === 0) this.#total += this.#clock.monotonic() - this.#since
  }

  /** How many are held up now. */
  get count(): number {
    return this.#count
  }

  /** So far, with the time that runs. */
  get ms(): number {
    return this.#count === 0 ? this.#total : this.#total + this.#clock.monotonic() - this.#since
  }
}
