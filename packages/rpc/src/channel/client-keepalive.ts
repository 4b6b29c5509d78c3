import type { Clock, Timer } from '@tidemill/core'

/** Times of a client's keepalive in milliseconds (gRFC A8). */
export interface KeepaliveTimes {
  /** Silence of the peer after which it is pinged; Infinity is never. */
  readonly timeMs: number
  /** How long the answer may take. */
  readonly timeoutMs: number
  /** Also while no call is open. */
  readonly permitWithoutStream: boolean
}

/** What keepalive sees of a connection. */
export interface WatchedConnection {
  /** Grows whenever anything arrives. */
  readonly bytesReceived: number
  readonly streams: number
  /** Sends a PING; `done` when the answer comes. */
  ping(done: () => void): void
}

/** Looks per keepalive time: a dead peer is noticed after at most 1.2 times that and the timeout. */
const looksPerTime = 5

/**
 * Notices a peer that went silent. It looks at a counter a few times per period, so that traffic pays nothing for it.
 * Calls `dead` once, then does nothing more.
 */
export class ClientKeepalive {
  readonly #connection: WatchedConnection
  readonly #clock: Clock
  readonly #times: KeepaliveTimes
  readonly #dead: () => void
  #timer: Timer | undefined = undefined
  #seen = -1
  #heardAt = 0
  /** Monotonic time at which an unanswered PING was sent; negative: none is out. */
  #pingedAt = -1

  constructor(
    connection: WatchedConnection,
    times: KeepaliveTimes,
    clock: Clock,
    dead: () => void,
  ) {
    this.#connection = connection
    this.#times = times
    this.#clock = clock
    this.#dead = dead
    this.#heardAt = clock.monotonic()
    if (times.timeMs !== Infinity) this.#later(times.timeMs / looksPerTime)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #later(ms: number): void {
    this.#timer = this.#clock.timer(ms, () => this.#look(), { ref: false })
  }

  #look(): void {
    const now = this.#clock.monotonic()
    const { bytesReceived } = this.#connection
    if (bytesReceived !== this.#seen) {
      this.#seen = bytesReceived
      this.#heardAt = now
      // Anything that arrives answers the ping.
      this.#pingedAt = -1
    }
    if (this.#pingedAt >= 0) {
      const left = this.#pingedAt + this.#times.timeoutMs - now
      if (left <= 0) {
        this.#timer = undefined
        this.#dead()
        return
      }
      this.#later(left)
      return
    }
    const silent = now - this.#heardAt
    const watched = this.#connection.streams > 0 || this.#times.permitWithoutStream
    // Nearly: the clock's fractions must not put the ping off by another look.
    if (watched && silent >= this.#times.timeMs - 1) this.#ping(now)
    else this.#later(this.#times.timeMs / looksPerTime)
  }

  #ping(now: number): void {
    this.#pingedAt = now
    this.#later(this.#times.timeoutMs)
    this.#connection.ping(() => {
      // Stopped, or dead.
      if (this.#timer === undefined) return
      this.#pingedAt = -1
      this.#heardAt = this.#clock.monotonic()
      this.#timer.cancel()
      this.#later(this.#times.timeMs / looksPerTime)
    })
  }
}
