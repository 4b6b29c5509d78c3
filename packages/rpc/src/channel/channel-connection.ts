import type { Address } from './address.ts'

/** What balancing and queueing need of a transport connection; the call layer uses the whole of it. */
export interface ChannelConnection {
  /** Requests that may begin now: 0 while the peer's limit of concurrent streams is reached, or while it drains. */
  readonly slots: number
  /** Streams that are open now. */
  readonly streams: number
  /** Takes no new streams and closes after the last one. */
  drain(): void
}

/** Hears of one attempt to connect and of the connection it led to. */
export interface ConnectionListener<C extends ChannelConnection> {
  ready(connection: C): void
  /** Instead of `ready`: there is no connection. */
  failed(reason: string): void
  /**
   * After `ready`: it takes no new streams any more; those that are open go on. For a GOAWAY the reason has its debug
   * data in it.
   */
  draining(reason: string): void
  /** After `ready`, last: it is gone. */
  closed(reason: string): void
  /** `slots` has grown from 0. */
  slots(): void
}

/** Makes transport connections; the channel decides when and where to. */
export interface Connector<C extends ChannelConnection> {
  /** Never calls the listener before it returns. `cancel` gives up an attempt that is not ready; nothing is told then. */
  connect(address: Address, listener: ConnectionListener<C>): { cancel(): void }
}
