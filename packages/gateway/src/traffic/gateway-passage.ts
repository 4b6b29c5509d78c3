import type { TidemillError } from '@tidemill/core'
import { AccessRecord } from '../access/index.ts'
import { anonymous, type AuthResult, type Identity, queryWithout } from '../auth/index.ts'
import type { Outcome, Permit } from '../breaker/index.ts'
import { type ConcurrencyPermit, shedError } from '../concurrency/index.ts'
import type {
  DirectAnswer,
  ExchangeFacts,
  Forwarding,
  Mirror,
  Passage,
  RefusedHead,
} from '../dataplane/index.ts'
import type { RequestView } from '../dataplane/request-view.ts'
import { type GatewayErrorCode, gatewayErrors } from '../errors.ts'
import type { RuleGuards } from '../guard/index.ts'
import type { RequestLimit } from '../limit/index.ts'
import type { TrafficCounter } from '../metrics.ts'
import type { RequestFlag } from '../request-log.ts'
import { corsAnswer, type HttpHeaderFilter, type RouteEntry, rewritePath } from '../router/index.ts'
import { headerValue } from '../router/route-entry.ts'
import type { MirrorPlan, RulePlan, WeightedBackend } from '../rule-plan.ts'
import { requestHash, requestSession } from './affinity.ts'
import { chooseBackend } from './backend-choice.ts'
import { fallbackAnswer, fallsBack, preflightAnswer, redirectAnswer } from './direct-answers.ts'
import type { TrafficContext } from './traffic.ts'

const none: readonly string[] = []
const noMirrors: readonly Mirror[] = []

/** A price that stands in the answer, to be charged when the answer comes. */
interface OpenPrice {
  readonly limit: RequestLimit
  readonly key: string
  readonly tier: number
}

/**
 * One request on the control side, in this order: route, CORS preflight, authentication, limits, objectives, redirect,
 * concurrency, backend, breaker. What was taken on the way (a permit, a place) is given back once.
 */
export class GatewayPassage implements Passage {
  forward: Forwarding | undefined = undefined
  answer: DirectAnswer | undefined = undefined
  error: TidemillError | undefined = undefined
  wait: ((decided: () => void) => void) | undefined = undefined
  retryAfter = 0
  answerHeaders: readonly string[] = none
  readonly #context: TrafficContext
  readonly #view: RequestView | RefusedHead
  readonly #startedAt: number
  readonly #at: number
  #counter: TrafficCounter
  #plan: RulePlan | undefined = undefined
  #prefix = ''
  #identity: Identity = anonymous
  #backend: WeightedBackend | undefined = undefined
  #permit: Permit = 0
  #place: ConcurrencyPermit = 0
  #placed = false
  #prices: OpenPrice[] | undefined = undefined
  #flag: RequestFlag = ''
  #outcome: Outcome | undefined = undefined
  #firstByteMs = -1

  constructor(context: TrafficContext, view: RequestView | RefusedHead, counter: TrafficCounter) {
    this.#context = context
    this.#view = view
    this.#counter = counter
    this.#startedAt = context.clock.monotonic()
    this.#at = context.clock.now()
  }

  /** Decides about a request that matched. */
  route(entry: RouteEntry<RulePlan>): void {
    const plan = entry.target
    const view = this.#view as RequestView
    this.#plan = plan
    this.#prefix = entry.pathValue
    if (plan.broken !== undefined) {
      this.deny('NB', 'TM_GATEWAY_BACKEND_INVALID', { route: plan.route, reason: plan.broken })
      return
    }
    if (plan.cors !== undefined) {
      this.answer = preflightAnswer(plan.cors, view)
      if (this.answer !== undefined) return
      const origin = headerValue(view.headers, 'origin')
      if (origin !== undefined) this.answerHeaders = corsAnswer(plan.cors, origin)
    }
    const { auth } = plan.guards
    if (auth === undefined) {
      this.#admit(plan, view)
      return
    }
    const result = auth.check(view)
    if (result !== undefined) this.#authenticated(plan, view, result)
    else {
      this.wait = (decided) =>
        auth.wait(view, (late) => {
          this.wait = undefined
          this.#authenticated(plan, view, late)
          decided()
        })
    }
  }

  deny(
    flag: RequestFlag,
    code: GatewayErrorCode,
    details: Readonly<Record<string, unknown>>,
  ): void {
    this.#refuse(flag, gatewayErrors.error(code, details))
  }

  head(_status: number, headers: readonly string[]): void {
    const now = this.#context.clock.monotonic()
    this.#firstByteMs = now - this.#startedAt
    if (this.#prices === undefined) return
    for (const { limit, key, tier } of this.#prices) limit.charge(key, tier, headers, now)
  }

  settle(outcome: Outcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    if (this.#backend === undefined || this.#permit === 0) return
    const ms = this.#context.clock.monotonic() - this.#startedAt
    this.#backend.breaker.record(this.#permit, outcome, ms)
  }

  release(): void {
    this.settle('ok')
    if (!this.#placed) return
    this.#placed = false
    this.#plan?.guards.concurrency?.cancel(this.#place)
  }

  finish(status: number, flag: RequestFlag, facts: ExchangeFacts, error?: TidemillError): void {
    this.settle('ignore')
    const { clock } = this.#context
    const now = clock.monotonic()
    const ms = now - this.#startedAt
    if (this.#placed) {
      this.#placed = false
      const limit = this.#plan?.guards.concurrency
      if (this.#outcome === 'ignore') limit?.cancel(this.#place)
      else limit?.release(this.#place, ms, this.#outcome === 'ok', now)
    }
    if (this.#backend !== undefined) this.#counter.active--
    const shown = flag === '' ? this.#flag : flag
    this.#counter.record(status, shown, ms, now)
    this.#plan?.slo?.record(this.#outcome ?? 'ignore', status, ms)
    this.#log(status, shown, facts, error ?? this.error, ms)
  }

  failure(flag: RequestFlag, reason: string): TidemillError {
    const route = this.#plan?.route ?? ''
    if (flag === 'UH') {
      this.retryAfter = 1
      return gatewayErrors.error('TM_GATEWAY_NO_ENDPOINT', { route })
    }
    if (flag === 'UO') {
      this.retryAfter = 1
      return gatewayErrors.error('TM_GATEWAY_OVERLOADED', { route, reason })
    }
    if (flag !== 'UT') return gatewayErrors.error('TM_GATEWAY_UPSTREAM', { route, reason })
    const ms = Math.round(this.#context.clock.monotonic() - this.#startedAt)
    return gatewayErrors.error('TM_GATEWAY_TIMEOUT', { route, ms })
  }

  #authenticated(plan: RulePlan, view: RequestView, result: AuthResult): void {
    this.#identity = result.identity
    if (result.refusal === undefined) this.#admit(plan, view)
    else {
      this.#addAnswerHeaders(result.refusal.headers)
      this.#refuse('UAEX', result.refusal.error)
    }
  }

  #admit(plan: RulePlan, view: RequestView): void {
    const { guards } = plan
    if (guards.limits.length > 0 && !this.#limit(guards, view)) return
    if (plan.slo !== undefined && !plan.slo.admit(view)) {
      this.retryAfter = 1
      this.#deny503(plan, 'SLO', gatewayErrors.error('TM_GATEWAY_SLO', { route: plan.route }))
      return
    }
    if (plan.redirect !== undefined) {
      this.#flag = 'RD'
      this.answer = redirectAnswer(plan.redirect, view, this.#prefix)
      return
    }
    const { concurrency } = guards
    if (concurrency !== undefined) {
      const place = concurrency.acquire(this.#startedAt)
      if (place === 0) {
        this.retryAfter = 1
        this.#deny503(plan, 'UO', shedError(plan.route, concurrency.reason))
        return
      }
      this.#place = place
      this.#placed = true
    }
    this.#send(plan, view)
  }

  #limit(guards: RuleGuards, view: RequestView): boolean {
    for (let i = 0; i < guards.limits.length; i++) {
      const limit = guards.limits[i] as RequestLimit
      const passed = limit.check(view, this.#identity, this.#startedAt)
      const { standardHeaders, legacyHeaders } = limit.config
      if (limit.applied && (standardHeaders || legacyHeaders)) {
        const list = this.answerHeaders === none ? [] : [...this.answerHeaders]
        limit.writeHeaders(list)
        this.answerHeaders = list
      }
      if (!passed) {
        if (limit.retryAfterMs > 0) this.retryAfter = limit.retryAfterSeconds
        this.#refuse('RL', limit.error)
        return false
      }
      if (limit.chargesResponse && limit.key !== '') {
        this.#prices ??= []
        this.#prices.push({ limit, key: limit.key, tier: limit.tier })
      }
    }
    return true
  }

  #send(plan: RulePlan, view: RequestView): void {
    let hash = plan.hash === undefined ? -1 : requestHash(plan.hash, view)
    if (plan.session !== undefined) {
      const session = requestSession(plan.session, view, this.#context.random)
      hash = session.hash
      this.#addAnswerHeaders(session.headers)
    }
    const backend = chooseBackend(plan, hash)
    const { cluster, invalid, redirect } = backend
    const { route } = plan
    if (redirect !== undefined) {
      this.#flag = 'RD'
      this.answer = redirectAnswer(redirect, view, this.#prefix)
      return
    }
    if (invalid !== undefined || !cluster.registered) {
      const reason = invalid ?? `the backend ${backend.upstream} is not registered`
      this.deny('NB', 'TM_GATEWAY_BACKEND_INVALID', { route, reason })
      return
    }
    if (cluster.hosts.length === 0) {
      this.retryAfter = 1
      this.#deny503(plan, 'UH', gatewayErrors.error('TM_GATEWAY_NO_ENDPOINT', { route }))
      return
    }
    // Last of all, because every permit must be recorded.
    const permit = backend.breaker.acquire()
    if (permit === 0) {
      this.retryAfter = Math.max(1, Math.ceil(backend.breaker.retryAfterMs() / 1000))
      this.#deny503(plan, 'CB', gatewayErrors.error('TM_GATEWAY_BREAKER_OPEN', { route }))
      return
    }
    this.#permit = permit
    this.#backend = backend
    this.#counter = backend.counter
    this.#counter.active++
    this.#forwardTo(plan, view, backend, hash)
  }

  #forwardTo(plan: RulePlan, view: RequestView, backend: WeightedBackend, hash: number): void {
    const { auth, authFilters } = plan.guards
    const { rewrite } = backend
    let { target } = view
    const hiddenQuery = auth !== undefined && auth.removeQuery.length > 0 && view.query !== ''
    if (rewrite?.path !== undefined || hiddenQuery) {
      const path = rewritePath(view.path, this.#prefix, rewrite?.path)
      const query = hiddenQuery ? queryWithout(view.query, auth.removeQuery) : view.query
      target = query === '' ? path : `${path}?${query}`
    }
    this.forward = {
      cluster: backend.cluster,
      target,
      host: rewrite?.hostname ?? view.host,
      requestHeaders: joined(authFilters, backend.requestHeaders),
      responseHeaders: backend.responseHeaders,
      addedHeaders: this.#identity.headers,
      requestMs: plan.requestMs,
      backendMs: plan.backendMs,
      idleMs: plan.idleMs,
      maxBodyBytes: plan.maxBodyBytes,
      retry: plan.retry,
      hash,
      mirrors: backend.mirrors.length === 0 ? noMirrors : this.#drawn(backend.mirrors),
      upgrade: plan.websocket,
      failures: plan.failures,
    }
  }

  /** The mirrors that get this request. */
  #drawn(mirrors: readonly MirrorPlan[]): readonly Mirror[] {
    const { random } = this.#context
    return mirrors.filter(
      ({ numerator, denominator }) =>
        numerator >= denominator || random.integer(denominator) < numerator,
    )
  }

  #addAnswerHeaders(headers: readonly string[]): void {
    if (headers.length === 0) return
    this.answerHeaders = this.answerHeaders === none ? headers : [...this.answerHeaders, ...headers]
  }

  #refuse(flag: RequestFlag, error: TidemillError): void {
    this.#flag = flag
    this.error = error
  }

  /** Refuses with 503, or gives the answer that a policy has for such times. */
  #deny503(plan: RulePlan, flag: RequestFlag, error: TidemillError): void {
    this.#flag = flag
    const { fallback } = plan.policy
    if (fallback !== undefined && fallsBack(fallback, error.http)) {
      this.answer = fallbackAnswer(fallback)
    } else this.error = error
  }

  #log(
    status: number,
    flag: RequestFlag,
    facts: ExchangeFacts,
    error: TidemillError | undefined,
    ms: number,
  ): void {
    const { log, access, configuration } = this.#context
    const view = this.#view
    const plan = this.#plan
    const upstream = facts.host === '' ? '' : (this.#backend?.upstream ?? '')
    const { revision } = configuration
    log.add({
      requestId: view.requestId,
      at: this.#at,
      method: view.method,
      host: view.host,
      path: view.path,
      route: plan?.route ?? '',
      rule: plan?.ruleIndex ?? 0,
      upstream,
      endpoint: facts.host,
      attempts: facts.attempts,
      bytesIn: facts.bytesIn,
      bytesOut: facts.bytesOut,
      status,
      flag,
      code: error?.code,
      ms,
      firstByteMs: this.#firstByteMs < 0 ? undefined : this.#firstByteMs,
      timeoutMs: waitMs(this.forward),
      revision,
    })
    if (access === undefined) return
    const record = accessRecord
    fillRequest(record, view)
    record.at = this.#at
    record.consumer = this.#identity.consumer
    record.route = plan?.route ?? ''
    record.rule = plan?.ruleIndex ?? -1
    record.upstream = upstream
    record.host = facts.host
    record.status = status
    record.flag = flag
    record.code = error?.code ?? ''
    record.bytesIn = facts.bytesIn
    record.bytesOut = facts.bytesOut
    record.attempts = facts.attempts
    record.revision = revision
    record.firstByteMs = this.#firstByteMs
    record.totalMs = ms
    access.log(record)
  }
}

/** One for all: the access log reads it during the call only. */
const accessRecord = new AccessRecord()

function fillRequest(record: AccessRecord, view: RequestView | RefusedHead): void {
  record.requestId = view.requestId
  record.method = view.method
  record.authority = view.host
  record.path = view.path
  record.remoteAddress = view.remoteAddress
  const whole = 'headers' in view
  record.scheme = whole ? view.scheme : ''
  record.query = whole ? view.query : ''
  record.version = whole ? view.version : 0
  record.headers = whole ? view.headers : none
  record.clientAddress = whole ? view.clientAddress : view.remoteAddress
  record.port = whole ? view.port : 0
  record.serverName = whole ? (view.peer?.serverName ?? '') : ''
}

/** How long the upstream may take; null without a limit, and for what was not sent to one. */
function waitMs(forward: Forwarding | undefined): number | null {
  const ms = forward === undefined ? Infinity : Math.min(forward.requestMs, forward.backendMs)
  return Number.isFinite(ms) ? ms : null
}

/** Both lists, without a copy in the ordinary case that one is empty. */
function joined(
  first: readonly HttpHeaderFilter[],
  second: readonly HttpHeaderFilter[],
): readonly HttpHeaderFilter[] {
  return first.length === 0 ? second : second.length === 0 ? first : [...first, ...second]
}
