import {
  type Clock,
  type Closable,
  createUuid7,
  type Logger,
  parseDuration,
  type Random,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import type { Kv } from '@tidemill/kv'
import { BackendRegistry } from './backend.ts'
import type { Isolation } from './breaker/index.ts'
import { BreakerRegistry, type BreakerStatus } from './breaker-registry.ts'
import { Configuration, type ObjectStatus } from './configuration.ts'
import { gatewayErrors } from './errors.ts'
import { type ExplainRequest, explain, type RequestExplanation } from './explanation.ts'
import { followKv, storageKey } from './kv-source.ts'
import { MetricsRegistry, type TrafficMetrics } from './metrics.ts'
import { type RoutePolicy, validateRoutePolicy } from './policy.ts'
import { openNodeProxy } from './proxy/node-proxy.ts'
import { RequestLog, type RequestRecord } from './request-log.ts'
import { type HttpRoute, type ObjectMeta, objectKey, validateHttpRoute } from './router/index.ts'
import { createTraffic } from './traffic.ts'

export interface GatewayOptions {
  /** Where routes and policies are kept; stays open when the gateway closes. */
  readonly kv: Kv
  /** Default host 127.0.0.1; port 0 is any free one. */
  readonly listen: { readonly host?: string; readonly port: number }
  /** Addresses by `namespace/service`; more with {@link Gateway.setBackend}. */
  readonly backends?: Readonly<Record<string, readonly string[]>>
  /** Prefix of the gateway's keys; default `/tidemill/gw/v1`. */
  readonly root?: string
  /** Largest request body in bytes; default 10 MiB. A policy may say otherwise for a route. */
  readonly maxBodyBytes?: number
  /** Requests in flight to one service; default 1024. */
  readonly maxActivePerUpstream?: number
  /** How many of the last requests are remembered; default 1024. */
  readonly requestLogSize?: number
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

/** An API gateway: HTTPRoute objects in kv decide where requests go, live. */
export interface Gateway extends Closable {
  /** `http://host:port`. */
  readonly url: string
  readonly port: number
  /** kv revision of the configuration in force. */
  readonly revision: number
  /**
   * Stores a route and resolves when it is in force. Sets `creationTimestamp` when it is missing, and
   * keeps that of the object it replaces. TM_GATEWAY_ROUTE_INVALID with every problem in the details.
   */
  putRoute(route: HttpRoute): Promise<void>
  /** Removes the route `namespace/name`, resolves when it is out of force; false when there was none. */
  deleteRoute(key: string): Promise<boolean>
  /** As {@link putRoute}, for a policy; TM_GATEWAY_POLICY_INVALID. */
  putPolicy(policy: RoutePolicy): Promise<void>
  deletePolicy(key: string): Promise<boolean>
  /** Every stored route with its state; one that is not valid is listed with its problems, not dropped. */
  routes(): readonly ObjectStatus<HttpRoute>[]
  policies(): readonly ObjectStatus<RoutePolicy>[]
  /** Gives the service `namespace/service` its addresses, at once; an empty list means none is up. */
  setBackend(name: string, urls: readonly string[]): void
  backends(): readonly { readonly name: string; readonly urls: readonly string[] }[]
  /** Which rule takes a request, and why every other one does not. */
  explain(request: ExplainRequest): RequestExplanation
  breakers(): readonly BreakerStatus[]
  /** Holds a breaker open by hand until released; undefined when there is no such breaker. */
  isolate(route: string, upstream: string, rule?: string): Isolation | undefined
  /** Counters by route and upstream, with the latency of the last seconds. */
  metrics(): readonly TrafficMetrics[]
  /** The last requests, newest first; default 100. */
  requests(limit?: number): readonly RequestRecord[]
  /** The request with that x-request-id, while it is remembered. */
  follow(requestId: string): RequestRecord | undefined
  /**
   * Stops taking connections, lets requests in flight end, and tells clients to go elsewhere. After
   * `grace` (default 5s) idle connections end as soon as no answer is under way, after another `timeout`
   * (default 30s) all.
   */
  drain(options?: { readonly grace?: string; readonly timeout?: string }): Promise<void>
}

/**
 * Opens a gateway with the routes that kv has. Rejects with TM_GATEWAY_LISTEN, TM_GATEWAY_BACKENDS_INVALID
 * or the code of kv's fault; objects in kv that are not valid do not stop it, see {@link Gateway.routes}.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { kv, root = '/tidemill/gw/v1' } = options
  const clock = options.clock ?? realClock
  const random = options.random ?? realRandom
  const logger = options.logger ?? silentLogger
  const maxActivePerUpstream = options.maxActivePerUpstream ?? 1024
  const backends = new BackendRegistry()
  backends.set(options.backends ?? {})
  const metrics = new MetricsRegistry()
  const breakers = new BreakerRegistry(clock, random, logger)
  const log = new RequestLog(options.requestLogSize ?? 1024)
  const maxBodyBytes = options.maxBodyBytes ?? 10 * 1024 * 1024
  const configuration = new Configuration({ backends, metrics, breakers, maxBodyBytes })
  const source = await followKv(kv, root, configuration, logger)
  const makeId = createUuid7(clock, random)
  const traffic = createTraffic({
    configuration,
    metrics,
    log,
    clock,
    maxActivePerUpstream,
    port: () => proxy.port,
  })
  const proxy = await openNodeProxy({
    host: options.listen.host ?? '127.0.0.1',
    port: options.listen.port,
    traffic,
    clock,
    logger,
    pseudonym: `tidemill-${makeId().slice(-8)}`,
    maxConnectionsPerUpstream: maxActivePerUpstream,
    makeRequestId: makeId,
  }).catch(async (error: unknown) => {
    await source.close()
    throw error
  })

  let closing: Promise<void> | undefined
  const checkOpen = (): void => {
    if (closing !== undefined) throw gatewayErrors.error('TM_GATEWAY_CLOSED')
  }

  /** Stores an object with the creation time it was first stored with. */
  const store = async (
    kind: 'route' | 'policy',
    object: HttpRoute | RoutePolicy,
  ): Promise<void> => {
    checkOpen()
    const key = objectKey(object.metadata)
    const listed = kind === 'route' ? configuration.routes() : configuration.policies()
    const known = listed.find((status) => status.key === key)?.object?.metadata.creationTimestamp
    const creationTimestamp =
      known ?? object.metadata.creationTimestamp ?? new Date(clock.now()).toISOString()
    const stored = { ...object, metadata: { ...object.metadata, creationTimestamp } }
    const { revision } = await kv.put(storageKey(root, kind, key), JSON.stringify(stored))
    await source.applied(revision)
  }
  const remove = async (kind: 'route' | 'policy', key: string): Promise<boolean> => {
    checkOpen()
    const { revision, deleted } = await kv.delete(storageKey(root, kind, key))
    if (deleted > 0) await source.applied(revision)
    return deleted > 0
  }
  const close = async (): Promise<void> => {
    await proxy.close()
    await source.close()
  }

  const shownHost = proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host
  const gateway: Gateway = {
    url: `http://${shownHost}:${proxy.port}`,
    port: proxy.port,
    get revision() {
      return configuration.revision
    },
    async putRoute(route) {
      const problems = validateHttpRoute(route)
      if (problems.length > 0) {
        const details = { route: nameOf(route), problems }
        throw gatewayErrors.error('TM_GATEWAY_ROUTE_INVALID', details)
      }
      await store('route', route)
    },
    deleteRoute: (key) => remove('route', key),
    async putPolicy(policy) {
      const problems = validateRoutePolicy(policy)
      if (problems.length > 0) {
        const details = { policy: nameOf(policy), problems }
        throw gatewayErrors.error('TM_GATEWAY_POLICY_INVALID', details)
      }
      await store('policy', policy)
    },
    deletePolicy: (key) => remove('policy', key),
    routes: () => configuration.routes(),
    policies: () => configuration.policies(),
    setBackend: (name, urls) => backends.set({ [name]: urls }),
    backends: () =>
      backends
        .list()
        .filter((pool) => pool.registered)
        .map((pool) => ({ name: pool.name, urls: pool.endpoints.map((one) => one.url) })),
    explain: (request) => explain(configuration, request),
    breakers: () => breakers.list(),
    isolate: (route, upstream, rule) => breakers.find(route, upstream, rule)?.isolate(),
    metrics: () => metrics.snapshot(clock.monotonic()),
    requests: (limit = 100) => log.latest(limit),
    follow: (requestId) => log.find(requestId),
    drain: ({ grace = '5s', timeout = '30s' } = {}) =>
      proxy.drain(parseDuration(grace), parseDuration(timeout)),
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => gateway.close(),
  }
  return gateway
}

/** The name in an object of which nothing is known yet. */
function nameOf(object: unknown): string {
  const metadata = (object as { metadata?: Partial<ObjectMeta> | null } | null)?.metadata
  return metadata?.name === undefined ? '' : objectKey({ ...metadata, name: metadata.name })
}
