import type { Clock, TimerWheel, WheelTimer } from '@tidemill/core'

/**
 * The one deadline of a connection, whatever it waits for. Moving it back costs one reading of the clock: the wheel's
 * timer stays where it is and is moved on only when it fires too early.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #timer: WheelTimer
  readonly #fire: (kind: number) => void
  #kind = 0
  #due = 0
  #wheelDue = 0

  constructor(clock: Clock, wheel: TimerWheel, fire: (kind: number) => void) {
    this.#clock = clock
    this.#fire = fire
    this.#timer = wheel.timer(() => this.#check())
  }

  /** What it waits for; 0 for nothing. */
  get kind(): number {
    return this.#kind
  }

  /** Infinity waits for ever. */
  arm(kind: number, ms: number): void {
    if (ms === Infinity) {
      this.#kind = 0
      return
    }
    const due = this.#clock.monotonic() + ms
    this.#kind = kind
    this.#due = due
    if (this.#timer.active && due >= this.#wheelDue) return
    this.#wheelDue = due
    this.#timer.start(ms)
  }

  /** Waits for nothing. */
  clear(): void {
    this.#kind = 0
  }

  stop(): void {
    this.#kind = 0
    this.#timer.stop()
  }

  #check(): void {
    if (this.#kind === 0) return
    const left = this.#due - this.#clock.monotonic()
    if (left > 0) {
      this.#wheelDue = this.#due
      this.#timer.start(left)
      return
    }
    const kind = this.#kind
    this.#kind = 0
    this.#fire(kind)
  }
}
