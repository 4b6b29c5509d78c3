import { type Clock, realClock, type TidemillError } from '@tidemill/core'
import type { RequestView } from '../dataplane/request-view.ts'
import { gatewayErrors } from '../errors.ts'
import { headerValue } from '../router/route-entry.ts'
import { LimitKey, type LimitIdentity } from './limit-key.ts'
import { retryAfterSeconds, writeLimitHeaders } from './limit-headers.ts'
import type { LimitConfig, LimitCostConfig, LimitSpec } from './limit-spec.ts'
import type { Limiter } from './limiter.ts'
import { createLimiter, type LimiterOptions } from './limiter-factory.ts'

/** What a limit decided since it was made. */
export interface LimitCounts {
  allowed: number
  refused: number
  /** Would have been refused, but for `shadow`. */
  shadowed: number
  /** Not asked, because the request lacks a descriptor. */
  skipped: number
}

/**
 * One rate limit as a route uses it: key, cost and rate of a request, the check, and what the client is told. The fields
 * are about the last check.
 */
export class RequestLimit {
  readonly limiter: Limiter
  readonly counts: LimitCounts = { allowed: 0, refused: 0, shadowed: 0, skipped: 0 }
  /** Key and tier to remember when `chargesResponse`; the key is empty when the limit did not apply. */
  key = ''
  tier = 0
  /** Whether the limit applied to the request. */
  applied = false
  /** Milliseconds until the request could pass; 0 when waiting does not help or is not needed. */
  retryAfterMs = 0
  #config: LimitConfig
  #keys: LimitKey
  readonly #clock: Clock
  #error: TidemillError | undefined

  constructor(spec: LimitSpec, options: LimiterOptions = {}) {
    this.limiter = createLimiter(spec, options)
    this.#clock = options.clock ?? realClock
    this.#config = this.limiter.config
    this.#keys = new LimitKey(this.#config)
  }

  get config(): LimitConfig {
    return this.#config
  }

  /** Whether the upstream's answer says what the request cost; then `charge` is to be called with it. */
  get chargesResponse(): boolean {
    return this.#config.cost.from === 'response'
  }

  /** Whether the request may pass. `now` is the monotonic time when the caller has read it. */
  check(
    view: RequestView,
    identity: LimitIdentity,
    now: number = this.#clock.monotonic(),
  ): boolean {
    const config = this.#config
    const keys = this.#keys
    this.retryAfterMs = 0
    this.applied = keys.read(view, identity)
    if (!this.applied) {
      this.key = ''
      this.tier = 0
      if (config.onMissing !== 'deny') {
        this.counts.skipped++
        return true
      }
      return this.#refuse()
    }
    this.key = keys.value
    this.tier = keys.tier
    const { cost } = config
    const tokens =
      cost.from === 'constant'
        ? cost.value
        : cost.from === 'request'
          ? priceIn(cost, view.headers)
          : 1
    if (this.limiter.check(keys.value, tokens, keys.tier, now)) {
      this.counts.allowed++
      return true
    }
    this.retryAfterMs = this.limiter.retryAfterMs
    return this.#refuse()
  }

  /** Takes what the answer says the request cost beyond the token that it came in with. */
  charge(
    key: string,
    tier: number,
    responseHeaders: readonly string[],
    now: number = this.#clock.monotonic(),
  ): void {
    const { cost, tiers } = this.#config
    if (cost.from !== 'response' || tier >= tiers.length) return
    const rest = priceIn(cost, responseHeaders) - 1
    if (rest > 0) this.limiter.charge(key, rest, tier, now)
  }

  /** Adds RateLimit fields about the last check to a flat list; nothing for a limit that did not apply or is a shadow. */
  writeHeaders(list: string[]): void {
    if (this.applied && !this.#config.shadow) {
      writeLimitHeaders(list, this.#config, this.tier, this.limiter)
    }
  }

  /** Whole seconds for Retry-After of a refused request. */
  get retryAfterSeconds(): number {
    return retryAfterSeconds(this.retryAfterMs)
  }

  /** The error of a refused request; made once, because a flood of refusals must cost little. */
  get error(): TidemillError {
    this.#error ??= gatewayErrors.error('TM_GATEWAY_LIMITED', { limit: this.#config.name })
    return this.#error
  }

  /** New settings; keys keep what they used. */
  configure(spec: LimitSpec): void {
    this.limiter.configure(spec)
    this.#config = this.limiter.config
    this.#keys = new LimitKey(this.#config)
    this.#error = undefined
  }

  close(): void {
    this.limiter.close()
  }

  #refuse(): boolean {
    if (this.#config.shadow) {
      this.counts.shadowed++
      return true
    }
    this.counts.refused++
    return false
  }
}

/** The tokens that a field says, within the bounds of the settings. */
function priceIn(cost: LimitCostConfig, headers: readonly string[]): number {
  const text = headerValue(headers, cost.header)
  if (text === undefined || text.length > 15 || !/^\d+$/u.test(text)) return cost.value
  // A free request would pass a limit whose price the client names.
  return Math.max(1, Math.min(cost.max, Number(text)))
}
