import type { Problem } from '../error.ts'
import { coreErrors } from '../errors.ts'
import {
  object,
  type ObjectInput,
  type ObjectOutput,
  type ObjectSchema,
  type Shape,
} from './collection.ts'
import { CheckContext } from './context.ts'
import { literal } from './scalar.ts'
import { createSchema, type AnySchema, type Infer, type InferInput, type Schema } from './schema.ts'

/**
 * The first of the given schemas that the value satisfies. When none does: the problems of the one
 * whose kind (string, object...) fits, or one problem that names all. Objects told apart by a field
 * are better served by {@link variant}.
 */
export function union<const Options extends readonly AnySchema[]>(
  ...options: Options
): Schema<Infer<Options[number]>, InferInput<Options[number]>> {
  const expected = options.map(({ rule }) => rule.expected).join(' or ')
  return createSchema(
    {
      expected,
      check(value, context) {
        let inside: readonly Problem[] | undefined
        for (const { rule } of options) {
          const attempt = new CheckContext()
          attempt.path.push(...context.path)
          const root = attempt.path.length
          const output = rule.check(value, attempt)
          if (attempt.problems.length === 0) return output
          const below = attempt.problems.filter(({ path }) => path.split('/').length - 1 > root)
          if (below.length > 0) inside ??= attempt.problems
        }
        if (inside === undefined) return context.fail(expected, value)
        for (const problem of inside) if (!context.full) context.problems.push(problem)
        return undefined
      },
      json: () => ({ anyOf: options.map(({ rule }) => rule.json()) }),
    },
    'required',
  )
}

type Variants = Readonly<Record<string, ObjectSchema<Shape>>>
type Tagged<Tag extends string, Name extends string, T> = { [K in Tag]: Name } & T
type Fields<S> = S extends ObjectSchema<infer F> ? F : never

/** Objects of several shapes told apart by the property `tag`, whose value is the name of the shape. */
export function variant<Tag extends string, const V extends Variants>(
  tag: Tag,
  variants: V,
): Schema<
  { [N in keyof V & string]: Tagged<Tag, N, ObjectOutput<Fields<V[N]>>> }[keyof V & string],
  { [N in keyof V & string]: Tagged<Tag, N, ObjectInput<Fields<V[N]>>> }[keyof V & string]
> {
  const branches = new Map<unknown, AnySchema>()
  for (const [name, { fields }] of Object.entries(variants)) {
    if (Object.hasOwn(fields, tag)) {
      throw coreErrors.error('TM_CORE_SCHEMA', {
        reason: `variant "${name}" must not list its tag "${tag}"`,
      })
    }
    branches.set(name, object({ [tag]: literal(name), ...fields }))
  }
  const names = literal(...Object.keys(variants))
  const expected = `an object whose ${tag} is ${names.rule.expected}`
  return createSchema(
    {
      expected,
      check(value, context) {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) {
          return context.fail(expected, value)
        }
        const name = Object.hasOwn(value, tag) ? (value as Record<string, unknown>)[tag] : undefined
        const branch = branches.get(name)
        if (branch !== undefined) return branch.rule.check(value, context)
        context.path.push(tag)
        names.rule.check(name, context)
        context.path.pop()
        return undefined
      },
      json: () => ({ oneOf: [...branches.values()].map(({ rule }) => rule.json()) }),
    },
    'required',
  )
}
