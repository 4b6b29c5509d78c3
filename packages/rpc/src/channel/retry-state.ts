import type { Random } from '@tidemill/core'
import type { AttemptPolicy, FinishReason, NextStep } from './attempt-policy.ts'
import type { CallOutcome } from './call-outcome.ts'
import { noPushback, readPushback, stopPushback } from './pushback.ts'
import type { RetryThrottle } from './retry-throttle.ts'
import { hasCode, type RetryPolicy } from './service-config.ts'

/**
 * One attempt after the other (gRFC A6). Nothing that the server may have run is repeated unless the policy names the
 * status code; what the server refused unseen is repeated once, whatever the policy says.
 */
export class RetryState implements AttemptPolicy {
  readonly kind = 'retry' as const
  readonly allowed: boolean = true
  readonly #policy: RetryPolicy
  readonly #throttle: RetryThrottle | undefined
  readonly #random: Random
  #previous = 0
  /** Exponent of the next backoff; a pushback starts it anew. */
  #step = 0
  #repeated = false

  constructor(policy: RetryPolicy, throttle: RetryThrottle | undefined, random: Random) {
    this.#policy = policy
    this.#throttle = throttle
    this.#random = random
  }

  get previousAttempts(): number {
    return this.#previous
  }

  started(): undefined {
    return undefined
  }

  ended(outcome: CallOutcome, committed: boolean): NextStep {
    if (outcome.code === 0) {
      this.#throttle?.success()
      return finish('done')
    }
    if (committed) return finish('done')
    if (outcome.processed === 'refused' && !this.#repeated && this.#previous === 0) {
      this.#repeated = true
      return { kind: 'repeat' }
    }
    const policy = this.#policy
    const pushback = readPushback(outcome.trailers)
    const retryable = hasCode(policy.retryableCodes, outcome.code)
    if (retryable || pushback === stopPushback) this.#throttle?.failure()
    if (pushback === stopPushback) return finish('pushback')
    if (!retryable) return finish('fatal')
    if (this.#previous + 1 >= policy.maxAttempts) return finish('exhausted')
    if (this.#throttle?.closed === true) return finish('throttled')
    this.#previous++
    return { kind: 'start', delayMs: this.#delay(pushback) }
  }

  #delay(pushback: number): number {
    if (pushback !== noPushback) {
      this.#step = 0
      return pushback
    }
    const { initialBackoffMs, backoffMultiplier, maxBackoffMs } = this.#policy
    const bound = initialBackoffMs * backoffMultiplier ** this.#step++
    return Math.min(bound, maxBackoffMs) * (0.8 + 0.4 * this.#random.next())
  }
}

function finish(reason: FinishReason): NextStep {
  return { kind: 'finish', reason }
}
