import type { Clock, Problem, Random, Timer } from '@tidemill/core'
import { outsideCalls } from '../call-context.ts'
import type { Address } from './address.ts'
import { findLoadBalancer, loadBalancerNames } from './balancer-registry.ts'
import { CallQueue } from './call-queue.ts'
import type { ChannelConnection, Connector } from './channel-connection.ts'
import type { ChannelStatistics } from './channel-statistics.ts'
import type { Connectivity } from './connectivity.ts'
import { HealthCheckedSubchannel } from './health-checked-subchannel.ts'
import { IdleWatch } from './idle-watch.ts'
import type { Balancer, BalancerHost, BalancerPolicy } from './load-balancer.ts'
import type { MonitorListener, MonitorRequest } from './monitor-stream.ts'
import type { PendingCall } from './pending-call.ts'
import { failingPicker, type Picker, waitingPicker } from './picker.ts'
import type { Resolution, Resolver, ResolverFactory } from './resolver.ts'
import { RetryThrottle } from './retry-throttle.ts'
import {
  emptyServiceConfig,
  methodConfig,
  type MethodConfig,
  readServiceConfig,
  type ServiceConfig,
} from './service-config.ts'
import { StateWatch } from './state-watch.ts'
import { SingleSubchannel, type Subchannel, type SubchannelListener } from './subchannel.ts'
import { SubchannelGroup } from './subchannel-group.ts'
import type { Target } from './target.ts'

export interface ChannelCoreOptions<C extends ChannelConnection> {
  readonly target: Target
  readonly resolver: ResolverFactory
  readonly connector: Connector<C>
  readonly clock: Clock
  readonly random: Random
  /** The application's service config; then the resolver's is not used. */
  readonly serviceConfig: unknown
  readonly txtServiceConfig: boolean
  /** Connections per address. */
  readonly connections: number
  /** Most calls that wait at a time. */
  readonly maxQueuedCalls: number
  readonly idleMs: number
  readonly statistics: ChannelStatistics
  /** Opens a stream of the channel's own on the connection; see {@link BalancerHost.monitor}. */
  monitor(connection: C, request: MonitorRequest, listener: MonitorListener): { cancel(): void }
}

/** gRPC status codes that the channel itself gives. */
const resourceExhausted = 8
const unavailable = 14

/** Longer than any wait; what counts is that the timer keeps the process alive. */
const keepAliveMs = 2 ** 31 - 1

/**
 * The part of a channel between the name and the connections: resolver, balancing policy, queue of calls, idleness. It
 * knows nothing of HTTP/2; connections come from the connector.
 */
export class ChannelCore<C extends ChannelConnection> {
  readonly statistics: ChannelStatistics
  readonly #options: ChannelCoreOptions<C>
  readonly #queue: CallQueue<C>
  readonly #states: StateWatch
  readonly #idleWatch: IdleWatch
  #picker: Picker<C> = waitingPicker
  #config: ServiceConfig
  #throttle: RetryThrottle | undefined = undefined
  #resolver: Resolver | undefined = undefined
  #balancer: Balancer | undefined = undefined
  #balancerPolicy = ''
  /** Those that the policy made; closed ones are forgotten when the next is made. */
  readonly #subchannels = new Set<Subchannel<C>>()
  /** Streams of the channel's own, by connection. */
  readonly #monitors = new WeakMap<C, number>()
  #hasAddresses = false
  #draining = false
  #closed = false
  /** Present while calls wait: without a socket nothing else would keep the process alive for them. */
  #waitRef: Timer | undefined = undefined

  constructor(options: ChannelCoreOptions<C>) {
    this.#options = options
    this.statistics = options.statistics
    this.#queue = new CallQueue(options.maxQueuedCalls)
    this.#states = new StateWatch(options.clock)
    this.#config = emptyServiceConfig
    if (options.serviceConfig !== undefined) {
      this.#adopt(checkedServiceConfig(options.serviceConfig, false))
    }
    this.#idleWatch = new IdleWatch(options.clock, options.idleMs, {
      started: () => this.statistics.attempts,
      busy: () => this.busy,
      idle: () => this.#enterIdle(),
    })
  }

  get state(): Connectivity {
    return this.#states.state
  }

  get throttle(): RetryThrottle | undefined {
    return this.#throttle
  }

  /** Calls that wait now. */
  get waiting(): number {
    return this.#queue.size
  }

  /** Whether a call is open or waits. */
  get busy(): boolean {
    if (this.#queue.size > 0) return true
    return this.connections().some(
      (connection) => connection.streams > (this.#monitors.get(connection) ?? 0),
    )
  }

  connections(): readonly C[] {
    return [...this.#subchannels].flatMap((subchannel) => subchannel.connections())
  }

  method(path: string): MethodConfig {
    return methodConfig(this.#config, path)
  }

  /** Gives the call a connection, now or later; or tells it that there is none. */
  start(call: PendingCall<C>): void {
    this.statistics.attempts++
    if (this.#queue.size === 0) {
      const picker = this.#picker
      const connection = picker.pick()
      if (connection !== undefined) {
        call.onConnection(connection, picker.track?.(connection, call))
        return
      }
    }
    this.#wait(call)
  }

  /** The call gives up waiting; false when it does not wait. */
  withdraw(call: PendingCall<C>): boolean {
    const removed = this.#queue.remove(call)
    if (removed) this.#updateRef()
    return removed
  }

  /** Leaves IDLE. */
  connect(): void {
    if (this.#closed) return
    outsideCalls(() => {
      if (this.#resolver === undefined) {
        this.#states.enter('CONNECTING')
        this.#startResolver()
        this.#idleWatch.start()
      } else this.#balancer?.connect()
    })
  }

  until(
    wanted: (state: Connectivity) => boolean,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Connectivity> {
    return this.#states.until(wanted, timeoutMs, signal)
  }

  /** SHUTDOWN: calls that wait fail, open ones go on until their connections are destroyed. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stop()
    this.#states.enter('SHUTDOWN')
    this.#picker = failingPicker('the channel is closed')
    for (let call = this.#queue.after(-1); call !== undefined; call = this.#queue.after(-1)) {
      this.#queue.remove(call)
      call.onUnavailable(unavailable, 'the channel is closed')
    }
    this.#updateRef()
  }

  #wait(call: PendingCall<C>): void {
    const { failure } = this.#picker
    if (this.#closed || (failure !== undefined && !call.waitForReady)) {
      const { code, message } = failure ?? { code: unavailable, message: 'the channel is closed' }
      call.onUnavailable(code, message)
      return
    }
    if (!this.#queue.push(call)) {
      this.statistics.queueOverflows++
      const limit = this.#options.maxQueuedCalls
      call.onUnavailable(resourceExhausted, `${limit} calls wait for a connection already`)
      return
    }
    this.statistics.queued++
    this.#updateRef()
    if (this.state === 'IDLE') this.connect()
  }

  #updateRef(): void {
    if (this.#queue.size === 0) {
      this.#waitRef?.cancel()
      this.#waitRef = undefined
    } else this.#waitRef ??= this.#options.clock.timer(keepAliveMs, () => {})
  }

  /** Hands out connections to those that wait, in order, as far as there are free slots. */
  #drainQueue(): void {
    // A call that is started may end another, or start one: the loop that runs will see to it.
    if (this.#draining) return
    this.#draining = true
    let last = -1
    for (let call = this.#queue.after(last); call !== undefined; call = this.#queue.after(last)) {
      const picker = this.#picker
      const connection = picker.pick()
      if (connection !== undefined) {
        this.#queue.remove(call)
        call.onConnection(connection, picker.track?.(connection, call))
      } else if (picker.failure === undefined) break
      else if (call.waitForReady) last = call.queueIndex
      else {
        this.#queue.remove(call)
        call.onUnavailable(picker.failure.code, picker.failure.message)
      }
    }
    this.#draining = false
    this.#updateRef()
  }

  #startResolver(): void {
    const { clock, random, resolver, target, txtServiceConfig } = this.#options
    const made: Resolver = resolver.create(
      target,
      {
        resolved: (resolution) => {
          if (this.#resolver === made) this.#resolved(resolution)
        },
        failed: (message) => {
          if (this.#resolver === made) this.#resolutionFailed(`name resolution failed: ${message}`)
        },
      },
      { clock, random, txtServiceConfig },
    )
    this.#resolver = made
    made.resolve()
  }

  #resolved(resolution: Resolution): void {
    if (this.#options.serviceConfig === undefined && resolution.serviceConfig !== undefined) {
      try {
        this.#adopt(checkedServiceConfig(resolution.serviceConfig, true))
      } catch (error) {
        // A bad config never replaces a good one (gRFC A21).
        if (this.#balancer === undefined) {
          this.#resolutionFailed(`the resolver's service config is invalid: ${String(error)}`)
          return
        }
      }
    }
    this.#hasAddresses = resolution.addresses.length > 0
    if (this.#hasAddresses) this.#updateBalancer(resolution.addresses)
    else this.#resolutionFailed('the name has no address')
  }

  #resolutionFailed(message: string): void {
    // Addresses that were found before are still good.
    if (this.#hasAddresses) return
    if (this.#balancer !== undefined) this.#balancer.failed(message)
    else this.#update('TRANSIENT_FAILURE', failingPicker(message))
  }

  #updateBalancer(addresses: readonly Address[]): void {
    const { policy, config } = this.#config.balancer ?? { policy: 'pick_first', config: {} }
    let balancer = this.#balancer
    const isNew = balancer === undefined || policy !== this.#balancerPolicy
    if (balancer === undefined || isNew) {
      balancer?.close()
      this.#balancerPolicy = policy
      const found = findLoadBalancer(policy) as BalancerPolicy
      balancer = found.create(this.#host())
      this.#balancer = balancer
    }
    balancer.update(addresses, config)
    // Leaving IDLE was asked for, or calls wait; pick_first would stay in IDLE.
    if (isNew || this.#queue.size > 0) balancer.connect()
  }

  #host(): BalancerHost<C> {
    const { clock, random } = this.#options
    const mine = (): boolean => host === this.#currentHost
    const host: BalancerHost<C> = {
      clock,
      random,
      subchannel: (address, listener) => this.#subchannel(address, listener),
      update: (state, picker) => {
        if (mine()) this.#update(state, picker)
      },
      retryPicks: () => {
        if (mine()) this.#drainQueue()
      },
      resolve: () => {
        if (mine()) this.#resolver?.resolve()
      },
      monitor: this.#monitor,
    }
    this.#currentHost = host
    return host
  }

  /** The one whose policy is at work; what an earlier policy still says is not heard. */
  #currentHost: BalancerHost<C> | undefined = undefined

  #subchannel(address: Address, listener: SubchannelListener): Subchannel<C> {
    const { clock, connections, connector, random } = this.#options
    const context = { clock, connector, random }
    const make = (hears: SubchannelListener): Subchannel<C> =>
      connections > 1
        ? new SubchannelGroup(address, connections, context, hears)
        : new SingleSubchannel(address, context, hears)
    const ignored = findLoadBalancer(this.#balancerPolicy)?.ignoresHealth === true
    const service = ignored ? undefined : this.#config.healthCheckService
    const made =
      service === undefined
        ? make(listener)
        : new HealthCheckedSubchannel(
            address,
            { service, clock, random, monitor: this.#monitor },
            make,
            listener,
          )
    for (const old of this.#subchannels) if (old.state === 'SHUTDOWN') this.#subchannels.delete(old)
    this.#subchannels.add(made)
    return made
  }

  /** Counts the streams of the channel's own, which are no use of it. */
  readonly #monitor = (
    connection: C,
    request: MonitorRequest,
    listener: MonitorListener,
  ): { cancel(): void } => {
    const count = (by: number): void => {
      this.#monitors.set(connection, (this.#monitors.get(connection) ?? 0) + by)
    }
    let open = true
    const end = (): void => {
      if (open) count(-1)
      open = false
    }
    count(1)
    const monitor = this.#options.monitor(connection, request, {
      message: (bytes) => listener.message(bytes),
      ended: (code) => {
        end()
        listener.ended(code)
      },
    })
    return {
      cancel: () => {
        end()
        monitor.cancel()
      },
    }
  }

  #update(state: Connectivity, picker: Picker<C>): void {
    if (this.#closed) return
    this.#picker = picker
    this.#states.enter(state)
    this.#drainQueue()
    // A connection broke while calls wait: pick_first does not connect again by itself.
    if (state === 'IDLE' && this.#queue.size > 0) this.#balancer?.connect()
  }

  #adopt(config: ServiceConfig): void {
    this.#config = config
    if (config.throttling === undefined) this.#throttle = undefined
    else if (this.#throttle === undefined) this.#throttle = new RetryThrottle(config.throttling)
    else this.#throttle.configure(config.throttling)
  }

  #enterIdle(): void {
    this.#stop()
    this.#picker = waitingPicker
    this.#states.enter('IDLE')
  }

  #stop(): void {
    this.#idleWatch.stop()
    this.#resolver?.close()
    this.#resolver = undefined
    this.#currentHost = undefined
    this.#balancer?.close()
    this.#balancer = undefined
    this.#subchannels.clear()
    this.#hasAddresses = false
  }
}

/** The config, when the balancing policy that it chooses accepts its part too. */
export function checkedServiceConfig(input: unknown, unknownFields: boolean): ServiceConfig {
  return readServiceConfig(input, {
    balancers: loadBalancerNames(),
    checkBalancer: (name, config): readonly Problem[] =>
      findLoadBalancer(name)?.check(config) ?? [],
    unknownFields,
  })
}
