import type { TimerWheel, WheelTimer } from '@tidemill/core'

/** What is looked at once a second while it is under way. */
export interface Watched {
  previous: Watched | undefined
  next: Watched | undefined
  /** `second` counts up; it may remove itself, and nobody else. */
  look(second: number): void
  /** The gateway goes away and the time for leaving on one's own is over. */
  goAway(): void
}

/**
 * The exchanges under way. One timer looks at all of them once a second, for what needs no better resolution: a timer for
 * each would cost more than most requests do.
 */
export class ExchangeList {
  size: number = 0
  /** Seconds in which anything was under way; grows by one at a time. */
  second: number = 0
  readonly #timer: WheelTimer
  #first: Watched | undefined = undefined

  constructor(wheel: TimerWheel) {
    this.#timer = wheel.timer(() => this.#look())
  }

  add(watched: Watched): void {
    const first = this.#first
    watched.next = first
    if (first !== undefined) first.previous = watched
    this.#first = watched
    this.size++
    if (!this.#timer.active) this.#timer.start(1000)
  }

  remove(watched: Watched): void {
    const { previous, next } = watched
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    watched.previous = undefined
    watched.next = undefined
    this.size--
  }

  /** Tells all of them to leave. */
  goAway(): void {
    let watched = this.#first
    while (watched !== undefined) {
      const { next } = watched
      watched.goAway()
      watched = next
    }
  }

  close(): void {
    this.#timer.stop()
  }

  #look(): void {
    this.second++
    let watched = this.#first
    while (watched !== undefined) {
      const { next } = watched
      watched.look(this.second)
      watched = next
    }
    if (this.size > 0) this.#timer.start(1000)
  }
}
