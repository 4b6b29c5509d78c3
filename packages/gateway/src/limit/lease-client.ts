import { type Clock, realClock, type Timer } from '@tidemill/core'
import { type LeaseDesk, LeaseLimiter } from './lease-limiter.ts'
import type { LeaseGrant, LeaseMessage, LeasePort, LeaseWelcome } from './lease-message.ts'
import type { LimitConfig } from './limit-spec.ts'

export interface LeaseClientOptions {
  readonly clock?: Clock
  /** Workers that share the limits until the coordinator says it; default 1. */
  readonly workers?: number
  /** The coordinator counts as lost when it owes an answer for longer; default 250 ms. */
  readonly answerMs?: number
  /** A lease unused for that long goes back; default 1000 ms. */
  readonly leaseMs?: number
}

export interface LeaseStats {
  readonly workers: number
  /** Whether the coordinator is lost now. */
  readonly lost: boolean
  /** Checks of all limits decided without it, and those refused for it (`onLost: 'closed'`). */
  readonly lostChecks: number
  readonly lostRefusals: number
  readonly sent: number
  readonly received: number
}

const tickMs = 20
const helloMs = 1000

/** A worker's end: sends what its limiters have to say once a turn and hands the answers out. */
export class LeaseClient implements LeaseDesk {
  workers: number
  readonly #port: LeasePort
  readonly #clock: Clock
  readonly #answerMs: number
  readonly #leaseMs: number
  readonly #limiters = new Map<string, LeaseLimiter>()
  readonly #flush = (): void => this.#send()
  #timer: Timer | undefined
  #urgent: ReturnType<typeof setImmediate> | undefined
  /** Since when the coordinator owes an answer; -1 when it owes none. */
  #owedSince = -1
  #helloAt: number
  #sent = 0
  #received = 0
  #closed = false
  /** Counts of limiters that were closed. */
  #lostChecks = 0
  #lostRefusals = 0

  constructor(port: LeasePort, options: LeaseClientOptions = {}) {
    this.#port = port
    this.#clock = options.clock ?? realClock
    this.workers = options.workers ?? 1
    this.#answerMs = options.answerMs ?? 250
    this.#leaseMs = options.leaseMs ?? 1000
    this.#helloAt = this.#clock.monotonic()
    port.onMessage((message) => this.#receive(message))
    this.#post({ kind: 'limit-hello' }, true)
  }

  /** A limit of this worker; another one of the same id takes its place. */
  limiter(config: LimitConfig, id: string): LeaseLimiter {
    const limiter: LeaseLimiter = new LeaseLimiter(config, id, this, {
      clock: this.#clock,
      onClose: () => {
        this.#lostChecks += limiter.lostChecks
        this.#lostRefusals += limiter.lostRefusals
        if (this.#limiters.get(id) === limiter) this.#limiters.delete(id)
      },
    })
    this.#limiters.set(id, limiter)
    return limiter
  }

  lost(now: number): boolean {
    return this.#owedSince >= 0 && now - this.#owedSince > this.#answerMs
  }

  wake(urgent: boolean): void {
    if (this.#closed) return
    if (urgent) this.#urgent ??= setImmediate(this.#flush)
    else this.#timer ??= this.#clock.timer(tickMs, this.#flush, { ref: false })
  }

  stats(): LeaseStats {
    let lostChecks = this.#lostChecks
    let lostRefusals = this.#lostRefusals
    for (const limiter of this.#limiters.values()) {
      lostChecks += limiter.lostChecks
      lostRefusals += limiter.lostRefusals
    }
    return {
      workers: this.workers,
      lost: this.lost(this.#clock.monotonic()),
      lostChecks,
      lostRefusals,
      sent: this.#sent,
      received: this.#received,
    }
  }

  /** Gives every lease back and stops; the limiters go on with their share. */
  close(): void {
    if (this.#closed) return
    this.#send(Number.POSITIVE_INFINITY)
    this.#closed = true
    this.#timer?.cancel()
    clearImmediate(this.#urgent)
  }

  #send(idleSince = this.#clock.monotonic() - this.#leaseMs): void {
    this.#timer?.cancel()
    this.#timer = undefined
    clearImmediate(this.#urgent)
    this.#urgent = undefined
    const now = this.#clock.monotonic()
    if (this.lost(now) && now - this.#helloAt >= helloMs) {
      this.#helloAt = now
      this.#post({ kind: 'limit-hello' }, true)
    }
    let busy = false
    for (const limiter of this.#limiters.values()) {
      const take = limiter.collect(now, idleSince)
      if (take !== undefined) {
        const { takes } = take
        let asks = false
        for (let i = 3; i < takes.length; i += 4) asks ||= (takes[i] as number) > 0
        this.#post(take, asks)
      }
      busy ||= limiter.busy
    }
    if (busy) this.wake(false)
  }

  #post(message: LeaseMessage, asks: boolean): void {
    if (asks && this.#owedSince < 0) this.#owedSince = this.#clock.monotonic()
    this.#sent++
    try {
      this.#port.send(message)
    } catch {
      // A channel that is gone answers nothing: the coordinator counts as lost in time.
    }
  }

  #receive(message: unknown): void {
    if (this.#closed || typeof message !== 'object' || message === null) return
    const { kind } = message as { readonly kind?: unknown }
    if (kind === 'limit-welcome') {
      this.workers = Math.max(1, (message as LeaseWelcome).workers)
    } else if (kind === 'limit-grant') {
      this.#grant(message as LeaseGrant)
    } else {
      return
    }
    this.#received++
    this.#owedSince = -1
  }

  #grant({ limit, grants }: LeaseGrant): void {
    const limiter = this.#limiters.get(limit)
    if (limiter === undefined) return
    const now = this.#clock.monotonic()
    for (let i = 0; i < grants.length; i += 4) {
      limiter.granted(
        grants[i] as string,
        grants[i + 1] as number,
        grants[i + 2] as number,
        grants[i + 3] as number,
        now,
      )
    }
    if (limiter.busy) this.wake(false)
  }
}
