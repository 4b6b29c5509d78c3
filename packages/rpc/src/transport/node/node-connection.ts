import type { ClientHttp2Session, Http2Session } from 'node:http2'
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
import { toNodeHeaders } from './node-headers.ts'
import { NodeStream, type NodeStreamHome } from './node-stream.ts'

/** A session of node:http2 as a transport connection. */
export class NodeConnection implements TransportConnection, NodeStreamHome {
  readonly peer: Peer
  readonly streamWindow: number
  readonly #session: Http2Session
  readonly #flow: FlowSettings
  readonly #open = new Set<NodeStream>()
  readonly #onSlots: () => void
  #sent = 0
  #anySent = false
  #received = 0
  #draining = false
  refusedAbove: number = -1

  constructor(session: Http2Session, flow: FlowSettings, onSlots: () => void) {
    this.#session = session
    this.#flow = flow
    this.#onSlots = onSlots
    this.streamWindow = flow.streamWindow
    this.peer = new SocketPeer(session.socket)
    session.on('goaway', (_code: number, lastId: number) => {
      this.#draining = true
      this.refusedAbove = lastId
    })
    session.on('ping', () => this.received(8))
    session.on('remoteSettings', () => this.received(1))
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

  get slots(): number {
    if (this.#draining || this.#session.closed || this.lost) return 0
    const limit = this.#session.remoteSettings?.maxConcurrentStreams ?? 100
    return Math.max(0, limit - this.#open.size)
  }

  request(list: HeaderList, end: boolean, handler: StreamHandler): TransportStream {
    const session = this.#session as ClientHttp2Session
    const raw = session.request(toNodeHeaders(list), { endStream: end })
    const stream = this.adopt(new NodeStream(raw, this, false))
    stream.handler = handler
    if (end) stream.requestEnded()
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
    if (full && this.slots > 0) queueMicrotask(this.#onSlots)
  }

  ping(done: () => void): void {
    if (this.lost) return
    this.#session.ping((error) => {
      if (error !== null) return
      this.received(8)
      done()
    })
  }

  drain(): void {
    this.#draining = true
    if (!this.lost) this.#session.close()
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
      rttMs: 0,
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
