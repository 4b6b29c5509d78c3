import type { Problem } from '@tidemill/core'

const maxDepth = 100
const maxProblems = 20

/**
 * Collects what keeps `value` from being stored as JSON and read back the same on every engine: BigInt, undefined,
 * cycles, non-finite numbers, class instances, lone surrogates (MySQL refuses them), NUL (PostgreSQL's jsonb refuses
 * it) and `__proto__` keys (they poison objects that folds build).
 */
export function jsonProblems(value: unknown, path: string, problems: Problem[] = []): Problem[] {
  walk(value, { path, keys: [], parents: [], problems })
  return problems
}

/** Where the walk is; the path is put together only for a problem, because nearly no event has one. */
interface Walk {
  readonly path: string
  readonly keys: (string | number)[]
  readonly parents: object[]
  readonly problems: Problem[]
}

function report({ path, keys, problems }: Walk, problem: Omit<Problem, 'path'>): void {
  problems.push({ path: [path, ...keys].join('/'), ...problem })
}

function walk(value: unknown, at: Walk): void {
  if (at.problems.length >= maxProblems) return
  switch (typeof value) {
    case 'string':
      text(value, at)
      return
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) {
        report(at, { message: 'is not a finite number', received: String(value) })
      }
      return
    case 'object':
      if (value !== null) container(value, at)
      return
    case 'bigint':
    case 'undefined':
    case 'symbol':
    case 'function':
      report(at, { message: `${typeof value} is not JSON`, expected: 'plain JSON' })
      return
  }
}

function text(value: string, at: Walk): void {
  if (!value.isWellFormed()) report(at, { message: 'has a lone surrogate' })
  if (value.includes('\0')) report(at, { message: 'has a NUL character' })
}

function container(value: object, at: Walk): void {
  const { parents, keys } = at
  if (parents.includes(value)) {
    report(at, { message: 'contains itself' })
    return
  }
  if (parents.length >= maxDepth) {
    report(at, { message: `is nested deeper than ${maxDepth} levels` })
    return
  }
  if ('toJSON' in value || !(Array.isArray(value) || isPlain(value))) {
    report(at, { message: 'is not a plain object or array', received: named(value) })
    return
  }
  parents.push(value)
  const depth = keys.length
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      keys[depth] = index
      walk(value[index], at)
    }
  } else {
    for (const key of Object.keys(value)) {
      keys[depth] = key
      if (key === '__proto__') report(at, { message: 'is a forbidden key' })
      text(key, at)
      walk((value as Record<string, unknown>)[key], at)
    }
  }
  keys.length = depth
  parents.pop()
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // Not `=== Object.prototype`: an object that crossed a realm or a structured clone is plain too.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function named(value: object): string {
  return (value.constructor as { name?: string } | undefined)?.name ?? 'object'
}

/**
 * `JSON.parse` that refuses `__proto__` keys, however they are escaped. Throws SyntaxError.
 * The text is searched first: nearly all events have no such key and pay nothing for a reviver.
 */
export function parseJson(json: string): unknown {
  if (!json.includes('__proto__') && !json.includes('\\u')) return JSON.parse(json) as unknown
  return JSON.parse(json, (key, value: unknown) => {
    if (key === '__proto__') throw new SyntaxError('the key __proto__ is forbidden')
    return value
  }) as unknown
}
