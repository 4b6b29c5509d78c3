import type { Socket } from 'node:net'
import {
  type ConnectionHandler,
  createHttp2Connection,
  type Http2Connection,
  type Http2Stream,
  type ReceiveBudget,
  type StreamHandler,
} from '@tidemill/http2'
import { bindHttp2 } from '@tidemill/http2/node'
import type { ConnectionState } from './connection-state.ts'
import { Http2Downstream } from './http2-downstream.ts'
import { readHttp2Request } from './http2-request.ts'
import { admit, refuse } from './request-gate.ts'

const none: readonly string[] = []

/** Serves the streams of all connections: what belongs to one is its context. */
const streams: StreamHandler = {
  onHeaders() {
    // A server gets requests through the connection.
  },
  onData(stream, chunk, end) {
    ;(stream.context as Http2Downstream).onData(chunk, end)
  },
  onTrailers(stream, list) {
    ;(stream.context as Http2Downstream).onTrailers(list)
  },
  onWritable(stream) {
    ;(stream.context as Http2Downstream).exchange?.onClientWritable()
  },
  onClose(stream, _code, how) {
    // `done`: both sides have said all they had to say.
    if (how !== 'done') (stream.context as Http2Downstream).exchange?.onClientGone()
  },
}

/** One HTTP/2 connection of a client. */
export class Http2Side implements ConnectionHandler {
  readonly #state: ConnectionState
  readonly #connection: Http2Connection
  readonly #binding: { close(): void }
  readonly #closed: (side: Http2Side) => void

  constructor(
    socket: Socket,
    state: ConnectionState,
    receiveBudget: ReceiveBudget,
    closed: (side: Http2Side) => void,
  ) {
    const { settings } = state.facts
    const { clock } = state.plane
    this.#state = state
    this.#closed = closed
    this.#connection = createHttp2Connection('server', this, {
      clock,
      receiveBudget,
      maxConcurrentStreams: settings.maxConcurrentStreams,
      maxHeaderListSize: settings.maxHeaderBytes,
      enableConnectProtocol: true,
    })
    this.#binding = bindHttp2(socket, this.#connection, {
      clock,
      idle: `${settings.idleMs}ms`,
      progress: `${settings.writeMs}ms`,
      handshake: `${settings.headerMs}ms`,
    })
  }

  onStream(stream: Http2Stream, list: readonly string[], end: boolean): StreamHandler {
    const read = readHttp2Request(list, end, this.#state)
    const request = 'error' in read ? read.request : read
    const client = new Http2Downstream(this.#state.plane, stream, request, end)
    stream.context = client
    if ('error' in read) refuse(this.#state, request, client, read.error, 'DPE')
    else {
      client.exchange = admit(this.#state, request, client)
      if (end) client.exchange?.onRequestEnd(none)
    }
    return streams
  }

  onError(error: unknown): void {
    this.#state.plane.logger.log('error', 'a stream could not be handled', {
      reason: String(error),
    })
  }

  onClose(): void {
    this.#closed(this)
  }

  /** Tells the client to go elsewhere once it has its answers. */
  drain(): void {
    this.#connection.drain()
  }

  close(): void {
    this.#binding.close()
  }
}
