import type { TidemillError } from '@tidemill/core'
import { protoErrors } from '../proto/errors.ts'
import { type FieldPlan, type Shape, valueType } from './plan.ts'

/** Messages within messages; a decoder refuses more. */
export const deepest = 100
export const tooDeep: string = `messages are nested deeper than ${deepest}`
/** What the protobuf specification allows at most. */
export const mostBytes = 0x7fff_ffff

/** The error of a message that does not fit its type. */
export function encodeFailure(subject: { toString(): string }, reason: string): TidemillError {
  return protoErrors.error('TM_RPC_ENCODE', { field: String(subject), reason })
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' || typeof value === 'function') return `a ${typeof value}`
  const plain = value as number | bigint | boolean | undefined
  return String(plain)
}

/** Is this the value that an implicit field has when it is not set? */
export function isZero(field: FieldPlan, value: unknown): boolean {
  switch (field.type) {
    case valueType.string:
      return value === ''
    case valueType.bytes:
      return (value as Uint8Array).length === 0 && typeof value === 'object'
    case valueType.bool:
      return value === false
    case valueType.enum:
      return value === field.enumZero
    case valueType.double:
    case valueType.float:
      return Object.is(value, 0)
    case valueType.int64:
    case valueType.uint64:
    case valueType.fixed64:
    case valueType.sfixed64:
    case valueType.sint64:
      return value === 0n || value === 0 || value === '0'
    default:
      return value === 0
  }
}

/** An integer of 32 bits; a string of one, too, as protobuf-es has it. */
export function integer(field: FieldPlan, value: unknown): number {
  if (typeof value === 'number' && (value | 0) === value) {
    if (value >= 0 || isSigned(field.type)) return value
  }
  const int = isNumeral(value) ? Number(value) : value
  const signed = isSigned(field.type)
  const [least, most] = signed ? [-0x8000_0000, 0x7fff_ffff] : [0, 0xffff_ffff]
  if (typeof int !== 'number' || !Number.isInteger(int) || int < least || int > most) {
    throw encodeFailure(field, `${shown(value)} is not an integer from ${least} to ${most}`)
  }
  return int
}

/** Text of a number; text of spaces is none, although JavaScript reads it as 0. */
function isNumeral(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

function isSigned(type: number): boolean {
  return type !== valueType.uint32 && type !== valueType.fixed32
}

/** A float or a double. */
export function number(field: FieldPlan, value: unknown): number {
  const float = isNumeral(value) ? Number(value) : value
  if (
    typeof float !== 'number' ||
    (Number.isNaN(float) && value !== 'NaN' && !Number.isNaN(value))
  ) {
    throw encodeFailure(field, `${shown(value)} is not a number`)
  }
  if (
    field.type === valueType.float &&
    Number.isFinite(float) &&
    !Number.isFinite(Math.fround(float))
  ) {
    throw encodeFailure(field, `${shown(value)} is too large for a float`)
  }
  return float
}

/** An integer of 64 bits from a bigint, a number or a string, as two's complement. */
export function long(field: FieldPlan, value: unknown): bigint {
  const { type } = field
  const unsigned = type === valueType.uint64 || type === valueType.fixed64
  let int: bigint
  if (typeof value === 'bigint') int = value
  else {
    try {
      // BigInt would also take booleans, arrays and dates.
      int = BigInt(typeof value === 'number' || isNumeral(value) ? value : 'none')
    } catch {
      throw encodeFailure(field, `${shown(value)} is not an integer`)
    }
  }
  if (unsigned) {
    if (BigInt.asUintN(64, int) === int) return BigInt.asIntN(64, int)
  } else if (BigInt.asIntN(64, int) === int) {
    return int
  }
  throw encodeFailure(field, `${shown(value)} does not fit into 64 bits`)
}

export function textOf(field: FieldPlan, value: unknown): string {
  if (typeof value === 'string') return value
  throw encodeFailure(field, `${shown(value)} is not a string`)
}

export function boolOf(field: FieldPlan, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw encodeFailure(field, `${shown(value)} is not a boolean`)
}

export function bytesOf(field: FieldPlan, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  // Init shapes may give the bytes as an array of numbers.
  if (!Array.isArray(value)) throw encodeFailure(field, 'it is not a Uint8Array')
  const bytes = Uint8Array.from(value as number[])
  if (bytes.some((byte, i) => byte !== value[i])) {
    throw encodeFailure(field, 'it holds what is no byte')
  }
  return bytes
}

/** What a map field holds: an object, not a Map, whose entries nobody would see. */
export function mapOf(field: FieldPlan, value: unknown): Shape {
  if (value instanceof Map) throw encodeFailure(field, 'it is a Map, not an object')
  return shapeOf(field, value)
}

/** A message, or an init shape of one. */
export function shapeOf(field: FieldPlan, value: unknown): Shape {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Shape
  throw encodeFailure(field, 'it is not an object')
}

/** The key of a map entry, from the property name that holds it. */
export function mapKey(field: FieldPlan, name: string): unknown {
  if (field.type === valueType.string) return name
  if (field.type !== valueType.bool) return name === '' ? undefined : name
  if (name === 'true') return true
  if (name === 'false') return false
  throw encodeFailure(field, `the key ${shown(name)} is neither true nor false`)
}
