import { type Clock, realClock } from '@tidemill/core'
import { KeySlots } from './key-slots.ts'
import { batchOf } from './lease-limiter.ts'
import type { LeaseGrant, LeaseMessage, LeasePort, LeaseTake } from './lease-message.ts'

export interface LeaseCoordinatorOptions {
  readonly clock?: Clock
  /** Limits remembered at once; default 10,000. Beyond it the longest unused is forgotten. */
  readonly maxLimits?: number
}

/** The common buckets of one limit. */
interface Ledger {
  rates: readonly number[]
  readonly slots: KeySlots
}

/**
 * The primary's side of limits that a node's workers share: one bucket per key, filled by the limit's rate. A worker
 * takes leases of `max(1, share * 0.1 s * rate)` tokens, which are gone from the bucket at once; what it used in
 * advance is taken too, up to a debt of one bucket. A lease that comes back goes back into the bucket; the lease of a
 * worker that died is lost, and the bucket has refilled it within 0.1 s of the limit's rate at most.
 *
 * In any time t at most `bucket + t * rate + outstanding leases and advances` requests pass: a bucket holds the burst,
 * or one batch per worker where that is more; outstanding are at most one and a half batches and a share of the burst
 * per worker.
 */
export class LeaseCoordinator {
  readonly #clock: Clock
  readonly #maxLimits: number
  readonly #ports = new Set<LeasePort>()
  readonly #ledgers = new Map<string, Ledger>()

  constructor(options: LeaseCoordinatorOptions = {}) {
    this.#clock = options.clock ?? realClock
    this.#maxLimits = options.maxLimits ?? 10_000
  }

  get workers(): number {
    return this.#ports.size
  }

  /** Serves a worker; the answer takes it away again, to be called when it died. */
  attach(port: LeasePort): () => void {
    this.#ports.add(port)
    port.onMessage((message) => this.#receive(port, message))
    this.#welcome()
    return () => {
      if (this.#ports.delete(port)) this.#welcome()
    }
  }

  #welcome(): void {
    for (const port of this.#ports) post(port, { kind: 'limit-welcome', workers: this.workers })
  }

  #receive(port: LeasePort, message: unknown): void {
    if (typeof message !== 'object' || message === null || !this.#ports.has(port)) return
    const { kind } = message as { readonly kind?: unknown }
    if (kind === 'limit-hello') post(port, { kind: 'limit-welcome', workers: this.workers })
    if (kind !== 'limit-take') return
    const grant = this.#take(message as LeaseTake)
    if (grant.grants.length > 0) post(port, grant)
  }

  #take({ limit, rates, maxKeys, takes }: LeaseTake): LeaseGrant {
    const now = this.#clock.monotonic()
    const { slots } = this.#ledger(limit, rates, maxKeys, now)
    const grants: (string | number)[] = []
    for (let i = 0; i < takes.length; i += 4) {
      const key = takes[i] as string
      const tier = takes[i + 1] as number
      const wanted = takes[i + 3] as number
      const tokenMs = rates[2 * tier] as number
      const batch = batchOf(tokenMs, this.workers)
      const bucketMs = Math.max(rates[2 * tier + 1] as number, this.workers * batch * tokenMs)
      const at = slots.locate(key, now)
      slots.setTag(at, tier)
      const { values } = slots
      const debtMs = (takes[i + 2] as number) * tokenMs
      let tat = Math.max(values[at] as number, now)
      // A debt beyond a bucket would punish the key long after the flood.
      if (debtMs > 0) tat = Math.max(tat, Math.min(tat + debtMs, now + 2 * bucketMs))
      if (wanted < 0) tat = Math.max(now, tat + wanted * tokenMs)
      if (wanted > 0) {
        const left = Math.floor((now + bucketMs - tat + 1e-5) / tokenMs)
        // Not in drops: a flood would make each regained token a message.
        const least = Math.ceil(wanted / 2)
        const granted = left >= least ? Math.min(wanted, left) : 0
        const again = granted > 0 ? 0 : tat + least * tokenMs - bucketMs - now
        tat += granted * tokenMs
        grants.push(key, granted, tat - now, again)
      }
      values[at] = tat
    }
    return { kind: 'limit-grant', limit, grants }
  }

  #ledger(limit: string, rates: readonly number[], maxKeys: number, now: number): Ledger {
    let ledger = this.#ledgers.get(limit)
    if (ledger === undefined) {
      if (this.#ledgers.size >= this.#maxLimits) {
        const oldest = this.#ledgers.keys().next().value
        if (oldest !== undefined) this.#ledgers.delete(oldest)
      }
      const slots = new KeySlots({
        maxKeys,
        width: 1,
        generationMs: generationMs(rates),
        spentMs: spentMs(rates),
      })
      ledger = { rates, slots }
    } else if (!same(ledger.rates, rates)) {
      ledger.rates = rates
      ledger.slots.resize(maxKeys, generationMs(rates), spentMs(rates))
      ledger.slots.cap(rates.filter((_, i) => i % 2 === 1).map((burstMs) => now + burstMs))
    }
    // Last in the order of use.
    this.#ledgers.delete(limit)
    this.#ledgers.set(limit, ledger)
    return ledger
  }
}

function generationMs(rates: readonly number[]): number {
  return Math.max(60_000, 2 * Math.max(...rates))
}

/** By tier, how far ahead the TAT of a key lies that has one token left. */
function spentMs(rates: readonly number[]): number[] {
  return rates.flatMap((burstMs, i) => (i % 2 === 1 ? [burstMs - (rates[i - 1] as number)] : []))
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function post(port: LeasePort, message: LeaseMessage): void {
  try {
    port.send(message)
  } catch {
    // The worker's channel is gone; whoever attached it hears of that and takes it away.
  }
}
