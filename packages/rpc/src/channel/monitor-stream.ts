import { status, statusFromHttp } from '../status.ts'
import type { TransportConnection, TransportStream } from '../transport/transport.ts'

/** Hears of a stream that the channel itself keeps on a connection, to learn about the backend behind it. */
export interface MonitorListener {
  /** The next message, which may be kept. What it throws, because the bytes are no message, ends the stream. */
  message(bytes: Uint8Array): void
  /** Last, once, unless it was cancelled; `code` is a gRPC status code. */
  ended(code: number): void
}

export interface MonitorRequest {
  /** `/package.Service/Method` of a server-streaming method. */
  readonly path: string
  /** The one message that is sent. */
  readonly message: Uint8Array
}

/** Reports of backends are small; a larger message ends the stream. */
const maxMessageBytes = 64 * 1024
/** HTTP/2 CANCEL. */
const cancelCode = 8

/** Calls a server-streaming method on that very connection, past queue and balancing policy. */
export function openMonitor(
  connection: TransportConnection,
  name: { readonly authority: string; readonly scheme: string },
  request: MonitorRequest,
  listener: MonitorListener,
): { cancel(): void } {
  const reader = new MonitorReader(listener)
  const stream = connection.request(
    [':method', 'POST', ':scheme', name.scheme, ':path', request.path].concat([
      ':authority',
      name.authority,
      'te',
      'trailers',
      'content-type',
      'application/grpc',
    ]),
    false,
    reader,
  )
  const frame = Buffer.alloc(5 + request.message.length)
  frame.writeUInt32BE(request.message.length, 1)
  frame.set(request.message, 5)
  stream.data(frame, true)
  return {
    cancel() {
      reader.cancelled = true
      stream.reset(cancelCode)
    },
  }
}

class MonitorReader {
  readonly #listener: MonitorListener
  cancelled = false
  #held: Buffer = Buffer.alloc(0)
  #code: number = status.UNAVAILABLE

  constructor(listener: MonitorListener) {
    this.#listener = listener
  }

  onHeaders(_stream: TransportStream, list: readonly string[], end: boolean): void {
    const http = Number(valueOf(list, ':status'))
    if (http < 200) return
    if (end) this.#code = statusOf(list)
    else if (http !== 200) this.#code = statusFromHttp(http)
  }

  onData(stream: TransportStream, chunk: Buffer): void {
    stream.consume(chunk.length)
    if (this.cancelled) return
    this.#held = Buffer.concat([this.#held, chunk])
    while (this.#held.length >= 5) {
      const length = this.#held.readUInt32BE(1)
      // No encoding was offered: a compressed message is as wrong as one that is too large.
      if (this.#held[0] !== 0 || length > maxMessageBytes) {
        this.#code = status.INTERNAL
        stream.reset(cancelCode)
        return
      }
      if (this.#held.length < 5 + length) return
      const message = this.#held.subarray(5, 5 + length)
      this.#held = this.#held.subarray(5 + length)
      try {
        this.#listener.message(message)
      } catch {
        this.#code = status.INTERNAL
        stream.reset(cancelCode)
        return
      }
    }
  }

  onTrailers(_stream: TransportStream, list: readonly string[]): void {
    this.#code = statusOf(list)
  }

  onWritable(): void {}

  onClose(): void {
    if (!this.cancelled) this.#listener.ended(this.#code)
  }
}

function valueOf(list: readonly string[], name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1]
  return undefined
}

function statusOf(list: readonly string[]): number {
  const text = valueOf(list, 'grpc-status')
  return text === undefined || !/^\d{1,3}$/u.test(text) ? status.UNKNOWN : Number(text)
}
