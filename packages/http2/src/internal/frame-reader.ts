import { FRAME_SIZE_ERROR, PROTOCOL_ERROR } from '../error-code.ts'
import { clientPreface, DATA, frameHeaderBytes, PADDED, readUint32 } from './frame.ts'

/** Who gets the frames. Any of the calls may stop the reader. */
export interface FrameSink {
  /** A whole frame that is not DATA: the payload is `bytes[start..end)`, valid only during the call. */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void
  /** A DATA frame of `length` payload bytes begins, of which `padding` (with its length byte) are not data. */
  dataBegins(flags: number, id: number, length: number, padding: number): void
  /** The next part of that frame's data; `last` with its final byte (padding included), then perhaps without any. */
  dataPart(bytes: Buffer, start: number, end: number, last: boolean): void
  /** The bytes are no frames (any more): an error of the connection. */
  malformed(code: number, reason: string): void
}

/**
 * Cuts a byte stream into frames, whatever the chunks: DATA is passed on as views of the chunk, other frames that span
 * chunks are gathered in a buffer of their announced size, which `maxFrameSize` bounds.
 */
export class FrameReader {
  readonly #sink: FrameSink
  readonly #maxFrameSize: number
  #stopped = false
  /** Bytes of the client's preface that are still to come. */
  #preface: number
  /** Header of the frame that is cut by the chunk's end. */
  readonly #head: Buffer = Buffer.alloc(frameHeaderBytes)
  #headFilled = 0
  /** Payload of a frame that is cut and is not DATA. */
  #gathered: Buffer | undefined = undefined
  #gatheredFilled = 0
  #type = 0
  #flags = 0
  #id = 0
  /** Of a DATA frame that is cut: bytes of data and of padding still to come. */
  #inData = false
  #dataLeft = 0
  #paddingLeft = 0
  /** The frame's length while its pad length byte is in the next chunk. */
  #padPending = -1

  constructor(sink: FrameSink, maxFrameSize: number, expectPreface: boolean) {
    this.#sink = sink
    this.#maxFrameSize = maxFrameSize
    this.#preface = expectPreface ? clientPreface.length : 0
  }

  /** Nothing more is read, of this chunk neither. */
  stop(): void {
    this.#stopped = true
    this.#gathered = undefined
  }

  feed(chunk: Buffer): void {
    const size = chunk.length
    let at = 0
    if (this.#preface > 0) at = this.#readPreface(chunk)
    while (!this.#stopped && at < size) {
      if (this.#inData) {
        at = this.#continueData(chunk, at)
        continue
      }
      if (this.#gathered !== undefined) {
        at = this.#gather(chunk, at)
        continue
      }
      if (this.#headFilled === 0 && size - at >= frameHeaderBytes) {
        at = this.#readFrame(chunk, at, chunk, at + frameHeaderBytes)
        continue
      }
      const take = Math.min(frameHeaderBytes - this.#headFilled, size - at)
      chunk.copy(this.#head, this.#headFilled, at, at + take)
      this.#headFilled += take
      at += take
      if (this.#headFilled < frameHeaderBytes) return
      this.#headFilled = 0
      at = this.#readFrame(this.#head, 0, chunk, at)
    }
  }

  #readPreface(chunk: Buffer): number {
    const done = clientPreface.length - this.#preface
    const take = Math.min(this.#preface, chunk.length)
    if (chunk.compare(clientPreface, done, done + take, 0, take) !== 0) {
      this.#sink.malformed(PROTOCOL_ERROR, 'not the HTTP/2 client preface')
      return chunk.length
    }
    this.#preface -= take
    return take
  }

  /** The header is at `head[headAt]`, the payload begins at `chunk[at]`. Returns how far the chunk has been read. */
  #readFrame(head: Buffer, headAt: number, chunk: Buffer, at: number): number {
    const length =
      ((head[headAt] as number) << 16) |
      ((head[headAt + 1] as number) << 8) |
      (head[headAt + 2] as number)
    const type = head[headAt + 3] as number
    const flags = head[headAt + 4] as number
    const id = readUint32(head, headAt + 5) & 0x7fffffff
    if (length > this.#maxFrameSize) {
      this.#sink.malformed(FRAME_SIZE_ERROR, `a frame of ${length} bytes`)
      return at
    }
    const end = at + length
    if (type === DATA) {
      this.#flags = flags
      this.#id = id
      if ((flags & PADDED) !== 0) {
        this.#inData = true
        this.#padPending = length
        // No byte may follow: a frame without even its pad length must not wait for the next chunk.
        return length === 0 ? this.#padLength(0, at) : at
      }
      this.#sink.dataBegins(flags, id, length, 0)
      if (this.#stopped) return at
      if (end <= chunk.length) {
        this.#sink.dataPart(chunk, at, end, true)
        return end
      }
      this.#inData = true
      this.#dataLeft = length
      this.#paddingLeft = 0
      return at
    }
    if (end <= chunk.length) {
      this.#sink.frame(type, flags, id, chunk, at, end)
      return end
    }
    this.#type = type
    this.#flags = flags
    this.#id = id
    this.#gathered = Buffer.allocUnsafe(length)
    this.#gatheredFilled = 0
    return at
  }

  #gather(chunk: Buffer, at: number): number {
    const gathered = this.#gathered as Buffer
    const take = Math.min(gathered.length - this.#gatheredFilled, chunk.length - at)
    chunk.copy(gathered, this.#gatheredFilled, at, at + take)
    this.#gatheredFilled += take
    if (this.#gatheredFilled === gathered.length) {
      this.#gathered = undefined
      this.#sink.frame(this.#type, this.#flags, this.#id, gathered, 0, gathered.length)
    }
    return at + take
  }

  #padLength(value: number, at: number): number {
    const length = this.#padPending
    this.#padPending = -1
    if (length === 0) {
      this.#sink.malformed(FRAME_SIZE_ERROR, 'a padded frame without a pad length')
      return at
    }
    if (value >= length) {
      this.#sink.malformed(PROTOCOL_ERROR, 'padding as long as the frame')
      return at
    }
    this.#dataLeft = length - 1 - value
    this.#paddingLeft = value
    this.#sink.dataBegins(this.#flags, this.#id, length, value + 1)
    // Without a byte to follow the frame ends here and not in a chunk that may never come.
    if (!this.#stopped && length === 1) this.#dataPart(nothing, 0, 0)
    return at
  }

  #continueData(chunk: Buffer, from: number): number {
    if (this.#padPending >= 0) return this.#padLength(chunk[from] as number, from + 1)
    const take = Math.min(this.#dataLeft, chunk.length - from)
    const end = from + take
    const skip = Math.min(this.#paddingLeft, chunk.length - end)
    this.#dataLeft -= take
    this.#paddingLeft -= skip
    this.#dataPart(chunk, from, end)
    return end + skip
  }

  #dataPart(bytes: Buffer, start: number, end: number): void {
    const last = this.#dataLeft === 0 && this.#paddingLeft === 0
    if (last) this.#inData = false
    if (last || end > start) this.#sink.dataPart(bytes, start, end, last)
  }

  /** Whether the stream of bytes may end here: between two frames. */
  get atBoundary(): boolean {
    return this.#headFilled === 0 && !this.#inData && this.#gathered === undefined
  }
}

const nothing = Buffer.alloc(0)
