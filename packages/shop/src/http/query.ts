import type { Problem } from '@tidemill/core'
import { requestInvalid } from '../order/order-request.ts'

/** A whole number of the query within bounds, or the default. */
export function readLimit(query: URLSearchParams, fallback: number, max: number): number {
  const text = query.get('limit')
  if (text === null) return fallback
  const value = /^\d{1,9}$/u.test(text) ? Number(text) : 0
  if (value >= 1 && value <= max) return value
  throw requestInvalid([problem('limit', text, `a whole number from 1 to ${max}`)])
}

/** A day of the query, which must be there. */
export function readDay(query: URLSearchParams): string {
  const text = query.get('day') ?? ''
  const at = /^\d{4}-\d\d-\d\d$/u.test(text) ? new Date(`${text}T00:00:00Z`) : undefined
  const real = at !== undefined && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
  if (real) return text
  throw requestInvalid([problem('day', text, 'a day such as 2011-11-01')])
}

/** A cursor that an earlier answer gave; 0 is the beginning. */
export function readCursor(query: URLSearchParams): number {
  const text = query.get('after')
  if (text === null || text === '') return 0
  if (/^\d{1,15}$/u.test(text)) return Number(text)
  throw requestInvalid([problem('after', text, 'the next of an earlier answer')])
}

function problem(name: string, received: string, expected: string): Problem {
  return {
    path: `?${name}`,
    message: `must be ${expected}`,
    received: received.slice(0, 80),
    expected,
  }
}
