import { TidemillError } from '@tidemill/core'
import {
  cardinality,
  type FieldPlan,
  type MessagePlan,
  representation,
  type Shape,
  valueType,
} from './plan.ts'
import {
  boolOf,
  bytesOf,
  deepest,
  encodeFailure,
  integer,
  isZero,
  long,
  mapKey,
  mapOf,
  number,
  shapeOf,
  textOf,
  tooDeep,
} from './value.ts'
import { jsonToStruct } from './struct.ts'
import { writeText } from './text.ts'

interface UnknownField {
  readonly no: number
  readonly wireType: number
  readonly data: Uint8Array
}

interface OneOf {
  readonly case: string | undefined
  readonly value?: unknown
}

const scratch = new DataView(new ArrayBuffer(8))
const scratchBytes = new Uint8Array(scratch.buffer)
const noBytes = Buffer.alloc(0)
/** Thrown and caught here; made once because a stack trace costs more than the encoding. */
const noRoom = new Error('the target is too small')
/** A tag and a varint or a number of eight bytes. */
const largestScalar = 16
/** Copies of fewer bytes are made in a loop: a call of the runtime costs more than they. */
const shortCopy = 32

/** Bytes of a varint of 32 bits. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

/**
 * Writes messages by their plan in one walk, straight to where they are sent from. There is one per thread, because
 * encoding does not yield; it holds the target only while it writes.
 */
class Encoder {
  #bytes: Buffer = noBytes
  #at = 0
  /** Messages around what is being written; which fields they are in names the place of a failure. */
  #depth = 0
  readonly #path: (FieldPlan | undefined)[] = []

  /** Returns where the message ends, or -1 if the target is too small; what was written then means nothing. */
  write(plan: MessagePlan, message: Shape, target: Buffer, at: number): number {
    this.#bytes = target
    this.#at = at
    this.#depth = 0
    try {
      this.#fields(plan, message)
      return this.#at
    } catch (error) {
      if (error === noRoom) return -1
      throw this.#placed(plan, error)
    } finally {
      this.#bytes = noBytes
    }
  }

  /** A failure within nested messages, named by the way to it from the message that is written. */
  #placed(plan: MessagePlan, error: unknown): unknown {
    if (this.#depth === 0 || !TidemillError.is(error) || error.code !== 'TM_RPC_ENCODE')
      return error
    const way = [...this.#path.slice(1, this.#depth + 1), error.details['field']]
    const names = way.map((field) => String(field).slice(String(field).lastIndexOf('.') + 1))
    const reason = String(error.details['reason'])
    return encodeFailure([plan.typeName, ...names].join('.'), reason)
  }

  #fields(plan: MessagePlan, message: Shape): void {
    const typeName = message['$typeName']
    if (typeName !== undefined && typeName !== plan.typeName) {
      const field = this.#depth === 0 ? undefined : this.#path[this.#depth--]
      throw encodeFailure(field ?? plan.typeName, `this is a ${JSON.stringify(typeName)}`)
    }
    const { fields } = plan
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as FieldPlan
      const value = message[field.property]
      if (value === undefined || value === null) {
        if (field.required) throw encodeFailure(field, 'it is required and not set')
        continue
      }
      switch (field.cardinality) {
        case cardinality.implicit:
          if (!isZero(field, value)) this.#scalar(field, value)
          break
        case cardinality.explicit:
          if (field.own && typeName !== undefined && !Object.hasOwn(message, field.property)) {
            if (field.required) throw encodeFailure(field, 'it is required and not set')
          } else {
            this.#singular(field, value)
          }
          break
        case cardinality.oneof:
          if ((value as OneOf).case === field.name) this.#singular(field, (value as OneOf).value)
          break
        case cardinality.list:
          this.#list(field, value)
          break
        default:
          this.#map(field, mapOf(field, value))
      }
    }
    const unknown = message['$unknown'] as readonly UnknownField[] | undefined
    if (unknown !== undefined && typeName !== undefined) this.#unknown(unknown)
  }

  #singular(field: FieldPlan, value: unknown): void {
    if (field.message === undefined) this.#scalar(field, value)
    else this.#message(field, field.message, value)
  }

  #message(field: FieldPlan, plan: MessagePlan, value: unknown): void {
    this.#tag(field.tag)
    if (field.delimited) {
      this.#content(field, plan, value)
      this.#tag(field.tag + 1)
      return
    }
    const start = this.#at
    const guess = field.lengthBytes
    this.#at = start + guess
    this.#content(field, plan, value)
    this.#length(field, start, guess)
  }

  #content(field: FieldPlan, plan: MessagePlan, value: unknown): void {
    if (field.representation === representation.wrapper) {
      const wrapped = plan.fields[0] as FieldPlan
      if (!isZero(wrapped, value)) this.#scalar(wrapped, value)
      return
    }
    const shape =
      field.representation === representation.struct ? jsonToStruct(value) : shapeOf(field, value)
    if (this.#depth === deepest - 1) throw encodeFailure(field, tooDeep)
    this.#depth++
    this.#path[this.#depth] = field
    this.#fields(plan, shape)
    this.#depth--
  }

  /** Puts the length before what was written since; moves that where the length needs more or fewer bytes. */
  #length(field: FieldPlan, start: number, guess: number): void {
    const length = this.#at - start - guess
    const need = varintBytes(length)
    if (need !== guess) {
      field.lengthBytes = need
      if (this.#at + need - guess > this.#bytes.length) throw noRoom
      this.#bytes.copyWithin(start + need, start + guess, this.#at)
    }
    this.#at = start
    this.#varint32(length)
    this.#at = start + need + length
  }

  #list(field: FieldPlan, value: unknown): void {
    if (!Array.isArray(value)) throw encodeFailure(field, 'it is not an array')
    const list = value as readonly unknown[]
    if (list.length === 0) return
    if (!field.packed) {
      for (let i = 0; i < list.length; i++) this.#singular(field, list[i])
      return
    }
    this.#tag(field.tag)
    const start = this.#at
    const guess = field.lengthBytes
    this.#at = start + guess
    for (let i = 0; i < list.length; i++) this.#value(field, list[i])
    this.#length(field, start, guess)
  }

  #map(field: FieldPlan, map: Shape): void {
    const key = field.key as FieldPlan
    const value = field.value as FieldPlan
    for (const name of Object.keys(map)) {
      this.#tag(field.tag)
      const start = this.#at
      const guess = field.lengthBytes
      this.#at = start + guess
      this.#scalar(key, mapKey(key, name))
      this.#singular(value, map[name])
      this.#length(field, start, guess)
    }
  }

  #unknown(fields: readonly UnknownField[]): void {
    for (const { no, wireType, data } of fields) {
      this.#tag(((no << 3) | wireType) >>> 0)
      this.#raw(data)
    }
  }

  #scalar(field: FieldPlan, value: unknown): void {
    this.#tag(field.tag)
    this.#value(field, value)
  }

  #tag(tag: number): void {
    if (this.#at + largestScalar > this.#bytes.length) this.#exact(varintBytes(tag))
    if (tag < 0x80) this.#bytes[this.#at++] = tag
    else this.#varint32(tag)
  }

  /** Near the end of the target: is there room for that many bytes? */
  #exact(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) throw noRoom
  }

  #value(field: FieldPlan, value: unknown): void {
    const { type } = field
    switch (type) {
      case valueType.string:
        this.#string(field, textOf(field, value))
        return
      case valueType.bytes: {
        const bytes = bytesOf(field, value)
        this.#exact(bytes.length + varintBytes(bytes.length))
        this.#varint32(bytes.length)
        this.#raw(bytes)
        return
      }
      case valueType.int32:
      case valueType.enum: {
        const int = integer(field, value)
        if (int < 0) this.#varint64(int, -1)
        else this.#roomyVarint32(int)
        return
      }
      case valueType.uint32:
        this.#roomyVarint32(integer(field, value))
        return
      case valueType.sint32: {
        const int = integer(field, value)
        this.#roomyVarint32(((int << 1) ^ (int >> 31)) >>> 0)
        return
      }
      case valueType.bool:
        this.#exact(1)
        this.#bytes[this.#at++] = boolOf(field, value) ? 1 : 0
        return
      case valueType.double:
        scratch.setFloat64(0, number(field, value), true)
        this.#fixed(8)
        return
      case valueType.float:
        scratch.setFloat32(0, number(field, value), true)
        this.#fixed(4)
        return
      case valueType.fixed32:
      case valueType.sfixed32:
        scratch.setInt32(0, integer(field, value), true)
        this.#fixed(4)
        return
      default:
        scratch.setBigInt64(0, long(field, value), true)
        this.#long(type)
    }
  }

  /** The 64-bit integer in `scratch`. */
  #long(type: number): void {
    if (type === valueType.fixed64 || type === valueType.sfixed64) {
      this.#fixed(8)
      return
    }
    const low = scratch.getInt32(0, true)
    const high = scratch.getInt32(4, true)
    if (type === valueType.sint64) {
      const sign = high >> 31
      this.#varint64((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign)
    } else {
      this.#varint64(low, high)
    }
  }

  #string(field: FieldPlan, text: string): void {
    const bytes = this.#bytes
    const { length } = text
    const start = this.#at
    const guess = varintBytes(length)
    // A character takes at most three bytes; near the end of the target the exact number decides.
    const most = start + 5 + length * 3
    if (most > bytes.length) {
      const exact = Buffer.byteLength(text)
      this.#exact(exact + varintBytes(exact))
    }
    const end = writeText(bytes, start + guess, text)
    if (end < 0) throw encodeFailure(field, 'it holds half of a surrogate pair, which is no text')
    const written = end - start - guess
    const need = varintBytes(written)
    if (need !== guess) bytes.copyWithin(start + need, start + guess, end)
    this.#varint32(written)
    this.#at = start + need + written
  }

  #raw(data: Uint8Array): void {
    const { length } = data
    this.#exact(length)
    const at = this.#at
    const bytes = this.#bytes
    if (length <= shortCopy) {
      for (let i = 0; i < length; i++) bytes[at + i] = data[i] as number
    } else {
      bytes.set(data, at)
    }
    this.#at = at + length
  }

  #fixed(count: number): void {
    this.#exact(count)
    const at = this.#at
    for (let i = 0; i < count; i++) this.#bytes[at + i] = scratchBytes[i] as number
    this.#at = at + count
  }

  #roomyVarint32(value: number): void {
    if (this.#at + 5 > this.#bytes.length) this.#exact(varintBytes(value))
    this.#varint32(value)
  }

  /** There must be room. */
  #varint32(value: number): void {
    const bytes = this.#bytes
    let at = this.#at
    let left = value
    while (left > 0x7f) {
      bytes[at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    bytes[at++] = left
    this.#at = at
  }

  #varint64(low: number, high: number): void {
    if (this.#at + 10 > this.#bytes.length) this.#exact(varint64Bytes(low, high))
    let lo = low >>> 0
    let hi = high >>> 0
    const bytes = this.#bytes
    let at = this.#at
    while (hi !== 0 || lo > 0x7f) {
      bytes[at++] = (lo & 0x7f) | 0x80
      lo = ((lo >>> 7) | (hi << 25)) >>> 0
      hi >>>= 7
    }
    bytes[at++] = lo
    this.#at = at
  }
}

/** Bytes of a varint of 64 bits, given in halves. */
export function varint64Bytes(low: number, high: number): number {
  let lo = low >>> 0
  let hi = high >>> 0
  let count = 1
  while (hi !== 0 || lo > 0x7f) {
    lo = ((lo >>> 7) | (hi << 25)) >>> 0
    hi >>>= 7
    count++
  }
  return count
}

export const encoder: Encoder = new Encoder()
