import type { Clock, Random } from '@tidemill/core'
import type {
  AttemptListener,
  AttemptStart,
  CallAttempt,
  CallTransportProvider,
  ProviderStats,
} from '../client/attempt.ts'
import type { TransportConnection } from '../transport/transport.ts'
import { ChannelCore } from './channel-core.ts'
import type { Connector } from './channel-connection.ts'
import { ChannelStatistics } from './channel-statistics.ts'
import type { KeepaliveTimes } from './client-keepalive.ts'
import type { Connectivity } from './connectivity.ts'
import { HedgeState } from './hedge-state.ts'
import { ManagedConnector } from './managed-connector.ts'
import { openMonitor } from './monitor-stream.ts'
import type { PendingCall } from './pending-call.ts'
import { type BeginAttempt, PolicyCall } from './policy-call.ts'
import { type ReplayBudget, replayLimitPerChannel } from './replay-buffer.ts'
import type { ResolverFactory } from './resolver.ts'
import { RetryState } from './retry-state.ts'
import type { MethodConfig } from './service-config.ts'
import type { Target } from './target.ts'

export interface ChannelProviderOptions {
  readonly target: Target
  readonly resolver: ResolverFactory
  readonly connector: Connector<TransportConnection>
  readonly authority: string
  readonly scheme: 'http' | 'https'
  readonly clock: Clock
  readonly random: Random
  readonly serviceConfig: unknown
  readonly txtServiceConfig: boolean
  readonly connections: number
  readonly maxQueuedCalls: number
  readonly idleMs: number
  readonly keepalive: KeepaliveTimes
  /** Begins one attempt through `start` of this provider. */
  readonly attempt: (
    provider: CallTransportProvider,
    start: AttemptStart,
    listener: AttemptListener,
  ) => CallAttempt
}

/** How long `close` waits for open calls when it is not told. */
const defaultGraceMs = 5000

/** What a channel does for the call layer: connections for attempts, and calls of several attempts. */
export class ChannelProvider implements CallTransportProvider {
  readonly authority: string
  readonly scheme: 'http' | 'https'
  readonly statistics: ChannelStatistics
  readonly begin: (
    start: AttemptStart,
    config: MethodConfig,
    listener: AttemptListener,
  ) => CallAttempt
  readonly #core: ChannelCore<TransportConnection>
  readonly #connector: ManagedConnector
  #closing: Promise<void> | undefined = undefined

  constructor(options: ChannelProviderOptions) {
    const { authority, clock, keepalive, random, scheme } = options
    this.authority = authority
    this.scheme = scheme
    this.statistics = new ChannelStatistics()
    this.#connector = new ManagedConnector(options.connector, keepalive, clock, this.statistics)
    this.#core = new ChannelCore({
      ...options,
      connector: this.#connector,
      statistics: this.statistics,
      monitor: (connection, request, listener) =>
        openMonitor(connection, { authority, scheme }, request, listener),
    })
    const budget: ReplayBudget = { limit: replayLimitPerChannel, used: 0 }
    const attempt: BeginAttempt = (start, listener) => options.attempt(this, start, listener)
    const context = { begin: attempt, clock, budget, statistics: this.statistics }
    this.begin = (start, { hedging, retry }, listener) => {
      if (hedging !== undefined) {
        return new PolicyCall(
          start,
          new HedgeState(hedging, this.#core.throttle),
          listener,
          context,
        )
      }
      if (retry === undefined) return attempt(start, listener)
      const policy = new RetryState(retry, this.#core.throttle, random)
      return new PolicyCall(start, policy, listener, context)
    }
  }

  get state(): Connectivity {
    return this.#core.state
  }

  start(call: PendingCall<TransportConnection>): void {
    this.#core.start(call)
  }

  withdraw(call: PendingCall<TransportConnection>): void {
    this.#core.withdraw(call)
  }

  config(path: string): MethodConfig {
    return this.#core.method(path)
  }

  connect(): void {
    this.#core.connect()
  }

  until(
    wanted: (state: Connectivity) => boolean,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Connectivity> {
    return this.#core.until(wanted, timeoutMs, signal)
  }

  stats(): ProviderStats {
    return { connections: this.#connector.live, streamsQueued: this.#core.waiting }
  }

  /** Refuses new calls, lets open ones end within the grace, then destroys what is left. */
  close(graceMs: number = defaultGraceMs): Promise<void> {
    this.#core.close()
    return (this.#closing ??= this.#connector.end(graceMs))
  }
}
