import type { Problem } from '@tidemill/core'
import { type BackendPool, type BackendRegistry } from './backend.ts'
import type { Breaker } from './breaker/index.ts'
import type { MetricsRegistry, TrafficCounter } from './metrics.ts'
import type { EffectivePolicy } from './policy.ts'
import type {
  HttpBackendRef,
  HttpHeaderFilter,
  HttpRequestRedirectFilter,
  HttpRoute,
  HttpRouteFilter,
  HttpRouteRule,
  HttpUrlRewriteFilter,
} from './router/index.ts'
import { objectKey } from './router/index.ts'
import { durationMs } from './router/route-validator.ts'

/** One backend of a rule with its share. */
export interface WeightedBackend {
  readonly pool: BackendPool
  readonly weight: number
  /** Running credit of smooth weighted round robin. */
  credit: number
  readonly breaker: Breaker
  readonly counter: TrafficCounter
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  /** Why requests to it are answered 500; undefined when it can be used. */
  readonly invalid: string | undefined
}

/** A rule with its policy, ready to serve requests. */
export interface RulePlan {
  readonly route: string
  readonly ruleIndex: number
  readonly policy: EffectivePolicy
  /** Why every request is answered 500. */
  readonly broken: string | undefined
  readonly redirect: HttpRequestRedirectFilter | undefined
  readonly rewrite: HttpUrlRewriteFilter | undefined
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  readonly backends: readonly WeightedBackend[]
  readonly totalWeight: number
  /** Infinity is off. */
  readonly requestMs: number
  readonly backendMs: number
  readonly idleMs: number
  readonly maxBodyBytes: number
  /** 1 at each status that the breaker counts as a failure. */
  readonly failures: Uint8Array
  /** Counts what the gateway answers by itself on this route. */
  readonly counter: TrafficCounter
  /** What works otherwise than the object says. */
  readonly warnings: readonly Problem[]
}

export interface PlanContext {
  readonly backends: BackendRegistry
  readonly metrics: MetricsRegistry
  readonly maxBodyBytes: number
  breaker(route: string, rule: string, backend: string, policy: EffectivePolicy): Breaker
}

/** Compiles one rule of a valid route. */
export function planRule(
  route: HttpRoute,
  rule: HttpRouteRule,
  ruleIndex: number,
  policy: EffectivePolicy,
  context: PlanContext,
): RulePlan {
  const key = objectKey(route.metadata)
  const path = `/spec/rules/${ruleIndex}`
  const warnings: Problem[] = []
  for (const field of ['retry', 'sessionPersistence'] as const) {
    if (field in rule) warnings.push({ path: `${path}/${field}`, message: 'is not served yet' })
  }
  const filters = rule.filters ?? []
  const unsupported = unsupportedFilter(filters)
  if (unsupported !== undefined) {
    const message = `the filter ${unsupported} is not served; requests are answered 500`
    warnings.push({ path: `${path}/filters`, message })
  }
  const redirect = filters.find((filter) => filter.requestRedirect !== undefined)?.requestRedirect
  const backends = (rule.backendRefs ?? []).map((ref, i) => {
    const name = `${ref.namespace ?? route.metadata.namespace ?? 'default'}/${ref.name}`
    const invalid = invalidBackend(ref)
    if (invalid !== undefined) {
      warnings.push({ path: `${path}/backendRefs/${i}`, message: invalid })
    }
    const scope = policy.breakerOfRule ? (rule.name ?? '') : ''
    return {
      pool: context.backends.open(name),
      weight: ref.weight ?? 1,
      credit: 0,
      breaker: context.breaker(key, scope, name, policy),
      counter: context.metrics.open(key, name),
      requestHeaders: headerFilters(ref.filters ?? [], 'requestHeaderModifier'),
      responseHeaders: headerFilters(ref.filters ?? [], 'responseHeaderModifier'),
      invalid,
    }
  })
  const totalWeight = backends.reduce((sum, backend) => sum + backend.weight, 0)
  const failures = new Uint8Array(600)
  for (const code of policy.failureCodes) failures[code] = 1
  return {
    route: key,
    ruleIndex,
    policy,
    broken:
      unsupported !== undefined
        ? `its filter ${unsupported} is not served`
        : redirect === undefined && totalWeight === 0
          ? 'it has no backend with a weight above 0'
          : undefined,
    redirect,
    rewrite: filters.find((filter) => filter.urlRewrite !== undefined)?.urlRewrite,
    requestHeaders: headerFilters(filters, 'requestHeaderModifier'),
    responseHeaders: headerFilters(filters, 'responseHeaderModifier'),
    backends,
    totalWeight,
    requestMs: timeout(rule.timeouts?.request ?? policy.timeouts.request, 15_000),
    backendMs: timeout(rule.timeouts?.backendRequest ?? policy.timeouts.backendRequest, 5000),
    idleMs: timeout(policy.timeouts.idle, 300_000),
    maxBodyBytes: policy.maxBodyBytes ?? context.maxBodyBytes,
    failures,
    counter: context.metrics.open(key, ''),
    warnings,
  }
}

/**
 * The next backend by smooth weighted round robin (a:5 b:1 c:1 gives aabacaa): exact shares over every
 * cycle without chance. The plan must have a weight above 0.
 */
export function pickBackend(plan: RulePlan): WeightedBackend {
  const { backends } = plan
  let best = backends[0] as WeightedBackend
  if (backends.length === 1) return best
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i] as WeightedBackend
    backend.credit += backend.weight
    if (backend.credit > best.credit) best = backend
  }
  best.credit -= plan.totalWeight
  return best
}

function timeout(text: string | undefined, fallback: number): number {
  const ms = durationMs(text) ?? fallback
  return ms === 0 ? Number.POSITIVE_INFINITY : ms
}

function unsupportedFilter(filters: readonly HttpRouteFilter[]): string | undefined {
  return filters.find(
    (filter) =>
      filter.requestHeaderModifier === undefined &&
      filter.responseHeaderModifier === undefined &&
      filter.requestRedirect === undefined &&
      filter.urlRewrite === undefined,
  )?.type
}

function headerFilters(
  filters: readonly HttpRouteFilter[],
  member: 'requestHeaderModifier' | 'responseHeaderModifier',
): HttpHeaderFilter[] {
  return filters.flatMap((filter) => filter[member] ?? [])
}

function invalidBackend(ref: HttpBackendRef): string | undefined {
  if ((ref.group ?? '') !== '' || (ref.kind ?? 'Service') !== 'Service') {
    return `a backend of kind ${ref.group ?? ''}/${ref.kind ?? 'Service'} is not served`
  }
  const types = (ref.filters ?? []).map((filter) => filter.type)
  const other = types.find(
    (type) => type !== 'RequestHeaderModifier' && type !== 'ResponseHeaderModifier',
  )
  return other === undefined ? undefined : `the filter ${other} of a backend is not served`
}
