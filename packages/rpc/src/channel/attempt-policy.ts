import type { CallOutcome } from './call-outcome.ts'

/** What follows when an attempt of a call ended. */
export type NextStep =
  /** This outcome is the call's; all other attempts are cancelled. */
  | { readonly kind: 'finish'; readonly reason: FinishReason }
  /** Another attempt, in so many milliseconds; it replaces one that was due. */
  | { readonly kind: 'start'; readonly delayMs: number }
  /** The same attempt again, now: the server certainly did not look at it. */
  | { readonly kind: 'repeat' }
  /** Other attempts run; no further one is due. */
  | { readonly kind: 'wait' }

export type FinishReason = 'done' | 'fatal' | 'pushback' | 'throttled' | 'exhausted'

/** Decides how many attempts one call makes, and when. Pure: the caller keeps the time. */
export interface AttemptPolicy {
  readonly kind: 'retry' | 'hedge'
  /** Value of `grpc-previous-rpc-attempts` for the attempt that is started next. */
  readonly previousAttempts: number
  /** Whether the attempt that is due now may be sent. */
  readonly allowed: boolean
  /** An attempt is sent; gives the milliseconds until the next one, undefined when none is due by itself. */
  started(): number | undefined
  /** An attempt ended; `committed` when what it received was given to the application already. */
  ended(outcome: CallOutcome, committed: boolean): NextStep
}
