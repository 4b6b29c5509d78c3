import type { CheckContext } from './context.ts'
import { createSchema, type Schema } from './schema.ts'

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json }

/** Any JSON value, nested at most `maxDepth` (default 32) deep; the key `__proto__` is refused. */
export function json(options: { readonly maxDepth?: number } = {}): Schema<Json, Json> {
  const { maxDepth = 32 } = options
  const expected = 'a JSON value'
  const copy = (value: unknown, depth: number, context: CheckContext): unknown => {
    if (typeof value !== 'object' || value === null) {
      const fits = value === null || typeof value === 'boolean' || Number.isFinite(value)
      if (fits) return value
      if (typeof value === 'string' && value.isWellFormed()) return value
      return context.fail(expected, value)
    }
    if (depth >= maxDepth) return context.fail(`nested at most ${maxDepth} deep`, value)
    if (Array.isArray(value)) {
      const items: unknown[] = []
      for (let i = 0; i < value.length && !context.full; i++) {
        context.path.push(i)
        items.push(copy(value[i], depth + 1, context))
        context.path.pop()
      }
      return items
    }
    const output: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      if (context.full) break
      context.path.push(key)
      if (key === '__proto__') context.fail('another key', key)
      else output[key] = copy((value as Record<string, unknown>)[key], depth + 1, context)
      context.path.pop()
    }
    return output
  }
  return createSchema(
    { expected, check: (value, context) => copy(value, 0, context), json: () => ({}) },
    'required',
  )
}
