import type { Problem } from '@tidemill/core'
import type { Json } from '../step.ts'

/** Every place of `value` that JSON would change or refuse (NaN, undefined, dates, bigints, cycles). */
export function jsonProblems(value: unknown): Problem[] {
  const problems: Problem[] = []
  visit(value, '', 0, problems)
  return problems
}

const deepest = 100

/** True when JSON carries the value unchanged; says no more, and is fast. */
export function isJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > deepest) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isJson(value[i], depth + 1)) return false
    return true
  }
  const prototype = Object.getPrototypeOf(value) as unknown
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined && !isJson(member, depth + 1)) return false
  }
  return true
}

function visit(value: unknown, path: string, depth: number, problems: Problem[]): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse(path, String(value), problems)
    return
  }
  if (depth > deepest) {
    problems.push({ path, message: `is nested more than ${deepest} deep` })
    return
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) visit(value[i], `${path}/${i}`, depth + 1, problems)
    return
  }
  if (typeof value === 'object') {
    const prototype = Object.getPrototypeOf(value) as unknown
    if (prototype === Object.prototype || prototype === null) {
      for (const key of Object.keys(value)) {
        const member = (value as Record<string, unknown>)[key]
        // JSON.stringify leaves such members out, and leaving out is what was meant.
        if (member !== undefined) visit(member, `${path}/${key}`, depth + 1, problems)
      }
      return
    }
  }
  refuse(path, Object.prototype.toString.call(value), problems)
}

function refuse(path: string, received: string, problems: Problem[]): void {
  problems.push({ path, message: 'is not JSON', received, expected: 'a JSON value' })
}

export function parseJson(text: string | null | undefined): Json {
  return text === null || text === undefined ? null : (JSON.parse(text) as Json)
}
