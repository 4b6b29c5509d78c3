import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  type Closable,
  type Clock,
  type Logger,
  type Random,
  realRandom,
  sharedTimerWheel,
} from '@tidemill/core'
import type { ConnectionFacts } from '../dataplane/connection-facts.ts'
import { StreamRelay, type StreamCounts } from '../stream/stream-relay.ts'
import type { Binder } from './binder.ts'
import type { SocketPlan } from './listener-plan.ts'
import { localBinder } from './local-binder.ts'
import { OpenSocket, type SocketState } from './open-socket.ts'
import type { TcpPortContext } from './tcp-port.ts'
import { TerminatorCache } from './terminator-cache.ts'

export interface ListenerSetOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Draws hosts of UDP routes; default the system's. */
  readonly random?: Random
  /** Takes connections of HTTP over: `DataPlane.accept`. */
  readonly accept: (socket: Socket, facts: ConnectionFacts) => void
  /** Default: in this process. */
  readonly binder?: Binder
  /** 48 bytes that all who serve the same sockets share; default random. */
  readonly ticketKeys?: Buffer
  /** Milliseconds for the ClientHello, and again for the rest of the handshake; default 10000. */
  readonly handshakeMs?: number
  /** How many processes serve the same sockets; each uses its part of the limits of connections. Default 1. */
  readonly workers?: number
}

export interface ListenerSetCounts {
  readonly sockets: readonly SocketState[]
  readonly streams: StreamCounts
}

/** The listening sockets of a gateway, kept as the configuration says. */
export class ListenerSet implements Closable {
  readonly #options: ListenerSetOptions
  readonly #context: TcpPortContext
  readonly #terminators: TerminatorCache
  readonly #relay: StreamRelay
  readonly #sockets = new Map<string, OpenSocket>()
  #workers: number
  #listening = true

  constructor(options: ListenerSetOptions) {
    const { clock, ticketKeys = randomBytes(48), handshakeMs = 10_000 } = options
    this.#options = options
    this.#workers = options.workers ?? 1
    const wheel = sharedTimerWheel(clock)
    this.#terminators = new TerminatorCache(ticketKeys, handshakeMs)
    this.#relay = new StreamRelay(wheel)
    this.#context = {
      accept: options.accept,
      relay: this.#relay,
      terminators: this.#terminators,
      clock,
      random: options.random ?? realRandom,
      wheel,
      handshakeMs,
      share: () => 1 / this.#workers,
    }
  }

  /**
   * Brings the sockets to these plans: those that stay have their new listeners when the call returns, for open
   * connections too. Removed ones take no more connections. Resolves when each new one is open or has failed, with the
   * state of all; a socket that failed is tried again each second and at the next call.
   */
  async apply(plans: readonly SocketPlan[]): Promise<readonly SocketState[]> {
    if (!this.#listening) return this.sockets()
    const wanted = new Set(plans.map((plan) => plan.key))
    for (const [key, socket] of this.#sockets) {
      if (wanted.has(key)) continue
      this.#sockets.delete(key)
      socket.close()
    }
    const opening: Promise<void>[] = []
    for (const plan of plans) {
      const known = this.#sockets.get(plan.key)
      if (known !== undefined) {
        known.update(plan)
        opening.push(known.opened())
        continue
      }
      const { binder = localBinder, logger } = this.#options
      const socket = new OpenSocket(plan, this.#context, binder, logger)
      this.#sockets.set(plan.key, socket)
      opening.push(socket.opened())
    }
    await Promise.all(opening)
    return this.sockets()
  }

  sockets(): readonly SocketState[] {
    return [...this.#sockets.values()].map((socket) => socket.state)
  }

  counts(): ListenerSetCounts {
    return { sockets: this.sockets(), streams: this.#relay.counts }
  }

  /** For TLS sessions from now on; 48 bytes. */
  setTicketKeys(keys: Buffer): void {
    this.#terminators.setTicketKeys(keys)
  }

  setWorkers(workers: number): void {
    this.#workers = Math.max(1, workers)
  }

  /** Takes no more connections; what is open goes on. Later calls of `apply` change nothing. */
  stop(): void {
    this.#listening = false
    for (const socket of this.#sockets.values()) socket.stop()
  }

  /**
   * After `stop`: resolves when every connection that was accepted is in other hands, so that the data plane has all of
   * those that are its. Handshakes that take longer are ended.
   */
  async settled(withinMs: number = 2000): Promise<void> {
    const sockets = [...this.#sockets.values()]
    const timer = this.#options.clock.timer(withinMs, () => {
      for (const socket of sockets) socket.endHandshakes()
    })
    await Promise.all(sockets.map((socket) => socket.settled()))
    timer.cancel()
  }

  /** Resolves when no stream is left; after `timeoutMs` the rest is ended. Connections of HTTP are the data plane's. */
  async drained(timeoutMs: number): Promise<void> {
    const timer = this.#options.clock.timer(timeoutMs, () => this.#relay.close())
    await this.#relay.emptied()
    timer.cancel()
  }

  /** Ends sockets, handshakes and streams at once; connections of HTTP are the data plane's. */
  async close(): Promise<void> {
    this.#listening = false
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
    this.#relay.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
