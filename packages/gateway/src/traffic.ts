import type { Clock, TidemillError } from '@tidemill/core'
import { type Endpoint, nextEndpoint } from './backend.ts'
import type { Outcome, Permit } from './breaker/index.ts'
import type { Configuration } from './configuration.ts'
import { type GatewayErrorCode, gatewayErrors } from './errors.ts'
import type { MetricsRegistry, TrafficCounter } from './metrics.ts'
import type { Forwarding, Passage, RefusedHead, Traffic } from './proxy/proxy.ts'
import type { RequestHead } from './proxy/request-head.ts'
import type { RequestFlag, RequestLog } from './request-log.ts'
import { redirectUrl, type RouteEntry, rewritePath } from './router/index.ts'
import { pickBackend, type RulePlan, type WeightedBackend } from './rule-plan.ts'

export interface TrafficOptions {
  readonly configuration: Configuration
  readonly metrics: MetricsRegistry
  readonly log: RequestLog
  readonly clock: Clock
  readonly maxActivePerUpstream: number
  /** Port of the listener, for redirects. */
  port(): number
}

/** Decides where requests go: route, backend, breaker, endpoint. */
export function createTraffic(options: TrafficOptions): Traffic {
  const unmatched = options.metrics.open('', '')
  return {
    begin(head) {
      const entry = options.configuration.router.match(head)
      const passage = new GatewayPassage(options, head, entry?.target.counter ?? unmatched)
      if (entry === undefined) {
        passage.deny('NR', 'TM_GATEWAY_NO_ROUTE', { method: head.method, path: head.path })
      } else passage.route(entry)
      return passage
    },
    refuse(head, error, flag) {
      new GatewayPassage(options, head, unmatched).finish(error.http, flag, error)
    },
  }
}

/** How long the upstream may take; null without a limit, and for what was not sent to one. */
function timeoutOf(forward: Forwarding | undefined): number | null {
  const ms = forward === undefined ? Infinity : Math.min(forward.requestMs, forward.backendMs)
  return Number.isFinite(ms) ? ms : null
}

class GatewayPassage implements Passage {
  forward: Forwarding | undefined
  location: { readonly status: number; readonly url: string } | undefined
  error: TidemillError | undefined
  retryAfter = 0
  readonly #options: TrafficOptions
  readonly #head: RefusedHead | RequestHead
  readonly #startedAt: number
  readonly #at: number
  #counter: TrafficCounter
  #plan: RulePlan | undefined
  #backend: WeightedBackend | undefined
  #endpoint: Endpoint | undefined
  #permit: Permit = 0
  #flag: RequestFlag = ''
  #settled = false
  #firstByteMs: number | undefined

  constructor(options: TrafficOptions, head: RefusedHead | RequestHead, counter: TrafficCounter) {
    this.#options = options
    this.#head = head
    this.#counter = counter
    this.#startedAt = options.clock.monotonic()
    this.#at = options.clock.now()
  }

  route(entry: RouteEntry<RulePlan>): void {
    const plan = entry.target
    const head = this.#head as RequestHead
    this.#plan = plan
    const { route } = plan
    if (plan.broken !== undefined) {
      this.deny('NB', 'TM_GATEWAY_BACKEND_INVALID', { route, reason: plan.broken })
    } else if (plan.redirect === undefined) this.#send(plan, head, entry.pathValue)
    else {
      const { host, path, query } = head
      const port = this.#options.port()
      const url = redirectUrl(plan.redirect, { host, path, query, prefix: entry.pathValue, port })
      this.location = { status: plan.redirect.statusCode ?? 302, url }
    }
  }

  deny(
    flag: RequestFlag,
    code: GatewayErrorCode,
    details: Readonly<Record<string, unknown>>,
  ): void {
    this.#flag = flag
    this.error = gatewayErrors.error(code, details)
  }

  head(_status: number): void {
    this.#firstByteMs = this.#options.clock.monotonic() - this.#startedAt
  }

  settle(outcome: Outcome): void {
    if (this.#settled || this.#backend === undefined || this.#permit === 0) return
    this.#settled = true
    const ms = this.#options.clock.monotonic() - this.#startedAt
    this.#backend.breaker.record(this.#permit, outcome, ms)
  }

  finish(status: number, flag: RequestFlag, error?: TidemillError): void {
    this.settle('ignore')
    const head = this.#head
    const { clock, log, configuration } = this.#options
    const now = clock.monotonic()
    const ms = now - this.#startedAt
    const shown = flag === '' ? this.#flag : flag
    if (this.#permit !== 0) {
      this.#counter.active--
      if (this.#backend !== undefined) this.#backend.pool.active--
    }
    this.#counter.record(status, shown, ms, now)
    log.add({
      requestId: head.requestId,
      at: this.#at,
      method: head.method,
      host: head.host,
      path: head.path,
      route: this.#plan?.route ?? '',
      rule: this.#plan?.ruleIndex ?? 0,
      upstream: this.#endpoint === undefined ? '' : (this.#backend?.pool.name ?? ''),
      endpoint: this.#endpoint?.url ?? '',
      status,
      flag: shown,
      code: (error ?? this.error)?.code,
      ms,
      firstByteMs: this.#firstByteMs,
      timeoutMs: timeoutOf(this.forward),
      revision: configuration.revision,
    })
  }

  failure(flag: RequestFlag, reason: string): TidemillError {
    const route = this.#plan?.route ?? ''
    if (flag !== 'UT') return gatewayErrors.error('TM_GATEWAY_UPSTREAM', { route, reason })
    const ms = Math.round(this.#options.clock.monotonic() - this.#startedAt)
    return gatewayErrors.error('TM_GATEWAY_TIMEOUT', { route, ms })
  }

  #send(plan: RulePlan, head: RequestHead, prefix: string): void {
    const { route } = plan
    const backend = pickBackend(plan)
    const { pool } = backend
    const { maxActivePerUpstream } = this.#options
    const reason = pool.registered ? backend.invalid : `the backend ${pool.name} is not registered`
    if (reason !== undefined) {
      this.deny('NB', 'TM_GATEWAY_BACKEND_INVALID', { route, reason })
      return
    }
    if (pool.endpoints.length === 0) {
      this.retryAfter = 1
      this.deny('UH', 'TM_GATEWAY_NO_ENDPOINT', { route })
      return
    }
    if (pool.active >= maxActivePerUpstream) {
      this.retryAfter = 1
      this.deny('UO', 'TM_GATEWAY_OVERLOADED', { route, limit: maxActivePerUpstream })
      return
    }
    // Last of all, because every permit must be recorded.
    const permit = backend.breaker.acquire()
    if (permit === 0) {
      this.retryAfter = Math.max(1, Math.ceil(backend.breaker.retryAfterMs() / 1000))
      this.deny('CB', 'TM_GATEWAY_BREAKER_OPEN', { route })
      return
    }
    this.#permit = permit
    this.#backend = backend
    this.#counter = backend.counter
    this.#endpoint = nextEndpoint(pool)
    pool.active++
    this.#counter.active++
    const rewrite = plan.rewrite
    const query = head.target.slice(head.path.length)
    this.forward = {
      endpoint: this.#endpoint,
      target:
        rewrite?.path === undefined
          ? head.target
          : rewritePath(head.path, prefix, rewrite.path) + query,
      host: rewrite?.hostname ?? head.host,
      requestHeaders: joined(plan.requestHeaders, backend.requestHeaders),
      responseHeaders: joined(plan.responseHeaders, backend.responseHeaders),
      requestMs: plan.requestMs,
      backendMs: plan.backendMs,
      idleMs: plan.idleMs,
      maxBodyBytes: plan.maxBodyBytes,
      failures: plan.failures,
    }
  }
}

/** Both lists, without a copy in the ordinary case that the backend adds nothing. */
function joined<T>(first: readonly T[], second: readonly T[]): readonly T[] {
  return second.length === 0 ? first : [...first, ...second]
}
