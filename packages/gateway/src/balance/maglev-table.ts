import { hashKey } from './key-hash.ts'

/** Which of the hosts, given in the order of their keys, a hash belongs to. */
export interface HashTable {
  at(hash: number): number
}

/** A host as a hash table takes it. */
export interface TableHost {
  readonly key: string
  readonly weight: number
}

/**
 * The lookup table of Maglev (Eisenbud et al., NSDI 2016, 3.4): hosts take turns in claiming the next free slot of their
 * own permutation of the table, so each has its share within a slot and a change of hosts moves little else.
 */
export class MaglevTable implements HashTable {
  readonly #size: number
  readonly #slots: Int32Array

  /** `size` is a prime; `hosts` is not empty. */
  constructor(hosts: readonly TableHost[], size: number) {
    this.#size = size
    this.#slots = new Int32Array(size).fill(-1)
    this.#fill(hosts)
  }

  at(hash: number): number {
    return this.#slots[(hash >>> 0) % this.#size] as number
  }

  #fill(hosts: readonly TableHost[]): void {
    const size = this.#size
    const slots = this.#slots
    const count = hosts.length
    const next = new Int32Array(count)
    const skip = new Int32Array(count)
    const claim = new Float64Array(count)
    const due = new Float64Array(count)
    const heaviest = hosts.reduce((most, host) => Math.max(most, host.weight), 0)
    for (const [i, host] of hosts.entries()) {
      next[i] = hashKey(host.key, 0x6d61676c) % size
      skip[i] = (hashKey(host.key, 0x65760001) % (size - 1)) + 1
      claim[i] = host.weight / heaviest
    }
    for (let filled = 0, turn = 1; ; turn++) {
      for (let i = 0; i < count; i++) {
        // A host of half the greatest weight claims every second turn.
        if (turn * (claim[i] as number) < (due[i] as number)) continue
        due[i] = (due[i] as number) + 1
        let slot = next[i] as number
        const step = skip[i] as number
        while ((slots[slot] as number) >= 0) {
          slot += step
          if (slot >= size) slot -= size
        }
        slots[slot] = i
        next[i] = slot
        if (++filled === size) return
      }
    }
  }
}
