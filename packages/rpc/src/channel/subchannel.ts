import type { Clock, Random, Timer } from '@tidemill/core'
import { type Address, formatAddress } from './address.ts'
import type { ChannelConnection, ConnectionListener, Connector } from './channel-connection.ts'
import { ConnectionBackoff, minConnectTimeoutMs } from './connection-backoff.ts'
import type { Connectivity } from './connectivity.ts'

/** A backend as a balancing policy sees it: an address with, at most times, a connection. */
export interface Subchannel<C extends ChannelConnection = ChannelConnection> {
  readonly address: Address
  readonly state: Connectivity
  /** Why the last connection failed or ended; empty at first. */
  readonly failure: string
  /** Leaves IDLE; nothing in any other state. */
  connect(): void
  /** A ready connection with a free slot, if there is one. */
  take(): C | undefined
  /** Every connection of it that is ready. */
  connections(): readonly C[]
  /** SHUTDOWN: open calls go on to their end, then the connection closes. No state is told any more. */
  close(): void
}

export interface SubchannelContext<C extends ChannelConnection> {
  readonly connector: Connector<C>
  readonly clock: Clock
  readonly random: Random
}

/** Hears of what happens at a subchannel. */
export interface SubchannelListener {
  /** Its state, or the reason of its failure, changed. */
  changed(): void
  /** A connection that had no free slot has one. */
  slots(): void
}

/**
 * One address with at most one connection that takes new calls (gRPC connectivity semantics). It connects when it is
 * told to; after a failure it is in TRANSIENT_FAILURE until the backoff is over, then IDLE. A connection that is lost or
 * told to go away makes it IDLE; a replaced connection stays until its calls are over.
 */
export class SingleSubchannel<C extends ChannelConnection> implements Subchannel<C> {
  readonly address: Address
  readonly #context: SubchannelContext<C>
  readonly #listener: SubchannelListener
  readonly #backoff: ConnectionBackoff
  #state: Connectivity = 'IDLE'
  #failure = ''
  #connection: C | undefined = undefined
  #attempt: { cancel(): void } | undefined = undefined
  #timer: Timer | undefined = undefined
  /** Monotonic time before which no other attempt starts. */
  #notBefore = 0

  constructor(address: Address, context: SubchannelContext<C>, listener: SubchannelListener) {
    this.address = address
    this.#context = context
    this.#listener = listener
    this.#backoff = new ConnectionBackoff(context.random)
  }

  get state(): Connectivity {
    return this.#state
  }

  get failure(): string {
    return this.#failure
  }

  take(): C | undefined {
    const connection = this.#connection
    return connection !== undefined && connection.slots > 0 ? connection : undefined
  }

  connections(): readonly C[] {
    return this.#connection === undefined ? [] : [this.#connection]
  }

  connect(): void {
    if (this.#state !== 'IDLE') return
    const { clock, connector } = this.#context
    const wait = this.#backoff.next()
    this.#notBefore = clock.monotonic() + wait
    this.#timer = clock.timer(
      Math.max(wait, minConnectTimeoutMs),
      () => {
        this.#attempt?.cancel()
        this.#attemptFailed('the connection was not ready in time')
      },
      { ref: false },
    )
    this.#attempt = connector.connect(this.address, this.#events())
    this.#enter('CONNECTING')
  }

  close(): void {
    this.#state = 'SHUTDOWN'
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt?.cancel()
    this.#attempt = undefined
    this.#connection?.drain()
    this.#connection = undefined
  }

  /** Events of one connection: those of an earlier one say nothing about this subchannel any more. */
  #events(): ConnectionListener<C> {
    let own: C | undefined
    const isCurrent = (): boolean => own !== undefined && own === this.#connection
    return {
      ready: (connection) => {
        own = connection
        this.#ready(connection)
      },
      failed: (reason) => this.#attemptFailed(reason),
      draining: (reason) => {
        if (isCurrent()) this.#ended(reason)
      },
      closed: (reason) => {
        if (isCurrent()) this.#ended(reason)
      },
      slots: () => {
        if (isCurrent()) this.#listener.slots()
      },
    }
  }

  #ready(connection: C): void {
    this.#settle()
    if (this.#state !== 'CONNECTING') {
      connection.drain()
      return
    }
    this.#backoff.reset()
    this.#connection = connection
    this.#enter('READY')
  }

  #attemptFailed(reason: string): void {
    if (this.#state !== 'CONNECTING') return
    this.#settle()
    this.#failure = `${formatAddress(this.address)}: ${reason}`
    const { clock } = this.#context
    const left = this.#notBefore - clock.monotonic()
    this.#timer = clock.timer(
      Math.max(0, left),
      () => {
        this.#timer = undefined
        this.#enter('IDLE')
      },
      { ref: false },
    )
    this.#enter('TRANSIENT_FAILURE')
  }

  #settle(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt = undefined
  }

  #ended(reason: string): void {
    this.#connection?.drain()
    this.#connection = undefined
    this.#failure = `${formatAddress(this.address)}: ${reason}`
    this.#enter('IDLE')
  }

  #enter(state: Connectivity): void {
    if (this.#state === 'SHUTDOWN') return
    this.#state = state
    this.#listener.changed()
  }
}
