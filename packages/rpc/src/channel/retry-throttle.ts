import type { RetryThrottling } from './service-config.ts'

/**
 * Stops retries and hedges while most calls to a server fail (gRFC A6). Counted in thousandths of a token, so that
 * ratios add up exactly. One per channel, which is one server name; calls without a policy do not touch it.
 */
export class RetryThrottle {
  #max: number
  #ratio: number
  #tokens: number

  constructor(config: RetryThrottling) {
    this.#max = config.maxTokens
    this.#ratio = config.tokenRatio
    this.#tokens = config.maxTokens
  }

  /** Thousandths of a token in the bucket. */
  get tokens(): number {
    return this.#tokens
  }

  /** True when no retry and no hedge may be sent now. */
  get closed(): boolean {
    return this.#tokens * 2 <= this.#max
  }

  /** A call succeeded. */
  success(): void {
    this.#tokens = Math.min(this.#max, this.#tokens + this.#ratio)
  }

  /** An attempt failed with a code of the policy, or the server asked not to retry. */
  failure(): void {
    this.#tokens = Math.max(0, this.#tokens - 1000)
  }

  /** A new config: the bucket stays as full, in proportion, as it was. */
  configure(config: RetryThrottling): void {
    this.#tokens = Math.floor((this.#tokens / this.#max) * config.maxTokens)
    this.#max = config.maxTokens
    this.#ratio = config.tokenRatio
  }
}
