import type { Problem } from '@tidemill/core'

const maxDepth = 100
const maxProblems = 20

/**
 * Collects what keeps `value` from being stored as JSON and read back the same on every engine: BigInt, undefined,
 * cycles, non-finite numbers, class instances, lone surrogates (MySQL refuses them), NUL (PostgreSQL's jsonb refuses
 * it) and `__proto__` keys (they poison objects that folds build).
 */
export function jsonProblems(value: unknown, path: string, problems: Problem[] = []): Problem[] {
  walk(value, path, [], problems)
  return problems
}

function walk(value: unknown, path: string, parents: unknown[], problems: Problem[]): void {
  if (problems.length >= maxProblems) return
  switch (typeof value) {
    case 'string':
      text(value, path, problems)
      return
    case 'boolean':
      return
    case 'number':
      if (!Number.isFinite(value)) {
        problems.push({ path, message: 'is not a finite number', received: String(value) })
      }
      return
    case 'object':
      if (value !== null) container(value, path, parents, problems)
      return
    case 'bigint':
    case 'undefined':
    case 'symbol':
    case 'function':
      problems.push({ path, message: `${typeof value} is not JSON`, expected: 'plain JSON' })
      return
  }
}

function text(value: string, path: string, problems: Problem[]): void {
  if (!value.isWellFormed()) problems.push({ path, message: 'has a lone surrogate' })
  if (value.includes('\0')) problems.push({ path, message: 'has a NUL character' })
}

function container(value: object, path: string, parents: unknown[], problems: Problem[]): void {
  if (parents.includes(value)) {
    problems.push({ path, message: 'contains itself' })
    return
  }
  if (parents.length >= maxDepth) {
    problems.push({ path, message: `is nested deeper than ${maxDepth} levels` })
    return
  }
  parents.push(value)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) walk(value[i], `${path}/${i}`, parents, problems)
  } else if (isPlain(value)) {
    for (const key of Object.keys(value)) {
      const at = `${path}/${key}`
      if (key === '__proto__') problems.push({ path: at, message: 'is a forbidden key' })
      text(key, at, problems)
      walk((value as Record<string, unknown>)[key], at, parents, problems)
    }
  } else {
    problems.push({ path, message: 'is not a plain object or array', received: named(value) })
  }
  parents.pop()
}

function isPlain(value: object): boolean {
  if ('toJSON' in value) return false
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
