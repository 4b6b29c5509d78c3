import type { Random } from '@tidemill/core'

/** gRPC connection backoff (doc/connection-backoff.md). */
const initialMs = 1000
const multiplier = 1.6
const maxMs = 120_000
const jitter = 0.2

/** The least time that an attempt to connect is given, whatever the backoff is. */
export const minConnectTimeoutMs = 20_000

/** The waits between failed attempts to connect: 1 s, times 1.6 each, at most 120 s, each +-20 %. */
export class ConnectionBackoff {
  readonly #random: Random
  #base: number = initialMs

  constructor(random: Random) {
    this.#random = random
  }

  /** Milliseconds from the start of this attempt to the start of the next. */
  next(): number {
    const wait = this.#base * (1 - jitter + 2 * jitter * this.#random.next())
    this.#base = Math.min(maxMs, this.#base * multiplier)
    return wait
  }

  /** A connection was established: begin anew. */
  reset(): void {
    this.#base = initialMs
  }
}
