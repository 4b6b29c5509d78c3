import type { DescMethod, DescService } from '@bufbuild/protobuf'
import { type Duration, realClock, realRandom, sharedTimerWheel } from '@tidemill/core'
import { ChannelProvider } from '../channel/channel-provider.ts'
import type { WaitOptions } from '../channel/channel.ts'
import type { Connectivity } from '../channel/connectivity.ts'
import { findResolver } from '../channel/resolver-registry.ts'
import { parseTarget } from '../channel/target.ts'
import type { Method, MethodInputInit, MethodOutput } from '../method.ts'
import { countOption, flowOption, sizeOption, timeOption } from '../options.ts'
import { findTransport } from '../transport/find-transport.ts'
import { bytesCodec, protobufCodec } from '../wire/protobuf-codec.ts'
import type { CallOptions } from './call-options.ts'
import type { ClientCore, ClientMethod } from './call-setup.ts'
import type { Channel, ChannelOptions, ChannelStats, RawMethodInfo } from './channel.ts'
import type { Call, Client } from './client.ts'
import { makeClient, unaryCall } from './make-client.ts'
import { RequestHeaders } from './request-headers.ts'
import { StreamAttempt } from './stream-attempt.ts'
import { StreamCall } from './stream-call.ts'

const forever = Infinity
/** Methods without a descriptor whose headers are kept. */
const mostRawMethods = 1024

class RpcChannel implements Channel {
  readonly target: string
  readonly #options: ChannelOptions
  readonly #provider: ChannelProvider
  readonly #core: ClientCore
  readonly #methods = new Map<DescMethod, ClientMethod>()
  readonly #rawMethods = new Map<string, ClientMethod>()
  readonly #clients = new Map<DescService, unknown>()

  constructor(target: string, options: ChannelOptions) {
    this.target = target
    this.#options = options
    const { keepalive } = options
    const clock = options.clock ?? realClock
    const parsed = parseTarget(target, findResolver)
    const authority = options.authority ?? parsed.resolver.authority(parsed.target)
    const userAgent = options.userAgent ?? 'grpc-node-tidemill/0.1.0'
    const tls = options.tls === true ? {} : options.tls
    const maxReceive = sizeOption('maxReceive', options.maxReceive, 4 * 1024 * 1024)
    this.#provider = new ChannelProvider({
      target: parsed.target,
      resolver: parsed.resolver,
      authority,
      scheme: tls === undefined ? 'http' : 'https',
      clock,
      random: options.random ?? realRandom,
      serviceConfig: options.serviceConfig,
      txtServiceConfig: options.dnsServiceConfig ?? false,
      connections: countOption('connections', options.connections, 1),
      maxQueuedCalls: countOption('maxQueuedCalls', options.maxQueuedCalls, 65_536),
      idleMs: timeOption('idle', options.idle, 1_800_000),
      keepalive: {
        timeMs: timeOption('keepalive.time', keepalive?.time, forever),
        timeoutMs: timeOption('keepalive.timeout', keepalive?.timeout, 20_000),
        permitWithoutStream: keepalive?.permitWithoutCalls ?? false,
      },
      attempt: (provider, start, listener) =>
        new StreamAttempt({ provider, clock, userAgent }, start, listener),
      connector: findTransport(options.h2).client({
        clock,
        flow: flowOption(options.flow, maxReceive),
        // A client takes no streams from its server.
        maxConcurrentStreams: 0,
        maxHeaderListBytes: sizeOption('maxHeaderList', options.maxHeaderList, 16 * 1024),
        tls: tls === undefined ? undefined : { serverName: hostOf(authority), ...tls },
        connectTimeoutMs: timeOption('connectTimeout', options.connectTimeout, 20_000),
      }),
    })
    this.#core = {
      provider: this.#provider,
      clock,
      wheel: sharedTimerWheel(clock),
      userAgent,
      maxReceive,
      maxSend: sizeOption('maxSend', options.maxSend, Infinity),
      gzip: options.compression === 'gzip',
      defaultDeadlineMs: timeOption('deadline', options.deadline, forever),
      waitForReady: options.waitForReady ?? false,
      callsOpen: 0,
      callsStarted: 0,
      callsFailed: 0,
    }
  }

  client<S extends DescService>(service: S): Client<S> {
    let client = this.#clients.get(service)
    if (client === undefined) {
      const interceptors = this.#options.interceptors ?? []
      client = makeClient(this.#core, service, (desc) => this.#method(desc), interceptors)
      this.#clients.set(service, client)
    }
    return client as Client<S>
  }

  open<M extends DescMethod>(
    method: M,
    options?: CallOptions,
  ): Call<MethodInputInit<M>, MethodOutput<M>> {
    return new StreamCall(this.#core, this.#method(method), options) as Call<
      MethodInputInit<M>,
      MethodOutput<M>
    >
  }

  openRaw(method: RawMethodInfo, options?: CallOptions): Call<Uint8Array, Uint8Array> {
    return new StreamCall(this.#core, this.#raw(method), options) as Call<Uint8Array, Uint8Array>
  }

  unaryRaw(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    const method = this.#raw({ path, kind: 'unary' })
    return unaryCall(this.#core, method, request, options) as Promise<Uint8Array>
  }

  state(options?: { readonly connect?: boolean }): Connectivity {
    if (options?.connect === true) this.#provider.connect()
    return this.#provider.state
  }

  watchState(from: Connectivity, options: WaitOptions = {}): Promise<Connectivity> {
    const timeout = timeOption('timeout', options.timeout, forever)
    return this.#provider.until((state) => state !== from, timeout, options.signal)
  }

  async ready(options: WaitOptions = {}): Promise<void> {
    this.#provider.connect()
    const timeout = timeOption('timeout', options.timeout, forever)
    await this.#provider.until((state) => state === 'READY', timeout, options.signal)
  }

  stats(): ChannelStats {
    const { connections, streamsQueued } = this.#provider.stats()
    const perConnection = connections.map((connection) => connection.stats())
    const last = perConnection.at(-1)
    const sum = (pick: (stats: (typeof perConnection)[number]) => number): number =>
      perConnection.reduce((total, one) => total + pick(one), 0)
    const { statistics } = this.#provider
    const { callsFailed, callsOpen, callsStarted } = this.#core
    return {
      attempts: statistics.attempts,
      queued: statistics.queued,
      queueOverflows: statistics.queueOverflows,
      retries: statistics.retries,
      transparentRetries: statistics.transparentRetries,
      hedges: statistics.hedges,
      throttled: statistics.throttled,
      connects: statistics.connects,
      connectFailures: statistics.connectFailures,
      keepaliveFailures: statistics.keepaliveFailures,
      state: this.#provider.state,
      connections: connections.length,
      streams: sum((one) => one.streams),
      streamsQueued,
      rttMs: last?.rttMs ?? 0,
      bdp: last?.bdp ?? 0,
      streamWindow: last?.streamWindow ?? 0,
      connWindow: last?.connectionWindow ?? 0,
      sendBlockedMs: {
        stream: sum((one) => one.blockedMs.stream),
        conn: sum((one) => one.blockedMs.connection),
        peerStreams: sum((one) => one.blockedMs.peerStreams),
      },
      perConnection,
      callsOpen,
      callsStarted,
      callsFailed,
    }
  }

  close(options: { readonly grace?: Duration | number } = {}): Promise<void> {
    return this.#provider.close(timeOption('grace', options.grace, 5000))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #method(desc: DescMethod): ClientMethod {
    let method = this.#methods.get(desc)
    if (method === undefined) {
      method = this.#client({
        path: `/${desc.parent.typeName}/${desc.name}`,
        kind: desc.methodKind,
        request: protobufCodec(desc.input),
        response: protobufCodec(desc.output),
      })
      this.#methods.set(desc, method)
    }
    return method
  }

  #raw({ kind, path }: RawMethodInfo): ClientMethod {
    const known = this.#rawMethods.get(path)
    if (known?.method.kind === kind) return known
    const made = this.#client({
      path,
      kind,
      request: bytesCodec,
      response: bytesCodec,
    })
    // Paths of a proxy come from outside: they must not fill the memory.
    if (this.#rawMethods.size >= mostRawMethods) this.#rawMethods.clear()
    this.#rawMethods.set(path, made)
    return made
  }

  #client(method: Method): ClientMethod {
    const { authority, scheme } = this.#provider
    return {
      method,
      headers: new RequestHeaders(method.path, authority, scheme, this.#core.userAgent),
    }
  }
}

/** The host of an authority, without the port. */
function hostOf(authority: string): string {
  const v6 = /^\[([^\]]+)\]/u.exec(authority)
  return v6?.[1] ?? authority.replace(/:\d+$/u, '')
}

/** Makes a channel; it connects with the first call. Throws TM_RPC_TARGET and TM_RPC_OPTION. */
export function createChannel(target: string, options: ChannelOptions = {}): Channel {
  return new RpcChannel(target, options)
}
