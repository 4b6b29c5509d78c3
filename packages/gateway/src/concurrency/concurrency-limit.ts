import { type Clock, type Random, realClock, realRandom, type TidemillError } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import { Admission } from './admission.ts'
import type { ConcurrencyReason } from './concurrency-rule.ts'
import {
  type ConcurrencyConfig,
  concurrencyConfig,
  type ConcurrencySpec,
} from './concurrency-spec.ts'
import { Gradient } from './gradient.ts'
import { OverloadGuard } from './overload-guard.ts'
import { type ConcurrencyPermit, PermitPool } from './permit-pool.ts'

/** What a concurrency limit knows, for a status page; the counters run since it was made. */
export interface ConcurrencySnapshot {
  readonly active: number
  /** The lowest of the numbers that hold now; Infinity for none. */
  readonly limit: number
  /** Best latency as measured; 0 without `adaptive` or before the first measurement. */
  readonly minRttMs: number
  /** The part that admission control refuses now. */
  readonly rejection: number
  readonly admitted: number
  readonly refused: number
  /** Permits given back that were not out. */
  readonly stale: number
}

/**
 * Limits the requests under way at once. Synchronous, without timers. Every permit must be given back, by `release` when
 * the request completed or by `cancel` when it was aborted; giving one back twice changes nothing.
 */
export interface ConcurrencyLimit {
  readonly active: number
  /** Why the last `acquire` refused. */
  readonly reason: ConcurrencyReason
  /** A permit, or 0 when the request must be refused now. Never waits. `now` is the monotonic time when it is known. */
  acquire(now?: number): ConcurrencyPermit
  /** The request took that long; whether the upstream did its work. */
  release(permit: ConcurrencyPermit, ms: number, ok: boolean, now?: number): void
  /** The request ended in a way that says nothing: the client left, a tunnel began. */
  cancel(permit: ConcurrencyPermit): void
  /** New settings; permits that are out stay valid, what was learned is kept where the part remains. */
  configure(spec: ConcurrencySpec): void
  snapshot(): ConcurrencySnapshot
}

export interface ConcurrencyOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** How late the event loop is, in milliseconds (LoopLag); without it `overload` never acts. */
  readonly lag?: () => number
}

/** Makes a limit; throws TM_GATEWAY_CONCURRENCY_INVALID for settings that are not valid. */
export function createConcurrencyLimit(
  spec: ConcurrencySpec,
  options: ConcurrencyOptions = {},
): ConcurrencyLimit {
  return new RuledConcurrency(concurrencyConfig(spec), options)
}

const noLag = (): number => 0

class RuledConcurrency implements ConcurrencyLimit {
  reason: ConcurrencyReason = 'max'
  readonly #clock: Clock
  readonly #random: Random
  readonly #lag: () => number
  readonly #permits = new PermitPool()
  #max = Number.POSITIVE_INFINITY
  #gradient: Gradient | undefined
  #admission: Admission | undefined
  #guard: OverloadGuard | undefined
  #admitted = 0
  #refused = 0

  constructor(config: ConcurrencyConfig, options: ConcurrencyOptions) {
    this.#clock = options.clock ?? realClock
    this.#random = options.random ?? realRandom
    this.#lag = options.lag ?? noLag
    this.#apply(config)
  }

  get active(): number {
    return this.#permits.active
  }

  acquire(now: number = this.#clock.monotonic()): ConcurrencyPermit {
    const { active } = this.#permits
    if (active >= this.#max) return this.#refuse('max')
    if (this.#gradient?.admits(active, now) === false) return this.#refuse('adaptive')
    if (this.#guard?.admits(active, now) === false) return this.#refuse('overload')
    // Last, so that chance is asked only about requests that would pass.
    if (this.#admission?.admits(active, now) === false) return this.#refuse('admission')
    const permit = this.#permits.take()
    if (permit === 0) return this.#refuse('max')
    this.#admitted++
    return permit
  }

  release(
    permit: ConcurrencyPermit,
    ms: number,
    ok: boolean,
    now: number = this.#clock.monotonic(),
  ): void {
    if (!this.#permits.give(permit)) return
    this.#gradient?.record(now, ms, ok)
    this.#guard?.record(now, ms, ok)
    this.#admission?.record(now, ms, ok)
  }

  cancel(permit: ConcurrencyPermit): void {
    this.#permits.give(permit)
  }

  configure(spec: ConcurrencySpec): void {
    this.#apply(concurrencyConfig(spec))
  }

  snapshot(): ConcurrencySnapshot {
    const now = this.#clock.monotonic()
    return {
      active: this.#permits.active,
      limit: Math.min(this.#max, this.#gradient?.limit ?? Number.POSITIVE_INFINITY),
      minRttMs: this.#gradient?.minRttMs ?? 0,
      rejection: this.#admission?.rejection(now) ?? 0,
      admitted: this.#admitted,
      refused: this.#refused,
      stale: this.#permits.stale,
    }
  }

  #apply({ max, adaptive, admission, overload }: ConcurrencyConfig): void {
    this.#max = max ?? Number.POSITIVE_INFINITY
    if (adaptive === undefined) this.#gradient = undefined
    else if (this.#gradient === undefined) this.#gradient = new Gradient(adaptive, this.#random)
    else this.#gradient.configure(adaptive)
    if (admission === undefined) this.#admission = undefined
    else if (this.#admission === undefined) {
      this.#admission = new Admission(admission, this.#random)
    } else this.#admission.configure(admission)
    if (overload === undefined) this.#guard = undefined
    else if (this.#guard === undefined) this.#guard = new OverloadGuard(overload, this.#lag)
    else this.#guard.configure(overload)
  }

  #refuse(reason: ConcurrencyReason): 0 {
    this.#refused++
    this.reason = reason
    return 0
  }
}

const reasons: Readonly<Record<ConcurrencyReason, string>> = {
  max: 'its limit of concurrent requests is reached',
  adaptive: 'its upstream grows slower with more requests at once',
  admission: 'too few of its requests succeed',
  overload: 'the gateway is overloaded',
}

/** The error of a refused request. */
export function shedError(route: string, reason: ConcurrencyReason): TidemillError {
  return gatewayErrors.error('TM_GATEWAY_SHED', { route, reason: reasons[reason] })
}
