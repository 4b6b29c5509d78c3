import type { Clock } from '@tidemill/core'
import { BdpEstimator } from './bdp-estimator.ts'
import type { ReceiveBudget } from './receive-budget.ts'

export interface WindowTunerOptions {
  readonly clock: Clock
  readonly budget: ReceiveBudget
  /** Window of a stream at the start and at least, in bytes. */
  readonly streamWindow: number
  /** Window of the connection at the start and at least, in bytes. */
  readonly connectionWindow: number
  /** What measurement may raise either to; 0 keeps both as they are and sends no PING. */
  readonly maxWindow: number
}

/** What the windows of a connection should be: the configured ones, raised by what the link can carry, cut by memory. */
export class WindowTuner {
  readonly #budget: ReceiveBudget
  readonly #streamFloor: number
  readonly #connectionFloor: number
  readonly #estimator: BdpEstimator | undefined
  #announced: number

  constructor(options: WindowTunerOptions) {
    this.#budget = options.budget
    this.#streamFloor = options.streamWindow
    this.#connectionFloor = options.connectionWindow
    this.#estimator =
      options.maxWindow > 0
        ? new BdpEstimator(options.clock, options.streamWindow, options.maxWindow)
        : undefined
    this.#announced = this.streamWindow
  }

  /** Smoothed round trip in milliseconds; 0 while none was measured. */
  get rttMs(): number {
    return this.#estimator?.rttMs ?? 0
  }

  /** Estimated bandwidth-delay product in bytes; 0 without tuning. */
  get bdp(): number {
    return this.#estimator?.bdp ?? 0
  }

  /** Highest rate of arrival that was measured; 0 without tuning. */
  get bytesPerSecond(): number {
    return this.#estimator?.bytesPerSecond ?? 0
  }

  /** What a stream's window should be now. */
  get streamWindow(): number {
    return this.#budget.streamWindow(Math.max(this.#streamFloor, this.bdp))
  }

  /** What the connection's window should be now, for `ConnectionWindow.raise`. */
  get connectionWindow(): number {
    return Math.max(this.#connectionFloor, this.bdp)
  }

  /** The SETTINGS_INITIAL_WINDOW_SIZE that was sent last. */
  get announced(): number {
    return this.#announced
  }

  /** DATA arrived. @returns true when `bdpPing` is to be sent. */
  received(bytes: number): boolean {
    return this.#estimator !== undefined && this.#estimator.received(bytes)
  }

  /** The answer to `bdpPing` came. @returns true when windows have grown: look at `announce` and `connectionWindow`. */
  answered(): boolean {
    return this.#estimator !== undefined && this.#estimator.answered() > 0
  }

  /**
   * To be asked when a stream opens, when a quarter of a window has arrived, and after `answered`.
   * @returns the SETTINGS_INITIAL_WINDOW_SIZE to send, -1 when the announced one still holds.
   */
  announce(): number {
    const wanted = this.streamWindow
    if (wanted === this.#announced) return -1
    // Growing back by a step at the first free byte would swing: wait until there is room for two.
    if (wanted > this.#announced && wanted < 2 * this.#announced && wanted < this.#streamFloor)
      return -1
    this.#announced = wanted
    return wanted
  }
}
