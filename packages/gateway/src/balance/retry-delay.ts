import type { Random } from '@tidemill/core'

/**
 * The upper bound of the wait before retry `attempt` (from 1), in milliseconds: base * (2^attempt - 1), at most ten times
 * the base (Envoy's retry policy).
 */
export function retryDelayBound(attempt: number, baseMs: number): number {
  return Math.min(10, 2 ** Math.min(attempt, 30) - 1) * baseMs
}

/** The wait before retry `attempt` (from 1): `leastMs` and a part drawn from [0, bound). */
export function retryDelay(
  attempt: number,
  baseMs: number,
  leastMs: number,
  random: Random,
): number {
  return leastMs + random.next() * retryDelayBound(attempt, baseMs)
}

/** Longest Retry-After that is waited for, in milliseconds. */
export const longestRetryAfterMs = 300_000

/**
 * The wait that a Retry-After field asks for (RFC 9110 10.2.3: seconds or a date), in milliseconds, lengthened by up to
 * half so that clients do not come back together. Undefined when it is no valid value or more than 300 s: do not retry.
 * `now` is wall time.
 */
export function retryAfterDelay(value: string, now: number, random: Random): number | undefined {
  let ms: number
  if (/^\d{1,10}$/u.test(value)) ms = Number(value) * 1000
  else if (/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/u.test(value)) {
    ms = Math.max(0, Date.parse(value) - now)
  } else return undefined
  if (!(ms <= longestRetryAfterMs)) return undefined
  return ms * (1 + random.next() / 2)
}
