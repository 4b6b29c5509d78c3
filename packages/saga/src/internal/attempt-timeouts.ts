import type { Clock, Timer } from '@tidemill/core'
import type { Delivery } from './lane.ts'

/**
 * One timer for all attempts under way: nearly every attempt ends long before its timeout, so a timer for each would
 * be armed and cancelled for nothing.
 */
export class AttemptTimeouts {
  readonly #clock: Clock
  readonly #expire: (delivery: Delivery) => void
  readonly #pending: Set<Delivery> = new Set()
  #timer: Timer | null = null
  #timerAt = Infinity

  constructor(clock: Clock, expire: (delivery: Delivery) => void) {
    this.#clock = clock
    this.#expire = expire
  }

  add(delivery: Delivery): void {
    const now = this.#clock.monotonic()
    delivery.timeoutAt = now + delivery.step.timeoutMs
    this.#pending.add(delivery)
    if (delivery.timeoutAt < this.#timerAt) this.#arm(delivery.timeoutAt, now)
  }

  remove(delivery: Delivery): void {
    this.#pending.delete(delivery)
  }

  /** Stops watching and gives what is still under way. */
  stop(): Delivery[] {
    this.#timer?.cancel()
    this.#timerAt = Infinity
    const left = [...this.#pending]
    this.#pending.clear()
    return left
  }

  #arm(at: number, now: number): void {
    this.#timer?.cancel()
    this.#timerAt = at
    // Unreferenced: an idle dispatcher's sweep keeps the process alive, not this.
    this.#timer = this.#clock.timer(at - now, () => this.#check(), { ref: false })
  }

  #check(): void {
    const now = this.#clock.monotonic()
    this.#timerAt = Infinity
    let next = Infinity
    // Expiring removes the delivery, which a walk over a Set allows.
    for (const delivery of this.#pending) {
      if (delivery.timeoutAt <= now) this.#expire(delivery)
      else next = Math.min(next, delivery.timeoutAt)
    }
    if (next < this.#timerAt) this.#arm(next, now)
  }
}
