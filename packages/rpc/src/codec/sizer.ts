import { varint64Bytes, varintBytes } from './encoder.ts'
import {
  cardinality,
  type FieldPlan,
  type MessagePlan,
  representation,
  type Shape,
  valueType,
} from './plan.ts'
import { jsonToStruct } from './struct.ts'
import { textBytes } from './text.ts'
import {
  bytesOf,
  deepest,
  encodeFailure,
  integer,
  isZero,
  long,
  mapKey,
  mapOf,
  shapeOf,
  textOf,
  tooDeep,
} from './value.ts'

interface OneOf {
  readonly case: string | undefined
  readonly value?: unknown
}

const scratch = new DataView(new ArrayBuffer(8))

/** Exact bytes of a message as {@link encoder} writes it; throws where that would. */
export function sizeOf(plan: MessagePlan, message: Shape, depth = 1): number {
  if (depth > deepest) throw encodeFailure(plan.typeName, tooDeep)
  const typeName = message['$typeName']
  let size = 0
  for (const field of plan.fields) {
    const value = message[field.property]
    if (value === undefined || value === null) continue
    switch (field.cardinality) {
      case cardinality.implicit:
        if (!isZero(field, value)) size += singularSize(field, value, depth)
        break
      case cardinality.explicit:
        if (!field.own || typeName === undefined || Object.hasOwn(message, field.property)) {
          size += singularSize(field, value, depth)
        }
        break
      case cardinality.oneof:
        if ((value as OneOf).case === field.name)
          size += singularSize(field, (value as OneOf).value, depth)
        break
      case cardinality.list:
        size += listSize(field, value, depth)
        break
      default:
        size += mapSize(field, mapOf(field, value), depth)
    }
  }
  const unknown = message['$unknown'] as readonly { no: number; data: Uint8Array }[] | undefined
  if (unknown === undefined || typeName === undefined) return size
  for (const { no, data } of unknown) size += varintBytes((no << 3) >>> 0) + data.length
  return size
}

function singularSize(field: FieldPlan, value: unknown, depth: number): number {
  const tag = varintBytes(field.tag)
  if (field.message === undefined) return tag + valueSize(field, value)
  const content = contentSize(field, field.message, value, depth)
  return content + tag + (field.delimited ? tag : varintBytes(content))
}

function contentSize(field: FieldPlan, plan: MessagePlan, value: unknown, depth: number): number {
  if (field.representation === representation.message)
    return sizeOf(plan, shapeOf(field, value), depth + 1)
  if (field.representation === representation.struct)
    return sizeOf(plan, jsonToStruct(value), depth + 1)
  const wrapped = plan.fields[0] as FieldPlan
  return isZero(wrapped, value) ? 0 : singularSize(wrapped, value, depth)
}

function listSize(field: FieldPlan, value: unknown, depth: number): number {
  if (!Array.isArray(value)) throw encodeFailure(field, 'it is not an array')
  let size = 0
  if (!field.packed) {
    for (const item of value) size += singularSize(field, item, depth)
    return size
  }
  for (const item of value) size += valueSize(field, item)
  return size === 0 ? 0 : size + varintBytes(field.tag) + varintBytes(size)
}

function mapSize(field: FieldPlan, map: Shape, depth: number): number {
  const key = field.key as FieldPlan
  const value = field.value as FieldPlan
  let size = 0
  for (const name of Object.keys(map)) {
    const entry =
      singularSize(key, mapKey(key, name), depth) + singularSize(value, map[name], depth)
    size += varintBytes(field.tag) + varintBytes(entry) + entry
  }
  return size
}

function valueSize(field: FieldPlan, value: unknown): number {
  const { type } = field
  switch (type) {
    case valueType.string: {
      const length = textBytes(textOf(field, value))
      return length + varintBytes(length)
    }
    case valueType.bytes: {
      const { length } = bytesOf(field, value)
      return length + varintBytes(length)
    }
    case valueType.int32:
    case valueType.enum: {
      const int = integer(field, value)
      return int < 0 ? 10 : varintBytes(int)
    }
    case valueType.uint32:
      return varintBytes(integer(field, value))
    case valueType.sint32: {
      const int = integer(field, value)
      return varintBytes(((int << 1) ^ (int >> 31)) >>> 0)
    }
    case valueType.bool:
      return 1
    case valueType.float:
    case valueType.fixed32:
    case valueType.sfixed32:
      return 4
    case valueType.double:
    case valueType.fixed64:
    case valueType.sfixed64:
      return 8
    default: {
      const int = long(field, value)
      scratch.setBigInt64(0, type === valueType.sint64 ? (int << 1n) ^ (int >> 63n) : int, true)
      return varint64Bytes(scratch.getInt32(0, true), scratch.getInt32(4, true))
    }
  }
}
