import type { LimitConfig, LimitSpec } from './limit-spec.ts'

/**
 * A rate limit over many keys. Synchronous, allocates nothing per check; the fields tell about the last check and are
 * overwritten by the next.
 */
export interface Limiter {
  readonly config: LimitConfig
  /** Whole tokens left for the key; over several workers, as far as this one knows. */
  readonly remaining: number
  /** Milliseconds until the refused request could pass; 0 when it passed. */
  readonly retryAfterMs: number
  /** Milliseconds until the bucket is full again. */
  readonly resetMs: number
  /** Keys remembered, and the bytes of their tables. */
  readonly keys: number
  readonly bytes: number
  /** Takes `cost` tokens of the key, or none and answers false. `now` is the monotonic time when the caller has it. */
  check(key: string, cost?: number, tier?: number, now?: number): boolean
  /** Takes tokens after the fact, down to a debt of at most one burst; changes no result fields. */
  charge(key: string, cost: number, tier?: number, now?: number): void
  /**
   * New settings; keys keep what they used, but none owes more than the new burst. Throws TM_GATEWAY_LIMIT_INVALID. The
   * scope stays as it was.
   */
  configure(spec: LimitSpec): void
  /** Forgets everything. */
  close(): void
}
