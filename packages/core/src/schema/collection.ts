import { nearest } from '../nearest.ts'
import { describe, type CheckContext } from './context.ts'
import { createSchema, type AnySchema, type Infer, type InferInput, type Schema } from './schema.ts'

export interface ArrayOptions {
  readonly min?: number
  readonly max?: number
}

/** An array of `item`; its length is checked before any item. */
export function array<S extends AnySchema>(
  item: S,
  options: ArrayOptions = {},
): Schema<Infer<S>[], readonly InferInput<S>[]> {
  const { min = 0, max = Infinity } = options
  const limits = [min > 0 ? `at least ${min}` : '', max < Infinity ? `at most ${max}` : '']
  const size = limits.filter((limit) => limit !== '').join(' and ')
  const expected = size === '' ? 'an array' : `an array of ${size} items`
  const { rule } = item
  return createSchema(
    {
      expected,
      check(value, context) {
        if (!Array.isArray(value)) return context.fail(expected, value)
        if (value.length < min || value.length > max) return context.fail(expected, value)
        const output: unknown[] = []
        for (let i = 0; i < value.length && !context.full; i++) {
          context.path.push(i)
          output.push(rule.check(value[i], context))
          context.path.pop()
        }
        return output
      },
      json: () => ({
        type: 'array',
        items: rule.json(),
        ...(min > 0 ? { minItems: min } : {}),
        ...(max < Infinity ? { maxItems: max } : {}),
      }),
    },
    'required',
  )
}

export type Shape = Readonly<Record<string, AnySchema>>

type KeysOf<S extends Shape, P extends string> = {
  [K in keyof S]: S[K]['presence'] extends P ? K : never
}[keyof S]
type Flat<T> = { [K in keyof T]: T[K] }

export type ObjectOutput<S extends Shape> = Flat<
  { [K in KeysOf<S, 'required' | 'default'>]: Infer<S[K]> } & {
    [K in KeysOf<S, 'optional'>]?: Infer<S[K]>
  }
>
export type ObjectInput<S extends Shape> = Flat<
  { [K in KeysOf<S, 'required'>]: InferInput<S[K]> } & {
    [K in KeysOf<S, 'optional' | 'default'>]?: InferInput<S[K]>
  }
>

/** An object schema that shows its fields, for reuse in another. */
export interface ObjectSchema<S extends Shape> extends Schema<ObjectOutput<S>, ObjectInput<S>> {
  readonly fields: S
}

export interface ObjectOptions {
  /** What an unlisted key means: a problem (default), or nothing, and it is left out of the output. */
  readonly unknown?: 'refuse' | 'drop'
}

/** An object with these properties, own ones only. A property that is `undefined` counts as absent. */
export function object<S extends Shape>(fields: S, options: ObjectOptions = {}): ObjectSchema<S> {
  const names = Object.keys(fields)
  const entries = names.map((name) => [name, fields[name] as AnySchema] as const)
  const expected = 'an object'
  const refuses = options.unknown !== 'drop'
  const required = entries.filter(([, { presence }]) => presence === 'required').map(([n]) => n)
  const schema = createSchema<ObjectOutput<S>, ObjectInput<S>>(
    {
      expected,
      check(value, context) {
        if (!isRecord(value)) return context.fail(expected, value)
        const output: Record<string, unknown> = {}
        let present = 0
        for (const [name, { presence, rule }] of entries) {
          const has = Object.hasOwn(value, name)
          const given = has ? value[name] : undefined
          if (has) present++
          if (given === undefined && presence === 'optional') continue
          context.path.push(name)
          if (given === undefined && presence === 'required') {
            context.report('is missing', rule.expected, 'nothing')
          } else {
            output[name] = rule.check(given, context)
          }
          context.path.pop()
        }
        if (refuses) {
          const keys = Object.keys(value)
          if (keys.length !== present) refuseUnknown(keys, names, value, context)
        }
        return output
      },
      json: () => ({
        type: 'object',
        properties: Object.fromEntries(entries.map(([name, { rule }]) => [name, rule.json()])),
        ...(required.length > 0 ? { required } : {}),
        ...(refuses ? { additionalProperties: false } : {}),
      }),
    },
    'required',
  )
  return { ...schema, fields }
}

function refuseUnknown(
  keys: readonly string[],
  names: readonly string[],
  value: Readonly<Record<string, unknown>>,
  context: CheckContext,
): void {
  for (const key of keys) {
    if (context.full) return
    if (names.includes(key)) continue
    const absent = names.filter((name) => !Object.hasOwn(value, name))
    const near = nearest(key, absent)
    context.path.push(key)
    context.report(
      near === undefined ? 'is not a known key' : `is not a known key; did you mean "${near}"?`,
      near === undefined ? `one of ${names.join(', ')}` : near,
      describe(key),
    )
    context.path.pop()
  }
}

export interface RecordOptions {
  /** Most keys. */
  readonly max?: number
  /** What each key must be. */
  readonly key?: Schema<string>
}

/** An object whose keys are data. The key `__proto__` is refused, because copying it is unsafe. */
export function record<S extends AnySchema>(
  item: S,
  options: RecordOptions = {},
): Schema<Record<string, Infer<S>>, Readonly<Record<string, InferInput<S>>>> {
  const { max = Infinity, key: keySchema } = options
  const expected = max < Infinity ? `an object of at most ${max} keys` : 'an object'
  return createSchema(
    {
      expected,
      check(value, context) {
        if (!isRecord(value)) return context.fail(expected, value)
        const keys = Object.keys(value)
        if (keys.length > max) return context.fail(expected, value)
        const output: Record<string, unknown> = {}
        for (const key of keys) {
          if (context.full) break
          context.path.push(key)
          keySchema?.rule.check(key, context)
          if (key === '__proto__') context.fail('another key', key)
          else output[key] = item.rule.check(value[key], context)
          context.path.pop()
        }
        return output
      },
      json: () => ({
        type: 'object',
        additionalProperties: item.rule.json(),
        ...(max < Infinity ? { maxProperties: max } : {}),
        ...(keySchema === undefined ? {} : { propertyNames: keySchema.rule.json() }),
      }),
    },
    'required',
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
