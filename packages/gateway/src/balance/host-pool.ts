import type { Clock } from '@tidemill/core'
import type { BalancerConfig } from './balancer-spec.ts'
import { type Host, isUsable } from './host.ts'

/** The hosts of a cluster, those of them that get requests now, and the share of each. */
export class HostPool {
  readonly #config: BalancerConfig
  readonly #clock: Clock
  all: readonly Host[] = []
  /** The usable hosts; all in panic. */
  candidates: Host[] = []
  /** Share of each candidate now, slow start included. */
  weights: Float64Array = new Float64Array(0)
  /** Every candidate has the same weight. */
  even = true
  panic = false
  /** A candidate is in slow start: weights change with time. */
  warming = false
  #warmAgain = 0

  constructor(config: BalancerConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
  }

  /** Looks anew at which hosts are usable. */
  update(): void {
    const usable = this.all.filter(isUsable)
    this.panic = usable.length * 100 < this.#config.panicPercent * this.all.length
    this.candidates = this.panic ? [...this.all] : usable
    this.#weigh()
  }

  /** Whether the weights were made anew, since enough time has passed. */
  warm(): boolean {
    if (this.#clock.monotonic() < this.#warmAgain) return false
    this.#weigh()
    return true
  }

  #weigh(): void {
    const { slowStartMs } = this.#config
    const now = slowStartMs > 0 ? this.#clock.monotonic() : 0
    const weights = new Float64Array(this.candidates.length)
    this.warming = false
    this.even = true
    for (const [i, host] of this.candidates.entries()) {
      weights[i] = host.weight
      if (slowStartMs > 0 && now - host.since < slowStartMs) {
        this.warming = true
        weights[i] = host.weight * slowStartFactor(now - host.since, this.#config)
      }
      if (weights[i] !== weights[0]) this.even = false
    }
    this.weights = weights
    // A hundredth of the window is finer than chance lets anybody see.
    this.#warmAgain = now + Math.max(10, slowStartMs / 100)
  }
}

/** The part of its weight that a host has `ms` after it joined (Envoy's slow start). */
export function slowStartFactor(
  ms: number,
  config: Pick<BalancerConfig, 'slowStartMs' | 'aggression' | 'leastFactor'>,
): number {
  if (ms >= config.slowStartMs) return 1
  const part = Math.max(0, ms) / config.slowStartMs
  return Math.max(config.leastFactor, part ** (1 / config.aggression))
}
