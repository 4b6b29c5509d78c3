import { kvError } from '../check.ts'
import type { Statements } from './tables.ts'

/** etcd: ceil(1.5 x election timeout), 2 s by default. */
const shortestTtl = 2
const longestTtl = 9_000_000_000

interface Held {
  readonly ttl: number
  deadline: number
}

/**
 * The leases of one store. Ids and TTLs are in the file; deadlines are only in memory, on the caller's monotonic
 * clock, because a lease gets its whole TTL again after a restart (as in etcd).
 */
export class LeaseTable {
  readonly #statements: Statements
  #held = new Map<bigint, Held>()
  /** No lease expires before this; may be too early after a keepalive. */
  #earliest = Number.POSITIVE_INFINITY

  constructor(statements: Statements) {
    this.#statements = statements
  }

  get size(): number {
    return this.#held.size
  }

  get nextExpiry(): number | undefined {
    return this.#earliest === Number.POSITIVE_INFINITY ? undefined : this.#earliest
  }

  /** Reads the table anew, keeping the deadlines of the leases already known. */
  load(now: number): void {
    const known = this.#held
    this.#held = new Map()
    for (const [text, ttl] of this.#statements.all<[string, number]>('SELECT id, ttl FROM lease')) {
      const id = BigInt(text)
      this.#held.set(id, { ttl, deadline: known.get(id)?.deadline ?? now + ttl * 1000 })
    }
    // A deadline that has passed meanwhile counts as the next one.
    this.#measure(Number.NEGATIVE_INFINITY)
  }

  has(id: bigint): boolean {
    return this.#held.has(id)
  }

  ids(): bigint[] {
    return [...this.#held.keys()]
  }

  grant(id: bigint, seconds: number, now: number): number {
    if (seconds > longestTtl) throw kvError('TM_KV_LEASE_TTL', { ttl: seconds, limit: longestTtl })
    if (this.#held.has(id)) throw kvError('TM_KV_LEASE_EXISTS', { lease: String(id) })
    const ttl = Math.max(seconds, shortestTtl)
    this.#statements.run('INSERT INTO lease VALUES (?, ?)', String(id), ttl)
    this.#held.set(id, { ttl, deadline: now + ttl * 1000 })
    this.#earliest = Math.min(this.#earliest, now + ttl * 1000)
    return ttl
  }

  /** The granted TTL, counted from now on; 0 when there is no such lease. */
  keepAlive(id: bigint, now: number): number {
    const held = this.#held.get(id)
    if (held === undefined) return 0
    held.deadline = now + held.ttl * 1000
    return held.ttl
  }

  /** Whole seconds left and granted; -1 and 0 when there is no such lease. */
  remaining(id: bigint, now: number): { readonly ttl: number; readonly grantedTtl: number } {
    const held = this.#held.get(id)
    if (held === undefined) return { ttl: -1, grantedTtl: 0 }
    return { ttl: Math.floor((held.deadline - now) / 1000), grantedTtl: held.ttl }
  }

  /** Keys that hang on the lease, in key order. */
  keys(id: bigint): Uint8Array[] {
    return this.#statements
      .all<[Uint8Array]>('SELECT key FROM cur WHERE lease = ? ORDER BY key', String(id))
      .map(([key]) => key)
  }

  remove(id: bigint): void {
    if (!this.#held.has(id)) throw kvError('TM_KV_LEASE_NOT_FOUND', { lease: String(id) })
    this.#statements.run('DELETE FROM lease WHERE id = ?', String(id))
    this.#held.delete(id)
  }

  /** Looks at the deadlines again only at `at`. */
  postpone(at: number): void {
    this.#earliest = at
  }

  /** The leases whose time is over, earliest first. */
  due(now: number): bigint[] {
    if (now < this.#earliest) return []
    this.#measure(now)
    return [...this.#held]
      .filter(([, held]) => held.deadline <= now)
      .toSorted(([, a], [, b]) => a.deadline - b.deadline)
      .map(([id]) => id)
  }

  /** Finds the earliest deadline after `now` exactly. */
  #measure(now: number): void {
    this.#earliest = Number.POSITIVE_INFINITY
    for (const { deadline } of this.#held.values()) {
      if (deadline > now && deadline < this.#earliest) this.#earliest = deadline
    }
  }
}
