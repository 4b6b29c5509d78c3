import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as labels,
  FieldDescriptorProto_Type as types,
} from '@bufbuild/protobuf/wkt'
import { describeValue, type OptionValue } from './option-value.ts'

const integers: Readonly<Partial<Record<types, readonly [bigint, bigint]>>> = {
  [types.INT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [types.SINT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [types.SFIXED32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [types.UINT32]: [0n, 2n ** 32n - 1n],
  [types.FIXED32]: [0n, 2n ** 32n - 1n],
  [types.INT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [types.SINT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [types.SFIXED64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [types.UINT64]: [0n, 2n ** 64n - 1n],
  [types.FIXED64]: [0n, 2n ** 64n - 1n],
}

/**
 * The default value of a field as descriptors have it (FieldDescriptorProto.default_value), or undefined if the type
 * does not have that value. Enum values are looked up by `hasValue`.
 */
export function defaultText(
  field: FieldDescriptorProto,
  value: OptionValue,
  hasValue: (name: string) => boolean,
): string | undefined {
  if (field.label === labels.REPEATED) return undefined
  const limits = integers[field.type]
  if (limits !== undefined) {
    if (value.kind !== 'integer') return undefined
    return value.value >= limits[0] && value.value <= limits[1] ? String(value.value) : undefined
  }
  const { type } = field
  if (type === types.DOUBLE || type === types.FLOAT) {
    const number = asFloat(value)
    return number === undefined ? undefined : floatText(number, type === types.FLOAT)
  }
  if (type === types.STRING || type === types.BYTES) {
    if (value.kind !== 'string') return undefined
    return type === types.STRING ? value.value.toString() : escapeBytes(value.value)
  }
  if (value.kind !== 'identifier') return undefined
  if (type === types.BOOL) return /^(?:true|false)$/u.test(value.value) ? value.value : undefined
  return type === types.ENUM && hasValue(value.value) ? value.value : undefined
}

/** A number of any notation; undefined if the value is none. */
export function asFloat(value: OptionValue): number | undefined {
  if (value.kind === 'integer') return Number(value.value)
  if (value.kind === 'float') return value.value
  if (value.kind !== 'identifier') return undefined
  if (value.value === 'inf') return Infinity
  return value.value === 'nan' ? Number.NaN : undefined
}

/** The shortest text that reads back as the number, in the notation of C's %g. */
function floatText(number: number, single: boolean): string {
  if (Number.isNaN(number)) return 'nan'
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf'
  if (number === 0) return Object.is(number, -0) ? '-0' : '0'
  const value = single ? Math.fround(number) : number
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const same = (text: string): boolean =>
    (single ? Math.fround(Number(text)) : Number(text)) === value
  const [few, many] = single ? [6, 9] : [15, 17]
  const precision = same(value.toPrecision(few)) ? few : many
  const [mantissa = '', power = '0'] = value.toExponential(precision - 1).split('e')
  const exponent = Number(power)
  const plain = mantissa.replace(/(\.\d*?)0+$/u, '$1').replace(/\.$/u, '')
  if (exponent < -4 || exponent >= precision) {
    const sign = exponent < 0 ? '-' : '+'
    return `${plain}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const fixed = value.toFixed(Math.max(0, precision - 1 - exponent))
  return fixed.includes('.') ? fixed.replace(/\.?0+$/u, '') : fixed
}

const named: Readonly<Record<number, string>> = {
  10: '\\n',
  13: '\\r',
  9: '\\t',
  34: '\\"',
  39: "\\'",
  92: '\\\\',
}

/** Bytes as the text that descriptors keep them in: C escapes, octal. */
function escapeBytes(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) {
    const plain = byte >= 32 && byte < 127 ? String.fromCodePoint(byte) : undefined
    text += named[byte] ?? plain ?? `\\${byte.toString(8).padStart(3, '0')}`
  }
  return text
}

/** What is wrong with the default value, for people. */
export function badDefault(field: FieldDescriptorProto, value: OptionValue): string {
  if (field.label === labels.REPEATED) return 'a repeated field has no default value'
  const type = field.typeName === '' ? types[field.type].toLowerCase() : field.typeName.slice(1)
  return `${describeValue(value)} is not a value of ${type}`
}
