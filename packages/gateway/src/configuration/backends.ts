import type { HostAddress } from '../balance/host.ts'
import {
  type EndpointSliceObject,
  serviceNameLabel,
  type ServicePort,
} from '../objects/core-objects.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { KeyPair } from './certificates.ts'
import type { ClusterDirectory, ClusterSettings } from './cluster-directory.ts'
import type { ObjectStore } from './object-store.ts'
import type { ServicePolicies } from './service-policies.ts'

/** How a route uses a Service. */
export interface BackendUse {
  /** `namespace/service`. */
  readonly service: string
  readonly port: number | undefined
  /** A GRPCRoute speaks HTTP/2 to a port that does not say its protocol. */
  readonly grpc: boolean
  /** Gateway whose certificate identifies it to the backend; empty for none. */
  readonly gateway: string
}

interface KnownCluster extends BackendUse {
  readonly name: string
  readonly cluster: Cluster
  readonly users: Set<string>
}

/** Gives the clusters of Services their hosts and settings, and knows which routes use which. */
export class Backends {
  readonly #clusters = new Map<string, KnownCluster>()
  readonly #byService = new Map<string, Set<KnownCluster>>()
  /** Addresses given by hand, by `namespace/service` or `namespace/service:port`. */
  readonly #given = new Map<string, readonly HostAddress[]>()
  readonly #slices = new Map<string, Map<string, EndpointSliceObject>>()
  readonly #clientCertificates = new Map<string, KeyPair>()
  readonly #directory: ClusterDirectory
  readonly #store: ObjectStore
  readonly #policies: ServicePolicies

  constructor(directory: ClusterDirectory, store: ObjectStore, policies: ServicePolicies) {
    this.#directory = directory
    this.#store = store
    this.#policies = policies
  }

  /** The cluster for a use by a route, made when missing. */
  use(route: string, use: BackendUse): Cluster {
    const name = clusterName(use)
    let known = this.#clusters.get(name)
    if (known === undefined) {
      known = { ...use, name, cluster: this.#directory.open(name), users: new Set() }
      this.#clusters.set(name, known)
      let list = this.#byService.get(use.service)
      if (list === undefined) this.#byService.set(use.service, (list = new Set()))
      list.add(known)
      this.#refresh(known)
    }
    known.users.add(route)
    return known.cluster
  }

  /** A route uses no other clusters than these any more. */
  retain(route: string, before: readonly string[], now: ReadonlySet<string>): void {
    for (const name of before) {
      const known = this.#clusters.get(name)
      if (known === undefined || now.has(name)) continue
      known.users.delete(route)
      if (known.users.size > 0) continue
      this.#clusters.delete(name)
      const list = this.#byService.get(known.service)
      list?.delete(known)
      if (list?.size === 0) this.#byService.delete(known.service)
      this.#directory.drop(name)
    }
  }

  /** Brings all clusters of a Service to what the objects say now. */
  refresh(service: string): void {
    for (const known of this.#byService.get(service) ?? []) this.#refresh(known)
  }

  /** Routes that use a Service. */
  usersOf(service: string): Set<string> {
    const users = new Set<string>()
    for (const known of this.#byService.get(service) ?? []) {
      for (const user of known.users) users.add(user)
    }
    return users
  }

  give(backends: ReadonlyMap<string, readonly HostAddress[]>): void {
    for (const [name, addresses] of backends) {
      this.#given.set(name, addresses)
      this.refresh(name.replace(/:\d+$/u, ''))
    }
  }

  given(): ReadonlyMap<string, readonly HostAddress[]> {
    return this.#given
  }

  /** A changed or removed EndpointSlice; gives the Services it was and is for. */
  slice(
    key: string,
    before: EndpointSliceObject | undefined,
    after: EndpointSliceObject | undefined,
  ): Set<string> {
    const services = new Set<string>()
    for (const slice of [before, after]) {
      const name = slice?.metadata.labels?.[serviceNameLabel]
      if (slice === undefined || name === undefined) continue
      const service = `${slice.metadata.namespace ?? 'default'}/${name}`
      services.add(service)
      let list = this.#slices.get(service)
      if (list === undefined) this.#slices.set(service, (list = new Map()))
      if (slice === after) list.set(key, slice)
      else list.delete(key)
      if (list.size === 0) this.#slices.delete(service)
    }
    return services
  }

  /** The certificate by which a Gateway identifies itself to backends. */
  identify(gateway: string, pair: KeyPair | undefined): void {
    if (this.#clientCertificates.get(gateway) === pair) return
    if (pair === undefined) this.#clientCertificates.delete(gateway)
    else this.#clientCertificates.set(gateway, pair)
    for (const known of this.#clusters.values()) if (known.gateway === gateway) this.#refresh(known)
  }

  /** The port of a Service that a reference means; undefined without such a Service or port. */
  portOf(service: string, port: number | undefined): ServicePort | undefined {
    const ports = this.#store.get('Service', service)?.spec.ports ?? []
    if (port === undefined) return ports.length === 1 ? ports[0] : undefined
    // One number may stand for TCP and for UDP.
    const same = ports.filter((one) => one.port === port)
    return same.find((one) => (one.protocol ?? 'TCP') === 'TCP') ?? same[0]
  }

  /** Whether somebody knows the Service (and its port). */
  knows(service: string, port: number | undefined): boolean {
    return this.#addressesOf(service, port) !== undefined
  }

  #refresh(known: KnownCluster): void {
    const { name, service, port } = known
    const { settings, usable } = this.#settingsOf(known)
    this.#directory.configure(name, settings)
    this.#directory.setHosts(name, usable ? this.#addressesOf(service, port) : undefined)
  }

  #addressesOf(service: string, port: number | undefined): readonly HostAddress[] | undefined {
    const given =
      (port === undefined ? undefined : this.#given.get(`${service}:${port}`)) ??
      this.#given.get(service)
    if (given !== undefined) return given
    const known = this.portOf(service, port)
    if (known === undefined) return undefined
    const object = this.#store.get('Service', service)
    if (object?.spec.type === 'ExternalName') {
      const address = object.spec.externalName
      return address === undefined ? [] : [{ address, port: known.port }]
    }
    const addresses: HostAddress[] = []
    // In the order of names, so that hosts do not depend on which slice came first.
    const slices = [...(this.#slices.get(service) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))
    for (const [, slice] of slices) {
      const found = (slice.ports ?? []).find((one) => (one.name ?? '') === (known.name ?? ''))
      if (found?.port === undefined) continue
      for (const endpoint of slice.endpoints ?? []) {
        // Absent means ready (discovery.k8s.io/v1, EndpointConditions.Ready).
        if (endpoint.conditions?.ready === false) continue
        for (const address of endpoint.addresses) addresses.push({ address, port: found.port })
      }
    }
    return addresses
  }

  /** `usable` is false where a policy forbids to speak to it as long as it is not valid. */
  #settingsOf(known: KnownCluster): {
    readonly settings: ClusterSettings
    readonly usable: boolean
  } {
    const port = this.portOf(known.service, known.port)
    const app = port?.appProtocol ?? ''
    const tls = this.#policies.tlsFor(known.service, port?.name)
    const spec = this.#policies.settingsFor(known.service, port?.name)
    const client = this.#clientCertificates.get(known.gateway)
    if (tls?.fault !== undefined) {
      return { settings: { protocol: 'http1', tls: undefined, spec }, usable: false }
    }
    if (tls?.plan !== undefined) {
      const protocol = app === 'kubernetes.io/ws' || app === 'kubernetes.io/wss' ? 'http1' : 'auto'
      return {
        settings: { protocol: known.grpc ? 'h2' : protocol, tls: { ...tls.plan, client }, spec },
        usable: true,
      }
    }
    if (app === 'https' || app === 'kubernetes.io/wss') {
      const [namespace = '', name = ''] = known.service.split('/')
      const hostname = `${name}.${namespace}.svc`
      // Nobody says by whom it is certified: by an authority that the system trusts, or not at all.
      const plan = { hostname, ca: [], names: [], client }
      const protocol = app === 'https' ? 'auto' : 'http1'
      return { settings: { protocol, tls: plan, spec }, usable: true }
    }
    const h2 = app === 'kubernetes.io/h2c' || app === 'grpc' || known.grpc
    return { settings: { protocol: h2 ? 'h2' : 'http1', tls: undefined, spec }, usable: true }
  }
}

/** `namespace/service:port`, marked where one Service is spoken to in more than one way. */
export function clusterName({ service, port, grpc, gateway }: BackendUse): string {
  const where = port === undefined ? service : `${service}:${port}`
  return `${where}${grpc ? '+grpc' : ''}${gateway === '' ? '' : `@${gateway}`}`
}
