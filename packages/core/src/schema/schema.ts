import type { Problem } from '../error.ts'
import { coreErrors } from '../errors.ts'
import { CheckContext } from './context.ts'

/** A JSON Schema (draft 2020-12) document or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Whether a property may be absent: never, yes, or yes with a value put in its place. */
export type Presence = 'required' | 'optional' | 'default'

/** What a validation gives: the checked copy of the input, or everything that is wrong with it. */
export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** How a kind of schema works inside. `check` gives the output, or reports to the context. */
export interface Rule {
  /** Completes "must be ...". */
  readonly expected: string
  check(value: unknown, context: CheckContext): unknown
  json(): JsonSchema
}

/** The part of Standard Schema v1 (standardschema.dev) that other libraries call. */
export interface StandardSchema<Out, In> {
  readonly version: 1
  readonly vendor: 'tidemill'
  readonly validate: (value: unknown) => StandardResult<Out>
  readonly types?: { readonly input: In; readonly output: Out }
}

export type StandardResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string
        readonly path: readonly (string | number)[]
      }[]
    }

/**
 * What a value must be, once: gives the TypeScript type (`Infer`), defaults, validation that reports
 * every problem at once (at most 100), and JSON Schema. Immutable. Validation copies: the output holds
 * only what the schema names. It never throws because of the input.
 */
export interface Schema<Out, In = unknown, P extends Presence = 'required'> {
  readonly presence: P
  readonly rule: Rule
  readonly '~standard': StandardSchema<Out, In>
  validate(value: unknown): Validated<Out>
  /** The checked copy, or throws TM_CORE_INVALID with `details.problems`; `what` names the input. */
  parse(value: unknown, what?: string): Out
  jsonSchema(): JsonSchema
  /** The property may be absent. */
  optional(): Schema<Out, In, 'optional'>
  /** Absent means `value`, which is given in input form and checked at once (TM_CORE_SCHEMA). */
  default(value: In): Schema<Out, In, 'default'>
  nullable(): Schema<Out | null, In | null, P>
  /** Adds a condition on the output; `expected` completes "must be ...". Runs only on a valid value. */
  refine(holds: (value: Out) => boolean, expected: string): Schema<Out, In, P>
  /** Marks the type with the name of its kind, as {@link Id} does. */
  brand<Kind extends string>(kind: Kind): Schema<Out & { readonly __id?: Kind }, In, P>
  /** Adds a description to the JSON Schema. */
  describe(description: string): Schema<Out, In, P>
}

export type AnySchema = Schema<unknown, unknown, Presence>

/** The TypeScript type of a schema's output. */
export type Infer<S extends AnySchema> =
  S extends Schema<infer Out, unknown, Presence> ? Out : never

/** The TypeScript type of a schema's input: what has a default may be left out. */
export type InferInput<S extends AnySchema> =
  S['~standard'] extends StandardSchema<unknown, infer In> ? In : never

/** Makes a schema of a rule; the builders, and whoever needs a further kind, stand on it. */
export function createSchema<Out, In = Out, P extends Presence = 'required'>(
  rule: Rule,
  presence: P,
): Schema<Out, In, P> {
  const validate = (value: unknown): Validated<Out> => {
    const context = new CheckContext()
    const output = rule.check(value, context) as Out
    return context.problems.length === 0
      ? { ok: true, value: output }
      : { ok: false, problems: context.problems }
  }
  return {
    presence,
    rule,
    validate,
    '~standard': {
      version: 1,
      vendor: 'tidemill',
      validate: (value) => standardResult(validate(value)),
    },
    parse(value, what = 'the value') {
      const result = validate(value)
      if (result.ok) return result.value
      const { problems } = result
      throw coreErrors.error('TM_CORE_INVALID', { what, summary: summary(problems), problems })
    },
    jsonSchema: () => ({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      ...rule.json(),
    }),
    optional: () =>
      createSchema(
        withAbsent(rule, () => undefined),
        'optional',
      ),
    default: (value) => createSchema(withDefault(rule, value), 'default'),
    nullable: () =>
      createSchema(
        {
          expected: `${rule.expected} or null`,
          check: (value, context) => (value === null ? null : rule.check(value, context)),
          json: () => ({ anyOf: [rule.json(), { type: 'null' }] }),
        },
        presence,
      ),
    refine: (holds, expected) =>
      createSchema({ ...rule, check: withCondition(rule, holds, expected) }, presence),
    brand: () => createSchema(rule, presence),
    describe: (description) =>
      createSchema({ ...rule, json: () => ({ ...rule.json(), description }) }, presence),
  }
}

/** The problems in one line: the first ones in words, the rest as a number. */
export function summary(problems: readonly Problem[]): string {
  const first = problems
    .slice(0, 3)
    .map(({ path, message }) => (path === '' ? message : `${path} ${message}`))
  const more = problems.length - first.length
  return first.join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function withAbsent(rule: Rule, absent: () => unknown): Rule {
  return {
    ...rule,
    check: (value, context) => (value === undefined ? absent() : rule.check(value, context)),
  }
}

function withDefault(rule: Rule, fallback: unknown): Rule {
  // Checked once here and again at each use, so that every output has its own copy.
  const fresh = (): unknown => {
    const context = new CheckContext()
    const value = rule.check(fallback, context)
    if (context.problems.length === 0) return value
    throw coreErrors.error('TM_CORE_SCHEMA', {
      reason: `its default ${summary(context.problems)}`,
      problems: context.problems,
    })
  }
  fresh()
  return { ...withAbsent(rule, fresh), json: () => ({ ...rule.json(), default: fallback }) }
}

function withCondition(
  rule: Rule,
  holds: (value: never) => boolean,
  expected: string,
): Rule['check'] {
  return (value, context) => {
    const before = context.problems.length
    const output = rule.check(value, context)
    const valid = context.problems.length === before && output !== undefined && output !== null
    if (valid && !holds(output as never)) return context.fail(expected, value)
    return output
  }
}

function standardResult<Out>(result: Validated<Out>): StandardResult<Out> {
  if (result.ok) return { value: result.value }
  return {
    issues: result.problems.map(({ path, message }) => ({
      message,
      path: path
        .split('/')
        .slice(1)
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~')),
    })),
  }
}
