/** One condition of a concurrency limit. All times are monotonic milliseconds. */
export interface ConcurrencyRule {
  /** Whether one more may begin beside `active` others. */
  admits(active: number, now: number): boolean
  /** One is over. */
  record(now: number, ms: number, ok: boolean): void
}

/** Why a request was refused. */
export type ConcurrencyReason = 'max' | 'adaptive' | 'admission' | 'overload'
