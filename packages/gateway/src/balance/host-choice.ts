import type { Random } from '@tidemill/core'
import type { Host } from './host.ts'
import type { HostPool } from './host-pool.ts'
import { WeightedDraw } from './weighted-draw.ts'

/** One way to choose among the candidates of a pool. */
export interface HostChoice {
  /** Called with two candidates or more; allocates nothing. */
  choose(hash: number): Host
  /** The candidates or their weights have changed. */
  update(): void
}

/** By chance, by weight. */
export class RandomChoice implements HostChoice {
  readonly #pool: HostPool
  readonly #random: Random
  readonly #draw = new WeightedDraw()

  constructor(pool: HostPool, random: Random) {
    this.#pool = pool
    this.#random = random
  }

  update(): void {
    if (!this.#pool.even) this.#draw.update(this.#pool.weights)
  }

  choose(): Host {
    const { candidates, even } = this.#pool
    const chance = this.#random.next()
    const i = even ? (chance * candidates.length) | 0 : this.#draw.index(chance)
    return candidates[i] as Host
  }
}

/** In turns; smoothly by weight where weights differ (nginx's algorithm: 5, 1, 1 gives a a b a c a a). */
export class RoundRobin implements HostChoice {
  readonly #pool: HostPool
  readonly #random: Random
  #next = -1
  #credits = new Float64Array(0)
  #owners: readonly Host[] = []

  constructor(pool: HostPool, random: Random) {
    this.#pool = pool
    this.#random = random
  }

  update(): void {
    const { candidates } = this.#pool
    if (candidates === this.#owners) return
    const before = new Map(this.#owners.map((host, i) => [host, this.#credits[i] as number]))
    this.#credits = Float64Array.from(candidates, (host) => before.get(host) ?? 0)
    this.#owners = candidates
  }

  choose(): Host {
    const { candidates, even, weights } = this.#pool
    const count = candidates.length
    if (even) {
      // Many processes that all begin with the first host would send it a burst after each start.
      if (this.#next < 0) this.#next = this.#random.integer(count)
      if (this.#next >= count) this.#next = 0
      return candidates[this.#next++] as Host
    }
    const credits = this.#credits
    let best = 0
    let sum = 0
    for (let i = 0; i < count; i++) {
      const weight = weights[i] as number
      sum += weight
      const credit = (credits[i] as number) + weight
      credits[i] = credit
      if (credit > (credits[best] as number)) best = i
    }
    credits[best] = (credits[best] as number) - sum
    return candidates[best] as Host
  }
}

/**
 * Draws two hosts by weight and takes the one that has less to do for its weight: near the result of looking at all
 * (Mitzenmacher, The power of two choices), without every process running to the same idle host.
 */
export abstract class TwoChoices implements HostChoice {
  protected readonly pool: HostPool
  readonly #random: Random
  readonly #draw = new WeightedDraw()

  constructor(pool: HostPool, random: Random) {
    this.pool = pool
    this.#random = random
  }

  update(): void {
    if (!this.pool.even) this.#draw.update(this.pool.weights)
  }

  choose(): Host {
    const { candidates } = this.pool
    const count = candidates.length
    if (this.pool.even) {
      // One number serves for both: its fraction is as random as its integer.
      const at = this.#random.next() * count
      const i = at | 0
      let j = ((at - i) * (count - 1)) | 0
      if (j >= i) j++
      const one = candidates[i] as Host
      const other = candidates[j] as Host
      return this.cost(one) <= this.cost(other) ? one : other
    }
    const i = this.#draw.index(this.#random.next())
    let j = this.#draw.index(this.#random.next())
    if (j === i) j = this.#draw.index(this.#random.next())
    if (j === i) j = (i + 1) % count
    const one = candidates[i] as Host
    const other = candidates[j] as Host
    const { weights } = this.pool
    const ofOne = this.cost(one) * (weights[j] as number)
    return ofOne <= this.cost(other) * (weights[i] as number) ? one : other
  }

  protected abstract cost(host: Host): number
}

/** Two choices by requests in flight. */
export class LeastRequest extends TwoChoices {
  protected override cost(host: Host): number {
    return host.active
  }
}
