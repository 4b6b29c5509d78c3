import type { Random } from '@tidemill/core'
import type { BalancerConfig } from './balancer-spec.ts'
import { HashRing } from './hash-ring.ts'
import type { HostChoice } from './host-choice.ts'
import { type Host, isUsable } from './host.ts'
import type { HostPool } from './host-pool.ts'
import { mixHash } from './key-hash.ts'
import { type HashTable, MaglevTable } from './maglev-table.ts'

/** Places that are tried in the table before the candidates are looked through in order. */
const tries = 16

/**
 * Equal hashes go to the same host. The table holds all hosts, so it is built only when hosts or weights change; a hash
 * whose host is not usable, or full, is hashed again until one is: those of one host spread over all others and come
 * back when it does, and no other hash moves.
 */
export class HashChoice implements HostChoice {
  readonly #pool: HostPool
  readonly #random: Random
  readonly #config: BalancerConfig
  #hosts: readonly Host[] = []
  #form = ''
  #table: HashTable | undefined = undefined
  /** What of (all requests + 1) one host may have for each unit of its weight. */
  #bound = Infinity
  /** Requests in flight at all hosts. */
  active = 0

  constructor(pool: HostPool, random: Random, config: BalancerConfig) {
    this.#pool = pool
    this.#random = random
    this.#config = config
  }

  update(): void {
    const { candidates } = this.#pool
    const sum = candidates.reduce((total, host) => total + host.weight, 0)
    this.#bound = this.#config.loadFactor / Math.max(1, sum)
  }

  /** The hosts or their weights have changed. */
  rebuild(): void {
    // In the order of keys, so that every process builds the same table whatever the order it was told.
    this.#hosts = this.#pool.all.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    const form = this.#hosts.map((host) => `${host.key} ${host.weight}`).join('\n')
    if (form === this.#form) return
    this.#form = form
    const { leastPoints, mostPoints, tableSize, type } = this.#config
    if (this.#hosts.length === 0) this.#table = undefined
    else if (type === 'maglev') this.#table = new MaglevTable(this.#hosts, tableSize)
    else this.#table = new HashRing(this.#hosts, leastPoints, mostPoints)
  }

  choose(hash: number): Host {
    let place = hash >= 0 ? hash : Math.floor(this.#random.next() * 0x1_0000_0000)
    const table = this.#table as HashTable
    const panic = this.#pool.panic
    for (let i = 0; i < tries; i++) {
      const host = this.#hosts[table.at(place)] as Host
      if ((panic || isUsable(host)) && this.#hasRoom(host)) return host
      place = mixHash(place + 0x9e3779b9)
    }
    return this.#search(place)
  }

  #hasRoom(host: Host): boolean {
    return (
      this.#bound === Infinity ||
      host.active < Math.ceil((this.active + 1) * this.#bound * host.weight)
    )
  }

  #search(place: number): Host {
    const { candidates } = this.#pool
    const count = candidates.length
    const start = place % count
    for (let i = 0; i < count; i++) {
      const host = candidates[(start + i) % count] as Host
      if (this.#hasRoom(host)) return host
    }
    return candidates[start] as Host
  }
}
