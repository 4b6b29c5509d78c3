import type { Random } from './random.ts'

/** Exponential backoff with full jitter: attempt n waits random(0, min(cap, base * 2^(n-1))). */
export interface BackoffOptions {
  /** Milliseconds of the first attempt's upper bound. */
  readonly base: number
  /** Upper bound in milliseconds that no attempt exceeds. */
  readonly cap: number
}

/** The wait in milliseconds before attempt `attempt + 1`; `attempt` counts from 1. */
export function backoffDelay(attempt: number, options: BackoffOptions, random: Random): number {
  return random.next() * backoffBound(attempt, options)
}

/** The most that {@link backoffDelay} can give for that attempt. */
export function backoffBound(attempt: number, options: BackoffOptions): number {
  return Math.min(options.cap, options.base * 2 ** Math.min(Math.max(attempt, 1) - 1, 52))
}
