import type { Clock, Timer } from '@tidemill/core'

/** Looks per idle time: a channel becomes idle after 1 to 1.25 times that. */
const looks = 4

/**
 * Notices that a channel was not used for a while, by looking at a counter of calls a few times per period: calls pay
 * nothing for it.
 */
export class IdleWatch {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #started: () => number
  readonly #busy: () => boolean
  readonly #idle: () => void
  #timer: Timer | undefined = undefined
  #seen = 0
  #usedAt = 0

  /** `idleMs` Infinity is never; `started` counts calls, `busy` says whether one is open. */
  constructor(
    clock: Clock,
    idleMs: number,
    watched: { started(): number; busy(): boolean; idle(): void },
  ) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#started = () => watched.started()
    this.#busy = () => watched.busy()
    this.#idle = () => watched.idle()
  }

  start(): void {
    this.stop()
    if (this.#idleMs === Infinity) return
    this.#seen = this.#started()
    this.#usedAt = this.#clock.monotonic()
    this.#later()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #later(): void {
    this.#timer = this.#clock.timer(this.#idleMs / looks, () => this.#look(), { ref: false })
  }

  #look(): void {
    const started = this.#started()
    const now = this.#clock.monotonic()
    if (started !== this.#seen || this.#busy()) this.#usedAt = now
    this.#seen = started
    this.#later()
    if (now - this.#usedAt < this.#idleMs) return
    this.stop()
    this.#idle()
  }
}
