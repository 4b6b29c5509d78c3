import type { Clock, Timer } from '@tidemill/core'
import type { Address } from '../channel/address.ts'
import type { Connector } from '../channel/channel-connection.ts'
import type { TransportConnection, TransportStats } from '../transport/transport.ts'

const firstRetryMs = 100
const longestRetryMs = 5000

export interface LinkOptions {
  readonly connector: Connector<TransportConnection>
  readonly address: Address
  readonly clock: Clock
  /** A PING after this long, and the end of the connection when it has no answer after as long again. 0 for none. */
  readonly keepaliveMs: number
  /** There is a connection, there is none any more, or it has room for calls again. */
  readonly onChange: () => void
}

/**
 * One of a run's connections, made anew when it is lost. While there is none, calls fail at once, as grpc-go's do in
 * TRANSIENT_FAILURE; attempts follow with growing pauses.
 */
export class LoadLink {
  /** The connection that calls may begin on; undefined while there is none. */
  current: TransportConnection | undefined = undefined
  /** Why there is none. */
  problem: string = 'no connection yet'
  readonly #options: LinkOptions
  #retryMs = firstRetryMs
  #timer: Timer | undefined = undefined
  #keepalive: Timer | undefined = undefined
  #closed = false
  #attempt: { cancel(): void } | undefined = undefined
  #decided: () => void = () => undefined
  /** Bytes of connections that are gone. */
  #sent = 0
  #received = 0

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Makes one attempt and resolves when it is decided; a failure is kept in `problem`, the next attempt arranged. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      let mine: TransportConnection | undefined
      this.#decided = resolve
      this.#attempt = this.#options.connector.connect(this.#options.address, {
        ready: (connection) => {
          mine = connection
          this.#ready(connection)
          resolve()
        },
        failed: (reason) => {
          this.#lost(`connection error: desc = "transport: Error while dialing: ${reason}"`)
          resolve()
        },
        draining: (reason) => {
          if (this.current === mine) this.#lost(reason)
        },
        closed: (reason) => {
          if (this.current === mine) this.#lost(reason)
        },
        slots: () => this.#options.onChange(),
      })
    })
  }

  #ready(connection: TransportConnection): void {
    if (this.#closed) {
      connection.destroy(0, 'the run is over')
      return
    }
    this.current = connection
    this.#retryMs = firstRetryMs
    if (this.#options.keepaliveMs > 0) this.#keepAlive(connection)
    this.#options.onChange()
  }

  #keepAlive(connection: TransportConnection): void {
    const { clock, keepaliveMs } = this.#options
    this.#keepalive = clock.timer(keepaliveMs, () => {
      let answered = false
      connection.ping(() => {
        answered = true
      })
      this.#keepalive = clock.timer(keepaliveMs, () => {
        if (this.current !== connection) return
        if (answered) this.#keepAlive(connection)
        else connection.destroy(0, 'keepalive ping without an answer')
      })
    })
  }

  #lost(reason: string): void {
    const stats = this.current?.stats()
    this.#sent += stats?.bytesSent ?? 0
    this.#received += stats?.bytesReceived ?? 0
    this.current = undefined
    this.problem = reason
    this.#keepalive?.cancel()
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = this.#options.clock.timer(this.#retryMs, () => {
      this.#timer = undefined
      void this.open()
    })
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 1.6)
    this.#options.onChange()
  }

  stats(): TransportStats | undefined {
    return this.current?.stats()
  }

  /** Bytes that this link's connections moved, lost ones too. */
  bytes(): { readonly sent: number; readonly received: number } {
    const now = this.stats()
    return {
      sent: this.#sent + (now?.bytesSent ?? 0),
      received: this.#received + (now?.bytesReceived ?? 0),
    }
  }

  /** Milliseconds of one round trip; rejects after `timeoutMs` or when there is no connection. */
  async roundTrip(timeoutMs: number): Promise<number> {
    const { clock } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const from = clock.monotonic()
    const timer = clock.timer(timeoutMs, () => reject(new Error('no answer to a PING')))
    if (this.current === undefined) reject(new Error(this.problem))
    this.current?.ping(() => resolve(clock.monotonic() - from))
    return promise.finally(() => timer.cancel())
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#keepalive?.cancel()
    // An attempt that is given up tells nobody.
    this.#attempt?.cancel()
    this.#decided()
    this.current?.destroy(0, 'the run is over')
    this.current = undefined
  }
}
