import type { Claims } from './auth-result.ts'
import type { ClaimTest } from './auth-settings.ts'
import { isFields } from '../object-check.ts'

/** The claim of that very name, else the nested one that its dots name; undefined when there is none. */
export function readClaim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  if (!name.includes('.')) return undefined
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (!isFields(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

/** Whether a claim passes; a list passes when one of its members does. */
export function claimPasses(value: unknown, test: ClaimTest): boolean {
  if (value === undefined || value === null) return false
  if (test === true) return true
  const wanted: readonly unknown[] = Array.isArray(test) ? test : [test]
  return Array.isArray(value) ? value.some((item) => wanted.includes(item)) : wanted.includes(value)
}

/** Whether all scopes stand in `scope` (RFC 8693 section 4.2, words apart by spaces) or in `scp`, a text or a list. */
export function hasScopes(claims: Claims, scopes: readonly string[]): boolean {
  if (scopes.length === 0) return true
  const granted = new Set<unknown>()
  for (const value of [claims['scope'], claims['scp']]) {
    const words: unknown = typeof value === 'string' ? value.split(' ') : value
    if (Array.isArray(words)) for (const word of words) granted.add(word)
  }
  return scopes.every((scope) => granted.has(scope))
}

/**
 * A claim as the value of a header field: decodeURIComponent gives the text back, and nothing in it can end the
 * field or be taken for a second member of a list. Undefined for what is no text, number, boolean or list of them.
 */
export function claimHeader(value: unknown): string | undefined {
  if (!Array.isArray(value)) return scalarHeader(value, false)
  const parts = value.map((item) => scalarHeader(item, true))
  return parts.includes(undefined) || parts.length === 0 ? undefined : parts.join(',')
}

function scalarHeader(value: unknown, ofList: boolean): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string' || value === '') return undefined
  const unsafe = ofList ? /[^\u0021-\u007e]|[%,]/gu : /[^\u0020-\u007e]|%|^ | $/gu
  return value.toWellFormed().replaceAll(unsafe, (character) => encodeURIComponent(character))
}

/** Freezes a value of JSON with all that is in it. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const member of Object.values(value)) deepFreeze(member)
}
