import { createHistogram, type Histogram, type HistogramSnapshot } from '@tidemill/core'
import { RecentLatency } from './recent-latency.ts'

/** Counters of one route towards one upstream, since the gateway was opened where nothing else is said. */
export interface TrafficMetrics {
  /** `namespace/name`, or empty for requests that no route matched. */
  readonly route: string
  /** `namespace/service`, or empty when the gateway answered by itself. */
  readonly upstream: string
  readonly requests: number
  /** Answers of status 500 and above, whoever made them, and requests that broke off upstream. */
  readonly errors: number
  /** In flight now. */
  readonly active: number
  /** Requests by class of status: `2xx` to `5xx`; `0xx` for clients that left without an answer. */
  readonly byClass: Readonly<Record<string, number>>
  /** Requests by flag of the request log. */
  readonly byFlag: Readonly<Record<string, number>>
  /** Both together: how many requests ended with that class of status and that flag, empty for none. */
  readonly outcomes: readonly RequestOutcome[]
  /** Milliseconds until the answer was complete, or the failure. */
  readonly latency: HistogramSnapshot
  /** Percentiles of `latency`. */
  readonly total: { readonly p50Ms: number; readonly p99Ms: number }
  /** Requests that ended in the last 5 to 10 seconds. */
  readonly recentRequests: number
  /** Percentiles over those; 0 when there were none. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const nothing = createHistogram()

export interface RequestOutcome {
  readonly codeClass: string
  readonly flag: string
  readonly requests: number
}

/** The live counters behind {@link TrafficMetrics}. */
export class TrafficCounter {
  readonly route: string
  readonly upstream: string
  active = 0
  #requests = 0
  #errors = 0
  /** By class of status, for requests that the upstream answered, and by flag for the others. */
  readonly #classes = new Float64Array(6)
  readonly #flagged = new Map<string, Float64Array>()
  /** Made with the first request: most routes of a large configuration see none for long. */
  #latency: Histogram | undefined = undefined
  #recent: RecentLatency | undefined = undefined

  constructor(route: string, upstream: string) {
    this.route = route
    this.upstream = upstream
  }

  /** `status` 0 is a client that left; `now` is monotonic. */
  record(status: number, flag: string, ms: number, now: number): void {
    this.#requests++
    const kind = Math.floor(status / 100)
    const classes = flag === '' ? this.#classes : this.#classesOf(flag)
    classes[kind] = (classes[kind] ?? 0) + 1
    if (status >= 500 || flag === 'UC' || flag === 'SI') this.#errors++
    this.#latency ??= createHistogram()
    this.#recent ??= new RecentLatency()
    this.#latency.record(ms)
    this.#recent.record(ms, now)
  }

  #classesOf(flag: string): Float64Array {
    let classes = this.#flagged.get(flag)
    if (classes === undefined) {
      classes = new Float64Array(6)
      this.#flagged.set(flag, classes)
    }
    return classes
  }

  #outcomes(): RequestOutcome[] {
    const outcomes: RequestOutcome[] = []
    for (const [flag, classes] of [['', this.#classes] as const, ...this.#flagged]) {
      for (const [kind, requests] of classes.entries()) {
        if (requests > 0) outcomes.push({ codeClass: `${kind}xx`, flag, requests })
      }
    }
    return outcomes
  }

  snapshot(now: number): TrafficMetrics {
    const latency = this.#latency ?? nothing
    const recent = this.#recent?.read(now) ?? nothing
    const outcomes = this.#outcomes()
    const byClass: Record<string, number> = {}
    const byFlag: Record<string, number> = {}
    for (const { codeClass, flag, requests } of outcomes) {
      byClass[codeClass] = (byClass[codeClass] ?? 0) + requests
      if (flag !== '') byFlag[flag] = (byFlag[flag] ?? 0) + requests
    }
    return {
      route: this.route,
      upstream: this.upstream,
      requests: this.#requests,
      errors: this.#errors,
      active: this.active,
      byClass,
      byFlag,
      outcomes,
      latency: latency.snapshot(),
      total: { p50Ms: latency.percentile(50), p99Ms: latency.percentile(99) },
      recentRequests: recent.count,
      p50Ms: recent.percentile(50),
      p99Ms: recent.percentile(99),
    }
  }
}

/** Counters by route and upstream; labels come from configuration only, never from requests. */
export class MetricsRegistry {
  readonly #counters = new Map<string, TrafficCounter>()
  /** Keys by route, so that dropping one route does not look at the counters of all. */
  readonly #byRoute = new Map<string, Set<string>>()

  open(route: string, upstream: string): TrafficCounter {
    const key = `${route}|${upstream}`
    let counter = this.#counters.get(key)
    if (counter === undefined) {
      counter = new TrafficCounter(route, upstream)
      this.#counters.set(key, counter)
      const keys = this.#byRoute.get(route)
      if (keys === undefined) this.#byRoute.set(route, new Set([key]))
      else keys.add(key)
    }
    return counter
  }

  /** Drops what a deleted route counted. */
  drop(route: string): void {
    for (const key of this.#byRoute.get(route) ?? []) this.#counters.delete(key)
    this.#byRoute.delete(route)
  }

  snapshot(now: number): TrafficMetrics[] {
    return Array.from(this.#counters.values(), (counter) => counter.snapshot(now))
  }
}
