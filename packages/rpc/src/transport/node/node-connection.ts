import { type ClientHttp2Session, constants, type Http2Session } from 'node:http2'
import { SocketPeer } from '../peer.ts'
import type {
  FlowSettings,
  HeaderList,
  Peer,
  StreamHandler,
  TransportConnection,
  TransportStats,
  TransportStream,
} from '../transport.ts'
import { checkListSize, toNodeHeaders } from './node-headers.ts'
import { NodeStream, type NodeStreamHome } from './node-stream.ts'

/** What a connection tells the side that made it. */
export interface NodeConnectionEvents {
  /** Stream id from which on no new stream is begun. */
  readonly drainAtStreamId: number
  slots(): void
  usedUp(): void
  failed(error: unknown): void
}

/** Three quarters of what there are, as the native transport has it. */
export const lastStreamId: number = Math.floor((2 ** 31 - 1) * 0.75)

/** A session of node:http2 as a transport connection. */
export class NodeConnection implements TransportConnection, NodeStreamHome {
  readonly peer: Peer
  readonly streamWindow: number
  readonly #session: Http2Session
  readonly #flow: FlowSettings
  readonly #open = new Set<NodeStream>()
  readonly #events: NodeConnectionEvents
  #rttMs = 0
  #sent = 0
  #anySent = false
  #received = 0
  #draining = false
  #closeWhenEmpty = false
  readonly #client: boolean
  refusedAbove: number = -1

  constructor(session: Http2Session, flow: FlowSettings, events: NodeConnectionEvents) {
    this.#session = session
    this.#client = session.type === constants.NGHTTP2_SESSION_CLIENT
    this.#flow = flow
    this.#events = events
    this.streamWindow = flow.streamWindow
    this.peer = new SocketPeer(session.socket)
    session.on('goaway', (_code: number, lastId: number) => {
      this.#draining = true
      this.refusedAbove = lastId
    })
    session.on('ping', () => this.received(8))
    session.on('remoteSettings', () => {
      this.received(1)
      // A limit that was raised makes room without a stream that ends.
      if (this.slots > 0) queueMicrotask(() => this.#events.slots())
    })
  }

  get streams(): number {
    return this.#open.size
  }

  get bytesReceived(): number {
    return this.#received
  }

  get lost(): boolean {
    return this.#session.destroyed
  }

  get largestList(): number {
    return this.#session.remoteSettings?.maxHeaderListSize ?? Infinity
  }

  get slots(): number {
    if (this.#draining || this.#session.closed || this.lost) return 0
    const limit = this.#session.remoteSettings?.maxConcurrentStreams ?? 100
    return Math.max(0, limit - this.#open.size)
  }

  request(list: HeaderList, end: boolean, handler: StreamHandler): TransportStream {
    const session = this.#session as ClientHttp2Session
    checkListSize(list, this.largestList)
    const raw = session.request(toNodeHeaders(list), { endStream: end })
    const stream = this.adopt(new NodeStream(raw, this, false))
    stream.handler = handler
    if (end) stream.requestEnded()
    if (stream.id >= this.#events.drainAtStreamId) {
      this.#draining = true
      queueMicrotask(() => this.#events.usedUp())
    }
    return stream
  }

  adopt(stream: NodeStream): NodeStream {
    this.#open.add(stream)
    return stream
  }

  received(bytes: number): void {
    this.#received += bytes
  }

  sent(bytes: number): void {
    this.#sent += bytes
    this.#anySent = true
  }

  takeSent(): boolean {
    const sent = this.#anySent
    // node tells of a write when all of it is gone: what is on its way counts from one question to the next.
    this.#anySent = [...this.#open].some((stream) => stream.bufferedBytes > 0)
    return sent || this.#anySent
  }

  ended(stream: NodeStream): void {
    const full = this.slots === 0
    this.#open.delete(stream)
    if (this.#closeWhenEmpty && this.#open.size === 0 && !this.lost) this.#session.close()
    if (full && this.slots > 0) queueMicrotask(() => this.#events.slots())
  }

  ping(done: () => void): void {
    if (this.lost) return
    this.#session.ping((error, duration) => {
      if (error !== null) return
      this.#rttMs = duration
      this.received(8)
      done()
    })
  }

  failed(error: unknown): void {
    this.#events.failed(error)
  }

  drain(): void {
    this.#draining = true
    if (this.lost) return
    // A client's GOAWAY overtakes requests that node has not written yet, and the server refuses them.
    if (this.#client && this.#open.size > 0) this.#closeWhenEmpty = true
    else this.#session.close()
  }

  destroy(code: number, reason: string): void {
    this.#draining = true
    if (this.#session.destroyed) return
    try {
      this.#session.goaway(code, 0, Buffer.from(reason))
    } catch {
      // The socket is gone already.
    }
    // node drops what is not written when it destroys at once: GOAWAY would never leave.
    setImmediate(() => this.#session.destroy())
  }

  stats(): TransportStats {
    const { state } = this.#session
    return {
      streams: this.#open.size,
      rttMs: this.#rttMs,
      bdp: 0,
      streamWindow: this.#flow.streamWindow,
      connectionWindow: state.effectiveLocalWindowSize ?? 0,
      peerStreamWindow: this.#session.remoteSettings?.initialWindowSize ?? 0,
      peerConnectionWindow: state.remoteWindowSize ?? 0,
      bytesSent: this.#sent,
      bytesReceived: this.#received,
      blockedMs: { stream: 0, connection: 0, peerStreams: 0 },
    }
  }
}
