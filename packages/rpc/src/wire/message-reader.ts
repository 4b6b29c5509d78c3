/** Verdicts of a {@link MessageReader}: not a message, and why the call cannot go on. */
export const tooLarge = 1
export const badFlag = 2

/** Who gets the messages; `buffer` is valid only during the call. */
export interface MessageSink {
  onMessage(buffer: Buffer, start: number, end: number, compressed: boolean): void
}

const headerBytes = 5

/**
 * Cuts messages out of DATA (gRPC length-prefixed messages), incrementally. The length is judged before anything of the
 * message is kept; memory for a message grows with what has arrived, not with what was announced. A message that lies
 * whole in one chunk is handed on without a copy.
 */
export class MessageReader {
  readonly #limit: number
  /** Header bytes and the start of a message that continues in the next chunk. */
  #partial: Buffer | undefined = undefined
  #filled = 0
  /** Bytes that the message in `#partial` has in all, with its header; 0 while the header is not whole. */
  #wanted = 0
  /** Length that was refused, for the message of the error. */
  refused = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes still to come of the message that is not whole; 0 between messages. */
  get missing(): number {
    return this.#wanted === 0 ? 0 : this.#wanted - this.#filled
  }

  /** Whether the stream may end here: not inside a message. */
  get atBoundary(): boolean {
    return this.#filled === 0
  }

  /** Hands on every message that is whole now. Gives 0, or the verdict; after one no more may be fed. */
  feed(chunk: Buffer, sink: MessageSink): number {
    let at = 0
    if (this.#filled > 0) {
      at = this.#resume(chunk, sink)
      if (at < 0) return -at
    }
    const end = chunk.length
    while (end - at >= headerBytes) {
      const flag = chunk[at] as number
      const length = readLength(chunk, at + 1)
      const verdict = this.#judge(flag, length)
      if (verdict !== 0) return verdict
      const next = at + headerBytes + length
      if (next > end) break
      sink.onMessage(chunk, at + headerBytes, next, flag === 1)
      at = next
    }
    if (at < end) this.#keep(chunk, at, end)
    return 0
  }

  #judge(flag: number, length: number): number {
    if (flag > 1) return badFlag
    if (length <= this.#limit) return 0
    this.refused = length
    return tooLarge
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const have = end - start
    this.#wanted = have >= headerBytes ? headerBytes + readLength(chunk, start + 1) : 0
    this.#partial = Buffer.allocUnsafe(Math.max(64, Math.min(this.#wanted, have * 2)))
    chunk.copy(this.#partial, 0, start, end)
    this.#filled = have
  }

  /** Goes on with the message begun before; returns where the chunk goes on, or minus the verdict. */
  #resume(chunk: Buffer, sink: MessageSink): number {
    let at = 0
    let partial = this.#partial as Buffer
    if (this.#wanted === 0) {
      at = Math.min(headerBytes - this.#filled, chunk.length)
      chunk.copy(partial, this.#filled, 0, at)
      this.#filled += at
      if (this.#filled < headerBytes) return at
      const verdict = this.#judge(partial[0] as number, readLength(partial, 1))
      if (verdict !== 0) return -verdict
      this.#wanted = headerBytes + readLength(partial, 1)
    }
    const take = Math.min(this.#wanted - this.#filled, chunk.length - at)
    partial = this.#room(take)
    chunk.copy(partial, this.#filled, at, at + take)
    this.#filled += take
    if (this.#filled === this.#wanted) {
      const whole = this.#wanted
      this.#filled = 0
      this.#wanted = 0
      this.#partial = undefined
      sink.onMessage(partial, headerBytes, whole, partial[0] === 1)
    }
    return at + take
  }

  #room(more: number): Buffer {
    const partial = this.#partial as Buffer
    const needed = this.#filled + more
    if (partial.length >= needed) return partial
    const grown = Buffer.allocUnsafe(Math.min(this.#wanted, Math.max(needed, partial.length * 2)))
    partial.copy(grown, 0, 0, this.#filled)
    this.#partial = grown
    return grown
  }
}

function readLength(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}
