import type { AttemptPolicy, FinishReason, NextStep } from './attempt-policy.ts'
import type { CallOutcome } from './call-outcome.ts'
import { noPushback, readPushback, stopPushback } from './pushback.ts'
import type { RetryThrottle } from './retry-throttle.ts'
import { hasCode, type HedgingPolicy } from './service-config.ts'

/** Attempts beside each other, one per delay, until the first answer (gRFC A6). */
export class HedgeState implements AttemptPolicy {
  readonly kind = 'hedge' as const
  readonly #policy: HedgingPolicy
  readonly #throttle: RetryThrottle | undefined
  #started = 0
  #running = 0
  #stopped = false
  #repeated = false

  constructor(policy: HedgingPolicy, throttle: RetryThrottle | undefined) {
    this.#policy = policy
    this.#throttle = throttle
  }

  get previousAttempts(): number {
    return this.#started
  }

  /** A closed throttle ends hedging for this call. */
  get allowed(): boolean {
    if (this.#started > 0 && this.#throttle?.closed === true) this.#stopped = true
    return this.#more
  }

  started(): number | undefined {
    this.#started++
    this.#running++
    return this.#more ? this.#policy.hedgingDelayMs : undefined
  }

  ended(outcome: CallOutcome, committed: boolean): NextStep {
    if (outcome.code === 0) {
      this.#throttle?.success()
      return finish('done')
    }
    if (committed) return finish('done')
    if (outcome.processed === 'refused' && !this.#repeated) {
      this.#repeated = true
      return { kind: 'repeat' }
    }
    this.#running--
    const pushback = readPushback(outcome.trailers)
    const nonFatal = hasCode(this.#policy.nonFatalCodes, outcome.code)
    if (nonFatal || pushback === stopPushback) this.#throttle?.failure()
    if (!nonFatal) return finish('fatal')
    if (pushback === stopPushback) this.#stopped = true
    if (this.allowed) return { kind: 'start', delayMs: pushback === noPushback ? 0 : pushback }
    if (this.#running > 0) return { kind: 'wait' }
    return finish(this.#stoppedReason(pushback))
  }

  #stoppedReason(pushback: number): FinishReason {
    if (this.#started >= this.#policy.maxAttempts) return 'exhausted'
    return pushback === stopPushback ? 'pushback' : 'throttled'
  }

  get #more(): boolean {
    return !this.#stopped && this.#started < this.#policy.maxAttempts
  }
}

function finish(reason: FinishReason): NextStep {
  return { kind: 'finish', reason }
}
