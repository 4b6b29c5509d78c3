import { create, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'

/** A small generator of numbers: the same seed, the same messages. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 0 up to 2^32 - 1. */
  next(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  below(limit: number): number {
    return this.next() % limit
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}

const texts = [
  '',
  'a',
  'order-17',
  'twelve bytes',
  'thirteen bytes',
  'x'.repeat(24),
  'y'.repeat(25),
  'z'.repeat(127),
  'z'.repeat(128),
  'é',
  '价格 12 元',
  '😀 more text behind a pair',
  '\uFFFD',
  '\uFEFFmark',
  `${'long '.repeat(60)}é`,
  '__proto__',
  '\0',
]
const longs = [
  0n,
  1n,
  -1n,
  127n,
  128n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]
const ints = [0, 1, -1, 127, 128, 300, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 31 - 1, -(2 ** 31)]
const doubles = [
  0,
  -0,
  1,
  -1.5,
  0.1,
  Number.NaN,
  Infinity,
  -Infinity,
  5e-324,
  1.7976931348623157e308,
]

function scalar(type: ScalarType, dice: Dice): unknown {
  switch (type) {
    case ScalarType.STRING:
      return dice.pick(texts)
    case ScalarType.BYTES:
      return Uint8Array.from({ length: dice.pick([0, 1, 10, 32, 33, 130]) }, () => dice.below(256))
    case ScalarType.BOOL:
      return dice.below(2) === 1
    case ScalarType.DOUBLE:
      return dice.pick(doubles)
    case ScalarType.FLOAT:
      return Math.fround(dice.pick(doubles.slice(0, 8)))
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return dice.below(2) === 0 ? dice.pick(ints) : dice.next() | 0
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return (dice.below(2) === 0 ? dice.pick(ints) : dice.next()) >>> 0
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt.asUintN(64, dice.pick(longs))
    case ScalarType.INT64:
    case ScalarType.SFIXED64:
    case ScalarType.SINT64:
    default:
      return dice.below(2) === 0 ? dice.pick(longs) : BigInt.asIntN(64, BigInt(dice.next()) << 30n)
  }
}

function json(dice: Dice, depth: number): unknown {
  const kinds = [null, true, 1.5, 'text', depth > 0 ? [] : 0, depth > 0 ? {} : '']
  const kind = dice.pick(kinds)
  if (Array.isArray(kind)) return [json(dice, depth - 1), json(dice, depth - 1)]
  if (kind !== null && typeof kind === 'object') {
    return Object.fromEntries([
      ['a', json(dice, depth - 1)],
      [dice.pick(texts), 2],
    ])
  }
  return kind
}

function single(field: DescField, dice: Dice, depth: number, isMember: boolean): unknown {
  if (field.message !== undefined) {
    const { message } = field
    if (
      message.typeName === 'google.protobuf.Struct' &&
      field.parent.typeName !== 'google.protobuf.Value'
    ) {
      return { x: json(dice, 2), [dice.pick(texts)]: json(dice, 1) }
    }
    const wrapped = message.typeName.endsWith('Value') ? message.fields[0] : undefined
    if (
      isMember &&
      message.file.name === 'google/protobuf/wrappers' &&
      wrapped?.scalar !== undefined
    ) {
      return scalar(wrapped.scalar, dice)
    }
    return randomMessage(message, dice, depth - 1)
  }
  if (field.enum !== undefined) {
    const known = dice.pick(field.enum.values).number
    return field.enum.open && dice.below(4) === 0 ? dice.pick(ints) : known
  }
  const value = scalar(field.scalar, dice)
  const asText = 'longAsString' in field && field.longAsString
  return asText ? String(value) : value
}

function member(field: DescField, dice: Dice, depth: number): unknown {
  if (field.fieldKind === 'list') {
    return Array.from({ length: dice.below(4) }, () => single(field, dice, depth, false))
  }
  if (field.fieldKind === 'map') {
    const size = dice.below(3)
    const entries = Array.from({ length: size }, () => [
      String(scalar(field.mapKey, dice)),
      single(field, dice, depth, false),
    ])
    return Object.fromEntries(entries) as unknown
  }
  return single(field, dice, depth, field.oneof === undefined)
}

/** An init shape with about half of the fields set, nested as deep as told; required fields always. */
export function randomInit(desc: DescMessage, dice: Dice, depth = 3): Record<string, unknown> {
  const init: Record<string, unknown> = {}
  const setOneIn = dice.pick([1, 2, 8])
  for (const at of desc.members) {
    if (at.kind === 'oneof') {
      const field = dice.pick(at.fields)
      if (dice.below(setOneIn) !== 0 || (depth <= 0 && field.message !== undefined)) continue
      init[at.localName] = { case: field.localName, value: member(field, dice, depth) }
    } else if (at.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED) {
      init[at.localName] = member(at, dice, depth)
    } else if (dice.below(setOneIn) === 0 && (depth > 0 || at.message === undefined)) {
      init[at.localName] = member(at, dice, depth)
    }
  }
  return init
}

/** A message with random fields, in its nested messages plain init shapes and messages by chance. */
export function randomMessage(desc: DescMessage, dice: Dice, depth = 3): Record<string, unknown> {
  const init = randomInit(desc, dice, depth)
  return dice.below(2) === 0 ? init : (create(desc, init as never) as Record<string, unknown>)
}

const oddBytes = [0, 1, 7, 0x0b, 0x0c, 0x7f, 0x80, 0xff]

/** The bytes with a few of them changed, removed, inserted or repeated. */
export function mutate(bytes: Buffer, dice: Dice): Buffer {
  let mutated = Buffer.from(bytes)
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const at = dice.below(mutated.length + 1)
    const byte = dice.below(9) === 0 ? dice.below(256) : dice.pick(oddBytes)
    const head = mutated.subarray(0, at)
    switch (dice.below(5)) {
      case 0:
        if (at < mutated.length) mutated[at] = byte
        break
      case 1:
        mutated = Buffer.concat([head, Buffer.of(byte), mutated.subarray(at)])
        break
      case 2:
        mutated = Buffer.concat([head, mutated.subarray(at + 1 + dice.below(4))])
        break
      case 3:
        mutated = head
        break
      default:
        mutated = Buffer.concat([
          head,
          mutated.subarray(at, at + dice.below(24)),
          mutated.subarray(at),
        ])
    }
  }
  return mutated
}
