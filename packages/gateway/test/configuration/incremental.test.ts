import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock, type Random, silentLogger } from '@tidemill/core'
import { BreakerRegistry } from '../../src/breaker-registry.ts'
import { Configuration } from '../../src/configuration/configuration.ts'
import type { ObjectChange } from '../../src/configuration/object-change.ts'
import { storedKey } from '../../src/configuration/object-store.ts'
import { MetricsRegistry } from '../../src/metrics.ts'
import type { ObjectMeta } from '../../src/router/index.ts'
import { ToldClusters } from './fixtures.ts'
import { authority } from './tls-fixtures.ts'

interface World {
  readonly configuration: Configuration
  readonly clusters: ToldClusters
  readonly breakers: BreakerRegistry
}

function openWorld(): World {
  const clusters = new ToldClusters()
  const breakers = new BreakerRegistry(createVirtualClock(), createSeededRandom(1), silentLogger)
  const configuration = new Configuration({
    clusters,
    breakers,
    metrics: new MetricsRegistry(),
    maxBodyBytes: 1024,
    listenAddress: (_gateway, port) => ({ address: '127.0.0.1', port }),
    implicitListener: { address: '127.0.0.1', port: 1 },
  })
  configuration.setBackends({ 'n/given': ['127.0.0.1:1'] })
  return { configuration, clusters, breakers }
}

interface Thing {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly spec?: unknown
  readonly data?: unknown
  readonly stringData?: unknown
  readonly endpoints?: unknown
  readonly ports?: unknown
}

const pair = authority.issue({ names: ['a.com'] })
const group = 'gateway.networking.k8s.io'

/** Few names, so that objects refer to each other, collide and come and go under one another. */
class Generator {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  pick<T>(...list: readonly T[]): T {
    return list[this.#random.integer(list.length)] as T
  }

  chance(part: number): boolean {
    return this.#random.next() < part
  }

  some<T>(...list: readonly T[]): T[] {
    return list.filter(() => this.chance(0.5))
  }

  maybe(field: string, make: () => unknown, part = 0.5): Readonly<Record<string, unknown>> {
    return this.chance(part) ? { [field]: make() } : {}
  }

  namespace(): string {
    return this.pick('n', 'n', 'm')
  }

  meta(...names: readonly string[]): ObjectMeta {
    const created = this.pick(undefined, '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')
    return {
      name: this.pick(...names),
      namespace: this.namespace(),
      ...(created === undefined ? {} : { creationTimestamp: created }),
    }
  }

  listeners(): unknown[] {
    const rule = (): unknown =>
      this.pick(
        { from: 'Same' },
        { from: 'All' },
        { from: 'All' },
        { from: 'Selector', selector: { matchLabels: { team: 'x' } } },
      )
    const allowed = (): unknown => ({ namespaces: rule() })
    const all = [
      { name: 'http', port: 80, protocol: 'HTTP' },
      { name: 'host', port: 80, protocol: 'HTTP', hostname: this.pick('a.com', '*.a.com') },
      {
        name: 'https',
        port: 443,
        protocol: 'HTTPS',
        tls: {
          certificateRefs: [{ name: 'cert', ...this.maybe('namespace', () => this.namespace()) }],
        },
      },
      { name: 'pass', port: 443, protocol: 'TLS', hostname: 'p.com', tls: { mode: 'Passthrough' } },
      { name: 'tcp', port: this.pick(80, 9000), protocol: 'TCP' },
      { name: 'udp', port: 80, protocol: 'UDP' },
      { name: 'odd', port: 81, protocol: 'ODD' },
    ]
    const chosen = this.some(...all)
    const listeners = chosen.length === 0 ? all.slice(0, 1) : chosen
    return listeners.map((listener) =>
      this.chance(0.5) ? Object.assign(listener, { allowedRoutes: allowed() }) : listener,
    )
  }

  parents(): unknown[] {
    const list = [
      { name: 'gw', ...this.maybe('namespace', () => this.namespace()) },
      { name: 'ls', kind: 'ListenerSet', ...this.maybe('namespace', () => this.namespace()) },
      { name: 'gx', sectionName: this.pick('http', 'https', 'tcp') },
    ]
    return this.some(...list)
  }

  ref(): Readonly<Record<string, unknown>> {
    return {
      name: this.pick('s', 't', 'given', 'nobody'),
      port: this.pick(80, 81),
      ...this.maybe('namespace', () => this.namespace(), 0.3),
      ...this.maybe('weight', () => this.pick(0, 1, 3), 0.3),
    }
  }

  refs(): unknown[] {
    return Array.from({ length: this.pick(1, 1, 2) }, () => this.ref())
  }

  path(): unknown {
    return {
      type: this.pick('Exact', 'PathPrefix'),
      value: this.pick('/a', '/b', '/a/b', '/'),
    }
  }

  make(): Thing {
    const v1 = `${group}/v1`
    const ours = 'gateway.tidemill.dev/v1'
    const hostnames = (): unknown => this.pick(['a.com'], ['x.a.com', 'b.com'], ['*.a.com'])
    const stream = (kind: string): Thing => ({
      apiVersion: v1,
      kind,
      metadata: this.meta('r', 's'),
      spec: { parentRefs: this.parents(), rules: [{ backendRefs: this.refs() }] },
    })
    const makers: (() => Thing)[] = [
      () => ({
        apiVersion: v1,
        kind: 'Gateway',
        metadata: this.meta('gw', 'gx'),
        spec: {
          gatewayClassName: 'c',
          listeners: this.listeners(),
          ...this.maybe('allowedListeners', () => ({
            namespaces: { from: this.pick('Same', 'All', 'None') },
          })),
          ...this.maybe(
            'tls',
            () => ({ backend: { clientCertificateRef: { name: 'cert' } } }),
            0.2,
          ),
        },
      }),
      () => ({
        apiVersion: v1,
        kind: 'ListenerSet',
        metadata: this.meta('ls', 'lt'),
        spec: {
          parentRef: { name: 'gw', ...this.maybe('namespace', () => this.namespace()) },
          listeners: this.listeners(),
        },
      }),
      ...Array.from({ length: 4 }, () => () => ({
        apiVersion: v1,
        kind: 'HTTPRoute',
        metadata: this.meta('r', 's', 't', 'u'),
        spec: {
          parentRefs: this.parents(),
          ...this.maybe('hostnames', hostnames),
          rules: [
            { name: 'one', matches: [{ path: this.path() }], backendRefs: this.refs() },
            {
              matches: [{ path: this.path(), method: this.pick('GET', 'POST') }],
              backendRefs: this.refs(),
            },
          ],
        },
      })),
      () => ({
        apiVersion: v1,
        kind: 'GRPCRoute',
        metadata: this.meta('r', 's'),
        spec: {
          parentRefs: this.parents(),
          rules: [{ matches: [{ method: { service: 'a' } }], backendRefs: this.refs() }],
        },
      }),
      () => stream('TCPRoute'),
      () => stream('UDPRoute'),
      () => {
        const made = stream('TLSRoute')
        return { ...made, spec: { ...(made.spec as object), hostnames: ['p.com'] } }
      },
      () => ({
        apiVersion: v1,
        kind: 'ReferenceGrant',
        metadata: this.meta('g', 'h'),
        spec: {
          from: [
            {
              group,
              kind: this.pick('HTTPRoute', 'TCPRoute', 'Gateway', 'ListenerSet'),
              namespace: this.namespace(),
            },
          ],
          to: [{ group: '', kind: this.pick('Service', 'Secret') }],
        },
      }),
      () => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: this.meta('cert'),
        stringData: { 'tls.crt': this.pick(pair.cert, pair.cert, 'no'), 'tls.key': pair.key },
      }),
      () => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: this.meta('ca'),
        data: { 'ca.crt': this.pick(authority.ca, 'no') },
      }),
      () => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: this.meta('s', 't'),
        spec: {
          ports: [
            { name: 'web', port: 80, ...this.maybe('appProtocol', () => 'kubernetes.io/h2c') },
            ...this.some({ name: 'admin', port: 81 }),
          ],
        },
      }),
      () => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          ...this.meta('e', 'f'),
          labels: { 'kubernetes.io/service-name': this.pick('s', 't') },
        },
        endpoints: [{ addresses: [this.pick('10.0.0.1', '10.0.0.2')] }],
        ports: [{ name: 'web', port: 8080 }],
      }),
      () => ({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: this.namespace(), labels: { team: this.pick('x', 'y') } },
      }),
      () => ({
        apiVersion: v1,
        kind: 'BackendTLSPolicy',
        metadata: this.meta('p', 'q'),
        spec: {
          targetRefs: [{ group: '', kind: 'Service', name: this.pick('s', 't') }],
          validation: {
            hostname: 'a.com',
            caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
          },
        },
      }),
      () => ({
        apiVersion: ours,
        kind: 'RoutePolicy',
        metadata: this.meta('p', 'q'),
        spec: {
          targetRefs: [
            {
              group,
              kind: 'HTTPRoute',
              name: this.pick('r', 's'),
              ...this.maybe('sectionName', () => 'one'),
            },
          ],
          ...this.maybe('priority', () => this.pick(1, 2)),
          ...this.maybe('breaker', () => ({ window: this.pick(5, 6) })),
        },
      }),
      () => ({
        apiVersion: ours,
        kind: 'BackendPolicy',
        metadata: this.meta('p', 'q'),
        spec: {
          targetRefs: [{ kind: 'Service', name: this.pick('s', 't') }],
          active: this.pick(1, 2),
        },
      }),
      () => ({
        apiVersion: ours,
        kind: 'GatewayPolicy',
        metadata: this.meta('p', 'q'),
        spec: {
          targetRefs: [{ group, kind: 'Gateway', name: this.pick('gw', 'gx') }],
          maxConnections: this.pick(1, 2),
        },
      }),
    ]
    return this.pick(...makers)()
  }
}

/** Everything that a configuration is to the rest of the gateway, in a form that can be compared. */
function pictureOf({ configuration, clusters, breakers }: World): unknown {
  const listeners = configuration.sockets().flatMap((socket) => socket.listeners)
  const matches = listeners.flatMap((listener) =>
    ['/a', '/b', '/a/b/c', '/'].flatMap((path) =>
      ['a.com', 'x.a.com', 'b.com', 'c.org'].flatMap((host) =>
        ['GET', 'POST'].map((method) => {
          const entry = listener.router.match({ method, host, path, query: '', headers: [] })
          if (entry === undefined) return 'none'
          const { route, kind, ruleIndex, target } = entry
          const { priority, policies } = target.policy
          const backends = target.backends.map((one) => [one.cluster.name, one.weight, one.invalid])
          return JSON.stringify([kind, route, ruleIndex, priority, policies, backends])
        }),
      ),
    ),
  )
  return {
    sockets: configuration.sockets().map((socket) => ({
      key: socket.key,
      listeners: socket.listeners.map((listener) => ({
        ...listener,
        router: listener.router.size,
        streams: listener.streams.map((stream) => ({
          ...stream,
          backends: stream.backends.map((one) => [one.cluster.name, one.weight]),
        })),
      })),
    })),
    matches,
    status: configuration
      .status()
      .map((one) => Object.assign(one, { revision: 0, state: 'active', problems: [] }))
      .toSorted((a, b) => (`${a.kind} ${a.key}` < `${b.kind} ${b.key}` ? -1 : 1)),
    clusters: [...clusters.clusters.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    breakers: breakers
      .list()
      .map((one) => `${one.route} ${one.rule} ${one.upstream}`)
      .toSorted(),
  }
}

describe('configuration: incremental changes', () => {
  it('equal a fresh build after every part of 10,000 random edits', () => {
    const random = createSeededRandom(20_261)
    const generator = new Generator(random)
    const world = openWorld()
    const { configuration } = world
    let revision = 0
    for (let round = 0; round < 500; round++) {
      const changes: ObjectChange[] = []
      for (let edit = 0; edit < 20; edit++) {
        const thing = generator.make()
        const { kind } = thing
        const key = storedKey(kind, thing.metadata)
        const gone = generator.chance(0.35)
        // Now and then a version that is not valid, which must change nothing.
        const broken = generator.chance(0.05)
        const text = gone
          ? undefined
          : JSON.stringify(broken ? { ...thing, apiVersion: 'x' } : thing)
        changes.push({ kind, key, text, revision: ++revision })
      }
      // Alone, or as one batch.
      if (generator.chance(0.5)) configuration.apply(changes, revision)
      else for (const change of changes) configuration.apply([change], change.revision)
      if (round % 10 !== 9) continue
      const fresh = openWorld()
      fresh.configuration.apply(configuration.snapshot().objects, revision, true)
      const status = configuration.status().filter((one) => one.state !== 'invalid').length
      assert.equal(status, fresh.configuration.status().length)
      for (const one of configuration.status()) {
        if (one.state !== 'invalid') continue
        configuration.apply([{ kind: one.kind, key: one.key, text: undefined, revision }], revision)
      }
      assert.deepEqual(pictureOf(world), pictureOf(fresh), `round ${round}`)
    }
  })

  it('leave nothing behind when every object is gone', () => {
    const generator = new Generator(createSeededRandom(7))
    const world = openWorld()
    const things = Array.from({ length: 200 }, () => generator.make())
    const changes = things.map((thing) => ({
      kind: thing.kind,
      key: storedKey(thing.kind, thing.metadata),
      text: JSON.stringify(thing),
      revision: 1,
    }))
    world.configuration.apply(changes, 1)
    world.configuration.apply([], 2, true)
    assert.deepEqual(pictureOf(world), pictureOf(openWorld()))
  })
})
