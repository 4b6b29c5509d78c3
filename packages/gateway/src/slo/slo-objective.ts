import { BurnWindows } from './burn-windows.ts'
import type { SloConfig, SloTier, SloTierName } from './slo-spec.ts'

/** How one tier stands. */
export interface TierState {
  readonly name: SloTierName
  readonly factor: number
  readonly longMs: number
  readonly shortMs: number
  /** Burn rate over the long and the short window: 1 spends exactly the budget; NaN without events. */
  readonly long: number
  readonly short: number
  readonly firing: boolean
}

interface Tier extends TierState {
  long: number
  short: number
  firing: boolean
}

/** Parts of the period in which the budget is kept: an hour of 30 days. */
const budgetParts = 720

/** So that a ratio that is exactly the limit is not above it by the last bit of a double. */
const above = 1 + 1e-9

/** One objective: its events, and which of its tiers burn. Times are monotonic milliseconds. */
export class SloObjective {
  config: SloConfig
  #windows: BurnWindows
  #budget: BurnWindows
  #tiers: readonly Tier[]

  constructor(config: SloConfig) {
    this.config = config
    this.#windows = new BurnWindows(windowsOf(config))
    this.#budget = new BurnWindows([config.periodMs], config.periodMs / budgetParts)
    this.#tiers = config.tiers.map(newTier)
  }

  /** As of the last {@link evaluate}. */
  get tiers(): readonly TierState[] {
    return this.#tiers
  }

  record(good: boolean, now: number): void {
    this.absorb(good ? 1 : 0, good ? 0 : 1, now)
  }

  absorb(good: number, bad: number, now: number): void {
    this.#windows.record(good, bad, now)
    this.#budget.record(good, bad, now)
  }

  /** Other settings; what was counted stays. */
  configure(config: SloConfig): void {
    const lengths = windowsOf(config)
    const same =
      lengths.length === this.#windows.lengths.length &&
      lengths.every((ms, i) => ms === this.#windows.lengths[i])
    if (!same) this.#windows = this.#windows.resized(lengths)
    if (config.periodMs !== this.config.periodMs) {
      this.#budget = new BurnWindows([config.periodMs], config.periodMs / budgetParts)
    }
    const before = this.#tiers
    this.#tiers = config.tiers.map((tier) => {
      const made = newTier(tier)
      made.firing = before.find((one) => one.name === tier.name)?.firing ?? false
      return made
    })
    this.config = config
  }

  /**
   * A tier fires when both windows burn above its factor and the short one holds enough events. One that fires goes on
   * with fewer events and even with none: when its own action leaves but a trickle that is no sign of health.
   */
  evaluate(now: number): readonly TierState[] {
    const { minEvents } = this.config
    for (let i = 0; i < this.#tiers.length; i++) {
      const tier = this.#tiers[i] as Tier
      const long = this.#windows.read(2 * i, now)
      const short = this.#windows.read(2 * i + 1, now)
      tier.long = this.#burn(long.good, long.bad)
      tier.short = this.#burn(short.good, short.bad)
      if (tier.firing && (Number.isNaN(tier.long) || Number.isNaN(tier.short))) continue
      const limit = tier.factor * above
      tier.firing =
        tier.long > limit &&
        tier.short > limit &&
        (tier.firing || short.good + short.bad >= minEvents - 1e-6)
    }
    return this.#tiers
  }

  /** Part of the budget of the period that is left, since the objective exists; below 0 when overspent. */
  budgetRemaining(now: number): number {
    const { good, bad } = this.#budget.read(0, now)
    const burn = this.#burn(good, bad)
    return Number.isNaN(burn) ? 1 : 1 - burn
  }

  /** How far above its factor the hardest tier burns: more than 1 is firing. */
  severity(): number {
    let most = 0
    for (const { long, short, factor } of this.#tiers) {
      const burn = Math.min(long, short) / factor
      if (burn > most) most = burn
    }
    return most
  }

  #burn(good: number, bad: number): number {
    const all = good + bad
    // Rounding leaves crumbs of an oldest bucket that has gone.
    if (all < 1e-6) return Number.NaN
    return Math.max(0, bad) / all / (1 - this.config.objective)
  }
}

function windowsOf(config: SloConfig): number[] {
  return config.tiers.flatMap((tier) => [tier.longMs, tier.shortMs])
}

function newTier(tier: SloTier): Tier {
  return { ...tier, long: Number.NaN, short: Number.NaN, firing: false }
}
