import type { Clock, Random } from '@tidemill/core'
import { TwoChoices } from './host-choice.ts'
import { type AttemptOutcome, attempt, type Host, isFailure } from './host.ts'
import type { HostPool } from './host-pool.ts'

/** Of a host whose response time is not known yet, for each request it has: more than any known one. */
const unknownCost = 1e280

/** What a host counts as of which only failures are known, in milliseconds. */
const failedMs = 1000

/** After this many decay times the common scale moves on, long before e^x overflows. */
const scaleLimit = 300

/**
 * Two choices by response time * (requests in flight + 1). The average rises to a slower response at once and falls by
 * e each decay time (Finagle's peak EWMA), without traffic too, so that a host that was slow is tried again.
 *
 * What decays with time for all hosts at the same pace needs no clock to be compared: a score is the average times
 * e^(its time / decay), and the common factor e^(-now / decay) is left out.
 */
export class PeakEwma extends TwoChoices {
  readonly #clock: Clock
  readonly #decayMs: number
  #epoch: number

  constructor(pool: HostPool, random: Random, clock: Clock, decayMs: number) {
    super(pool, random)
    this.#clock = clock
    this.#decayMs = decayMs
    this.#epoch = clock.monotonic()
  }

  override update(): void {
    super.update()
    // A host may come from a balancer with another scale, which its settings had before.
    for (const host of this.pool.all) this.#score(host)
  }

  record(host: Host, ms: number, outcome: AttemptOutcome): void {
    if (outcome === attempt.aborted) return
    const now = this.#clock.monotonic()
    if (now - this.#epoch > scaleLimit * this.#decayMs) {
      this.#epoch = now
      for (const each of this.pool.all) this.#score(each)
    }
    const scale = Math.exp((now - this.#epoch) / this.#decayMs)
    const before = host.ewmaScore / scale
    const left = host.ewmaMs === 0 ? 0 : before / host.ewmaMs
    // To fail at once is not to be fast: it must not draw more requests.
    const least = isFailure(outcome) ? host.ewmaMs || failedMs : 0.001
    const sample = Math.max(ms, least)
    host.ewmaMs = sample > before ? sample : before + sample * (1 - left)
    host.ewmaAt = now
    host.ewmaScore = host.ewmaMs * scale
  }

  #score(host: Host): void {
    host.ewmaScore = host.ewmaMs * Math.exp((host.ewmaAt - this.#epoch) / this.#decayMs)
  }

  protected override cost(host: Host): number {
    const { active, ewmaScore } = host
    return ewmaScore === 0 ? active * unknownCost : ewmaScore * (active + 1)
  }
}
