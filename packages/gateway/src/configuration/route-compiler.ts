import type { Breaker } from '../breaker/index.ts'
import type { BreakerRegistry } from '../breaker-registry.ts'
import {
  type GuardRegistry,
  noGuards,
  type RuleGuards,
  type SloDirectory,
  type SloGuard,
} from '../guard/index.ts'
import type { StreamPlan } from '../listener/listener-plan.ts'
import type { MetricsRegistry } from '../metrics.ts'
import type { GrpcRoute } from '../objects/grpc-route.ts'
import { grpcRules } from '../objects/grpc-rules.ts'
import { gatewayGroup } from '../objects/reference.ts'
import type { StreamRoute } from '../objects/stream-route.ts'
import {
  type BackendRef,
  compileEntries,
  effectiveRules,
  type HttpRoute,
  type HttpRouteRule,
  type RouteEntry,
} from '../router/index.ts'
import type { RulePlan } from '../rule-plan.ts'
import { type Backends, clusterName } from './backends.ts'
import type { ObjectStore } from './object-store.ts'
import { permitted } from './reference-grants.ts'
import type { RoutePolicies } from './route-policies.ts'
import { compileRule, refFault, serviceOf } from './rule-compiler.ts'

export type RoutedHttp = HttpRoute | GrpcRoute

/** The plans and router entries of a route towards one kind of Gateway. */
export interface CompiledRules {
  readonly plans: readonly RulePlan[]
  readonly entries: readonly RouteEntry<RulePlan>[]
}

export interface CompileContext {
  readonly store: ObjectStore
  readonly backends: Backends
  readonly policies: RoutePolicies
  readonly breakers: BreakerRegistry
  readonly metrics: MetricsRegistry
  readonly maxBodyBytes: number
  readonly guards: GuardRegistry | undefined
  readonly slo: SloDirectory | undefined
}

/** What compiling found to be in use, over all Gateways of the route. */
export interface Uses {
  readonly clusters: Set<string>
  readonly breakers: Set<Breaker>
  /** Namespaces whose ReferenceGrants were asked. */
  readonly grants: Set<string>
}

/** How metrics, breakers and logs name a route: kinds do not share names. */
export function routeLabel(kind: string, key: string): string {
  return kind === 'HTTPRoute' ? key : `${kind}/${key}`
}

/** `kind namespace/name` of the route that an entry belongs to. */
export function objectId(entry: Pick<RouteEntry, 'kind' | 'route'>): string {
  return `${entry.kind} ${entry.route}`
}

/** `gateway`: the one whose client certificate backends see, empty for none. */
export function compileHttp(
  id: string,
  route: RoutedHttp,
  key: string,
  gateway: string,
  context: CompileContext,
  uses: Uses,
): CompiledRules {
  const { kind } = route
  const namespace = route.metadata.namespace ?? 'default'
  const label = routeLabel(kind, key)
  const grpc = kind === 'GRPCRoute' ? grpcRules(route) : undefined
  const rules: readonly HttpRouteRule[] =
    grpc?.map((one) => one.rule) ?? effectiveRules(route as HttpRoute)
  const ruleContext = {
    route: label,
    kind,
    namespace,
    metrics: context.metrics,
    maxBodyBytes: context.maxBodyBytes,
    breaker: (scope: string, upstream: string, policy: RulePlan['policy']): Breaker => {
      const breaker = context.breakers.open(label, scope, upstream, policy.breaker)
      uses.breakers.add(breaker)
      return breaker
    },
    cluster: (service: string, port: number | undefined): RulePlan['backends'][0]['cluster'] => {
      const use = { service, port, grpc: grpc !== undefined, gateway }
      uses.clusters.add(clusterName(use))
      return context.backends.use(id, use)
    },
    guards: (policy: RulePlan['policy']): RuleGuards =>
      context.guards?.open(label, policy) ?? noGuards,
    slo: (policy: RulePlan['policy']): SloGuard | undefined => context.slo?.open(label, policy),
    permits: (service: string): boolean =>
      asks(uses, namespace, service) || permits(context.store, kind, namespace, service),
  }
  const plans = rules.map((rule, i) =>
    compileRule(rule, i, context.policies.effective(kind, key, rule.name), ruleContext),
  )
  const options = plans.map((plan, i) => {
    const offsets = grpc?.[i]?.offsets
    const { priority } = plan.policy
    return offsets === undefined ? { priority, target: plan } : { priority, target: plan, offsets }
  })
  const { metadata } = route
  return { plans, entries: compileEntries({ kind, metadata, spec: { rules } }, options) }
}

/** The plan of a TLSRoute, TCPRoute or UDPRoute; its names are those that a listener shares with it. */
export function compileStream(
  id: string,
  route: StreamRoute,
  key: string,
  hostnames: readonly string[],
  gateway: string,
  context: CompileContext,
  uses: Uses,
): StreamPlan {
  const namespace = route.metadata.namespace ?? 'default'
  const refs = route.spec.rules[0]?.backendRefs ?? []
  const permitting = {
    permits: (service: string): boolean =>
      asks(uses, namespace, service) || permits(context.store, route.kind, namespace, service),
  }
  const backends = refs.flatMap((ref) => {
    const service = serviceOf(ref, namespace)
    // A share that cannot be followed is refused connections, so it stays with a cluster without hosts.
    const fault = refFault(ref, service, permitting)
    const use = {
      service: fault === undefined ? service : `-/${ref.name}`,
      port: ref.port,
      grpc: false,
      gateway,
    }
    uses.clusters.add(clusterName(use))
    return [{ cluster: context.backends.use(id, use), weight: ref.weight ?? 1, credit: 0 }]
  })
  return {
    route: routeLabel(route.kind, key),
    hostnames: hostnames.filter((name) => name !== ''),
    backends,
    totalWeight: backends.reduce((sum, backend) => sum + backend.weight, 0),
  }
}

/** Whether a Service is of the route's own namespace; else notes that grants of the other one were asked. */
function asks(uses: Uses, namespace: string, service: string): boolean {
  if (service.startsWith(namespace) && service[namespace.length] === '/') return true
  uses.grants.add(service.slice(0, service.indexOf('/')))
  return false
}

export function permits(
  store: ObjectStore,
  kind: string,
  namespace: string,
  service: string,
): boolean {
  const slash = service.indexOf('/')
  const toNamespace = service.slice(0, slash)
  if (toNamespace === namespace) return true
  return permitted(store, {
    fromGroup: gatewayGroup,
    fromKind: kind,
    fromNamespace: namespace,
    toGroup: '',
    toKind: 'Service',
    toNamespace,
    toName: service.slice(slash + 1),
  })
}

/** Every reference of a route to a backend, mirrors included, with its path. */
export function* backendRefsOf(
  route: RoutedHttp | StreamRoute,
): Generator<{ readonly path: string; readonly ref: BackendRef }> {
  for (const [r, rule] of ((route.spec.rules ?? []) as readonly HttpRouteRule[]).entries()) {
    const path = `/spec/rules/${r}`
    yield* mirrorsOf(rule.filters, `${path}/filters`)
    for (const [b, ref] of (rule.backendRefs ?? []).entries()) {
      yield { path: `${path}/backendRefs/${b}`, ref }
      yield* mirrorsOf(ref.filters, `${path}/backendRefs/${b}/filters`)
    }
  }
}

function* mirrorsOf(
  filters: HttpRouteRule['filters'],
  path: string,
): Generator<{ readonly path: string; readonly ref: BackendRef }> {
  for (const [i, filter] of (filters ?? []).entries()) {
    if (filter.requestMirror === undefined) continue
    yield { path: `${path}/${i}/requestMirror/backendRef`, ref: filter.requestMirror.backendRef }
  }
}
