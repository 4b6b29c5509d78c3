import type { Clock, Random, Timer } from '@tidemill/core'

/** A server's limits on the life of one connection, milliseconds; Infinity is none (gRFC A9). */
export interface ConnectionAgeTimes {
  /** Without a call since. */
  readonly maxIdleMs: number
  readonly maxAgeMs: number
  /** Time for calls to end after the age was reached. */
  readonly maxAgeGraceMs: number
}

/** What is done to a connection that has lived long enough. */
export interface AgingConnection {
  readonly streams: number
  drain(): void
  destroy(reason: string): void
}

/**
 * Ends a server's connections gracefully when they are idle or old, so that clients spread anew over the servers. Idle
 * time is measured by looks at the number of streams a few times per period: calls pay nothing.
 */
export class ConnectionAge {
  readonly #connection: AgingConnection
  readonly #times: ConnectionAgeTimes
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()
  /** Streams begun so far, as last seen. */
  #begun = 0
  #idleSince: number

  /** `begun` gives how many streams there have been on the connection. */
  constructor(
    connection: AgingConnection,
    times: ConnectionAgeTimes,
    clock: Clock,
    random: Random,
    begun: () => number,
  ) {
    this.#connection = connection
    this.#times = times
    this.#clock = clock
    this.#idleSince = clock.monotonic()
    if (times.maxIdleMs !== Infinity) this.#lookAtIdle(begun)
    // +-10 %, or connections that were made together would end and come back together.
    const age = times.maxAgeMs * (0.9 + 0.2 * random.next())
    if (age !== Infinity) this.#after(age, () => this.#old())
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#clock.timer(
      ms,
      () => {
        this.#timers.delete(timer)
        run()
      },
      { ref: false },
    )
    this.#timers.add(timer)
  }

  #old(): void {
    this.#connection.drain()
    if (this.#times.maxAgeGraceMs === Infinity) return
    this.#after(this.#times.maxAgeGraceMs, () =>
      this.#connection.destroy('the connection reached its age and its grace is over'),
    )
  }

  #lookAtIdle(begun: () => number): void {
    this.#after(this.#times.maxIdleMs / 4, () => {
      const count = begun()
      const now = this.#clock.monotonic()
      if (this.#connection.streams > 0 || count !== this.#begun) this.#idleSince = now
      this.#begun = count
      if (now - this.#idleSince >= this.#times.maxIdleMs) this.#connection.drain()
      else this.#lookAtIdle(begun)
    })
  }
}
