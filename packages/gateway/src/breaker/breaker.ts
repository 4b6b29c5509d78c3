import { type Clock, type Random, realClock, realRandom } from '@tidemill/core'
import { type BreakerConfig, type BreakerSpec, breakerConfig } from './breaker-spec.ts'

export type BreakerState =
  | 'closed'
  | 'open'
  | 'half-open'
  | 'forced-open'
  | 'forced-closed'
  | 'disabled'

/** `ignore` is neither: the caller went away, or the answer was made locally. */
export type Outcome = 'ok' | 'fail' | 'ignore'

/** A pass for one call, a positive number; 0 is a refusal. It carries the era in which it was given. */
export type Permit = number

export interface BreakerTransition {
  readonly from: BreakerState
  readonly to: BreakerState
  /** Monotonic milliseconds. */
  readonly at: number
}

/** What a breaker knows, for a status page; the counters run since it was made. */
export interface BreakerSnapshot {
  readonly state: BreakerState
  readonly generation: number
  /** Outcomes in the window now, and how many of them failed or were slow. */
  readonly calls: number
  readonly failures: number
  readonly slow: number
  readonly probes: number
  readonly openedAt: number | undefined
  readonly retryAfterMs: number
  readonly admitted: number
  readonly refused: number
  /** Results that came after their era was over. */
  readonly stale: number
}

/** Keeps a breaker open until released; releasing twice counts once. */
export interface Isolation {
  release(): void
}

/**
 * A count-window circuit breaker: opens when failures reach the ratio over the last N outcomes, admits
 * a probe after the recovery time, closes when it succeeds. Every admitted call must be recorded
 * exactly once, with `ignore` when its result says nothing about the upstream. Synchronous, keeps no
 * timer, reads the monotonic clock only while open.
 */
export interface Breaker {
  readonly state: BreakerState
  /** A permit, or 0 when the call must be refused now. Never waits. */
  acquire(): Permit
  /** Tells how the call of that permit ended; `ms` counts only when slow calls are looked at. */
  record(permit: Permit, outcome: Outcome, ms?: number): void
  /**
   * Milliseconds until a call can be admitted: 0 when it can now or when a running probe is about to
   * decide; the recovery time when it is held open by hand.
   */
  retryAfterMs(): number
  /** Holds it open whatever happens; it stays so until each isolation is released, then starts closed. */
  isolate(): Isolation
  /** New settings: the same window keeps what was counted, another one starts closed and empty. */
  configure(spec: BreakerSpec): void
  snapshot(): BreakerSnapshot
}

export interface BreakerOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** Called inside the acquire or record that changed the state; must not throw. */
  readonly onTransition?: (change: BreakerTransition) => void
}

/** Makes a closed breaker; throws TM_GATEWAY_BREAKER_INVALID for settings that are not valid. */
export function createBreaker(spec: BreakerSpec = {}, options: BreakerOptions = {}): Breaker {
  return new CountBreaker(breakerConfig(spec), options)
}

const failBit = 1
const slowBit = 2

class CountBreaker implements Breaker {
  #config: BreakerConfig
  #state: BreakerState
  #generation = 1
  #ring: Uint8Array
  #next = 0
  #calls = 0
  #failures = 0
  #slow = 0
  #openedAt = 0
  #opens = 0
  #spread = 1
  #probes = 0
  #probeSuccesses = 0
  #isolations = 0
  #admitted = 0
  #refused = 0
  #stale = 0
  readonly #clock: Clock
  readonly #random: Random
  readonly #onTransition: ((change: BreakerTransition) => void) | undefined

  constructor(config: BreakerConfig, options: BreakerOptions) {
    this.#config = config
    this.#ring = new Uint8Array(config.window)
    this.#clock = options.clock ?? realClock
    this.#random = options.random ?? realRandom
    this.#onTransition = options.onTransition
    this.#state = this.#resting()
  }

  get state(): BreakerState {
    return this.#state
  }

  acquire(): Permit {
    switch (this.#state) {
      case 'closed':
      case 'forced-closed':
      case 'disabled':
        this.#admitted++
        return this.#generation
      case 'open':
        if (this.#clock.monotonic() < this.#openUntil()) break
        this.#enter('half-open')
        return this.#probe()
      case 'half-open':
        if (this.#probes >= this.#config.probes) break
        return this.#probe()
      case 'forced-open':
        break
    }
    this.#refused++
    return 0
  }

  record(permit: Permit, outcome: Outcome, ms = 0): void {
    if (permit !== this.#generation) {
      this.#stale++
      return
    }
    if (this.#state === 'half-open') this.#recordProbe(outcome, ms)
    else if (outcome !== 'ignore' && this.#state !== 'disabled') this.#count(outcome, ms)
  }

  retryAfterMs(): number {
    if (this.#state === 'forced-open') return this.#config.recoveryMs
    if (this.#state !== 'open') return 0
    return Math.max(0, this.#openUntil() - this.#clock.monotonic())
  }

  isolate(): Isolation {
    this.#isolations++
    this.#settle()
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        this.#isolations--
        this.#settle()
      },
    }
  }

  configure(spec: BreakerSpec): void {
    const config = breakerConfig(spec)
    const resized = config.window !== this.#config.window
    this.#config = config
    if (resized) this.#ring = new Uint8Array(config.window)
    if (resized && this.#isolations === 0) this.#enter(this.#resting())
    else this.#settle()
  }

  snapshot(): BreakerSnapshot {
    return {
      state: this.#state,
      generation: this.#generation,
      calls: this.#calls,
      failures: this.#failures,
      slow: this.#slow,
      probes: this.#probes,
      openedAt: this.#state === 'open' ? this.#openedAt : undefined,
      retryAfterMs: this.retryAfterMs(),
      admitted: this.#admitted,
      refused: this.#refused,
      stale: this.#stale,
    }
  }

  #probe(): Permit {
    this.#probes++
    this.#admitted++
    return this.#generation
  }

  #recordProbe(outcome: Outcome, ms: number): void {
    this.#probes--
    if (outcome === 'ignore') return
    if (outcome === 'fail' || ms > this.#config.slowMs) this.#enter('open')
    else if (++this.#probeSuccesses >= this.#config.successes) this.#enter('closed')
  }

  #count(outcome: Outcome, ms: number): void {
    const config = this.#config
    const bits = (outcome === 'fail' ? failBit : 0) | (ms > config.slowMs ? slowBit : 0)
    if (this.#calls === config.window) {
      const oldest = this.#ring[this.#next] ?? 0
      this.#failures -= oldest & failBit
      this.#slow -= oldest >> 1
    } else {
      this.#calls++
    }
    this.#ring[this.#next] = bits
    this.#next = this.#next + 1 === config.window ? 0 : this.#next + 1
    this.#failures += bits & failBit
    this.#slow += bits >> 1
    if (this.#state !== 'closed' || this.#calls < config.minCalls) return
    if (
      this.#failures * 10_000 >= config.ratioBps * this.#calls ||
      (config.slowMs !== Infinity && this.#slow * 10_000 >= config.slowBps * this.#calls)
    ) {
      this.#enter('open')
    }
  }

  #openUntil(): number {
    const { recoveryMs, recoveryCapMs } = this.#config
    const grown = recoveryMs * 2 ** Math.min(this.#opens - 1, 30)
    return this.#openedAt + Math.min(grown, Math.max(recoveryMs, recoveryCapMs)) * this.#spread
  }

  /** The state that the settings ask for when nothing has been counted yet. */
  #resting(): BreakerState {
    return this.#config.mode === 'auto' ? 'closed' : this.#config.mode
  }

  /** Brings a state that isolation or mode decide in line with them; a running era of `auto` goes on. */
  #settle(): void {
    const forced = this.#isolations > 0 ? 'forced-open' : this.#resting()
    const counting =
      this.#state === 'closed' || this.#state === 'open' || this.#state === 'half-open'
    if (forced === this.#state || (forced === 'closed' && counting)) return
    this.#enter(forced)
  }

  #enter(state: BreakerState): void {
    const from = this.#state
    this.#state = state
    // Results of calls admitted before this moment belong to the era that ended (no stale results).
    this.#generation++
    this.#next = 0
    this.#calls = 0
    this.#failures = 0
    this.#slow = 0
    this.#probes = 0
    this.#probeSuccesses = 0
    if (state === 'open') {
      this.#openedAt = this.#clock.monotonic()
      this.#opens++
      const { jitter } = this.#config
      this.#spread = jitter === 0 ? 1 : 1 + jitter * (2 * this.#random.next() - 1)
    } else if (state !== 'half-open') {
      this.#opens = 0
    }
    if (from !== state) this.#onTransition?.({ from, to: state, at: this.#clock.monotonic() })
  }
}
