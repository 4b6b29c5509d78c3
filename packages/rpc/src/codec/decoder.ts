import { protoErrors } from '../proto/errors.ts'
import {
  cardinality,
  type FieldPlan,
  type MessagePlan,
  representation,
  type Shape,
  valueType,
  wire,
} from './plan.ts'
import { jsonToStruct, setOwn, structToJson } from './struct.ts'
import { readKey, readText } from './text.ts'
import { deepest, tooDeep } from './value.ts'

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
/** Copies of fewer bytes are made in a loop: a call of the runtime costs more than they. */
const shortCopy = 64

/**
 * Reads messages by their plan. There is one per thread, because decoding does not yield; it holds the bytes only
 * while it decodes.
 *
 * Stricter than protobuf-es where that reads what other implementations refuse or keep aside: a field must not
 * reach beyond the message that holds it, and a field with another wire type than its own is an unknown field
 * (https://protobuf.dev/programming-guides/encoding/).
 */
class Decoder {
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  /** Halves of the varint read last, 32 bits each. */
  #low = 0
  #high = 0
  #share = false
  #type = ''
  #start = 0

  decode(plan: MessagePlan, bytes: Buffer, start: number, end: number, share: boolean): Shape {
    this.#bytes = bytes
    this.#at = start
    this.#share = share
    this.#type = plan.typeName
    this.#start = start
    try {
      const message = plan.zero()
      this.#fields(plan, message, end, 1, 0)
      return message
    } finally {
      this.#bytes = empty
    }
  }

  /** Reads fields up to `end`; of a group (its number, else 0) up to the end of the group. */
  #fields(plan: MessagePlan, message: Shape, end: number, depth: number, group: number): void {
    if (depth > deepest) this.#fail(tooDeep)
    const bytes = this.#bytes
    while (this.#at < end) {
      const start = this.#at
      let tag = bytes[this.#at++] as number
      if (tag > 0x7f) tag = this.#longTag(end)
      const number = tag >>> 3
      const wireType = tag & 7
      if (wireType === wire.groupEnd && number === group && group !== 0) return
      const field = plan.field(number)
      if (field === undefined) {
        this.#unknown(message, start, number, wireType, end, depth)
      } else if (field.wireType === wireType) {
        // The most frequent kind, without a call.
        if (field.cardinality === cardinality.implicit) {
          message[field.property] = this.#value(field, end)
        } else this.#field(field, message, end, depth)
      } else if (wireType === wire.length && field.cardinality === cardinality.list) {
        this.#packed(field, message, start, end, depth)
      } else {
        this.#unknown(message, start, number, wireType, end, depth)
      }
    }
    if (group !== 0) this.#fail('a group does not end')
  }

  #field(field: FieldPlan, message: Shape, end: number, depth: number): void {
    switch (field.cardinality) {
      case cardinality.list:
        if (field.message === undefined) this.#item(field, message, end)
        else {
          const item = this.#message(field, field.message, undefined, end, depth)
          ;(message[field.property] as unknown[]).push(item)
        }
        return
      case cardinality.map:
        this.#entry(field, message, end, depth)
        return
      default:
        this.#present(field, message, end, depth)
    }
  }

  /** A field that is there or not, alone or in a oneof. */
  #present(field: FieldPlan, message: Shape, end: number, depth: number): void {
    const { property, name } = field
    const inOneof = field.cardinality === cardinality.oneof
    let value: unknown
    if (field.message !== undefined) {
      let before: unknown
      if (!inOneof) before = message[property]
      else if ((message[property] as OneOf).case === name) {
        before = (message[property] as OneOf).value
      }
      value = this.#message(field, field.message, before, end, depth)
    } else {
      const start = this.#at
      value = this.#value(field, end)
      if (field.closed?.has(value as number) === false) {
        this.#aside(field, message, start)
        return
      }
    }
    message[property] = inOneof ? { case: name, value } : value
  }

  /** A number that a closed enum does not have is kept as if the field were not known. */
  #aside(field: FieldPlan, message: Shape, start: number): void {
    const data = this.#copy(start, this.#at)
    this.#keep(message, { no: field.number, wireType: wire.varint, data })
  }

  /** A scalar or an enum of a list. */
  #item(field: FieldPlan, message: Shape, end: number): void {
    const start = this.#at
    const value = this.#value(field, end)
    if (field.closed?.has(value as number) === false) this.#aside(field, message, start)
    else (message[field.property] as unknown[]).push(value)
  }

  /** A message into the one that was there before, which it is merged with. */
  #message(
    field: FieldPlan,
    plan: MessagePlan,
    before: unknown,
    end: number,
    depth: number,
  ): unknown {
    const { representation: kind } = field
    if (kind === representation.wrapper && !field.delimited) {
      return this.#wrapped(plan.fields[0] as FieldPlan, before, this.#length(end), depth + 1)
    }
    let child: Shape
    if (kind === representation.message) {
      child = before === undefined ? plan.zero() : (before as Shape)
    } else if (kind === representation.struct) {
      child = before === undefined ? plan.zero() : jsonToStruct(before)
    } else {
      child = plan.zero()
      if (before !== undefined) child['value'] = before
    }
    if (field.delimited) this.#fields(plan, child, end, depth + 1, field.number)
    else this.#fields(plan, child, this.#length(end), depth + 1, 0)
    if (kind === representation.message) return child
    return kind === representation.struct ? structToJson(child) : child['value']
  }

  /** The value of google.protobuf.Int32Value and its like, without the message around it. */
  #wrapped(value: FieldPlan, before: unknown, end: number, depth: number): unknown {
    if (depth > deepest) this.#fail(tooDeep)
    let found = before
    while (this.#at < end) {
      const start = this.#at
      const tag = this.#tag(end)
      if (tag === value.tag) found = this.#value(value, end)
      else this.#skip(start, tag >>> 3, tag & 7, end, depth)
    }
    return found === undefined ? zeroOf(value) : found
  }

  #packed(field: FieldPlan, message: Shape, start: number, end: number, depth: number): void {
    if (field.wireType === wire.length || field.wireType === wire.group) {
      this.#unknown(message, start, field.number, wire.length, end, depth)
      return
    }
    const until = this.#length(end)
    while (this.#at < until) this.#item(field, message, until)
  }

  #entry(field: FieldPlan, message: Shape, end: number, depth: number): void {
    const keyPlan = field.key as FieldPlan
    const valuePlan = field.value as FieldPlan
    const entry = this.#at
    const until = this.#length(end)
    let key: unknown
    let value: unknown
    while (this.#at < until) {
      const start = this.#at
      const tag = this.#tag(until)
      if (tag === keyPlan.tag) key = this.#key(keyPlan, until)
      else if (tag !== valuePlan.tag) this.#skip(start, tag >>> 3, tag & 7, until, depth)
      else if (valuePlan.message === undefined) value = this.#value(valuePlan, until)
      else value = this.#message(valuePlan, valuePlan.message, value, until, depth)
    }
    key ??= zeroOf(keyPlan)
    value ??= zeroOf(valuePlan)
    if (valuePlan.closed?.has(value as number) === false) {
      const data = this.#copy(entry, until)
      this.#keep(message, { no: field.number, wireType: wire.length, data })
      return
    }
    setOwn(message[field.property] as Shape, String(key), value)
  }

  #key(field: FieldPlan, end: number): unknown {
    if (field.type !== valueType.string) return this.#value(field, end)
    const until = this.#length(end)
    const key = readKey(this.#bytes, this.#at, until, field.checkUtf8)
    if (key === undefined) return this.#fail(`${String(field)} is not UTF-8`)
    this.#at = until
    return key
  }

  /** A scalar or an enum. */
  #value(field: FieldPlan, end: number): unknown {
    switch (field.type) {
      case valueType.int32:
      case valueType.enum:
        return this.#varint32(end) | 0
      case valueType.uint32:
        return this.#varint32(end) >>> 0
      case valueType.sint32: {
        const value = this.#varint32(end) >>> 0
        return (value >>> 1) ^ -(value & 1)
      }
      case valueType.bool:
        return this.#bool(end)
      case valueType.string:
        return this.#string(field, end)
      case valueType.bytes: {
        const until = this.#length(end)
        const start = this.#at
        this.#at = until
        return this.#copy(start, until)
      }
      case valueType.double:
        this.#fixed(8, end)
        return scratch.getFloat64(0, true)
      case valueType.float:
        this.#fixed(4, end)
        return scratch.getFloat32(0, true)
      case valueType.fixed32:
        this.#fixed(4, end)
        return scratch.getUint32(0, true)
      case valueType.sfixed32:
        this.#fixed(4, end)
        return scratch.getInt32(0, true)
      default: {
        const value = this.#long(field.type, end)
        return field.longAsString ? String(value) : value
      }
    }
  }

  #long(type: number, end: number): bigint {
    if (type === valueType.fixed64 || type === valueType.sfixed64) {
      this.#fixed(8, end)
    } else {
      this.#varint64(end)
      let low = this.#low
      let high = this.#high
      if (type === valueType.sint64) {
        const sign = -(low & 1)
        low = ((low >>> 1) | (high << 31)) ^ sign
        high = (high >>> 1) ^ sign
      }
      scratch.setInt32(0, low, true)
      scratch.setInt32(4, high, true)
    }
    return type === valueType.uint64 || type === valueType.fixed64
      ? scratch.getBigUint64(0, true)
      : scratch.getBigInt64(0, true)
  }

  #bool(end: number): boolean {
    const byte = this.#bytes[this.#at] as number
    if (byte < 0x80 && this.#at < end) {
      this.#at++
      return byte !== 0
    }
    this.#varint64(end)
    return this.#low !== 0 || this.#high !== 0
  }

  #string(field: FieldPlan, end: number): string {
    const until = this.#length(end)
    const text = readText(this.#bytes, this.#at, until, field.checkUtf8)
    if (text === undefined) return this.#fail(`${String(field)} is not UTF-8`)
    this.#at = until
    return text
  }

  /** The next `count` bytes, in `scratch`. */
  #fixed(count: number, end: number): void {
    if (end - this.#at < count) this.#fail('the message ends inside a field')
    for (let i = 0; i < count; i++) scratchBytes[i] = this.#bytes[this.#at + i] as number
    this.#at += count
  }

  /** Low 32 bits of a varint. */
  #varint32(end: number): number {
    const at = this.#at
    if (at < end) {
      const byte = this.#bytes[at] as number
      if (byte < 0x80) {
        this.#at = at + 1
        return byte
      }
      const next = this.#bytes[at + 1] as number
      if (next < 0x80 && at + 1 < end) {
        this.#at = at + 2
        return (byte & 0x7f) | (next << 7)
      }
    }
    this.#varint64(end)
    return this.#low
  }

  #varint64(end: number): void {
    const bytes = this.#bytes
    let at = this.#at
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) this.#fail('the message ends inside a varint')
      const byte = bytes[at++] as number
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.#at = at
        this.#low = low
        this.#high = high
        return
      }
    }
    this.#fail('a varint has more than ten bytes')
  }

  /** Reads a length and returns where it ends. */
  #length(end: number): number {
    const byte = this.#bytes[this.#at] as number
    let length = byte
    if (byte < 0x80 && this.#at < end) {
      this.#at++
    } else {
      this.#varint64(end)
      length = this.#high === 0 ? this.#low >>> 0 : Infinity
    }
    if (length > end - this.#at) this.#fail('a length reaches beyond the message')
    return this.#at + length
  }

  #tag(end: number): number {
    const byte = this.#bytes[this.#at] as number
    this.#at++
    return byte > 0x7f ? this.#longTag(end) : byte
  }

  /** A tag of more than one byte, the first of which was read. */
  #longTag(end: number): number {
    this.#at--
    const start = this.#at
    this.#varint64(end)
    if (this.#high !== 0 || this.#at - start > 5) this.#fail('a field number beyond 2^29 - 1')
    return this.#low >>> 0
  }

  #unknown(
    message: Shape,
    start: number,
    number: number,
    wireType: number,
    end: number,
    depth: number,
  ): void {
    const from = this.#at
    this.#skip(start, number, wireType, end, depth)
    this.#keep(message, { no: number, wireType, data: this.#copy(from, this.#at) })
  }

  #keep(message: Shape, field: UnknownField): void {
    const before = message['$unknown'] as UnknownField[] | undefined
    if (before === undefined) message['$unknown'] = [field]
    else before.push(field)
  }

  /** Moves behind the content of a field. */
  #skip(start: number, number: number, wireType: number, end: number, depth: number): void {
    if (number === 0) this.#fail('a field has the number 0', start)
    switch (wireType) {
      case wire.varint:
        this.#varint64(end)
        return
      case wire.bit64:
        this.#fixed(8, end)
        return
      case wire.bit32:
        this.#fixed(4, end)
        return
      case wire.length:
        this.#at = this.#length(end)
        return
      case wire.group:
        this.#skipGroup(number, end, depth + 1)
        return
      case wire.groupEnd:
        return this.#fail('a group ends that did not begin', start)
      default:
        return this.#fail(`wire type ${wireType} does not exist`, start)
    }
  }

  #skipGroup(group: number, end: number, depth: number): void {
    if (depth > deepest) this.#fail(tooDeep)
    while (this.#at < end) {
      const start = this.#at
      const tag = this.#tag(end)
      if (tag === ((group << 3) | wire.groupEnd) >>> 0) return
      this.#skip(start, tag >>> 3, tag & 7, end, depth)
    }
    this.#fail('a group does not end')
  }

  #copy(start: number, end: number): Uint8Array {
    const bytes = this.#bytes
    const count = end - start
    if (this.#share) return new Uint8Array(bytes.buffer, bytes.byteOffset + start, count)
    const copy = new Uint8Array(count)
    if (count <= shortCopy) {
      for (let i = 0; i < count; i++) copy[i] = bytes[start + i] as number
    } else {
      copy.set(bytes.subarray(start, end))
    }
    return copy
  }

  #fail(reason: string, offset: number = this.#at): never {
    throw protoErrors.error('TM_RPC_DECODE', {
      type: this.#type,
      reason,
      offset: offset - this.#start,
    })
  }
}

function zeroOf(field: FieldPlan): unknown {
  switch (field.type) {
    case valueType.message: {
      const zero = (field.message as MessagePlan).zero()
      return field.representation === representation.struct ? structToJson(zero) : zero
    }
    case valueType.string:
      return ''
    case valueType.bytes:
      return new Uint8Array(0)
    case valueType.bool:
      return false
    case valueType.enum:
      return field.enumZero
    case valueType.int64:
    case valueType.uint64:
    case valueType.fixed64:
    case valueType.sfixed64:
    case valueType.sint64:
      return 0n
    default:
      return 0
  }
}

const empty = Buffer.alloc(0)

export const decoder: Decoder = new Decoder()
