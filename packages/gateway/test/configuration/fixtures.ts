import { createVirtualClock, createSeededRandom, silentLogger } from '@tidemill/core'
import { BreakerRegistry } from '../../src/breaker-registry.ts'
import type { HostAddress } from '../../src/balance/host.ts'
import type {
  ClusterDirectory,
  ClusterSettings,
} from '../../src/configuration/cluster-directory.ts'
import type { Condition } from '../../src/configuration/condition.ts'
import { Configuration } from '../../src/configuration/configuration.ts'
import type { ConfigurationOptions } from '../../src/configuration/configuration-options.ts'
import type { ObjectChange } from '../../src/configuration/object-change.ts'
import { storedKey } from '../../src/configuration/object-store.ts'
import { readManifests } from '../../src/manifest/manifest-reader.ts'
import { MetricsRegistry } from '../../src/metrics.ts'
import type { ObjectMeta } from '../../src/router/index.ts'
import type { Cluster } from '../../src/upstream/cluster.ts'

/** What a cluster was told, without connections behind it. */
export interface ToldCluster {
  readonly name: string
  registered: boolean
  hosts: readonly HostAddress[]
  settings: ClusterSettings | undefined
}

export class ToldClusters implements ClusterDirectory {
  readonly clusters = new Map<string, ToldCluster>()

  open(name: string): Cluster {
    let cluster = this.clusters.get(name)
    if (cluster === undefined) {
      cluster = { name, registered: false, hosts: [], settings: undefined }
      this.clusters.set(name, cluster)
    }
    return cluster as unknown as Cluster
  }

  configure(name: string, settings: ClusterSettings): void {
    this.told(name).settings = settings
  }

  setHosts(name: string, hosts: readonly HostAddress[] | undefined): void {
    const cluster = this.told(name)
    cluster.registered = hosts !== undefined
    cluster.hosts = hosts ?? []
  }

  drop(name: string): void {
    this.clusters.delete(name)
  }

  told(name: string): ToldCluster {
    const cluster = this.clusters.get(name)
    if (cluster === undefined) throw new Error(`no cluster ${name}`)
    return cluster
  }
}

export interface Harness {
  readonly configuration: Configuration
  readonly clusters: ToldClusters
  readonly breakers: BreakerRegistry
  /** Applies YAML; objects of earlier calls stay. */
  apply(yaml: string): number
  /** Removes objects, as `kind namespace/name`. */
  remove(...ids: readonly string[]): number
  /** One object, valid or not. */
  put(object: { readonly kind: string; readonly metadata: ObjectMeta }): number
  /** Conditions of a Gateway, ListenerSet or GatewayClass, by type. */
  conditions(id: string): Readonly<Record<string, string>>
  /** Of a listener of a Gateway or ListenerSet. */
  listener(id: string, name: string): Readonly<Record<string, string>>
  attached(id: string, name: string): number
  /** Of a route towards its parents in the order of parentRefs, or of a policy towards its ancestors. */
  parents(id: string): readonly Readonly<Record<string, string>>[]
  warnings(id: string): readonly string[]
  /** `namespace/name#rule` that takes a request at a listener. */
  route(at: { readonly gateway: string; readonly listener: string }, target: RequestLine): string
}

export interface RequestLine {
  readonly method?: string
  readonly host?: string
  readonly path: string
  readonly query?: string
  readonly headers?: readonly string[]
}

export function openConfiguration(options: Partial<ConfigurationOptions> = {}): Harness {
  const clusters = new ToldClusters()
  const clock = createVirtualClock()
  const breakers = new BreakerRegistry(clock, createSeededRandom(1), silentLogger)
  const configuration = new Configuration({
    clusters,
    metrics: new MetricsRegistry(),
    breakers,
    maxBodyBytes: 1024,
    ...options,
  })
  let revision = 0
  const report = (id: string) => {
    const found = configuration.status().find((one) => `${one.kind} ${one.key}` === id)
    if (found === undefined) throw new Error(`no ${id}`)
    return found
  }
  return {
    configuration,
    clusters,
    breakers,
    apply(yaml) {
      const changes = changesOf(yaml, ++revision)
      return configuration.apply(changes, revision)
    },
    remove(...ids) {
      revision++
      const changes = ids.map((id) => {
        const [kind = '', key = ''] = id.split(' ')
        return { kind, key, text: undefined, revision }
      })
      return configuration.apply(changes, revision)
    },
    put(object) {
      revision++
      const key = storedKey(object.kind, object.metadata)
      const change = { kind: object.kind, key, text: JSON.stringify(object), revision }
      return configuration.apply([change], revision)
    },
    conditions: (id) => short(report(id).conditions),
    listener: (id, name) =>
      short(report(id).listeners.find((one) => one.name === name)?.conditions ?? []),
    attached: (id, name) =>
      report(id).listeners.find((one) => one.name === name)?.attachedRoutes ?? -1,
    parents: (id) => report(id).parents.map((parent) => short(parent.conditions)),
    warnings: (id) => report(id).warnings.map(({ path, message }) => `${path}: ${message}`),
    route(at, line) {
      const listener = configuration
        .sockets()
        .flatMap((socket) => socket.listeners)
        .find((one) => one.gateway === at.gateway && one.name === at.listener)
      if (listener === undefined) return 'no listener'
      const entry = listener.router.match({
        method: line.method ?? 'GET',
        host: line.host ?? 'example.com',
        path: line.path,
        query: line.query ?? '',
        headers: line.headers ?? [],
      })
      return entry === undefined ? 'none' : `${entry.route}#${entry.ruleIndex}`
    },
  }
}

/** Changes for manifests, which must all be valid. */
export function changesOf(yaml: string, revision: number): ObjectChange[] {
  const { objects, problems } = readManifests(yaml, 'test.yaml')
  const [first] = problems
  if (first !== undefined) throw new Error(`${first.object} ${first.path}: ${first.message}`)
  return objects.map(({ kind, key, object, line }) => ({
    kind,
    key,
    text: JSON.stringify(object),
    revision,
    origin: `test.yaml:${line}`,
  }))
}

/** `True Accepted`, `False Conflicted`, by type. */
function short(conditions: readonly Condition[]): Readonly<Record<string, string>> {
  return Object.fromEntries(conditions.map((one) => [one.type, `${one.status} ${one.reason}`]))
}

/** A Gateway with these listeners, written as YAML flow maps. */
export function gateway(name: string, listeners: readonly string[], more = ''): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: infra }
spec:
  gatewayClassName: tidemill
${more}
  listeners:
${listeners.map((one) => `    - ${one}`).join('\n')}
---
`
}

/** A route of any kind to the Service `backend` of its namespace. */
export function route(
  name: string,
  spec: string,
  more: {
    readonly kind?: string
    readonly namespace?: string
    readonly created?: string
    readonly rules?: string
  } = {},
): string {
  const { kind = 'HTTPRoute', namespace = 'infra', created, rules } = more
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata:
  name: ${name}
  namespace: ${namespace}
${created === undefined ? '' : `  creationTimestamp: "${created}"`}
spec:
${spec}
  rules: ${rules ?? '[{ backendRefs: [{ name: backend, port: 80 }] }]'}
---
`
}

/** A Service with one ready endpoint for each port. */
export function service(
  name: string,
  ports = '[{ port: 80, targetPort: 8080 }]',
  namespace = 'infra',
): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ports: ${ports} }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${name}-1
  namespace: ${namespace}
  labels: { kubernetes.io/service-name: ${name} }
addressType: IPv4
endpoints:
  - { addresses: [10.0.0.1], conditions: { ready: true } }
  - { addresses: [10.0.0.2], conditions: { ready: false } }
ports: [{ port: 8080 }]
---
`
}
