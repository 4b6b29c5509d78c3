import type { Socket } from 'node:net'
import {
  CANCEL,
  createHttp2Connection,
  type ConnectionHandler,
  type HeaderList,
  type Http2Connection,
  type Http2Stream,
  type StreamEnd,
  type StreamHandler,
} from '@tidemill/http2'
import { bindHttp2 } from '@tidemill/http2/node'
import type { Attempt, AttemptSink } from './attempt.ts'
import { type AttemptFault, fault } from './attempt-fault.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { requestList } from './http2-request.ts'
import type { UpstreamRequest } from './upstream-call.ts'

const noFields: readonly string[] = []
const nothing = Buffer.alloc(0)

/** An HTTP/2 connection of a pool; carries as many attempts as the server lets it. */
export class Http2Lane implements ConnectionHandler {
  readonly #pool: ConnectionPool
  readonly #connection: Http2Connection
  readonly #close: () => void
  /** Requests so far. */
  uses: number = 0
  /** The server's settings have come. */
  settled: boolean = false

  constructor(socket: Socket, pool: ConnectionPool) {
    this.#pool = pool
    const options = {
      clock: pool.owner.clock,
      idle: '5m',
      progress: '30s',
      maxHeaderListSize: '64KiB',
      streamWindow: '256KiB',
      connectionWindow: '4MiB',
      autoTune: { max: '4MiB' },
    } as const
    this.#connection = createHttp2Connection('client', this, options)
    const binding = bindHttp2(socket, this.#connection, options)
    this.#close = () => binding.close()
  }

  /** Requests that it takes now: none before its settings say how many. */
  get slots(): number {
    return this.settled ? this.#connection.slots : 0
  }

  get tunnels(): boolean {
    return this.#connection.peerSettings.enableConnectProtocol
  }

  /** Carries nothing, and could. */
  get unused(): boolean {
    return this.#connection.streams === 0 && this.#connection.slots > 0
  }

  /** Takes no more requests; ends with the last. */
  drain(): void {
    this.#connection.drain()
  }

  close(): void {
    this.#close()
  }

  begin(sink: AttemptSink, request: UpstreamRequest): Attempt {
    const attempt = new Http2Attempt(this, sink, request)
    const tunnel = request.upgrade !== ''
    const end = request.bodyLength === 0 && !tunnel
    const stream = this.#connection.request(requestList(request), end, streamEvents)
    stream.context = attempt
    attempt.stream = stream
    this.uses++
    if (this.uses >= this.#pool.owner.config.requestsPerConnection) this.drain()
    return attempt
  }

  streamOver(): void {
    if (this.#connection.streams === 0) this.#pool.streamsIdle()
  }

  // Connection

  onStream(): StreamHandler {
    // A client is never called.
    return streamEvents
  }

  onSettings(): void {
    // Before the server has acknowledged ours, of which nobody is told.
    this.settled = true
    this.#pool.serve()
  }

  onSlots(): void {
    this.#pool.serve()
  }

  onClose(): void {
    this.#pool.streamsClosed(this)
  }
}

/** Hands what becomes of a stream to its attempt, which is the stream's context. */
const streamEvents: StreamHandler = {
  onHeaders(stream, list, end) {
    ;(stream.context as Http2Attempt).onHeaders(list, end)
  },
  onData(stream, chunk, end) {
    ;(stream.context as Http2Attempt).onData(chunk, end)
  },
  onTrailers(stream, list) {
    ;(stream.context as Http2Attempt).onTrailers(list)
  },
  onWritable(stream) {
    ;(stream.context as Http2Attempt).onWritable()
  },
  onClose(stream, _code, how) {
    const attempt = stream.context as Http2Attempt
    attempt.onClose(how)
    attempt.lane.streamOver()
  },
}

/** One stream. */
class Http2Attempt implements Attempt {
  readonly timed: boolean = false
  stream: Http2Stream | undefined = undefined
  readonly lane: Http2Lane
  #sink: AttemptSink | undefined
  readonly #head: boolean
  readonly #tunnel: boolean
  /** The request is whole. */
  #sent: boolean
  #headSeen = false
  #paused = false
  /** What came while it was paused, as far as the window let it. */
  #held: Buffer[] = []
  /** The peer has ended, and what is held comes first. */
  #trailers: readonly string[] | undefined = undefined

  constructor(lane: Http2Lane, sink: AttemptSink, request: UpstreamRequest) {
    this.lane = lane
    this.#sink = sink
    this.#head = request.method === 'HEAD'
    this.#tunnel = request.upgrade !== ''
    this.#sent = request.bodyLength === 0 && !this.#tunnel
  }

  write(part: Uint8Array): boolean {
    return this.stream?.data(part, false) ?? true
  }

  end(trailers: readonly string[]): void {
    if (this.#sent) return
    this.#sent = true
    if (trailers.length > 0 && !this.#tunnel) this.stream?.trailers(trailers)
    else this.stream?.data(nothing, true)
  }

  pauseBody(): void {
    this.#paused = true
  }

  resumeBody(): void {
    if (!this.#paused) return
    this.#paused = false
    // The sink may pause and go on again inside.
    while (!this.#paused) {
      const part = this.#held.shift()
      if (part === undefined) break
      this.#deliver(part)
    }
    if (!this.#paused && this.#held.length === 0 && this.#trailers !== undefined)
      this.#finish(this.#trailers)
  }

  abort(): void {
    this.#sink = undefined
    this.stream?.reset(CANCEL)
  }

  discard(): void {
    this.abort()
  }

  onHeaders(list: HeaderList, end: boolean): void {
    const sink = this.#sink
    if (sink === undefined) return
    const status = Number(list[1])
    const headers = list.slice(2)
    if (status === 101) {
      // RFC 9113 8.6: there is no such thing here.
      this.abort()
      sink.onAttemptFault(fault('protocol', 'it switched protocols, which HTTP/2 cannot'))
    } else if (status < 200) sink.onAttemptInformational(status, headers)
    else {
      this.#headSeen = true
      const tunnel = this.#tunnel && status < 300 && !end
      sink.onAttemptHead(tunnel ? 101 : status, headers, this.#bodyLength(headers, status, end))
      if (end) this.#ended(noFields)
    }
  }

  onData(chunk: Buffer, end: boolean): void {
    // The binding takes fresh memory for each read, so that a view can be kept.
    if (this.#paused) this.#held.push(chunk)
    else if (chunk.length > 0) this.#deliver(chunk)
    if (end) this.#ended(noFields)
  }

  onTrailers(list: HeaderList): void {
    this.#ended(list)
  }

  onWritable(): void {
    this.#sink?.onAttemptWritable()
  }

  onClose(how: StreamEnd): void {
    const sink = this.#sink
    if (sink === undefined || this.#trailers !== undefined) return
    this.#sink = undefined
    sink.onAttemptFault(this.#fault(how))
  }

  #fault(how: StreamEnd): AttemptFault {
    switch (how) {
      case 'unprocessed':
        return fault('reset', 'it refused the stream', !this.#headSeen)
      case 'local':
        return fault('protocol', 'its response breaks the rules of HTTP/2')
      case 'remote':
        return fault('reset', 'it reset the stream')
      case 'lost':
      case 'done':
        return fault('reset', 'the connection broke')
    }
  }

  #bodyLength(headers: readonly string[], status: number, end: boolean): number {
    if (end || this.#head || status === 204 || status === 304) return 0
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (headers[i] === 'content-length') return Number(headers[i + 1])
    }
    return -1
  }

  #deliver(chunk: Buffer): void {
    this.#sink?.onAttemptBody(chunk)
    this.stream?.consume(chunk.length)
  }

  #ended(trailers: readonly string[]): void {
    if (this.#held.length > 0 || this.#paused) this.#trailers = trailers
    else this.#finish(trailers)
  }

  #finish(trailers: readonly string[]): void {
    const sink = this.#sink
    this.#sink = undefined
    // A response that came before the request was whole: the rest of it is not wanted (RFC 9113 8.1).
    if (!this.#sent) this.stream?.reset(CANCEL)
    sink?.onAttemptEnd(trailers)
  }
}
