import { NO_ERROR } from '../error-code.ts'
import { http2Errors } from '../errors.ts'
import type { StreamWindow } from '../flow/stream-window.ts'
import type { StreamHandler } from '../handler.ts'
import type { HeaderList } from '../header-list.ts'
import type { Http2Stream } from '../stream.ts'

/** What a stream needs of its connection. */
export interface StreamOwner {
  sendHeaders(stream: StreamState, list: HeaderList, end: boolean): void
  sendData(stream: StreamState, bytes: Uint8Array, end: boolean): boolean
  sendTrailers(stream: StreamState, list: HeaderList): void
  resetStream(stream: StreamState, code: number): void
  consume(stream: StreamState, bytes: number): void
  expect(stream: StreamState, bytes: number): void
}

/** A stream that is open or half closed; idle and closed ones have no object (RFC 9113 5.1). */
export class StreamState implements Http2Stream {
  readonly id: number
  readonly #owner: StreamOwner
  handler: StreamHandler
  context: unknown = undefined
  closed = false

  /** Sending: the final headers are out; the end has been asked for; END_STREAM is written. */
  headersSent = false
  endAsked = false
  localEnded = false
  /** What the peer lets us send; negative after it shrank its initial window. */
  sendWindow: number
  /** Data that waits, oldest first; `queueHead` and `queueOffset` say how far it has been sent. */
  queue: Uint8Array[] = none
  queueHead = 0
  queueOffset = 0
  bufferedBytes = 0
  trailersWaiting: HeaderList | undefined = undefined
  /** `data` returned false and the user waits for `onWritable`. */
  wantsWritable = false
  /** In the ring of streams that have data and a window. */
  ready = false
  nextReady: StreamState | undefined = undefined
  /** Has data and no window of its own. */
  blocked = false
  /** A client's: how much had been written to the output, ever, before its HEADERS. */
  startsAt = 0

  /** Receiving. */
  headersReceived = false
  remoteEnded = false
  readonly window: StreamWindow
  /** Told to the user and not consumed; the window also counts what of a DATA frame is still on its way. */
  unconsumedBytes = 0
  /** Of content-length, -1 without; and what came. */
  expectedLength = -1
  receivedLength = 0
  /** Informational responses so far. */
  informational = 0
  /** A response to it has no content, whatever its content-length says. */
  isHead = false

  constructor(
    owner: StreamOwner,
    id: number,
    handler: StreamHandler,
    sendWindow: number,
    window: StreamWindow,
  ) {
    this.#owner = owner
    this.id = id
    this.handler = handler
    this.sendWindow = sendWindow
    this.window = window
  }

  headers(list: HeaderList, end: boolean): void {
    if (this.closed) return
    if (this.headersSent) this.#wrong('headers', 'they have been sent')
    this.#owner.sendHeaders(this, list, end)
  }

  data(bytes: Uint8Array, end: boolean): boolean {
    if (this.closed) return true
    if (!this.headersSent) this.#wrong('data', 'no headers have been sent')
    if (this.endAsked) this.#wrong('data', 'it has been ended')
    return this.#owner.sendData(this, bytes, end)
  }

  trailers(list: HeaderList): void {
    if (this.closed) return
    if (!this.headersSent) this.#wrong('trailers', 'no headers have been sent')
    if (this.endAsked) this.#wrong('trailers', 'it has been ended')
    this.#owner.sendTrailers(this, list)
  }

  reset(code: number = NO_ERROR): void {
    if (!this.closed) this.#owner.resetStream(this, code)
  }

  consume(bytes: number): void {
    if (bytes < 0 || bytes > this.unconsumedBytes) {
      if (this.closed) return
      this.#wrong('consume', `only ${this.unconsumedBytes} bytes have come, not ${bytes}`)
    }
    this.#owner.consume(this, bytes)
  }

  expect(bytes: number): void {
    if (!this.closed && !this.remoteEnded) this.#owner.expect(this, bytes)
  }

  #wrong(what: string, state: string): never {
    throw http2Errors.error('TM_HTTP2_STATE', { what, id: this.id, state })
  }
}

/** Shared by all streams that never had to wait. */
const none: Uint8Array[] = []
