import {
  type Clock,
  type Closable,
  type Logger,
  parseDuration,
  type Random,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import type { Kv } from '@tidemill/kv'
import type { AccessLogSettings } from './access/index.ts'
import type { Isolation } from './breaker/index.ts'
import type { BreakerStatus } from './breaker-registry.ts'
import { addressUrl } from './configuration/backend-address.ts'
import type { ObjectStatus, SocketAddress } from './configuration/index.ts'
import { gatewayErrors } from './errors.ts'
import { type ExplainRequest, explain, type RequestExplanation } from './explanation.ts'
import type { TrafficMetrics } from './metrics.ts'
import { type RoutePolicy, validateRoutePolicy } from './policy/index.ts'
import type { RequestRecord } from './request-log.ts'
import { type HttpRoute, type ObjectMeta, objectKey, validateHttpRoute } from './router/index.ts'
import { GatewayCore } from './runtime/gateway-core.ts'
import { followKv, type KvSource } from './source/kv-source.ts'
import { storageKey } from './source/object-key.ts'

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
  /** File that keeps the last good objects, for a start while kv is away; none is kept without it. */
  readonly lastGood?: string
  /** Undefined: no access log. */
  readonly accessLog?: AccessLogSettings
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
  const address: SocketAddress = {
    address: options.listen.host ?? '127.0.0.1',
    port: options.listen.port,
  }
  const core = new GatewayCore({
    clock,
    random,
    logger,
    implicitListener: address,
    ...(options.maxBodyBytes === undefined ? {} : { maxBodyBytes: options.maxBodyBytes }),
    ...(options.requestLogSize === undefined ? {} : { requestLogSize: options.requestLogSize }),
    ...(options.accessLog === undefined ? {} : { accessLog: options.accessLog }),
  })
  const { configuration } = core
  core.rotateTicketKeys(8 * 60 * 60_000)
  const start = async (): Promise<{ source: KvSource; port: number }> => {
    configuration.setBackends(options.backends ?? {})
    const source = await followKv({
      kv,
      root,
      configuration,
      clock,
      random,
      logger,
      ...(options.lastGood === undefined ? {} : { lastGood: options.lastGood }),
    })
    // Bound last, so that no request meets a gateway without its routes.
    const [socket] = await core.listeners.apply(configuration.sockets())
    if (socket?.error !== undefined) {
      await source.close()
      throw socket.error
    }
    return { source, port: socket?.port ?? address.port }
  }
  const { source, port } = await start().catch(async (error: unknown) => {
    await core.close()
    throw error
  })
  configuration.onSockets((sockets) => void core.listeners.apply(sockets))

  let closing: Promise<void> | undefined
  const checkOpen = (): void => {
    if (closing !== undefined) throw gatewayErrors.error('TM_GATEWAY_CLOSED')
  }

  /** Stores an object with the creation time it was first stored with. */
  const store = async (object: HttpRoute | RoutePolicy): Promise<void> => {
    checkOpen()
    const { kind } = object
    const key = objectKey(object.metadata)
    const known = configuration.store.get(kind, key)
    const creationTimestamp =
      known?.metadata.creationTimestamp ??
      object.metadata.creationTimestamp ??
      new Date(clock.now()).toISOString()
    const stored = { ...object, metadata: { ...object.metadata, creationTimestamp } }
    const { revision } = await kv.put(storageKey(root, kind, key), JSON.stringify(stored))
    await source.applied(revision)
  }
  const remove = async (kind: 'HTTPRoute' | 'RoutePolicy', key: string): Promise<boolean> => {
    checkOpen()
    const { revision, deleted } = await kv.delete(storageKey(root, kind, key))
    if (deleted > 0) await source.applied(revision)
    return deleted > 0
  }
  const close = async (): Promise<void> => {
    await core.close()
    await source.close()
  }

  const shownHost = address.address.includes(':') ? `[${address.address}]` : address.address
  const gateway: Gateway = {
    url: `http://${shownHost}:${port}`,
    port,
    get revision() {
      return configuration.revision
    },
    async putRoute(route) {
      const problems = validateHttpRoute(route)
      if (problems.length > 0) {
        const details = { route: nameOf(route), problems }
        throw gatewayErrors.error('TM_GATEWAY_ROUTE_INVALID', details)
      }
      await store(route)
    },
    deleteRoute: (key) => remove('HTTPRoute', key),
    async putPolicy(policy) {
      const problems = validateRoutePolicy(policy)
      if (problems.length > 0) {
        const details = { policy: nameOf(policy), problems }
        throw gatewayErrors.error('TM_GATEWAY_POLICY_INVALID', details)
      }
      await store(policy)
    },
    deletePolicy: (key) => remove('RoutePolicy', key),
    routes: () => configuration.routes(),
    policies: () => configuration.policies(),
    setBackend: (name, urls) => configuration.setBackends({ [name]: urls }),
    backends: () =>
      [...configuration.backends.given()].map(([name, addresses]) => ({
        name,
        urls: addresses.map(addressUrl),
      })),
    explain: (request) => explain(configuration, request),
    breakers: () => core.breakers.list(),
    isolate: (route, upstream, rule) => core.breakers.find(route, upstream, rule)?.isolate(),
    metrics: () => core.metrics.snapshot(clock.monotonic()),
    requests: (limit = 100) => core.log.latest(limit),
    follow: (requestId) => core.log.find(requestId),
    drain: ({ grace = '5s', timeout = '30s' } = {}) =>
      core.drain(parseDuration(grace), parseDuration(timeout)),
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
