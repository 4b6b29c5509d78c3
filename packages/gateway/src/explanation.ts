import { addressUrl } from './configuration/backend-address.ts'
import type { BreakerState } from './breaker/index.ts'
import type { Configuration } from './configuration/configuration.ts'
import type { ListenerPlan } from './listener/listener-plan.ts'
import { type Candidate, type Explanation, normalPath, type RouterRequest } from './router/index.ts'
import type { RulePlan } from './rule-plan.ts'

/** A request to explain; nothing is sent anywhere. */
export interface ExplainRequest {
  readonly method?: string
  readonly host: string
  /** May carry a query, which `query` overrides. */
  readonly path: string
  /** A repeated field is given as a list. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly query?: string | Readonly<Record<string, string>>
}

/** Which listener a request comes to; without it the implicit one, else the best for scheme, port and host. */
export interface ExplainTarget {
  readonly scheme?: 'http' | 'https'
  /** As the Gateway says it; default that of the scheme, else any. */
  readonly port?: number
  /** `namespace/name` of the Gateway. */
  readonly gateway?: string
  /** Name of the listener. */
  readonly listener?: string
}

/** What happens to a request that the chosen rule takes. */
export interface ExplainedRule {
  readonly policies: readonly string[]
  readonly priority: number
  /** Milliseconds, null is off. */
  readonly timeoutsMs: {
    readonly request: number | null
    readonly backendRequest: number | null
  }
  readonly backends: readonly {
    readonly name: string
    readonly weight: number
    readonly endpoints: readonly string[]
    readonly breaker: BreakerState
    readonly invalid?: string
  }[]
  /** Why every request is answered 500. */
  readonly broken?: string
}

export interface RequestExplanation extends Explanation {
  /** The path as it is matched, after normalising. */
  readonly path: string
  /** Undefined when no rule takes it. */
  readonly rule: ExplainedRule | undefined
}

/** The decision about a request in the form that `tidemill gateway explain --json` prints. */
export interface Decision {
  /** What the gateway answers by itself, or 200 for a request that goes to a backend. */
  readonly status: number
  /** `namespace/name (listener)` of the listener; null when none takes the host. */
  readonly listener: string | null
  readonly route: string | null
  readonly rule: number | null
  readonly ruleName: string | null
  /** `namespace/service` of the only backend, or the one with the largest share; null when none gets it. */
  readonly backend: string | null
  /** Where it is redirected to, or why it is answered so; null when there is nothing to say. */
  readonly reason: string | null
  readonly candidates: readonly {
    readonly route: string
    readonly rule: number
    readonly match: number
    /** Why it did not get the request; null for the one that did. */
    readonly lost: string | null
  }[]
}

/** Asks the configuration in force about a request at its implicit listener. */
export function explain(configuration: Configuration, request: ExplainRequest): RequestExplanation {
  const question = questionOf(request)
  const listener = configuration.implicit ?? findListener(configuration, question.host, {})
  if (listener === undefined) {
    const { path } = question
    return { candidates: [], chosen: undefined, omitted: 0, path, rule: undefined }
  }
  const explanation = listener.router.explain(question)
  const plan = listener.router.match(question)?.target
  return { ...explanation, path: question.path, rule: plan && explainRule(plan) }
}

/** Explains a request at the listener that it comes to: who takes it, who does not and why, and what comes of it. */
export function explainDecision(
  configuration: Configuration,
  request: ExplainRequest,
  target: ExplainTarget = {},
): Decision {
  const question = questionOf(request)
  const listener = findListener(configuration, question.host, target)
  const nobody = {
    listener: null,
    route: null,
    rule: null,
    ruleName: null,
    backend: null,
    candidates: [],
  }
  if (listener === undefined) {
    return { status: 404, ...nobody, reason: `no listener takes the host ${question.host}` }
  }
  const { candidates } = listener.router.explain(question)
  const entry = listener.router.match(question)
  const shown = {
    listener: listener.gateway === '' ? listener.name : `${listener.gateway} (${listener.name})`,
    candidates: candidates.map((one) => ({
      route: one.route,
      rule: one.rule,
      match: one.match,
      lost: lossOf(one),
    })),
  }
  if (entry === undefined) {
    const reason = `no route of the listener matches ${question.method} ${question.path}`
    return { status: 404, ...nobody, ...shown, reason }
  }
  const plan = entry.target
  const { status, reason, backend } = outcomeOf(plan)
  return {
    status,
    ...shown,
    route: entry.route,
    rule: entry.ruleIndex,
    ruleName: entry.rule.name ?? null,
    backend,
    reason,
  }
}

function questionOf(request: ExplainRequest): RouterRequest {
  const mark = request.path.indexOf('?')
  const written = mark < 0 ? request.path : request.path.slice(0, mark)
  const query =
    request.query === undefined
      ? mark < 0
        ? ''
        : request.path.slice(mark + 1)
      : typeof request.query === 'string'
        ? request.query.replace(/^\?/u, '')
        : new URLSearchParams({ ...request.query }).toString()
  const headers = Object.entries(request.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().flatMap((line) => [name, line]),
  )
  return {
    method: request.method ?? 'GET',
    host: request.host,
    path: normalPath(written) ?? written,
    query,
    headers,
  }
}

/** The listener of the most specific hostname that takes a host, among those of the target. */
function findListener(
  configuration: Configuration,
  host: string,
  target: ExplainTarget,
): ListenerPlan | undefined {
  const name = host.replace(/:\d*$/u, '').toLowerCase()
  const protocol = target.scheme === undefined ? undefined : target.scheme.toUpperCase()
  const fits = (listener: ListenerPlan, port: number | undefined): boolean =>
    (listener.protocol === 'HTTP' || listener.protocol === 'HTTPS') &&
    (protocol === undefined || listener.protocol === protocol) &&
    (port === undefined || listener.port === port) &&
    (target.gateway === undefined || listener.gateway === target.gateway) &&
    (target.listener === undefined || listener.name === target.listener) &&
    (listener.hostname === '' ||
      listener.hostname === name ||
      (listener.hostname.startsWith('*.') && name.endsWith(listener.hostname.slice(1))))
  const all = configuration.sockets().flatMap((socket) => socket.listeners)
  const best = (port: number | undefined): ListenerPlan | undefined =>
    all
      .filter((listener) => fits(listener, port))
      .toSorted((a, b) => specificity(b.hostname) - specificity(a.hostname))[0]
  const written = /:(\d+)$/u.exec(host)?.[1]
  const wellKnown = target.scheme === 'https' ? 443 : target.scheme === 'http' ? 80 : undefined
  // A Gateway is often bound elsewhere than it says; any port is better than no answer.
  const wanted = target.port ?? (written === undefined ? wellKnown : Number(written))
  return best(wanted) ?? best(undefined)
}

/** Exact names before wildcards, long before short. */
function specificity(hostname: string): number {
  return hostname.length + (hostname.startsWith('*.') || hostname === '' ? 0 : 1000)
}

function lossOf(candidate: Candidate): string | null {
  if (candidate.outcome === 'chosen') return null
  const { failed, outrankedBy } = candidate
  if (failed === undefined)
    return outrankedBy === undefined ? 'lost' : `outranked by ${outrankedBy}`
  const name = failed.name === undefined ? '' : ` ${failed.name}`
  const received = failed.received === undefined ? 'is missing' : `is ${failed.received}`
  return `${failed.predicate}${name} ${received}, wanted ${failed.expected}`
}

/** What becomes of a request that a rule takes, as things stand. */
function outcomeOf(plan: RulePlan): {
  readonly status: number
  readonly reason: string | null
  readonly backend: string | null
} {
  if (plan.broken !== undefined) return { status: 500, reason: plan.broken, backend: null }
  if (plan.redirect !== undefined) {
    return { status: plan.redirect.statusCode ?? 302, reason: 'it is redirected', backend: null }
  }
  const [first] = plan.backends.toSorted((a, b) => b.weight - a.weight)
  if (first === undefined) return { status: 500, reason: 'it has no backend', backend: null }
  const backend = first.upstream
  if (first.redirect !== undefined) {
    const status = first.redirect.statusCode ?? 302
    return { status, reason: `the share of ${backend} is redirected`, backend: null }
  }
  if (first.invalid !== undefined) return { status: 500, reason: first.invalid, backend }
  if (!first.cluster.registered) {
    return { status: 500, reason: `the backend ${backend} is not registered`, backend }
  }
  if (first.cluster.hosts.length === 0) {
    return { status: 503, reason: `the backend ${backend} has no endpoint`, backend }
  }
  if (first.breaker.state === 'open' || first.breaker.state === 'forced-open') {
    return { status: 503, reason: `the breaker of ${backend} is open`, backend }
  }
  return { status: 200, reason: null, backend }
}

function explainRule(plan: RulePlan): ExplainedRule {
  return {
    policies: plan.policy.policies,
    priority: plan.policy.priority,
    timeoutsMs: { request: orNull(plan.requestMs), backendRequest: orNull(plan.backendMs) },
    backends: plan.backends.map(({ upstream, cluster, weight, breaker, invalid }) => ({
      name: upstream,
      weight,
      endpoints: cluster.hosts.map(addressUrl),
      breaker: breaker.state,
      ...(cluster.registered && invalid === undefined
        ? {}
        : { invalid: invalid ?? 'it is not registered' }),
    })),
    ...(plan.broken === undefined ? {} : { broken: plan.broken }),
  }
}

function orNull(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null
}
