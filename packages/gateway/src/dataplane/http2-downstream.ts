import { INTERNAL_ERROR, NO_ERROR, type Http2Stream } from '@tidemill/http2'
import type { ClientRequest } from './client-request.ts'
import type { Downstream } from './downstream.ts'
import type { Exchange } from './exchange.ts'
import { fieldValue } from './field-list.ts'
import type { PlaneContext } from './plane-context.ts'

/** Of a request body that nobody wants any more, this much is read before the stream is reset. */
const discardedBytes = 64 * 1024

const none: readonly string[] = []
const empty = Buffer.alloc(0)

const statusTexts: readonly string[] = Array.from({ length: 600 }, (_, status) => String(status))

/** The client's side of one HTTP/2 stream. */
export class Http2Downstream implements Downstream {
  exchange: Exchange | undefined = undefined
  requestDone: boolean
  readonly #plane: PlaneContext
  readonly #stream: Http2Stream
  readonly #request: ClientRequest
  #paused = false
  /** Our side has ended; what the client still sends is thrown away. */
  #ended = false
  #discarded = 0

  constructor(
    plane: PlaneContext,
    stream: Http2Stream,
    request: ClientRequest,
    requestDone: boolean,
  ) {
    this.#plane = plane
    this.#stream = stream
    this.#request = request
    this.requestDone = requestDone
  }

  writeHead(status: number, headers: readonly string[], length: number): void {
    const bodiless = status === 204 || status === 304 || this.#request.method === 'HEAD'
    const list = [':status', statusTexts[status] as string]
    for (let i = 0; i < headers.length; i++) list.push(headers[i] as string)
    if (!bodiless && length >= 0) list.push('content-length', String(length))
    if (fieldValue(headers, 'date') === undefined) list.push('date', this.#plane.date())
    const end = bodiless || length === 0
    this.#stream.headers(list, end)
    if (end) this.#finish()
  }

  write(part: Uint8Array): boolean {
    return this.#ended || this.#stream.data(part, false)
  }

  end(trailers: readonly string[] = none): void {
    if (this.#ended) return
    if (trailers.length > 0) this.#stream.trailers(trailers)
    else this.#stream.data(empty, true)
    this.#finish()
  }

  respond(status: number, headers: readonly string[], body: string = ''): void {
    const bytes = body === '' ? empty : Buffer.from(body)
    this.writeHead(status, headers, bytes.length)
    if (this.#ended) return
    this.#stream.data(bytes, true)
    this.#finish()
  }

  informational(status: number, headers: readonly string[] = none): boolean {
    this.#stream.headers([':status', statusTexts[status] as string, ...headers], false)
    return true
  }

  tunnel(headers: readonly string[]): void {
    const list = [':status', '200', ...headers]
    if (fieldValue(headers, 'date') === undefined) list.push('date', this.#plane.date())
    this.#stream.headers(list, false)
  }

  probe(): void {
    // The end of a side is that of its requests alone; a client that is gone resets its streams.
  }

  closeAfter(): void {
    // The connection carries other streams.
  }

  pauseBody(): void {
    this.#paused = true
  }

  resumeBody(): void {
    this.#paused = false
    const { unconsumedBytes } = this.#stream
    if (unconsumedBytes > 0) this.#stream.consume(unconsumedBytes)
  }

  abort(): void {
    this.#stream.reset(INTERNAL_ERROR)
  }

  // What the stream says

  onData(chunk: Buffer, end: boolean): void {
    if (end) this.requestDone = true
    if (this.#ended) this.#discard(chunk.length)
    else {
      if (chunk.length > 0) this.exchange?.onRequestBody(chunk)
      // Credit goes back as the upstream takes the bytes.
      if (!this.#paused) this.#stream.consume(chunk.length)
    }
    if (end) this.exchange?.onRequestEnd(none)
  }

  onTrailers(list: readonly string[]): void {
    this.requestDone = true
    this.exchange?.onRequestEnd(list)
  }

  /** RFC 9113 8.1: a client that is answered need not send the rest; NO_ERROR tells it so. */
  #finish(): void {
    this.#ended = true
    if (this.requestDone) return
    const { bodyLength } = this.#request
    const left = bodyLength < 0 ? bodyLength : bodyLength - (this.exchange?.bytesIn ?? 0)
    if (left > discardedBytes && this.#stream.bufferedBytes === 0) this.#stream.reset(NO_ERROR)
    else if (this.#paused) this.resumeBody()
  }

  #discard(bytes: number): void {
    this.#discarded += bytes
    this.#stream.consume(bytes)
    if (!this.requestDone && this.#discarded > discardedBytes && this.#stream.bufferedBytes === 0) {
      this.#stream.reset(NO_ERROR)
    }
  }
}
