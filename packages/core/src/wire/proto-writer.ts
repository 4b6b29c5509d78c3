import { varint32Length, writeVarint32, writeVarint64, zigzag32, zigzag64 } from './varint.ts'

const encoder = new TextEncoder()

/**
 * Writes the fields of a protobuf message in the order of the calls, into one buffer that grows by
 * doubling and is used again after `reset`. Writes defaults too: leaving them out is the caller's rule.
 */
export class ProtoWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #at = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Bytes written since the last reset. */
  get length(): number {
    return this.#at
  }

  reset(): this {
    this.#at = 0
    return this
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at)
  }

  /** What was written, not copied: valid until the next write or reset. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at)
  }

  uint32(field: number, value: number): this {
    this.#tag(field, 0)
    this.#at = writeVarint32(this.#bytes, this.#at, value)
    return this
  }

  /** A negative one takes ten bytes, as the format has it. */
  int32(field: number, value: number): this {
    this.#tag(field, 0)
    this.#at = writeVarint64(this.#bytes, this.#at, value, value < 0 ? -1 : 0)
    return this
  }

  sint32(field: number, value: number): this {
    return this.uint32(field, zigzag32(value))
  }

  bool(field: number, value: boolean): this {
    return this.uint32(field, value ? 1 : 0)
  }

  /** uint64 and int64: the two's complement of a bigint, or a safe integer. */
  int64(field: number, value: bigint | number): this {
    this.#tag(field, 0)
    if (typeof value === 'number') {
      const high = Math.floor(value / 4_294_967_296)
      this.#at = writeVarint64(this.#bytes, this.#at, value - high * 4_294_967_296, high)
    } else {
      const low = Number(BigInt.asUintN(32, value))
      const high = Number(BigInt.asUintN(32, value >> 32n))
      this.#at = writeVarint64(this.#bytes, this.#at, low, high)
    }
    return this
  }

  sint64(field: number, value: bigint): this {
    return this.int64(field, zigzag64(value))
  }

  fixed32(field: number, value: number): this {
    this.#tag(field, 5)
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
    return this
  }

  fixed64(field: number, value: bigint): this {
    this.#tag(field, 1)
    this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value), true)
    this.#at += 8
    return this
  }

  float(field: number, value: number): this {
    this.#tag(field, 5)
    this.#view.setFloat32(this.#at, value, true)
    this.#at += 4
    return this
  }

  double(field: number, value: number): this {
    this.#tag(field, 1)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2)
    this.#at = writeVarint32(this.#bytes, this.#at, value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** A lone surrogate becomes U+FFFD, as everywhere in UTF-8. */
  string(field: number, value: string): this {
    this.#tag(field, 2)
    const start = this.#at
    // Written behind the shortest possible length, then moved if the length needs more bytes.
    this.#reserve(value.length * 3 + 5)
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(start + 1))
    this.#prefix(start, written)
    return this
  }

  /** A nested message: what `write` writes becomes its content. */
  message(field: number, write: (writer: this) => void): this {
    this.#tag(field, 2)
    const start = this.#at
    this.#at = start + 1
    write(this)
    this.#reserve(4)
    this.#prefix(start, this.#at - start - 1)
    return this
  }

  #prefix(start: number, length: number): void {
    const size = varint32Length(length)
    if (size > 1) this.#bytes.copyWithin(start + size, start + 1, start + 1 + length)
    writeVarint32(this.#bytes, start, length)
    this.#at = start + size + length
  }

  /** The tag, and room for it, a varint or a fixed value, and a length. */
  #tag(field: number, wireType: number): void {
    this.#reserve(20)
    this.#at = writeVarint32(this.#bytes, this.#at, (field << 3) | wireType)
  }

  #reserve(count: number): void {
    const needed = this.#at + count
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}
