import type { LimitConfig, LimitTier } from './limit-spec.ts'

/** Whole seconds for Retry-After, at least 1. */
export function retryAfterSeconds(ms: number): number {
  return Math.max(1, Math.ceil((ms - 1e-3) / 1000))
}

/** The outcome of a check, as clients are told of it. */
export interface LimitOutcome {
  readonly remaining: number
  readonly resetMs: number
}

/** RateLimit-Policy of a rate: `"name";q=100;w=60`; a period that is not whole seconds is scaled to the next. */
export function limitPolicy(name: string, tier: LimitTier): string {
  const seconds = Math.max(1, Math.ceil(tier.periodMs / 1000))
  const quota = Math.floor((tier.requests * seconds * 1000) / tier.periodMs)
  return `"${name}";q=${quota};w=${seconds}`
}

/**
 * Adds what a limit tells its clients to a flat list: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers;
 * lists, so several limits stand beside each other), and the X-RateLimit fields of the limit that has least left.
 */
export function writeLimitHeaders(
  list: string[],
  config: LimitConfig,
  tier: number,
  outcome: LimitOutcome,
): void {
  const rate = config.tiers[tier] as LimitTier
  const reset = Math.max(0, Math.ceil((outcome.resetMs - 1e-3) / 1000))
  if (config.standardHeaders) {
    list.push('ratelimit-policy', limitPolicy(config.name, rate))
    list.push('ratelimit', `"${config.name}";r=${outcome.remaining};t=${reset}`)
  }
  if (!config.legacyHeaders) return
  let at = list.indexOf('x-ratelimit-limit')
  if (at >= 0 && Number(list[at + 3]) <= outcome.remaining) return
  if (at < 0) at = list.length
  list[at] = 'x-ratelimit-limit'
  list[at + 1] = String(rate.requests)
  list[at + 2] = 'x-ratelimit-remaining'
  list[at + 3] = String(outcome.remaining)
  list[at + 4] = 'x-ratelimit-reset'
  list[at + 5] = String(reset)
}
