import type { DescField, DescMessage } from '@bufbuild/protobuf'

interface Cursor {
  at: number
  /** False once something was found that protobuf-es reads otherwise than the specification has it. */
  regular: boolean
}

const scalarWire: Readonly<Record<number, number>> = {
  1: 1,
  6: 1,
  16: 1,
  2: 5,
  7: 5,
  15: 5,
  9: 2,
  12: 2,
}

function varint(bytes: Uint8Array, cursor: Cursor, end: number): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (cursor.at >= end) {
      cursor.regular = false
      return 0n
    }
    const byte = bytes[cursor.at++] as number
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
  return value
}

function wireOf(field: DescField): number {
  if (field.fieldKind === 'map') return 2
  if (field.message !== undefined) {
    return 'delimitedEncoding' in field && field.delimitedEncoding ? 3 : 2
  }
  if (field.enum !== undefined) return 0
  return scalarWire[field.scalar as number] ?? 0
}

function skip(bytes: Uint8Array, cursor: Cursor, wireType: number, end: number): void {
  if (wireType === 0) varint(bytes, cursor, end)
  else if (wireType === 1) cursor.at += 8
  else if (wireType === 5) cursor.at += 4
  else if (wireType === 2) {
    const length = Number(varint(bytes, cursor, end))
    cursor.at += length
  } else cursor.regular = false
  if (cursor.at > end) cursor.regular = false
}

function body(
  desc: DescMessage,
  bytes: Uint8Array,
  cursor: Cursor,
  end: number,
  group: number,
): void {
  while (cursor.regular && cursor.at < end) {
    const tag = Number(varint(bytes, cursor, end))
    const [number, wireType] = [Math.floor(tag / 8), tag % 8]
    if (group !== 0 && wireType === 4) {
      if (number !== group) cursor.regular = false
      return
    }
    const field = desc.fields.find((at) => at.number === number)
    if (field === undefined) {
      // Groups without a field are left to other tests.
      skip(bytes, cursor, wireType, end)
    } else if (wireType === wireOf(field)) {
      known(field, bytes, cursor, end)
    } else if (field.fieldKind === 'list' && wireType === 2 && wireOf(field) !== 3) {
      packed(field, bytes, cursor, end)
    } else {
      cursor.regular = false
    }
  }
  if (group !== 0) cursor.regular = false
}

function packed(field: DescField, bytes: Uint8Array, cursor: Cursor, end: number): void {
  const length = Number(varint(bytes, cursor, end))
  const until = cursor.at + length
  if (until > end) cursor.regular = false
  while (cursor.regular && cursor.at < until) scalar(field, wireOf(field), bytes, cursor, until)
}

/** protobuf-es does not look whether the items of a list and the values of a map are in their closed enum. */
function scalar(
  field: DescField,
  wireType: number,
  bytes: Uint8Array,
  cursor: Cursor,
  end: number,
): void {
  if (field.enum?.open !== false) return skip(bytes, cursor, wireType, end)
  const value = Number(BigInt.asIntN(32, varint(bytes, cursor, end)))
  if (field.enum.value[value] === undefined) cursor.regular = false
}

function known(field: DescField, bytes: Uint8Array, cursor: Cursor, end: number): void {
  if (field.fieldKind === 'map') {
    entry(field, bytes, cursor, end)
  } else if (field.message === undefined) {
    scalar(field, wireOf(field), bytes, cursor, end)
  } else if (wireOf(field) === 3) {
    body(field.message, bytes, cursor, end, field.number)
  } else {
    nested(field.message, bytes, cursor, end)
  }
}

function nested(desc: DescMessage, bytes: Uint8Array, cursor: Cursor, end: number): void {
  const length = Number(varint(bytes, cursor, end))
  const until = cursor.at + length
  if (until > end) cursor.regular = false
  else body(desc, bytes, cursor, until, 0)
}

function entry(field: DescField, bytes: Uint8Array, cursor: Cursor, end: number): void {
  if (field.fieldKind !== 'map') return
  const length = Number(varint(bytes, cursor, end))
  const until = cursor.at + length
  if (until > end) cursor.regular = false
  while (cursor.regular && cursor.at < until) {
    const tag = Number(varint(bytes, cursor, until))
    const wireType = tag % 8
    if (tag >> 3 === 1) {
      if (wireType !== (scalarWire[field.mapKey] ?? 0)) cursor.regular = false
      else skip(bytes, cursor, wireType, until)
    } else if (tag >> 3 !== 2) {
      skip(bytes, cursor, wireType, until)
    } else if (field.message !== undefined) {
      if (wireType !== 2) cursor.regular = false
      else nested(field.message, bytes, cursor, until)
    } else {
      const own = field.enum === undefined ? (scalarWire[field.scalar as number] ?? 0) : 0
      if (wireType !== own) cursor.regular = false
      else scalar(field, wireType, bytes, cursor, until)
    }
  }
}

/**
 * Do the bytes hold nothing that protobuf-es reads otherwise than the specification: no field with another wire type
 * than its own, none that reaches beyond the message around it, no number that a closed enum does not have?
 */
export function isRegular(desc: DescMessage, bytes: Uint8Array): boolean {
  const cursor: Cursor = { at: 0, regular: true }
  body(desc, bytes, cursor, bytes.length, 0)
  return cursor.regular
}
