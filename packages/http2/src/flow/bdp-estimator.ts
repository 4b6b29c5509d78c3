import type { Clock } from '@tidemill/core'

/** Payload of the PING that measures a round trip; grpc-go's, so that traces read the same. */
export const bdpPing: Buffer = Buffer.from([2, 4, 16, 16, 9, 14, 7, 7])

/** Weight of a new round trip once there are ten. */
const alpha = 0.9
/** Part of the estimate that one round trip must bring before it is raised. */
const beta = 0.66
/** How much more than was seen in a round trip is allowed for the next. */
const gamma = 2
/** Samples that are averaged plainly before `alpha` rules. */
const bootstrap = 10

/**
 * Estimates the bandwidth-delay product of a connection from the bytes that arrive between a PING and its answer, with
 * grpc-go's constants and rules (internal/transport/bdp_estimator.go): one PING at a time, sent upon DATA.
 */
export class BdpEstimator {
  readonly #clock: Clock
  readonly #limit: number
  #bdp: number
  #rttMs = 0
  #bytesPerMs = 0
  #samples = 0
  #sample = 0
  #inFlight = false
  #sentAt = 0

  /** @param initial the window in force, in bytes; `limit` is what the estimate never passes. */
  constructor(clock: Clock, initial: number, limit: number) {
    this.#clock = clock
    this.#limit = limit
    this.#bdp = Math.min(initial, limit)
  }

  /** Bytes. */
  get bdp(): number {
    return this.#bdp
  }

  /** Smoothed round trip; 0 before the first sample. */
  get rttMs(): number {
    return this.#rttMs
  }

  /** The highest rate at which bytes arrived so far. */
  get bytesPerSecond(): number {
    return this.#bytesPerMs * 1000
  }

  /** DATA arrived. @returns true when `bdpPing` is to be sent now. */
  received(bytes: number): boolean {
    if (this.#inFlight) {
      this.#sample += bytes
      return false
    }
    if (this.#bdp === this.#limit) return false
    this.#inFlight = true
    this.#sample = bytes
    this.#samples++
    this.#sentAt = this.#clock.monotonic()
    return true
  }

  /** The answer to `bdpPing` came. @returns the new estimate when it has grown, else 0. */
  answered(): number {
    if (!this.#inFlight) return 0
    this.#inFlight = false
    // A clock that has not moved would make the rate infinite, and then no later sample could top it.
    const rtt = Math.max(this.#clock.monotonic() - this.#sentAt, 0.001)
    this.#rttMs += (rtt - this.#rttMs) * (this.#samples < bootstrap ? 1 / this.#samples : alpha)
    const rate = this.#sample / (this.#rttMs * 1.5)
    const fastest = rate >= this.#bytesPerMs
    if (fastest) this.#bytesPerMs = rate
    if (!fastest || this.#sample < beta * this.#bdp || this.#bdp === this.#limit) return 0
    // Unlike grpc-go's, an estimate that starts above twice the sample does not shrink: the floor stays.
    const grown = Math.min(this.#limit, Math.floor(gamma * this.#sample))
    if (grown <= this.#bdp) return 0
    this.#bdp = grown
    return grown
  }
}
