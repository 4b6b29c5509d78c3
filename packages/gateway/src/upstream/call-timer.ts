import type { TimerWheel, WheelTimer } from '@tidemill/core'

/** What a call's timer tells. */
export interface TimedCall {
  onTimer(): void
}

/** A timer that calls lend: most calls need none, and one that is made for each would be a closure for each. */
export class CallTimer {
  call: TimedCall | undefined = undefined
  readonly #timer: WheelTimer

  constructor(wheel: TimerWheel) {
    this.#timer = wheel.timer(() => this.call?.onTimer())
  }

  start(ms: number): void {
    this.#timer.start(ms)
  }

  stop(): void {
    this.#timer.stop()
  }
}

const kept = 256

/** The timers of a cluster. */
export class CallTimers {
  readonly #wheel: TimerWheel
  readonly #free: CallTimer[] = []

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel
  }

  take(call: TimedCall): CallTimer {
    const timer = this.#free.pop() ?? new CallTimer(this.#wheel)
    timer.call = call
    return timer
  }

  give(timer: CallTimer): void {
    timer.stop()
    timer.call = undefined
    if (this.#free.length < kept) this.#free.push(timer)
  }
}
