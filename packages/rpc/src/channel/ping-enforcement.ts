import type { Clock } from '@tidemill/core'

export interface PingEnforcementTimes {
  /** Least time between PINGs of a client, milliseconds. */
  readonly minTimeMs: number
  /** Whether a client without open streams may ping as often. */
  readonly permitWithoutStream: boolean
}

/** Without streams and without permission: once in two hours, as TCP does (gRFC A8). */
const idleMinTimeMs = 2 * 60 * 60 * 1000
/** More strikes than this end the connection. */
const allowedStrikes = 2

/** Debug data of the GOAWAY with ENHANCE_YOUR_CALM for a client that pings too often; clients compare with it. */
export const tooManyPings = 'too_many_pings'

/** A server's count of PINGs that came too early on one connection (gRFC A8). */
export class PingEnforcement {
  readonly #times: PingEnforcementTimes
  readonly #clock: Clock
  #lastAt = -Infinity
  #strikes = 0
  #sent = false

  constructor(times: PingEnforcementTimes, clock: Clock) {
    this.#times = times
    this.#clock = clock
  }

  /** The server sent headers or data: pings that follow measure that, as BDP pings do. */
  sent(): void {
    this.#sent = true
  }

  /** A PING came in; true when the connection is to be ended with ENHANCE_YOUR_CALM and {@link tooManyPings}. */
  ping(openStreams: number): boolean {
    const now = this.#clock.monotonic()
    const since = now - this.#lastAt
    this.#lastAt = now
    if (this.#sent) {
      this.#sent = false
      this.#strikes = 0
      return false
    }
    const { minTimeMs, permitWithoutStream } = this.#times
    const least = openStreams > 0 || permitWithoutStream ? minTimeMs : idleMinTimeMs
    if (since < least) this.#strikes++
    return this.#strikes > allowedStrikes
  }
}
