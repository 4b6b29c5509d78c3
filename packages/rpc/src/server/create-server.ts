import {
  type Clock,
  parseDuration,
  realClock,
  realRandom,
  sharedTimerWheel,
  silentLogger,
} from '@tidemill/core'
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import { ConnectionAge } from '../channel/connection-age.ts'
import { PingEnforcement } from '../channel/ping-enforcement.ts'
import { rpcErrors } from '../errors.ts'
import { addHealth } from '../health/health-server.ts'
import { Health } from '../health/health.ts'
import { countOption, flowOption, sizeOption } from '../options.ts'
import { formatListenTarget, parseListenTarget } from '../transport/listen-target.ts'
import { addReflection } from '../reflection/reflection-server.ts'
import { findTransport } from '../transport/find-transport.ts'
import type {
  ServerConnectionHandler,
  ServerTransport,
  ServerTransportConnection,
} from '../transport/transport.ts'
import { bytesCodec, protobufCodec } from '../wire/protobuf-codec.ts'
import type { ServerContext } from './context.ts'
import type { Handlers } from './handlers.ts'
import type {
  ListenAddress,
  RawMethod,
  Server,
  ServerInterceptor,
  ServerOptions,
  ServerStats,
} from './server.ts'
import type { MethodEntry, ServerCore } from './server-core.ts'
import { ServerConnection } from './server-connection.ts'
import { type KeepaliveTimes, keepaliveTimes } from './keepalive-times.ts'
import { ServerKeepaliveWatch } from './server-keepalive.ts'

type Handler = (request: unknown, ctx: ServerContext) => unknown

/**
 * RST_STREAM per ten seconds and connection: calls that are cancelled or pass their deadline are daily life of gRPC, and
 * a flood of resets is a hundred times as many.
 */
const mostResets = 20_000

class RpcServer implements Server {
  readonly #options: ServerOptions
  readonly #core: ServerCore
  readonly #transport: ServerTransport
  readonly #connections = new Set<ServerConnection>()
  readonly #services: DescService[] = []
  readonly #drainHooks: (() => void)[] = []
  readonly #interceptors: readonly ServerInterceptor[]
  readonly #keepalive: KeepaliveTimes
  #health: Health | undefined = undefined
  #draining = false

  constructor(options: ServerOptions) {
    const clock: Clock = options.clock ?? realClock
    this.#options = options
    this.#interceptors = options.interceptors ?? []
    this.#keepalive = keepaliveTimes(options.keepalive)
    this.#core = {
      clock,
      wheel: sharedTimerWheel(clock),
      logger: options.logger ?? silentLogger,
      maxReceive: sizeOption('maxReceive', options.maxReceive, 4 * 1024 * 1024),
      maxSend: sizeOption('maxSend', options.maxSend, Infinity),
      compress: options.compression === 'gzip',
      entries: new Map(),
      fallback: undefined,
      callsOpen: 0,
      callsStarted: 0,
      callsFailed: 0,
    }
    this.#transport = findTransport(options.h2).server({
      clock,
      flow: flowOption(options.flow, this.#core.maxReceive),
      maxConcurrentStreams: countOption('maxConcurrentStreams', options.maxConcurrentStreams, 500),
      maxHeaderListBytes: sizeOption('maxHeaderList', options.maxHeaderList, 16 * 1024),
      maxConnections: countOption('maxConnections', options.maxConnections, 10_000),
      tls: options.tls,
      limits: { resets: mostResets, ...options.limits },
      onConnection: (connection) => this.#accept(connection),
    })
    const { health = false, reflection = false } = options
    if (health !== false) this.#health = addHealth(this, health === true ? new Health() : health)
    if (reflection) addReflection(this)
  }

  get services(): readonly DescService[] {
    return this.#services
  }

  add<S extends DescService>(service: S, handlers: Handlers<S>): Server {
    if (this.#services.some((one) => one.typeName === service.typeName)) {
      throw rpcErrors.error('TM_RPC_SERVICE', {
        service: service.typeName,
        reason: 'it is served already',
      })
    }
    const functions = handlers as Readonly<Record<string, Handler | undefined>>
    for (const [name, method] of Object.entries<DescMethod>(service.method)) {
      const handler = functions[name]
      if (handler === undefined) continue
      if (typeof handler !== 'function') {
        throw rpcErrors.error('TM_RPC_SERVICE', {
          service: service.typeName,
          reason: `${name} is no function`,
        })
      }
      this.#register({
        path: `/${service.typeName}/${method.name}`,
        kind: method.methodKind,
        request: protobufCodec(method.input),
        response: protobufCodec(method.output),
        handler: this.#intercepted(handler.bind<Handler>(handlers)),
        raw: false,
      })
    }
    this.#services.push(service)
    this.#health?.notify()
    return this
  }

  addRaw(path: string, method: RawMethod): Server {
    const entry: MethodEntry = {
      path,
      kind: method.kind,
      request: bytesCodec,
      response: bytesCodec,
      handler: this.#intercepted(method.handler as Handler),
      raw: true,
    }
    if (path === '*') this.#core.fallback = entry
    else this.#register(entry)
    return this
  }

  async listen(address: string): Promise<ListenAddress> {
    const target = await this.#transport.listen(parseListenTarget(address))
    return { target: formatListenTarget(target), port: target.kind === 'tcp' ? target.port : 0 }
  }

  onDrain(run: () => void): void {
    this.#drainHooks.push(run)
  }

  async drain(options: { readonly grace?: string; readonly graceMs?: number } = {}): Promise<void> {
    if (!this.#draining) {
      this.#draining = true
      for (const run of this.#drainHooks) run()
    }
    const { grace, graceMs } = options
    await this.#transport.drain(graceMs ?? (grace === undefined ? 30_000 : parseDuration(grace)))
  }

  async close(): Promise<void> {
    await this.#transport.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  stats(): ServerStats {
    const { callsFailed, callsOpen, callsStarted } = this.#core
    return {
      connections: this.#connections.size,
      callsOpen,
      callsStarted,
      callsFailed,
      perConnection: [...this.#connections].map((one) => one.connection.stats()),
    }
  }

  #register(entry: MethodEntry): void {
    const { entries } = this.#core
    if (entries.has(entry.path)) {
      throw rpcErrors.error('TM_RPC_SERVICE', {
        service: entry.path,
        reason: 'the path is served already',
      })
    }
    entries.set(entry.path, entry)
  }

  #intercepted(handler: Handler): Handler {
    return this.#interceptors.reduceRight<Handler>(
      (next, interceptor) => (request, ctx) => interceptor(request, ctx, next),
      handler,
    )
  }

  #accept(connection: ServerTransportConnection): ServerConnectionHandler {
    const times = this.#keepalive
    const { clock } = this.#core
    const permitWithoutStream = this.#options.keepalive?.permitWithoutCalls ?? false
    const enforcement = new PingEnforcement({ ...times, permitWithoutStream }, clock)
    const watch = new ServerKeepaliveWatch(connection, times, clock)
    const age = new ConnectionAge(
      {
        get streams() {
          return connection.streams
        },
        drain: () => connection.drain(),
        destroy: (reason) => connection.destroy(0, reason),
      },
      times,
      clock,
      this.#options.random ?? realRandom,
      () => one.begun,
    )
    const one: ServerConnection = new ServerConnection(this.#core, connection, enforcement, () => {
      this.#connections.delete(one)
      watch.stop()
      age.stop()
    })
    this.#connections.add(one)
    return one
  }
}

/** Makes a server; it serves when services are added and `listen` was called. */
export function createServer(options: ServerOptions = {}): Server {
  return new RpcServer(options)
}
