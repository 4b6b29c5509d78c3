import {
  createHttp2Connection,
  type Http2Connection,
  type Http2Options,
  type ReceiveBudget,
} from '@tidemill/http2'
import type { Socket } from 'node:net'
import { SocketPeer } from '../peer.ts'
import type {
  ConnectionSettings,
  HeaderList,
  Peer,
  StreamHandler,
  TransportConnection,
  TransportStats,
  TransportStream,
} from '../transport.ts'

const pingPayload: Uint8Array = Buffer.from('tidemill')

/** A connection of `@tidemill/http2` as a transport connection. */
export class NativeConnection implements TransportConnection {
  readonly peer: Peer
  readonly #connection: Http2Connection
  #sentSeen = 0
  #streamsSeen = 0

  constructor(connection: Http2Connection, socket: Socket) {
    this.#connection = connection
    this.peer = new SocketPeer(socket)
  }

  get slots(): number {
    return this.#connection.slots
  }

  get streams(): number {
    return this.#connection.streams
  }

  get bytesReceived(): number {
    return this.#connection.bytesReceived
  }

  takeSent(): boolean {
    const { dataSent, streamsOpened } = this.#connection.stats()
    const sent = dataSent !== this.#sentSeen || streamsOpened !== this.#streamsSeen
    this.#sentSeen = dataSent
    this.#streamsSeen = streamsOpened
    return sent
  }

  request(list: HeaderList, end: boolean, handler: StreamHandler): TransportStream {
    return this.#connection.request(list, end, handler)
  }

  ping(done: () => void): void {
    this.#connection.ping(pingPayload, done)
  }

  drain(): void {
    this.#connection.drain()
  }

  destroy(code: number, reason: string): void {
    this.#connection.goaway(code, reason)
  }

  stats(): TransportStats {
    const stats = this.#connection.stats()
    return {
      streams: stats.streams,
      rttMs: stats.rttMs,
      bdp: stats.bdp,
      streamWindow: stats.streamWindow,
      connectionWindow: stats.connectionWindow,
      peerStreamWindow: stats.peerStreamWindow,
      peerConnectionWindow: stats.peerConnectionWindow,
      bytesSent: stats.dataSent,
      bytesReceived: stats.bytesReceived,
      blockedMs: stats.sendBlockedMs,
    }
  }
}

/** Options of a connection of ours. */
export function http2Options(settings: ConnectionSettings, budget: ReceiveBudget): Http2Options {
  const { clock, flow, limits, maxConcurrentStreams, maxHeaderListBytes } = settings
  return {
    clock,
    streamWindow: flow.streamWindow,
    connectionWindow: flow.connectionWindow,
    autoTune: flow.autoTuneMax === 0 ? false : { max: flow.autoTuneMax },
    receiveBudget: budget,
    maxHeaderListSize: maxHeaderListBytes,
    ...(maxConcurrentStreams > 0 ? { maxConcurrentStreams } : {}),
    ...(limits === undefined ? {} : { limits }),
  }
}

/** Throws for options that no connection takes, where they are given and not when the first socket stands. */
export function checkHttp2Options(options: Http2Options): void {
  const handler = {
    onStream: (): never => {
      throw new Error('this connection has no peer')
    },
    onClose: () => {},
  }
  createHttp2Connection('client', handler, options).ended('only its options were looked at')
}
