import { coreErrors } from '../errors.ts'
import { unzigzag32, unzigzag64 } from './varint.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const deepestGroup = 32

/**
 * Reads a protobuf message field by field: `next` moves to a field, then exactly one of the value
 * methods or `skip` reads it. Every length is checked against the message before it is used; anything
 * malformed throws TM_CORE_WIRE with the offset. Packed fields: {@link packed}.
 *
 * @example
 * while (reader.next()) {
 *   if (reader.field === 1) id = reader.uint32()
 *   else reader.skip()
 * }
 */
export class ProtoReader {
  /** Number of the field that `next` found. */
  field = 0
  /** Its wire type: 0 varint, 1 eight bytes, 2 length and bytes, 3 and 4 group, 5 four bytes. */
  wireType = 0
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  // The halves of the varint read last; two numbers, because a bigint is allocated.
  #low = 0
  #high = 0

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Where the reader stands in the bytes it was given. */
  get offset(): number {
    return this.#at
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const start = this.#at
    this.#varint()
    this.field = this.#low >>> 3
    this.wireType = this.#low & 7
    if (this.#high !== 0 || this.field === 0) this.#fail('not a field number', start)
    if (this.wireType > 5) this.#fail(`wire type ${this.wireType} does not exist`, start)
    return true
  }

  uint32(): number {
    this.#expect(0)
    this.#varint()
    return this.#low
  }

  int32(): number {
    return this.uint32() | 0
  }

  sint32(): number {
    return unzigzag32(this.uint32())
  }

  bool(): boolean {
    this.#expect(0)
    this.#varint()
    return this.#low !== 0 || this.#high !== 0
  }

  uint64(): bigint {
    this.#expect(0)
    this.#varint()
    return (BigInt(this.#high) << 32n) | BigInt(this.#low)
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64())
  }

  sint64(): bigint {
    return unzigzag64(this.uint64())
  }

  /** An int64 or uint64 as a number; refused beyond +-(2^53 - 1). */
  safeInteger(): number {
    this.#expect(0)
    const start = this.#at
    this.#varint()
    const value = (this.#high | 0) * 4_294_967_296 + this.#low
    if (!Number.isSafeInteger(value)) this.#fail('an integer beyond 2^53 - 1', start)
    return value
  }

  fixed32(): number {
    return this.#fixed(5, 4).getUint32(0, true)
  }

  fixed64(): bigint {
    return this.#fixed(1, 8).getBigUint64(0, true)
  }

  float(): number {
    return this.#fixed(5, 4).getFloat32(0, true)
  }

  double(): number {
    return this.#fixed(1, 8).getFloat64(0, true)
  }

  /** The bytes of the field, not copied. */
  bytes(): Uint8Array {
    const end = this.#length()
    const value = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return value
  }

  /** Refuses what is not UTF-8, as proto3 has it. */
  string(): string {
    const start = this.#at
    const value = this.bytes()
    try {
      return decoder.decode(value)
    } catch {
      return this.#fail('a string that is not UTF-8', start)
    }
  }

  /** A reader of the nested message; this one moves on behind it. */
  message(): ProtoReader {
    const end = this.#length()
    const nested = new ProtoReader(this.#bytes, this.#at, end)
    this.#at = end
    return nested
  }

  /** A repeated scalar, packed or not: calls `read` with a reader that stands on each element. */
  packed(wireType: 0 | 1 | 5, read: (reader: ProtoReader) => void): void {
    if (this.wireType === wireType) {
      read(this)
      return
    }
    const nested = this.message()
    nested.field = this.field
    nested.wireType = wireType
    while (nested.#at < nested.#end) {
      const before = nested.#at
      read(nested)
      if (nested.#at === before) this.#fail('a packed element was not read', before)
    }
  }

  /** Passes over the field, whatever it holds. */
  skip(): void {
    this.#skip(0)
  }

  #skip(depth: number): void {
    const start = this.#at
    switch (this.wireType) {
      case 0:
        this.#varint()
        break
      case 1:
        this.#advance(8)
        break
      case 2:
        this.#at = this.#length()
        break
      case 3:
        if (depth >= deepestGroup) this.#fail('groups are nested too deep', start)
        this.#skipGroup(this.field, depth + 1)
        break
      case 5:
        this.#advance(4)
        break
      default:
        this.#fail('a group ends that did not begin', start)
    }
  }

  #skipGroup(field: number, depth: number): void {
    const start = this.#at
    while (this.next()) {
      if (this.wireType !== 4) this.#skip(depth)
      else if (this.field === field) return
      else this.#fail('a group ends that did not begin', start)
    }
    this.#fail('a group does not end', start)
  }

  #expect(wireType: number): void {
    if (this.wireType === wireType) return
    this.#fail(`field ${this.field} has wire type ${this.wireType}, not ${wireType}`, this.#at)
  }

  #fixed(wireType: number, size: number): DataView {
    this.#expect(wireType)
    const start = this.#at
    this.#advance(size)
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, size)
  }

  #advance(count: number): void {
    if (count > this.#end - this.#at) this.#fail('the message ends inside a field', this.#at)
    this.#at += count
  }

  /** Reads a length and gives the offset where it ends. */
  #length(): number {
    this.#expect(2)
    const start = this.#at
    this.#varint()
    if (this.#high !== 0 || this.#low > this.#end - this.#at) {
      this.#fail('a length reaches beyond the message', start)
    }
    return this.#at + this.#low
  }

  #varint(): void {
    const start = this.#at
    this.#low = 0
    this.#high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) this.#fail('the message ends inside a varint', start)
      const byte = this.#bytes[this.#at++] as number
      const bits = byte & 0x7f
      if (shift < 28) this.#low |= bits << shift
      else if (shift === 28) {
        this.#low |= bits << 28
        this.#high = bits >>> 4
      } else this.#high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.#low >>>= 0
        this.#high >>>= 0
        return
      }
    }
    this.#fail('a varint of more than ten bytes', start)
  }

  #fail(reason: string, offset: number): never {
    throw coreErrors.error('TM_CORE_WIRE', { offset, reason })
  }
}
