import type { Breaker } from '../breaker/index.ts'
import { createdAt } from '../objects/age.ts'
import type { StreamRoute } from '../objects/stream-route.ts'
import type { RulePlan } from '../rule-plan.ts'
import type { DependencyIndex } from './dependency-index.ts'
import type { GatewayState } from './gateway-state.ts'
import type { ListenerState, RouteKind } from './listener-state.ts'
import {
  type CompileContext,
  type CompiledRules,
  compileHttp,
  compileStream,
  type RoutedHttp,
  routeLabel,
  type Uses,
} from './route-compiler.ts'
import {
  type AttachableRoute,
  type ParentResult,
  parentKey,
  resolveParent,
} from './route-parents.ts'

/** A route in force and what it became. */
export interface RouteState {
  readonly id: string
  readonly kind: RouteKind
  readonly key: string
  readonly object: RoutedHttp | StreamRoute
  readonly parents: readonly ParentResult[]
  /** Plans of the route towards Gateways without a client certificate, else towards the first with one. */
  readonly plans: readonly RulePlan[]
  readonly clusters: readonly string[]
  readonly listeners: readonly ListenerState[]
}

/** What routes ask of the rest of the configuration. */
export interface RoutePorts {
  readonly dependencies: DependencyIndex
  /** The listener that takes every route. */
  readonly implicit: ListenerState | undefined
  /** The Gateway behind `Gateway ns/name` or `ListenerSet ns/name`. */
  gatewayOf(owner: string): GatewayState | undefined
}

/** The routes in force, compiled and attached to listeners. */
export class RouteRegistry {
  readonly #routes = new Map<string, RouteState>()
  readonly #context: CompileContext
  readonly #ports: RoutePorts
  #streamsChanged = false

  constructor(context: CompileContext, ports: RoutePorts) {
    this.#context = context
    this.#ports = ports
  }

  get(id: string): RouteState | undefined {
    return this.#routes.get(id)
  }

  /** Brings a route to what the objects say; true when what sockets carry changed. */
  rebuild(id: string): boolean {
    const space = id.indexOf(' ')
    const kind = id.slice(0, space) as RouteKind
    const key = id.slice(space + 1)
    const before = this.#routes.get(id)
    const object = this.#context.store.get(kind, key)
    const label = routeLabel(kind, key)
    this.#streamsChanged = false
    this.#context.guards?.begin(label)
    if (object === undefined) {
      if (before !== undefined) this.#remove(before, label)
      this.#context.guards?.end(label)
      return this.#streamsChanged
    }
    const namespace = object.metadata.namespace ?? 'default'
    const parents: ParentResult[] = []
    const owners: string[] = []
    for (const ref of (object as AttachableRoute).spec.parentRefs ?? []) {
      const owner = parentKey(ref, namespace)
      if (owner === undefined) continue
      owners.push(owner)
      const gateway = this.#ports.gatewayOf(owner)
      parents.push(resolveParent(this.#context.store, object, ref, owner, gateway))
    }
    const uses = {
      clusters: new Set<string>(),
      breakers: new Set<Breaker>(),
      grants: new Set<string>(),
    }
    const attached =
      kind === 'HTTPRoute' || kind === 'GRPCRoute'
        ? this.#attachHttp(id, object as RoutedHttp, key, parents, before, uses)
        : this.#attachStream(id, object as StreamRoute, key, parents, before, uses)
    const clusters = [...uses.clusters]
    this.#routes.set(id, { id, kind, key, object, parents, clusters, ...attached })
    const keys = owners
    keys.push(`Namespace ${namespace}`)
    for (const grant of uses.grants) keys.push(`ReferenceGrant ${grant}`)
    this.#ports.dependencies.set(id, keys)
    if (before !== undefined) this.#context.backends.retain(id, before.clusters, uses.clusters)
    this.#context.breakers.retain(label, uses.breakers)
    this.#context.guards?.end(label)
    if (attached.plans.every((plan) => plan.slo === undefined)) this.#context.slo?.drop(label)
    return this.#streamsChanged
  }

  #remove(state: RouteState, label: string): void {
    const { id } = state
    this.#detach(state, [])
    this.#routes.delete(id)
    this.#ports.dependencies.set(id, [])
    this.#context.backends.retain(id, state.clusters, new Set())
    this.#context.breakers.retain(label, new Set())
    this.#context.metrics.drop(label)
    this.#context.slo?.drop(label)
  }

  #attachHttp(
    id: string,
    route: RoutedHttp,
    key: string,
    parents: readonly ParentResult[],
    before: RouteState | undefined,
    uses: Uses,
  ): Pick<RouteState, 'plans' | 'listeners'> {
    const compiled = new Map<string, CompiledRules>()
    const rulesFor = (gateway: string): CompiledRules => {
      let rules = compiled.get(gateway)
      if (rules === undefined) {
        rules = compileHttp(id, route, key, gateway, this.#context, uses)
        compiled.set(gateway, rules)
      }
      return rules
    }
    const wanted = new Map<ListenerState, { hosts: readonly string[]; gateway: string }>()
    if (this.#ports.implicit !== undefined) {
      const { hostnames } = route.spec
      const hosts =
        hostnames === undefined || hostnames.length === 0 ? [''] : [...new Set(hostnames)]
      wanted.set(this.#ports.implicit, { hosts, gateway: '' })
    }
    for (const parent of parents) {
      const certified = parent.gateway?.clientCertificate !== undefined
      for (const { listener, hostnames } of parent.attachments) {
        const gateway = certified ? (parent.gateway?.key ?? '') : ''
        wanted.set(listener, { hosts: hostnames, gateway })
      }
    }
    const listeners = [...wanted.keys()]
    if (before !== undefined) this.#detach(before, listeners)
    for (const [listener, { hosts, gateway }] of wanted) {
      listener.router.install(id, hosts, rulesFor(gateway).entries)
      listener.attached.add(id)
    }
    // A route that is attached nowhere is compiled all the same, so that its warnings can be told.
    const [first] = compiled.values()
    return { plans: (first ?? rulesFor('')).plans, listeners }
  }

  #attachStream(
    id: string,
    route: StreamRoute,
    key: string,
    parents: readonly ParentResult[],
    before: RouteState | undefined,
    uses: Uses,
  ): Pick<RouteState, 'plans' | 'listeners'> {
    const attachments = parents.flatMap((parent) =>
      parent.attachments.map((one) => ({ ...one, gateway: parent.gateway })),
    )
    const listeners = [...new Set(attachments.map((one) => one.listener))]
    if (before !== undefined) this.#detach(before, listeners)
    const created = createdAt(route.metadata)
    for (const { listener, hostnames, gateway } of attachments) {
      const certified = gateway?.clientCertificate === undefined ? '' : gateway.key
      const plan = compileStream(id, route, key, hostnames, certified, this.#context, uses)
      listener.streams.set(id, { plan, createdAt: created })
      listener.attached.add(id)
      listener.changed()
      this.#streamsChanged = true
    }
    return { plans: [], listeners }
  }

  /** Takes a route from the listeners that it was at and is not at any more. */
  #detach(before: RouteState, now: readonly ListenerState[]): void {
    for (const listener of before.listeners) {
      if (now.includes(listener)) continue
      listener.router.delete(before.id)
      listener.attached.delete(before.id)
      if (listener.streams.delete(before.id)) {
        listener.changed()
        this.#streamsChanged = true
      }
    }
  }
}
