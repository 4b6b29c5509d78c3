import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type ServerHttp2Stream,
} from 'node:http2'
import type { HeaderList, StreamEnd, StreamHandler, TransportStream } from '../transport.ts'
import { checkListSize, fromNodeHeaders, toNodeHeaders } from './node-headers.ts'

const highWater = 64 * 1024
const nothing = Buffer.alloc(0)

export interface NodeStreamHome {
  /** Bytes that a stream may hold unread before it is paused. */
  readonly streamWindow: number
  /** Our last GOAWAY or the peer's: streams above it were not processed. */
  readonly refusedAbove: number
  readonly lost: boolean
  /** Header lists beyond that are not taken by the peer (RFC 9113 6.5.2). */
  readonly largestList: number
  received(bytes: number): void
  sent(bytes: number): void
  ended(stream: NodeStream): void
  /** A handler threw. */
  failed(error: unknown): void
}

const nobody: StreamHandler = {
  onHeaders() {},
  onData() {},
  onTrailers() {},
  onWritable() {},
  onClose() {},
}

/** A stream of node:http2 with the contract of `Http2Stream`. */
export class NodeStream implements TransportStream {
  context: unknown = undefined
  handler: StreamHandler = nobody
  readonly #stream: ServerHttp2Stream | ClientHttp2Stream
  readonly #home: NodeStreamHome
  readonly #server: boolean
  #trailers: HeaderList | undefined = undefined
  #ended = false
  #blocked = false
  #closed = false
  #unconsumed = 0
  #allowed: number
  #remoteEnded = false
  #resetHere = -1
  #pausedFor = false

  constructor(
    stream: ServerHttp2Stream | ClientHttp2Stream,
    home: NodeStreamHome,
    server: boolean,
  ) {
    this.#stream = stream
    this.#home = home
    this.#server = server
    this.#allowed = home.streamWindow
    stream.on('error', ignore)
    stream.on('data', (chunk: Buffer) => this.#data(chunk))
    stream.on('end', () => this.#end())
    stream.on('trailers', (headers: IncomingHttpHeaders, _flags: number, raw?: string[]) => {
      this.#trailersHere(fromNodeHeaders(headers, raw))
    })
    stream.on('drain', () => this.#drained())
    stream.on('close', () => this.#close())
    if (!server) {
      stream.on(
        'response',
        (
          headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
          flags: number,
          raw?: string[],
        ) => {
          const end = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
          if (end) this.#remoteEnded = true
          try {
            this.handler.onHeaders(this, fromNodeHeaders(headers, raw), end)
          } catch (error) {
            this.#broken(error)
          }
        },
      )
    }
  }

  get id(): number {
    return this.#stream.id ?? 0
  }

  get closed(): boolean {
    return this.#closed
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength
  }

  get unconsumedBytes(): number {
    return this.#unconsumed
  }

  /** A request without a body: this side is done. */
  requestEnded(): void {
    this.#ended = true
  }

  /** The peer's headers said already that nothing follows. */
  headersEnded(): void {
    this.#remoteEnded = true
  }

  headers(list: HeaderList, end: boolean): void {
    if (!this.#usable()) return
    const stream = this.#stream as ServerHttp2Stream
    checkListSize(list, this.#home.largestList)
    if (end) this.#ended = true
    this.#home.sent(0)
    // Without sendDate node adds a date; its types do not know the option.
    const options = { endStream: end, waitForTrailers: !end, sendDate: false }
    stream.respond(toNodeHeaders(list), options)
    if (end) return
    stream.once('wantTrailers', () => {
      if (this.#trailers === undefined) {
        stream.close()
        return
      }
      try {
        stream.sendTrailers(toNodeHeaders(this.#trailers))
      } catch {
        stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      }
    })
  }

  data(bytes: Uint8Array, end: boolean): boolean {
    if (!this.#usable()) return true
    // The caller may use small buffers again.
    const kept = bytes.length < 16 * 1024 ? Buffer.from(bytes) : bytes
    if (end) {
      this.#ended = true
      this.#stream.end(kept, () => this.#home.sent(kept.length))
      return true
    }
    this.#stream.write(kept, () => this.#home.sent(kept.length))
    if (this.#stream.writableLength <= highWater) return true
    this.#blocked = true
    return false
  }

  trailers(list: HeaderList): void {
    if (!this.#usable()) return
    checkListSize(list, this.#home.largestList)
    this.#trailers = list
    this.#ended = true
    this.#home.sent(0)
    this.#stream.end()
  }

  reset(code: number): void {
    if (this.#closed || this.#resetHere >= 0) return
    this.#resetHere = code
    // What was ended already goes out first; node would otherwise drop it.
    if (code === constants.NGHTTP2_NO_ERROR && this.#server && this.#ended) {
      this.#stream.resume()
      if (this.#stream.writableFinished) this.#stream.close(code)
      else this.#stream.once('finish', () => this.#stream.close(code))
      return
    }
    this.#stream.close(code)
    this.#finish(code, 'local')
  }

  consume(bytes: number): void {
    this.#unconsumed -= bytes
    if (this.#unconsumed < 0) this.#unconsumed = 0
    if (this.#unconsumed === 0) this.#allowed = this.#home.streamWindow
    this.#flow()
  }

  expect(bytes: number): void {
    this.#allowed = Math.max(this.#allowed, this.#unconsumed + bytes)
    this.#flow()
  }

  #usable(): boolean {
    return !this.#closed && !this.#ended && this.#resetHere < 0 && !this.#stream.destroyed
  }

  #flow(): void {
    const pause = this.#unconsumed >= this.#allowed
    if (pause === this.#pausedFor) return
    this.#pausedFor = pause
    if (pause) this.#stream.pause()
    else this.#stream.resume()
  }

  #data(chunk: Buffer): void {
    this.#home.received(chunk.length)
    if (this.#closed) return
    this.#unconsumed += chunk.length
    try {
      this.handler.onData(this, chunk, false)
    } catch (error) {
      this.#broken(error)
    }
    this.#flow()
  }

  #end(): void {
    // A reset looks like an end until the close says its code; a client has no hurry to hear of an end without trailers.
    if (this.#server && !this.#stream.aborted) this.#endedWithoutTrailers()
  }

  #endedWithoutTrailers(): void {
    if (this.#remoteEnded || this.#closed || this.#resetHere >= 0) return
    // A session that is destroyed ends its streams as if the peer had: that is no end of the message.
    if (this.#home.lost || this.#stream.rstCode !== 0) return
    this.#remoteEnded = true
    try {
      this.handler.onData(this, nothing, true)
    } catch (error) {
      this.#broken(error)
    }
  }

  #trailersHere(list: HeaderList): void {
    if (this.#remoteEnded || this.#closed) return
    if (this.#stream.readableLength > 0 || this.#stream.readableFlowing === false) {
      // They overtake data that waits in node's buffer.
      this.#stream.once('end', () => this.#trailersNow(list))
      this.#remoteEnded = true
      return
    }
    this.#remoteEnded = true
    this.#trailersNow(list)
  }

  #trailersNow(list: HeaderList): void {
    if (this.#closed) return
    try {
      this.handler.onTrailers(this, list)
    } catch (error) {
      this.#broken(error)
    }
  }

  #drained(): void {
    if (!this.#blocked || this.#closed) return
    this.#blocked = false
    try {
      this.handler.onWritable(this)
    } catch (error) {
      this.#broken(error)
    }
  }

  #close(): void {
    const code = this.#stream.rstCode ?? 0
    if (!this.#server) this.#endedWithoutTrailers()
    this.#finish(code, this.#howItEnded(code))
  }

  #howItEnded(code: number): StreamEnd {
    if (this.#resetHere >= 0) return 'local'
    if (code === constants.NGHTTP2_REFUSED_STREAM && !this.#server) return 'unprocessed'
    if (!this.#server && this.#home.refusedAbove >= 0 && this.id > this.#home.refusedAbove)
      return 'unprocessed'
    if (this.#remoteEnded && this.#ended) return 'done'
    if (this.#home.lost) return 'lost'
    return 'remote'
  }

  /** As on the native transport: what a handler throws ends its stream, not the process. */
  #broken(error: unknown): void {
    this.#home.failed(error)
    this.reset(constants.NGHTTP2_INTERNAL_ERROR)
  }

  #finish(code: number, how: StreamEnd): void {
    if (this.#closed) return
    this.#closed = true
    this.#home.ended(this)
    try {
      this.handler.onClose(this, code, how)
    } catch (error) {
      this.#home.failed(error)
    }
  }
}

function ignore(): void {
  // Every error of a stream is followed by its close, which says all that counts.
}
