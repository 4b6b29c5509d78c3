import type { Problem } from '@tidemill/core'
import type { Breaker } from '../breaker/index.ts'
import type { RuleGuards, SloGuard } from '../guard/index.ts'
import type { MetricsRegistry } from '../metrics.ts'
import { coreGroup } from './reference-grants.ts'
import type { EffectivePolicy } from '../policy/index.ts'
import {
  type BackendRef,
  compileCors,
  type HttpBackendRef,
  type HttpHeaderFilter,
  type HttpRouteFilter,
  type HttpRouteRule,
  type SessionPersistence,
} from '../router/index.ts'
import { durationMs } from '../router/route-validator.ts'
import type {
  HashSource,
  MirrorPlan,
  RulePlan,
  SessionPlan,
  WeightedBackend,
} from '../rule-plan.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { RetryPlan } from '../upstream/upstream-call.ts'

/** What compiling a rule asks of the rest of the configuration. */
export interface RuleContext {
  /** How metrics, breakers and logs name the route. */
  readonly route: string
  readonly kind: 'HTTPRoute' | 'GRPCRoute'
  readonly namespace: string
  readonly metrics: MetricsRegistry
  readonly maxBodyBytes: number
  breaker(rule: string, upstream: string, policy: EffectivePolicy): Breaker
  guards(policy: EffectivePolicy): RuleGuards
  slo(policy: EffectivePolicy): SloGuard | undefined
  cluster(service: string, port: number | undefined): Cluster
  /** Whether a ReferenceGrant permits a Service of another namespace. */
  permits(service: string): boolean
}

const none: readonly HttpHeaderFilter[] = []
const noMirrors: readonly MirrorPlan[] = []

/** Compiles one rule of a valid route. */
export function compileRule(
  rule: HttpRouteRule,
  ruleIndex: number,
  policy: EffectivePolicy,
  context: RuleContext,
): RulePlan {
  const path = `/spec/rules/${ruleIndex}`
  const warnings: Problem[] = []
  const filters = rule.filters ?? []
  const unsupported = filters.find((filter) => !served.has(filter.type))?.type
  if (unsupported !== undefined) {
    const message = `the filter ${unsupported} is not served; requests are answered 500`
    warnings.push({ path: `${path}/filters`, message })
  }
  const redirect = filters.find((filter) => filter.requestRedirect !== undefined)?.requestRedirect
  const cors = filters.find((filter) => filter.cors !== undefined)?.cors
  const shared: Shared = {
    requestHeaders: headerFilters(filters, 'requestHeaderModifier'),
    responseHeaders: headerFilters(filters, 'responseHeaderModifier'),
    rewrite: filters.find((filter) => filter.urlRewrite !== undefined)?.urlRewrite,
    mirrors: mirrors(filters, `${path}/filters`, context, warnings),
  }
  const scope = policy.breakerOfRule ? (rule.name ?? '') : ''
  const backends = (rule.backendRefs ?? []).map((ref, i) =>
    compileBackend(ref, `${path}/backendRefs/${i}`, scope, policy, shared, context, warnings),
  )
  const totalWeight = backends.reduce((sum, backend) => sum + backend.weight, 0)
  if (backends.length > 0 && totalWeight === 0) {
    const message = 'all weights are 0; requests are answered 500'
    warnings.push({ path: `${path}/backendRefs`, message })
  }
  const requestMs = timeout(rule.timeouts?.request ?? policy.timeouts.request, 15_000)
  const backendText = rule.timeouts?.backendRequest ?? policy.timeouts.backendRequest
  const backendMs = timeout(backendText, 5000)
  if (backendText !== undefined && Number.isFinite(backendMs) && backendMs > requestMs) {
    const message = `one try may take ${backendMs} ms, the whole request only ${requestMs} ms`
    warnings.push({ path: `${path}/timeouts`, message })
  }
  return {
    route: context.route,
    kind: context.kind,
    ruleIndex,
    ruleName: rule.name ?? '',
    policy,
    broken:
      unsupported !== undefined
        ? `its filter ${unsupported} is not served`
        : redirect === undefined && totalWeight === 0
          ? 'it has no backend with a weight above 0'
          : undefined,
    redirect,
    requestHeaders: shared.requestHeaders,
    responseHeaders: shared.responseHeaders,
    cors: cors === undefined ? undefined : compileCors(cors),
    backends,
    totalWeight,
    retry: retryPlan(rule, policy),
    session: sessionPlan(rule.sessionPersistence),
    hash: hashSource(policy),
    guards: context.guards(policy),
    slo: context.slo(policy),
    websocket: policy.websocket,
    requestMs,
    backendMs,
    idleMs: timeout(policy.timeouts.idle, 300_000),
    maxBodyBytes: policy.maxBodyBytes ?? context.maxBodyBytes,
    failures: statusTable(policy.failureCodes),
    counter: context.metrics.open(context.route, ''),
    warnings,
  }
}

interface Shared {
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  readonly rewrite: HttpRouteFilter['urlRewrite']
  readonly mirrors: readonly MirrorPlan[]
}

const served: ReadonlySet<string> = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
  'RequestMirror',
  'CORS',
])
const servedOfBackends: ReadonlySet<string> = new Set([
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
  'RequestMirror',
])

function compileBackend(
  ref: HttpBackendRef,
  path: string,
  scope: string,
  policy: EffectivePolicy,
  shared: Shared,
  context: RuleContext,
  warnings: Problem[],
): WeightedBackend {
  const filters = ref.filters ?? []
  const upstream = serviceOf(ref, context.namespace)
  const odd = filters.find((filter) => !servedOfBackends.has(filter.type))?.type
  const invalid =
    refFault(ref, upstream, context) ??
    (odd === undefined ? undefined : `the filter ${odd} of a backend is not served`)
  if (invalid !== undefined) warnings.push({ path, message: invalid })
  return {
    upstream,
    cluster: context.cluster(upstream, ref.port),
    weight: ref.weight ?? 1,
    credit: 0,
    breaker: context.breaker(scope, upstream, policy),
    counter: context.metrics.open(context.route, upstream),
    requestHeaders: joined(shared.requestHeaders, headerFilters(filters, 'requestHeaderModifier')),
    responseHeaders: joined(
      shared.responseHeaders,
      headerFilters(filters, 'responseHeaderModifier'),
    ),
    rewrite:
      filters.find((filter) => filter.urlRewrite !== undefined)?.urlRewrite ?? shared.rewrite,
    redirect: filters.find((filter) => filter.requestRedirect !== undefined)?.requestRedirect,
    mirrors: joined(shared.mirrors, mirrors(filters, `${path}/filters`, context, warnings)),
    invalid,
  }
}

/** `namespace/service` of a reference. */
export function serviceOf(ref: BackendRef, namespace: string): string {
  return `${ref.namespace ?? namespace}/${ref.name}`
}

/** Why a reference cannot be followed, whoever knows the Service. */
export function refFault(
  ref: BackendRef,
  service: string,
  context: Pick<RuleContext, 'permits'>,
): string | undefined {
  const kind = ref.kind ?? 'Service'
  if (coreGroup(ref.group) !== '' || kind !== 'Service') {
    return `a backend of kind ${ref.group ?? ''}/${kind} is not served`
  }
  return context.permits(service)
    ? undefined
    : `no ReferenceGrant lets it use the Service ${service}`
}

function mirrors(
  filters: readonly HttpRouteFilter[],
  path: string,
  context: RuleContext,
  warnings: Problem[],
): readonly MirrorPlan[] {
  if (filters.length === 0) return noMirrors
  const plans: MirrorPlan[] = []
  for (const [i, { requestMirror: mirror }] of filters.entries()) {
    if (mirror === undefined) continue
    const upstream = serviceOf(mirror.backendRef, context.namespace)
    const fault = refFault(mirror.backendRef, upstream, context)
    if (fault !== undefined) {
      warnings.push({ path: `${path}/${i}/requestMirror/backendRef`, message: fault })
      continue
    }
    plans.push({
      upstream,
      cluster: context.cluster(upstream, mirror.backendRef.port),
      numerator: mirror.fraction?.numerator ?? mirror.percent ?? 100,
      denominator: mirror.fraction?.denominator ?? 100,
    })
  }
  return plans
}

function headerFilters(
  filters: readonly HttpRouteFilter[],
  member: 'requestHeaderModifier' | 'responseHeaderModifier',
): readonly HttpHeaderFilter[] {
  if (filters.length === 0) return none
  return filters.flatMap((filter) => filter[member] ?? [])
}

/** Both lists, without a copy in the ordinary case that the backend adds nothing. */
function joined<T>(first: readonly T[], second: readonly T[]): readonly T[] {
  return second.length === 0 ? first : [...first, ...second]
}

function timeout(text: string | undefined, fallback: number): number {
  const ms = durationMs(text) ?? fallback
  return ms === 0 ? Number.POSITIVE_INFINITY : ms
}

const tables = new Map<string, Uint8Array>()

/** 1 at each of the statuses; the same table for the same list. */
function statusTable(codes: readonly number[]): Uint8Array {
  const key = codes.join(',')
  let table = tables.get(key)
  if (table === undefined) {
    table = new Uint8Array(600)
    for (const code of codes) table[code] = 1
    if (tables.size >= 256) tables.clear()
    tables.set(key, table)
  }
  return table
}

const retriedCodes: readonly number[] = [502, 503, 504]

/** The rule's own `retry`, completed by the policy's; undefined when neither asks for one. */
function retryPlan(rule: HttpRouteRule, policy: EffectivePolicy): RetryPlan | undefined {
  const { retry } = rule
  const ours = policy.retry
  if (retry === undefined && ours === undefined) return undefined
  const attempts = retry?.attempts ?? ours?.attempts ?? 1
  if (attempts === 0) return undefined
  return {
    attempts,
    codes: statusTable(retry?.codes ?? ours?.codes ?? retriedCodes),
    backoffMs: durationMs(retry?.backoff ?? ours?.backoff) ?? 25,
    evenUnsafe: ours?.evenUnsafe ?? false,
    bufferBytes: ours?.bufferBytes ?? 64 * 1024,
  }
}

function sessionPlan(session: SessionPersistence | undefined): SessionPlan | undefined {
  if (session === undefined) return undefined
  const type = session.type ?? 'Cookie'
  if (type === 'Header') {
    const name = session.header?.name ?? session.sessionName ?? 'x-session'
    return { type, name: name.toLowerCase(), path: '', maxAgeSeconds: 0 }
  }
  const permanent = session.cookie?.lifetimeType === 'Permanent'
  return {
    type,
    name: session.cookie?.name ?? session.sessionName ?? 'tidemill-session',
    path: session.cookie?.path ?? '/',
    maxAgeSeconds: permanent ? Math.ceil((durationMs(session.absoluteTimeout) ?? 0) / 1000) : 0,
  }
}

function hashSource(policy: EffectivePolicy): HashSource | undefined {
  const { hash } = policy
  if (hash === undefined) return undefined
  if (hash.header !== undefined) return { from: 'header', name: hash.header.toLowerCase() }
  if (hash.cookie !== undefined) return { from: 'cookie', name: hash.cookie }
  return hash.query === undefined
    ? { from: 'address', name: '' }
    : { from: 'query', name: hash.query }
}
