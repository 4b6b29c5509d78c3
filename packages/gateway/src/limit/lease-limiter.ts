import type { Clock } from '@tidemill/core'
import { KeySlots } from './key-slots.ts'
import { batchMs, type LeaseTake } from './lease-message.ts'
import { type LimitConfig, type LimitSpec, limitConfig } from './limit-spec.ts'
import type { Limiter } from './limiter.ts'

/** What a limiter needs of the worker's connection to the coordinator. */
export interface LeaseDesk {
  /** Workers that share the limit. */
  readonly workers: number
  /** Whether the coordinator owes an answer for too long. */
  lost(now: number): boolean
  /** There is something to send: in this turn, or within the next tick. */
  wake(urgent: boolean): void
}

// Numbers of a key: leased tokens; tokens used in advance and not told yet; estimate of the coordinator's TAT; monotonic
// time of the next question, or the tokens to ask for (negative) while that waits for its turn.
const width = 4
const used = 1
const tat = 2
const ask = 3
/** An unanswered question is asked again after that. */
const againMs = 250
const mostDirty = 4096

/**
 * One worker's part of a limit that the node shares. It spends leased tokens first. Without a lease it borrows: it runs
 * the algorithm at its share of the rate (one of `workers`) from what the coordinator last said, and tells the
 * coordinator, which takes the tokens from the common bucket. So the first requests never wait, and without a
 * coordinator the share goes on.
 */
export class LeaseLimiter implements Limiter {
  config: LimitConfig
  remaining = 0
  retryAfterMs = 0
  resetMs = 0
  /** Checks that were decided without the coordinator, and those of them that were refused for it. */
  lostChecks = 0
  lostRefusals = 0
  readonly id: string
  readonly #desk: LeaseDesk
  readonly #clock: Clock
  readonly #slots: KeySlots
  /** Keys to tell the coordinator about, and keys with a lease by the time it came. */
  readonly #dirty = new Set<string>()
  readonly #held = new Map<string, number>()
  readonly #onClose: () => void
  #rates: number[]

  constructor(
    config: LimitConfig,
    id: string,
    desk: LeaseDesk,
    options: { readonly clock: Clock; readonly onClose: () => void },
  ) {
    this.config = config
    this.id = id
    this.#desk = desk
    this.#clock = options.clock
    this.#onClose = options.onClose
    this.#rates = ratesOf(config)
    this.#slots = new KeySlots({
      maxKeys: config.maxKeys,
      width,
      generationMs: generationMs(config),
    })
  }

  get keys(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#slots.bytes
  }

  check(key: string, cost = 1, tier = 0, now: number = this.#clock.monotonic()): boolean {
    const tokenMs = this.#rates[2 * tier] as number
    const burstMs = this.#rates[2 * tier + 1] as number
    const at = this.#locate(key, tier, now)
    const { values } = this.#slots
    const leased = values[at] as number
    const batch = batchOf(tokenMs, this.#desk.workers)
    if (leased >= cost) {
      values[at] = leased - cost
      if (leased - cost < batch / 2) this.#ask(key, at, batch, now)
      this.#allowed(at, tokenMs, burstMs, now)
      return true
    }
    const lost = this.#desk.lost(now)
    if (lost) this.lostChecks++
    const known = values[at + tat] as number
    const from = known > now ? known : now
    const next = from + cost * tokenMs * this.#desk.workers
    // From a bucket that looks full one request may always go, however small the share.
    const wait = from === now ? 0 : next - now - burstMs
    if (wait > 1e-5 || (lost && this.config.onLost === 'closed')) {
      if (lost && this.config.onLost === 'closed') this.lostRefusals++
      this.#ask(key, at, Math.max(batch, cost), now)
      this.#allowed(at, tokenMs, burstMs, now)
      this.retryAfterMs = Math.max(wait, tokenMs)
      return false
    }
    values[at + tat] = next
    values[at + used] = (values[at + used] as number) + cost
    // While the share lasts, telling is enough; when half of it is gone, ask for more than the share.
    if (next - now > burstMs / 2) this.#ask(key, at, Math.max(batch, cost), now)
    this.#tell(key)
    this.#allowed(at, tokenMs, burstMs, now)
    return true
  }

  charge(key: string, cost: number, tier = 0, now: number = this.#clock.monotonic()): void {
    const tokenMs = this.#rates[2 * tier] as number
    const at = this.#locate(key, tier, now)
    const { values } = this.#slots
    const leased = values[at] as number
    const rest = Math.max(0, cost - leased)
    values[at] = leased - (cost - rest)
    if (rest === 0) return
    const next = Math.max(values[at + tat] as number, now) + rest * tokenMs
    values[at + tat] = Math.min(next, now + 2 * (this.#rates[2 * tier + 1] as number))
    values[at + used] = (values[at + used] as number) + rest
    this.#tell(key)
  }

  configure(spec: LimitSpec): void {
    this.config = limitConfig(spec)
    this.#rates = ratesOf(this.config)
    this.#slots.resize(this.config.maxKeys, generationMs(this.config))
    const now = this.#clock.monotonic()
    // What is leased was taken from the common bucket already; more than a batch of the new rate comes back.
    for (const key of this.#held.keys()) {
      const at = this.#slots.locate(key, now)
      const tokenMs = this.#tokenMs(at)
      const most = batchOf(tokenMs, this.#desk.workers)
      const { values } = this.#slots
      values[at] = Math.min(values[at] as number, most)
      values[at + tat] = 0
      values[at + ask] = 0
    }
  }

  close(): void {
    this.#slots.clear()
    this.#dirty.clear()
    this.#held.clear()
    this.#onClose()
  }

  /** Whether keys wait to be told about or leases to be given back. */
  get busy(): boolean {
    return this.#dirty.size > 0 || this.#held.size > 0
  }

  /** What is to be sent now; leases unused since before `idleSince` are given back. Undefined for nothing. */
  collect(now: number, idleSince: number): LeaseTake | undefined {
    const takes: (string | number)[] = []
    for (const key of this.#dirty) {
      const at = this.#slots.locate(key, now)
      const { values } = this.#slots
      const waiting = values[at + ask] as number
      const spent = values[at + used] as number
      if (waiting >= 0 && spent === 0) continue
      takes.push(key, this.#slots.tag(at), spent, waiting < 0 ? -waiting : 0)
      values[at + used] = 0
      if (waiting < 0) values[at + ask] = now + againMs
    }
    this.#dirty.clear()
    for (const [key, since] of this.#held) {
      if (since > idleSince) break
      this.#held.delete(key)
      const at = this.#slots.locate(key, now)
      const { values } = this.#slots
      const left = values[at] as number
      if (left > 0) takes.push(key, this.#slots.tag(at), 0, -left)
      values[at] = 0
    }
    if (takes.length === 0) return undefined
    const { maxKeys } = this.config
    return { kind: 'limit-take', limit: this.id, rates: this.#rates, maxKeys, takes }
  }

  /** The coordinator's answer about one key. */
  granted(key: string, tokens: number, fullMs: number, againAfterMs: number, now: number): void {
    const at = this.#slots.locate(key, now)
    const { values } = this.#slots
    const tokenMs = this.#tokenMs(at)
    values[at] = (values[at] as number) + tokens
    values[at + tat] = now + fullMs + (values[at + used] as number) * tokenMs
    if ((values[at + ask] as number) >= 0) {
      values[at + ask] = againAfterMs > 0 ? now + againAfterMs : 0
    }
    if (tokens === 0 || this.#held.size >= this.config.maxKeys) return
    this.#held.delete(key)
    this.#held.set(key, now)
  }

  #locate(key: string, tier: number, now: number): number {
    const at = this.#slots.locate(key, now)
    if (this.#slots.tag(at) !== tier) this.#slots.setTag(at, tier)
    return at
  }

  /** Of the tier that the key came under last. */
  #tokenMs(at: number): number {
    const place = 2 * this.#slots.tag(at)
    return this.#rates[place < this.#rates.length ? place : 0] as number
  }

  #allowed(at: number, tokenMs: number, burstMs: number, now: number): void {
    const { values } = this.#slots
    const until = Math.max(values[at + tat] as number, now)
    const left = Math.floor((now + burstMs - until + 1e-5) / tokenMs)
    this.remaining = (left > 0 ? left : 0) + Math.floor(values[at] as number)
    this.retryAfterMs = 0
    this.resetMs = until - now
  }

  #tell(key: string): void {
    this.#dirty.add(key)
    this.#desk.wake(this.#dirty.size >= mostDirty)
  }

  #ask(key: string, at: number, tokens: number, now: number): void {
    const { values } = this.#slots
    const next = values[at + ask] as number
    if (next < 0 || now < next) return
    values[at + ask] = -tokens
    this.#dirty.add(key)
    this.#desk.wake(true)
  }
}

/** Tokens of one lease. */
export function batchOf(tokenMs: number, workers: number): number {
  return Math.max(1, Math.floor(batchMs / tokenMs / workers))
}

function ratesOf(config: LimitConfig): number[] {
  return config.tiers.flatMap((tier) => [tier.tokenMs, tier.burstMs])
}

function generationMs(config: LimitConfig): number {
  return Math.max(60_000, ...config.tiers.map((tier) => 2 * tier.burstMs))
}
