import type { Clock, Random } from '@tidemill/core'
import type { BalancerConfig } from './balancer-spec.ts'
import { HashChoice } from './hash-choice.ts'
import { type HostChoice, LeastRequest, RandomChoice, RoundRobin } from './host-choice.ts'
import type { AttemptOutcome, Host } from './host.ts'
import { HostPool } from './host-pool.ts'
import { mixHash } from './key-hash.ts'
import { PeakEwma } from './peak-ewma.ts'

/** Chooses hosts of one cluster. `pick`, `started` and `finished` allocate nothing. */
export interface Balancer {
  /**
   * The host for an attempt, or undefined when there is none. `hash` (32 bit unsigned, see `hashKey`) places the request
   * with hash balancers; -1 leaves it to chance. A host of `excluded` (those tried before) is chosen only when no other
   * is left.
   */
  pick(hash: number, excluded: readonly Host[] | undefined): Host | undefined
  /** Replaces the hosts; what is known of those that stay is kept in their objects (`mergeHosts`). */
  hosts(list: readonly Host[]): void
  /** To be called after `healthy` or `ejected` of a host changed. */
  changed(): void
  /** An attempt begins at this host; `host.active` is the cluster's to count. */
  started(host: Host): void
  /**
   * The attempt is over: `ms` from its start to the response head, or to what ended it. Call it once for each `started`,
   * on the same balancer, when `host.active` is counted down.
   */
  finished(host: Host, ms: number, outcome: AttemptOutcome): void
  /** Fewer hosts than the panic threshold are usable, so all of them get requests. */
  readonly panic: boolean
  /** Hosts picked while in panic, since it was made. */
  readonly panicPicks: number
}

export interface BalancerPorts {
  readonly clock: Clock
  readonly random: Random
  /** Panic begins or ends. */
  readonly onPanic?: (panic: boolean) => void
}

export function createBalancer(config: BalancerConfig, ports: BalancerPorts): Balancer {
  return new PoolBalancer(config, ports)
}

/** Other choices that are asked for a host not tried before; then the candidates are looked through. */
const reselections = 3

class PoolBalancer implements Balancer {
  readonly #ports: BalancerPorts
  readonly #pool: HostPool
  readonly #choice: HostChoice
  readonly #ewma: PeakEwma | undefined
  readonly #hashed: HashChoice | undefined
  panicPicks = 0

  constructor(config: BalancerConfig, ports: BalancerPorts) {
    const { clock, random } = ports
    this.#ports = ports
    this.#pool = new HostPool(config, clock)
    this.#choice = createChoice(config, this.#pool, clock, random)
    this.#ewma = this.#choice instanceof PeakEwma ? this.#choice : undefined
    this.#hashed = this.#choice instanceof HashChoice ? this.#choice : undefined
  }

  get panic(): boolean {
    return this.#pool.panic
  }

  pick(hash: number, excluded: readonly Host[] | undefined): Host | undefined {
    const pool = this.#pool
    if (pool.warming && pool.warm()) this.#choice.update()
    const { candidates } = pool
    if (pool.panic) this.panicPicks++
    if (candidates.length < 2) return candidates[0]
    const host = this.#choice.choose(hash)
    if (excluded === undefined || !excluded.includes(host)) return host
    return this.#pickOther(hash, excluded, host)
  }

  #pickOther(hash: number, excluded: readonly Host[], first: Host): Host {
    let place = hash
    for (let i = 0; i < reselections; i++) {
      // The same other host for the same hash each time.
      if (place >= 0) place = mixHash(place + 0x85ebca77)
      const host = this.#choice.choose(place)
      if (!excluded.includes(host)) return host
    }
    const { candidates } = this.#pool
    const start = place >= 0 ? place : this.#ports.random.integer(candidates.length)
    for (let i = 0; i < candidates.length; i++) {
      const host = candidates[(start + i) % candidates.length] as Host
      if (!excluded.includes(host)) return host
    }
    return first
  }

  hosts(list: readonly Host[]): void {
    this.#pool.all = list
    this.#hashed?.rebuild()
    this.changed()
  }

  changed(): void {
    const before = this.#pool.panic
    this.#pool.update()
    this.#choice.update()
    if (this.#pool.panic !== before) this.#ports.onPanic?.(this.#pool.panic)
  }

  started(_host: Host): void {
    if (this.#hashed !== undefined) this.#hashed.active++
  }

  finished(host: Host, ms: number, outcome: AttemptOutcome): void {
    if (this.#ewma !== undefined) this.#ewma.record(host, ms, outcome)
    else if (this.#hashed !== undefined && this.#hashed.active > 0) this.#hashed.active--
  }
}

function createChoice(
  config: BalancerConfig,
  pool: HostPool,
  clock: Clock,
  random: Random,
): HostChoice {
  switch (config.type) {
    case 'round-robin':
      return new RoundRobin(pool, random)
    case 'random':
      return new RandomChoice(pool, random)
    case 'least-request':
      return new LeastRequest(pool, random)
    case 'peak-ewma':
      return new PeakEwma(pool, random, clock, config.decayMs)
    case 'maglev':
    case 'ring-hash':
      return new HashChoice(pool, random, config)
  }
}
