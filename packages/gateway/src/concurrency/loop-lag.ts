import { type Clock, realClock, type Timer } from '@tidemill/core'

const periodMs = 20
/** Weight of the newest of the measurements: half is forgotten in about 60 ms. */
const weight = 0.2

/** How late timers fire on this event loop: the CPU signal of the overload guard. */
export class LoopLag {
  /** Smoothed, in milliseconds. */
  ms = 0
  readonly #clock: Clock
  readonly #fire = (): void => this.#measure()
  #timer: Timer
  #due: number

  constructor(clock: Clock = realClock) {
    this.#clock = clock
    this.#due = clock.monotonic() + periodMs
    this.#timer = clock.timer(periodMs, this.#fire, { ref: false })
  }

  close(): void {
    this.#timer.cancel()
  }

  #measure(): void {
    const now = this.#clock.monotonic()
    this.ms += weight * (Math.max(0, now - this.#due) - this.ms)
    this.#due = now + periodMs
    this.#timer = this.#clock.timer(periodMs, this.#fire, { ref: false })
  }
}
