import { type Duration, formatDuration, parseDuration } from '../duration.ts'
import { TidemillError } from '../error.ts'
import { coreErrors } from '../errors.ts'
import { createSchema, type Schema } from './schema.ts'

export interface StringOptions {
  /** Fewest and most Unicode characters (code points, as JSON Schema counts). */
  readonly min?: number
  readonly max?: number
  /** Must match; anchor it to match the whole. Flags g and y are ignored. Must run in linear time. */
  readonly pattern?: RegExp
}

export interface RangeOptions {
  readonly min?: number
  readonly max?: number
}

/** A string of well-formed Unicode: a lone surrogate would not survive UTF-8 storage. */
export function string(options: StringOptions = {}): Schema<string, string> {
  const { min = 0, max = Infinity } = options
  refuseRange('string', min, max)
  const pattern =
    options.pattern && new RegExp(options.pattern, options.pattern.flags.replaceAll(/[gy]/gu, ''))
  const expected = `a string${span(options, ' characters')}${pattern ? ` that matches ${pattern.source}` : ''}`
  return createSchema(
    {
      expected,
      check(value, context) {
        if (typeof value !== 'string') return context.fail(expected, value)
        // A code point is one or two units, so that most strings need no counting.
        const { length } = value
        if (length < min || length > max * 2) return context.fail(expected, value)
        if (length > max || length < min * 2) {
          const count = codePoints(value)
          if (count < min || count > max) return context.fail(expected, value)
        }
        if (!value.isWellFormed()) return context.fail('well-formed Unicode', value)
        if (pattern !== undefined && !pattern.test(value)) return context.fail(expected, value)
        return value
      },
      json: () => ({
        type: 'string',
        ...(min > 0 ? { minLength: min } : {}),
        ...(max < Infinity ? { maxLength: max } : {}),
        ...(pattern ? { pattern: pattern.source } : {}),
      }),
    },
    'required',
  )
}

function codePoints(text: string): number {
  let count = text.length
  for (let i = 1; i < text.length; i++) {
    const low = (text.charCodeAt(i) & 0xfc00) === 0xdc00
    if (low && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--
  }
  return count
}

/** A whole number within +-(2^53 - 1), for counts and for money in minor units. */
export function integer(options: RangeOptions = {}): Schema<number, number> {
  return numeric('integer', `an integer${span(options)}`, Number.isSafeInteger, options)
}

/** A finite number. */
export function number(options: RangeOptions = {}): Schema<number, number> {
  return numeric('number', `a number${span(options)}`, Number.isFinite, options)
}

function numeric(
  type: string,
  expected: string,
  isKind: (value: unknown) => boolean,
  options: RangeOptions,
): Schema<number, number> {
  const { min = -Infinity, max = Infinity } = options
  refuseRange(type, min, max)
  return createSchema(
    {
      expected,
      check(value, context) {
        if (!isKind(value)) return context.fail(expected, value)
        const given = value as number
        return given < min || given > max ? context.fail(expected, value) : given
      },
      json: () => ({
        type,
        ...(min > -Infinity ? { minimum: min } : {}),
        ...(max < Infinity ? { maximum: max } : {}),
      }),
    },
    'required',
  )
}

export function boolean(): Schema<boolean, boolean> {
  const expected = 'true or false'
  return createSchema(
    {
      expected,
      check: (value, context) =>
        typeof value === 'boolean' ? value : context.fail(expected, value),
      json: () => ({ type: 'boolean' }),
    },
    'required',
  )
}

/** Exactly one of the given values. */
export function literal<const Values extends readonly (string | number | boolean | null)[]>(
  ...values: Values
): Schema<Values[number], Values[number]> {
  const allowed = new Set<unknown>(values)
  const names = values.map((value) => JSON.stringify(value)).join(', ')
  const expected = values.length === 1 ? names : `one of ${names}`
  return createSchema(
    {
      expected,
      check: (value, context) => (allowed.has(value) ? value : context.fail(expected, value)),
      json: () => (values.length === 1 ? { const: values[0] } : { enum: values }),
    },
    'required',
  )
}

/** A length of time with its unit (`'5s'`); the output is milliseconds. */
export function duration(
  options: { readonly min?: Duration; readonly max?: Duration } = {},
): Schema<number, Duration> {
  const min = options.min === undefined ? 0 : parseDuration(options.min)
  const max = options.max === undefined ? Number.MAX_SAFE_INTEGER : parseDuration(options.max)
  refuseRange('duration', min, max)
  const from = options.min === undefined ? '' : ` of at least ${formatDuration(min)}`
  const to = options.max === undefined ? '' : ` of at most ${formatDuration(max)}`
  const expected = `a duration such as 250ms, 5s or 1h30m${from}${from && to ? ' and' : ''}${to}`
  return createSchema(
    {
      expected,
      check(value, context) {
        const ms = typeof value === 'string' && value.length <= 64 ? readDuration(value) : undefined
        return ms === undefined || ms < min || ms > max ? context.fail(expected, value) : ms
      },
      json: () => ({ type: 'string', pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$' }),
    },
    'required',
  )
}

function readDuration(text: string): number | undefined {
  try {
    return parseDuration(text)
  } catch (error) {
    if (TidemillError.is(error, 'TM_CORE_DURATION')) return undefined
    throw error
  }
}

/** " of at least 1 and at most 5 characters" as the options need it. */
function span({ min, max }: RangeOptions, unit = ''): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}${unit}`
  if (min !== undefined) return ` of at least ${min}${unit}`
  return max === undefined ? '' : ` of at most ${max}${unit}`
}

function refuseRange(kind: string, min: number, max: number): void {
  if (min <= max) return
  throw coreErrors.error('TM_CORE_SCHEMA', { reason: `${kind} has min ${min} above max ${max}` })
}
