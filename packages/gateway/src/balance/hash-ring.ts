import { hashKey, mixHash } from './key-hash.ts'
import type { HashTable, TableHost } from './maglev-table.ts'

/** A point holds its place on the ring above its host's index, so that one sort orders both. */
const indexRange = 2 ** 21

/** The ring of consistent hashing (ketama): a hash belongs to the host of the next point. */
export class HashRing implements HashTable {
  readonly #points: Uint32Array
  readonly #owners: Uint32Array
  /** The first point of each equal part of the ring: about one point a part, so nothing has to be searched. */
  readonly #starts: Uint32Array
  readonly #shift: number

  /** `least` and `most` bound the number of points; `hosts` is not empty. */
  constructor(hosts: readonly TableHost[], least: number, most: number) {
    const sorted = sortedPoints(hosts, least, most)
    const size = sorted.length
    this.#points = new Uint32Array(size)
    this.#owners = new Uint32Array(size)
    for (let i = 0; i < size; i++) {
      const point = sorted[i] as number
      const place = Math.floor(point / indexRange)
      this.#points[i] = place
      this.#owners[i] = point - place * indexRange
    }
    const bits = Math.ceil(Math.log2(size)) + 1
    this.#shift = 32 - bits
    this.#starts = new Uint32Array(2 ** bits)
    for (let part = 0, i = 0; part < this.#starts.length; part++) {
      while (i < size && (this.#points[i] as number) < part * 2 ** this.#shift) i++
      this.#starts[part] = i
    }
  }

  get size(): number {
    return this.#points.length
  }

  at(hash: number): number {
    const points = this.#points
    const place = hash >>> 0
    let i = this.#starts[place >>> this.#shift] as number
    while (i < points.length && (points[i] as number) < place) i++
    return this.#owners[i === points.length ? 0 : i] as number
  }
}

function sortedPoints(hosts: readonly TableHost[], least: number, most: number): Float64Array {
  const sum = hosts.reduce((total, host) => total + host.weight, 0)
  const lightest = hosts.reduce((low, host) => Math.min(low, host.weight), Infinity) / sum
  // A power of two for the lightest host: a number that followed the count of hosts would move keys between all of them
  // whenever one joins.
  const each = 2 ** Math.max(0, Math.ceil(Math.log2(lightest * least)))
  const size = Math.min(each / lightest, most)
  const points = new Float64Array(Math.ceil(size) + hosts.length)
  let filled = 0
  let wanted = 0
  for (const [i, host] of hosts.entries()) {
    wanted += (host.weight / sum) * size
    const base = hashKey(host.key)
    for (let n = 0; filled < wanted - 1e-6; n++) {
      points[filled++] = mixHash(base ^ mixHash(n + 1)) * indexRange + i
    }
  }
  return points.subarray(0, filled).toSorted()
}
