import type { ListenerPlan, SocketPlan } from '../listener/listener-plan.ts'
import { defaultListenerSettings } from '../listener/listener-plan.ts'
import { compareAge } from '../objects/age.ts'
import type { EndpointSliceObject } from '../objects/core-objects.ts'
import type { GatewayObject, ListenerSetObject } from '../objects/gateway.ts'
import type { GatewayPolicyObject } from '../policy/gateway-policy.ts'
import type { HttpRoute, Router } from '../router/index.ts'
import type { RoutePolicy } from '../policy/index.ts'
import type { RulePlan } from '../rule-plan.ts'
import { readBackends } from './backend-address.ts'
import { Backends } from './backends.ts'
import type { ObjectStatusReport } from './condition.ts'
import type { ConfigurationOptions } from './configuration-options.ts'
import { DependencyIndex } from './dependency-index.ts'
import { compileGateway } from './gateway-compiler.ts'
import type { GatewayState } from './gateway-state.ts'
import { ListenerState, type RouteKind, routeKinds } from './listener-state.ts'
import type { ObjectChange, ObjectStatus } from './object-change.ts'
import { type AnyObject, ObjectStore, type Replacement, statusOf } from './object-store.ts'
import { RoutePolicies } from './route-policies.ts'
import { RouteRegistry, type RouteState } from './route-registry.ts'
import { policyWarnings, routeWarnings } from './route-warnings.ts'
import { ServicePolicies } from './service-policies.ts'
import { assembleSockets } from './sockets.ts'
import { reportAll } from './status-report.ts'

/** What a batch touches. */
interface Dirty {
  readonly routes: Set<string>
  readonly gateways: Set<string>
  readonly services: Set<string>
  sockets: boolean
}

const attachableKinds: ReadonlySet<string> = new Set(routeKinds)

/**
 * The set of objects in force, compiled. A batch of changes is applied in one synchronous turn, so a request
 * sees all of it or nothing; an invalid version leaves the one before in force and is reported. A change
 * touches only what depends on it.
 */
export class Configuration {
  readonly store: ObjectStore = new ObjectStore()
  readonly backends: Backends
  readonly #options: ConfigurationOptions
  readonly #servicePolicies: ServicePolicies
  readonly #routePolicies = new RoutePolicies()
  readonly #gateways = new Map<string, GatewayState>()
  readonly #routes: RouteRegistry
  readonly #dependencies = new DependencyIndex()
  /** ListenerSets by the Gateway that they name. */
  readonly #sets = new Map<string, Set<string>>()
  readonly #implicit: ListenerState | undefined
  readonly #watchers = new Set<(sockets: readonly SocketPlan[]) => void>()
  #sockets: readonly SocketPlan[] = []
  #revision = 0

  constructor(options: ConfigurationOptions) {
    this.#options = options
    this.#servicePolicies = new ServicePolicies(this.store)
    this.backends = new Backends(options.clusters, this.store, this.#servicePolicies)
    this.#implicit = implicitListener(options)
    const context = {
      store: this.store,
      backends: this.backends,
      policies: this.#routePolicies,
      breakers: options.breakers,
      metrics: options.metrics,
      maxBodyBytes: options.maxBodyBytes,
      guards: options.guards,
      slo: options.slo,
    }
    this.#routes = new RouteRegistry(context, {
      dependencies: this.#dependencies,
      implicit: this.#implicit,
      gatewayOf: (owner) => this.#gatewayOf(owner),
    })
    this.#sockets = assembleSockets([], this.#implicit, [])
  }

  /** Of the newest batch applied. */
  get revision(): number {
    return this.#revision
  }

  /** The listener that takes every route; undefined unless the options ask for one. */
  get implicit(): ListenerPlan | undefined {
    return this.#implicit?.plan()
  }

  /** The router of the implicit listener. */
  get router(): Router<RulePlan> {
    if (this.#implicit === undefined) throw new TypeError('there is no implicit listener')
    return this.#implicit.router
  }

  /** What to listen on; plans keep their identity while nothing in them changes. */
  sockets(): readonly SocketPlan[] {
    return this.#sockets
  }

  /** Calls `watcher` at the end of each batch that changed {@link sockets}, until the returned function is called. */
  onSockets(watcher: (sockets: readonly SocketPlan[]) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Applies a batch; `snapshot` says that objects not in it do not exist. Gives how many routes were rebuilt. */
  apply(changes: readonly ObjectChange[], revision: number, snapshot = false): number {
    const all = snapshot ? [...this.store.vanished(changes, revision), ...changes] : changes
    const dirty: Dirty = {
      routes: new Set(),
      gateways: new Set(),
      services: new Set(),
      sockets: false,
    }
    for (const change of all) {
      const replacement = this.store.take(change)
      if (replacement !== undefined) this.#mark(replacement, dirty)
    }
    for (const key of dirty.gateways) this.#rebuildGateway(key, dirty)
    for (const service of dirty.services) this.backends.refresh(service)
    for (const id of dirty.routes) if (this.#routes.rebuild(id)) dirty.sockets = true
    this.#revision = revision
    if (dirty.sockets) this.#placeListeners()
    return dirty.routes.size
  }

  /**
   * Gives Services their addresses by hand, by `namespace/service` or `namespace/service:port`; an empty list means
   * that none is up. They win over EndpointSlices. TM_GATEWAY_BACKENDS_INVALID names every problem.
   */
  setBackends(backends: Readonly<Record<string, readonly string[]>>): void {
    this.backends.give(readBackends(backends))
  }

  gateways(): Iterable<GatewayState> {
    return this.#gateways.values()
  }

  route(kind: RouteKind, key: string): RouteState | undefined {
    return this.#routes.get(`${kind} ${key}`)
  }

  /** The plans of an HTTPRoute. */
  plans(key: string): readonly RulePlan[] {
    return this.#routes.get(`HTTPRoute ${key}`)?.plans ?? []
  }

  routes(): ObjectStatus<HttpRoute>[] {
    return Array.from(this.store.list('HTTPRoute'), (stored) =>
      statusOf<HttpRoute>(stored, routeWarnings(this, this.route('HTTPRoute', stored.key))),
    )
  }

  policies(): ObjectStatus<RoutePolicy>[] {
    return Array.from(this.store.list('RoutePolicy'), (stored) =>
      statusOf<RoutePolicy>(stored, policyWarnings(this.store, stored)),
    )
  }

  /** The objects in force, as they were written. */
  snapshot(): { readonly revision: number; readonly objects: readonly ObjectChange[] } {
    const objects: ObjectChange[] = []
    for (const { kind, key, goodText, revision } of this.store.all()) {
      if (goodText !== '') objects.push({ kind, key, text: goodText, revision })
    }
    return { revision: this.#revision, objects }
  }

  /** What Kubernetes would show as the status of every object. */
  status(): ObjectStatusReport[] {
    return reportAll(this, this.#servicePolicies, this.#options.controllerName)
  }

  #mark(replacement: Replacement, dirty: Dirty): void {
    const { kind, key, before, after } = replacement
    // Routes of a Gateway are looked at only when its listeners came out differently.
    if (kind !== 'Gateway' && kind !== 'ListenerSet') {
      for (const unit of this.#dependencies.of(`${kind} ${key}`)) this.#markUnit(unit, dirty)
    }
    if (attachableKinds.has(kind)) {
      dirty.routes.add(`${kind} ${key}`)
      return
    }
    switch (kind) {
      case 'Gateway':
        dirty.gateways.add(key)
        break
      case 'ListenerSet':
        this.#noteSet(key, before, after, dirty)
        break
      case 'GatewayClass':
        for (const stored of this.store.list('Gateway')) {
          const gateway = stored.object as GatewayObject | undefined
          if (gateway?.spec.gatewayClassName === key) dirty.gateways.add(stored.key)
        }
        break
      case 'GatewayPolicy':
        for (const policy of [before, after] as (GatewayPolicyObject | undefined)[]) {
          const namespace = policy?.metadata.namespace ?? 'default'
          for (const ref of policy?.spec.targetRefs ?? []) {
            dirty.gateways.add(`${namespace}/${ref.name}`)
          }
        }
        break
      case 'RoutePolicy':
        for (const id of this.#routePolicies.note(before, after)) dirty.routes.add(id)
        break
      case 'BackendTLSPolicy':
      case 'BackendPolicy':
        for (const service of this.#servicePolicies.note(before, after)) {
          dirty.services.add(service)
        }
        break
      case 'EndpointSlice': {
        const [old, now] = [before, after] as (EndpointSliceObject | undefined)[]
        for (const service of this.backends.slice(key, old, now)) dirty.services.add(service)
        break
      }
      case 'Service':
        dirty.services.add(key)
        break
      case 'ConfigMap':
      case 'Secret':
        this.#markAuthority(kind, key, dirty)
        break
      case 'ReferenceGrant': {
        const namespace = key.slice(0, key.indexOf('/'))
        for (const unit of this.#dependencies.of(`ReferenceGrant ${namespace}`)) {
          this.#markUnit(unit, dirty)
        }
        break
      }
      case 'Namespace':
        for (const [gateway, sets] of this.#sets) {
          if ([...sets].some((set) => set.startsWith(`${key}/`))) dirty.gateways.add(gateway)
        }
        break
    }
  }

  #markUnit(unit: string, dirty: Dirty): void {
    if (unit.startsWith('Gateway ')) dirty.gateways.add(unit.slice(8))
    else dirty.routes.add(unit)
  }

  /** Services whose TLS policy takes its authorities from there. */
  #markAuthority(kind: string, key: string, dirty: Dirty): void {
    for (const stored of this.store.list('BackendTLSPolicy')) {
      for (const service of this.#servicePolicies.usesAuthority(stored.object, kind, key)) {
        dirty.services.add(service)
      }
    }
  }

  #noteSet(
    key: string,
    before: AnyObject | undefined,
    after: AnyObject | undefined,
    dirty: Dirty,
  ): void {
    for (const set of [before, after] as (ListenerSetObject | undefined)[]) {
      if (set === undefined) continue
      const { parentRef } = set.spec
      const namespace = parentRef.namespace ?? set.metadata.namespace ?? 'default'
      const gateway = `${namespace}/${parentRef.name}`
      dirty.gateways.add(gateway)
      let sets = this.#sets.get(gateway)
      if (sets === undefined) this.#sets.set(gateway, (sets = new Set()))
      if (set === after) sets.add(key)
      else sets.delete(key)
      if (sets.size === 0) this.#sets.delete(gateway)
      // Routes that name the set wait for it, whether its Gateway is there or not.
      for (const unit of this.#dependencies.of(`ListenerSet ${key}`)) this.#markUnit(unit, dirty)
    }
  }

  #rebuildGateway(key: string, dirty: Dirty): void {
    dirty.sockets = true
    const before = this.#gateways.get(key)
    const object = this.#servedGateway(key)
    if (object === undefined) {
      if (before === undefined) return
      this.#gateways.delete(key)
      this.#dependencies.set(`Gateway ${key}`, [])
      this.backends.identify(key, undefined)
      this.#markRoutesOf(before, dirty)
      return
    }
    const sets = [...(this.#sets.get(key) ?? [])]
      .map((set) => this.store.get('ListenerSet', set))
      .filter((set) => set !== undefined)
    const state = compileGateway(
      this.store,
      key,
      object,
      sets,
      this.#policiesOf(key),
      this.#options.listenAddress ?? ((_gateway, port) => ({ address: '127.0.0.1', port })),
      before,
    )
    this.#gateways.set(key, state)
    this.#dependencies.set(`Gateway ${key}`, [...state.references])
    this.backends.identify(key, state.clientCertificate)
    if (before?.signature !== state.signature || isCertified(before) !== isCertified(state)) {
      if (before !== undefined) this.#markRoutesOf(before, dirty)
      this.#markRoutesOf(state, dirty)
    }
  }

  #markRoutesOf(state: GatewayState, dirty: Dirty): void {
    const owners = [
      `Gateway ${state.key}`,
      ...[...state.sets.keys()].map((set) => `ListenerSet ${set}`),
    ]
    for (const owner of owners) {
      for (const id of this.#dependencies.of(owner)) {
        if (!id.startsWith('Gateway ')) dirty.routes.add(id)
      }
    }
  }

  /** A Gateway that is ours to serve. */
  #servedGateway(key: string): GatewayObject | undefined {
    const gateway = this.store.get('Gateway', key)
    const { controllerName } = this.#options
    if (gateway === undefined || controllerName === undefined) return gateway
    const { gatewayClassName } = gateway.spec
    const known = this.store.get('GatewayClass', gatewayClassName)
    return known?.spec.controllerName === controllerName ? gateway : undefined
  }

  #policiesOf(gateway: string): GatewayPolicyObject[] {
    const [namespace, name] = gateway.split('/')
    return Array.from(
      this.store.list('GatewayPolicy'),
      (stored) => stored.object as GatewayPolicyObject | undefined,
    )
      .filter((policy) => policy !== undefined)
      .filter(
        (policy) =>
          (policy.metadata.namespace ?? 'default') === namespace &&
          policy.spec.targetRefs.some((ref) => ref.name === name),
      )

      .toSorted((a, b) => compareAge(a.metadata, b.metadata))
  }

  /** The Gateway behind `Gateway ns/name` or `ListenerSet ns/name`. */
  #gatewayOf(owner: string): GatewayState | undefined {
    if (owner.startsWith('Gateway ')) return this.#gateways.get(owner.slice(8))
    const key = owner.slice('ListenerSet '.length)
    const set = this.store.get('ListenerSet', key)
    if (set === undefined) return undefined
    const namespace = set.spec.parentRef.namespace ?? set.metadata.namespace ?? 'default'
    const gateway = this.#gateways.get(`${namespace}/${set.spec.parentRef.name}`)
    return gateway?.sets.has(key) === true ? gateway : undefined
  }

  #placeListeners(): void {
    const sockets = assembleSockets(this.#gateways.values(), this.#implicit, this.#sockets)
    if (sockets === this.#sockets) return
    this.#sockets = sockets
    for (const watcher of this.#watchers) watcher(sockets)
  }
}

/** Whether backends see a certificate of the Gateway, which then has clusters of its own. */
function isCertified(gateway: GatewayState | undefined): boolean {
  return gateway?.clientCertificate !== undefined
}

function implicitListener(options: ConfigurationOptions): ListenerState | undefined {
  const { implicitListener: address } = options
  if (address === undefined) return undefined
  const spec = { name: 'default', port: address.port, protocol: 'HTTP' }
  const state = new ListenerState('', 'implicit', '', spec, defaultListenerSettings)
  state.address = address
  state.supportedKinds = ['HTTPRoute', 'GRPCRoute']
  return state
}
