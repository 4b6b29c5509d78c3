import type { Clock, Timer } from '@tidemill/core'
import type { TransportConnection } from '../transport/transport.ts'
import type { Address } from './address.ts'
import type { ConnectionListener, Connector } from './channel-connection.ts'
import type { ChannelStatistics } from './channel-statistics.ts'
import { ClientKeepalive, type KeepaliveTimes } from './client-keepalive.ts'
import { tooManyPings } from './ping-enforcement.ts'

/** HTTP/2 error codes of the GOAWAYs that the channel sends. */
const noError = 0
const cancel = 8

/**
 * The connections of one channel, replaced ones that still serve calls too: watches over each with keepalive, and waits
 * for their end when the channel is closed.
 */
export class ManagedConnector implements Connector<TransportConnection> {
  readonly #inner: Connector<TransportConnection>
  readonly #clock: Clock
  readonly #statistics: ChannelStatistics
  readonly #live = new Map<TransportConnection, ClientKeepalive>()
  #keepalive: KeepaliveTimes
  #emptied: (() => void) | undefined = undefined

  constructor(
    inner: Connector<TransportConnection>,
    keepalive: KeepaliveTimes,
    clock: Clock,
    statistics: ChannelStatistics,
  ) {
    this.#inner = inner
    this.#keepalive = keepalive
    this.#clock = clock
    this.#statistics = statistics
  }

  /** Every connection that stands. */
  get live(): readonly TransportConnection[] {
    return [...this.#live.keys()]
  }

  connect(address: Address, listener: ConnectionListener<TransportConnection>): { cancel(): void } {
    this.#statistics.connects++
    let own: TransportConnection | undefined
    return this.#inner.connect(address, {
      ready: (connection) => {
        own = connection
        this.#watch(connection)
        listener.ready(connection)
      },
      failed: (reason) => {
        this.#statistics.connectFailures++
        listener.failed(reason)
      },
      draining: (reason) => {
        this.#heed(reason)
        listener.draining(reason)
      },
      closed: (reason) => {
        this.#heed(reason)
        if (own !== undefined) this.#forget(own)
        listener.closed(reason)
      },
      slots: () => listener.slots(),
    })
  }

  /** Resolves when no connection is left: after `graceMs` those that are left are destroyed. */
  async end(graceMs: number): Promise<void> {
    for (const connection of this.#live.keys()) connection.drain()
    if (this.#live.size === 0) return
    let timer: Timer | undefined
    await new Promise<void>((resolve) => {
      this.#emptied = resolve
      timer = this.#clock.timer(graceMs, () => {
        for (const connection of this.#live.keys()) {
          connection.destroy(cancel, 'the channel is closed')
        }
        // A transport that does not tell of the end that it was told to make must not hold up the caller.
        resolve()
      })
      if (this.#live.size === 0) resolve()
    })
    timer?.cancel()
    for (const keepalive of this.#live.values()) keepalive.stop()
    this.#live.clear()
  }

  #watch(connection: TransportConnection): void {
    const keepalive = new ClientKeepalive(connection, this.#keepalive, this.#clock, () => {
      this.#statistics.keepaliveFailures++
      connection.destroy(noError, 'the peer did not answer a keepalive ping in time')
    })
    this.#live.set(connection, keepalive)
  }

  #forget(connection: TransportConnection): void {
    this.#live.get(connection)?.stop()
    this.#live.delete(connection)
    if (this.#live.size === 0) this.#emptied?.()
  }

  /** gRFC A8: a server that got too many pings is pinged half as often by the connections to come. */
  #heed(reason: string): void {
    if (!reason.includes(tooManyPings) || this.#keepalive.timeMs === Infinity) return
    this.#keepalive = { ...this.#keepalive, timeMs: this.#keepalive.timeMs * 2 }
  }
}
