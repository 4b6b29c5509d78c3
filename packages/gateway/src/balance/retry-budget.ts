import type { Clock, Duration, Problem } from '@tidemill/core'
import { SpecFields } from './spec-fields.ts'

/**
 * How many retries a cluster may add to its load. Without `interval` retries in flight are limited to a part of what is in
 * flight (Envoy's retry budget); with it retries are limited to a part of the requests of the last interval (Gateway API,
 * GEP-3388).
 */
export interface RetryBudgetSpec {
  /** Default 20; 0 leaves only the least. */
  readonly percent?: number
  /** Retries in flight that are always allowed; default 3. */
  readonly minConcurrent?: number
  readonly interval?: Duration
  /** With `interval`: retries that are always allowed; default 10 in 1s. */
  readonly minRate?: { readonly count?: number; readonly interval?: Duration }
}

export interface RetryBudgetConfig {
  readonly percent: number
  readonly minConcurrent: number
  /** 0: the budget is of what is in flight. */
  readonly intervalMs: number
  readonly minCount: number
  readonly minIntervalMs: number
}

/** Asked before each retry; allocates nothing. */
export interface RetryBudget {
  /** A request came, counted once whatever its retries. */
  request(): void
  /**
   * Takes a retry from the budget; false: there is none left. `load` is what the cluster has in flight and pending now.
   * True must be followed by one `release` when that retry is over.
   */
  acquire(load: number): boolean
  release(): void
  /** Retries in flight. */
  readonly active: number
  /** Since it was made. */
  readonly granted: number
  readonly refused: number
}

/** Reads settings from outside; adds a problem for each thing that is wrong, with its path below `path`. */
export function readRetryBudgetSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): RetryBudgetConfig {
  const spec = new SpecFields(value, path, problems, [
    'percent',
    'minConcurrent',
    'interval',
    'minRate',
  ])
  const windowed = spec.has('interval')
  if (windowed && spec.has('minConcurrent')) spec.wrong('minConcurrent', 'absent with interval')
  if (!windowed && spec.has('minRate')) spec.wrong('minRate', 'absent without interval')
  const least = new SpecFields(spec.value('minRate'), spec.path('minRate'), problems, [
    'count',
    'interval',
  ])
  return {
    percent: spec.number('percent', 0, 100, 20),
    minConcurrent: spec.integer('minConcurrent', 0, 1_000_000, 3),
    intervalMs: windowed ? spec.duration('interval', '10s') : 0,
    minCount: least.integer('count', 0, 1_000_000, 10),
    minIntervalMs: least.duration('interval', '1s'),
  }
}

export function createRetryBudget(
  config: RetryBudgetConfig,
  ports: { readonly clock: Clock },
): RetryBudget {
  return config.intervalMs === 0
    ? new ConcurrentBudget(config)
    : new WindowedBudget(config, ports.clock)
}

class ConcurrentBudget implements RetryBudget {
  readonly #config: RetryBudgetConfig
  active = 0
  granted = 0
  refused = 0

  constructor(config: RetryBudgetConfig) {
    this.#config = config
  }

  request(): void {
    // What is in flight is told by `acquire`.
  }

  acquire(load: number): boolean {
    const most = Math.max(this.#config.minConcurrent, (load * this.#config.percent) / 100)
    if (this.active + 1 > most) {
      this.refused++
      return false
    }
    this.active++
    this.granted++
    return true
  }

  release(): void {
    if (this.active > 0) this.active--
  }
}

class WindowedBudget implements RetryBudget {
  readonly #config: RetryBudgetConfig
  readonly #clock: Clock
  readonly #requests: SlidingCount
  readonly #retries: SlidingCount
  readonly #recent: SlidingCount
  active = 0
  granted = 0
  refused = 0

  constructor(config: RetryBudgetConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#requests = new SlidingCount(config.intervalMs)
    this.#retries = new SlidingCount(config.intervalMs)
    this.#recent = new SlidingCount(config.minIntervalMs)
  }

  request(): void {
    this.#requests.add(this.#clock.monotonic())
  }

  acquire(): boolean {
    const now = this.#clock.monotonic()
    const { minCount, percent } = this.#config
    const allowed = (this.#requests.sum(now) * percent) / 100
    if (this.#recent.sum(now) >= minCount && this.#retries.sum(now) + 1 > allowed) {
      this.refused++
      return false
    }
    this.#retries.add(now)
    this.#recent.add(now)
    this.active++
    this.granted++
    return true
  }

  release(): void {
    if (this.active > 0) this.active--
  }
}

const slices = 10

/** Events of the last interval, forgotten in tenths of it. */
class SlidingCount {
  readonly #sliceMs: number
  readonly #counts = new Float64Array(slices)
  #sum = 0
  #slice = 0

  constructor(intervalMs: number) {
    this.#sliceMs = intervalMs / slices
  }

  add(now: number): void {
    this.#turn(now)
    const at = this.#slice % slices
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#sum++
  }

  sum(now: number): number {
    this.#turn(now)
    return this.#sum
  }

  #turn(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice <= this.#slice) return
    const passed = Math.min(slice - this.#slice, slices)
    for (let i = 1; i <= passed; i++) {
      const at = (this.#slice + i) % slices
      this.#sum -= this.#counts[at] as number
      this.#counts[at] = 0
    }
    this.#slice = slice
  }
}
