import { type Clock, realClock } from '@tidemill/core'
import { KeySlots } from './key-slots.ts'
import type { Limiter } from './limiter.ts'
import { type LimitConfig, type LimitSpec, limitConfig } from './limit-spec.ts'

/** Rounding of times must not turn "exactly now" into "a moment later": 10 ns, or less where a token is shorter. */
const slackMs = 1e-5

/**
 * The generic cell rate algorithm, one theoretical arrival time (TAT) per key:
 * allowed iff now >= max(TAT, now) + cost * T - burst * T, and then TAT = max(TAT, now) + cost * T.
 */
export class LocalLimiter implements Limiter {
  config: LimitConfig
  remaining = 0
  retryAfterMs = 0
  resetMs = 0
  readonly #clock: Clock
  readonly #slots: KeySlots
  /** Token and burst in milliseconds, by tier. */
  #tokenMs: Float64Array
  #burstMs: Float64Array

  constructor(config: LimitConfig, clock: Clock = realClock) {
    this.config = config
    this.#clock = clock
    this.#tokenMs = Float64Array.from(config.tiers, (tier) => tier.tokenMs)
    this.#burstMs = Float64Array.from(config.tiers, (tier) => tier.burstMs)
    this.#slots = new KeySlots({
      maxKeys: config.maxKeys,
      width: 1,
      generationMs: generationMs(config),
      spentMs: spentMs(config),
    })
  }

  get keys(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#slots.bytes
  }

  check(key: string, cost = 1, tier = 0, now: number = this.#clock.monotonic()): boolean {
    const slots = this.#slots
    const tokenMs = this.#tokenMs[tier] as number
    const burstMs = this.#burstMs[tier] as number
    const at = this.#locate(key, tier, now)
    const slack = slackMs < tokenMs / 100 ? slackMs : tokenMs / 100
    let tat = slots.values[at] as number
    if (tat < now) tat = now
    const next = tat + cost * tokenMs
    const wait = next - burstMs - now
    if (wait > slack) {
      this.remaining = tokens(burstMs - (tat - now) + slack, tokenMs)
      this.retryAfterMs = wait
      this.resetMs = tat - now
      return false
    }
    slots.values[at] = next
    this.remaining = tokens(burstMs - (next - now) + slack, tokenMs)
    this.retryAfterMs = 0
    this.resetMs = next - now
    return true
  }

  charge(key: string, cost: number, tier = 0, now: number = this.#clock.monotonic()): void {
    const at = this.#locate(key, tier, now)
    const { values } = this.#slots
    const next = Math.max(values[at] as number, now) + cost * (this.#tokenMs[tier] as number)
    values[at] = Math.min(next, now + 2 * (this.#burstMs[tier] as number))
  }

  configure(spec: LimitSpec): void {
    this.reconfigure(limitConfig(spec))
  }

  reconfigure(config: LimitConfig): void {
    this.config = config
    this.#tokenMs = Float64Array.from(config.tiers, (tier) => tier.tokenMs)
    this.#burstMs = Float64Array.from(config.tiers, (tier) => tier.burstMs)
    this.#slots.resize(config.maxKeys, generationMs(config), spentMs(config))
    const now = this.#clock.monotonic()
    this.#slots.cap(config.tiers.map((tier) => now + tier.burstMs))
  }

  close(): void {
    this.#slots.clear()
  }

  #locate(key: string, tier: number, now: number): number {
    const slots = this.#slots
    const at = slots.locate(key, now)
    if (slots.tag(at) !== tier) {
      // A key that came under another rate is treated like one whose rate was changed.
      slots.setTag(at, tier)
      const most = now + (this.#burstMs[tier] as number)
      if ((slots.values[at] as number) > most) slots.values[at] = most
    }
    return at
  }
}

/** A key unused for that long has a full bucket again, whatever its tier: nothing is lost with it. */
function generationMs(config: LimitConfig): number {
  return Math.max(60_000, ...config.tiers.map((tier) => 2 * tier.burstMs))
}

function spentMs(config: LimitConfig): number[] {
  return config.tiers.map((tier) => tier.burstMs - tier.tokenMs)
}

function tokens(ms: number, tokenMs: number): number {
  return ms <= 0 ? 0 : Math.floor(ms / tokenMs)
}
