import { isIP, type Socket } from 'node:net'
import { type Clock, type Random, sharedTimerWheel, type TimerWheel } from '@tidemill/core'
import {
  type AttemptOutcome,
  type Balancer,
  createBalancer,
  createOutlierDetector,
  createRetryBudget,
  type HealthChecker,
  type Host,
  type HostAddress,
  hostKey,
  isUsable,
  mergeHosts,
  type OutlierDetector,
  type RetryBudget,
} from '../balance/index.ts'
import { openByteStream } from './byte-stream.ts'
import { Call } from './call.ts'
import { CallTimers } from './call-timer.ts'
import type { Cluster, ClusterStats } from './cluster.ts'
import { type ClusterConfig, defaultClusterConfig } from './cluster-spec.ts'
import { ConnectionPool } from './connection-pool.ts'
import { Connector, type Offer } from './connector.ts'
import { watchHealth } from './health-watch.ts'
import { hostOfSession } from './host-affinity.ts'
import { type NameResolver, resolveEveryMs } from './name-resolver.ts'
import type { PoolOwner } from './pool-owner.ts'
import type {
  UpstreamCall,
  UpstreamFailure,
  UpstreamHandler,
  UpstreamRequest,
} from './upstream-call.ts'

/** Something that operators want to know about a host. */
export interface ClusterEvent {
  readonly cluster: string
  readonly kind: 'ejected' | 'spared' | 'returned' | 'unhealthy' | 'healthy' | 'panic' | 'calm'
  /** `address:port`; empty where it is about all hosts. */
  readonly host: string
  readonly reason: string
}

export interface ClusterPorts {
  readonly clock: Clock
  readonly random: Random
  readonly resolver: NameResolver
  readonly onEvent: ((event: ClusterEvent) => void) | undefined
}

/** The pools of one host; tunnels of an `auto` cluster have their own, which speaks HTTP/1.1. */
interface HostPools {
  readonly main: ConnectionPool
  tunnels: ConnectionPool | undefined
}

/** A cluster at work. */
export class RunningCluster implements Cluster, PoolOwner {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly timers: CallTimers
  readonly #ports: ClusterPorts
  config: ClusterConfig = defaultClusterConfig
  registered: boolean = false
  hosts: readonly Host[] = []
  active: number = 0
  balancer: Balancer
  /** Why there is no host. */
  emptyReason: string = 'nobody has said where the backend is'
  #connector: Connector
  #budget: RetryBudget
  #outlier: OutlierDetector | undefined = undefined
  #health: HealthChecker | undefined = undefined
  readonly #pools = new Map<Host, HostPools>()
  /** Pools whose host or settings have gone, with connections in use. */
  readonly #ending = new Set<ConnectionPool>()
  /** Pools that may open a connection when another one is closed. */
  readonly #crowded = new Set<ConnectionPool>()
  /** Addresses and names as they were given, and when the names are looked up again. */
  #wanted: readonly HostAddress[] = []
  #refreshAt = Infinity
  #resolving = false
  readonly #hostless = new Set<Call>()
  #closed = false
  #pending = 0
  #connections = 0
  #retries = 0
  #retriesRefused = 0
  #ejections = 0
  #overflows = 0

  constructor(name: string, ports: ClusterPorts) {
    this.name = name
    this.#ports = ports
    this.clock = ports.clock
    this.random = ports.random
    this.wheel = sharedTimerWheel(ports.clock)
    this.timers = new CallTimers(this.wheel)
    this.balancer = this.#makeBalancer()
    this.#connector = this.#makeConnector()
    this.#budget = createRetryBudget(this.config.retryBudget, ports)
  }

  // Requests

  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const call = new Call(this, request, handler)
    this.active++
    if (this.active > this.config.active) {
      this.#overflows++
      call.refuse('overflow', `${this.config.active} requests are under way already`)
      return call
    }
    if (this.#refreshAt !== Infinity) this.#refreshNames()
    this.#budget.request()
    call.begin()
    return call
  }

  connect(
    hash: number,
    done: (socket: Socket | undefined, failure?: UpstreamFailure) => void,
  ): void {
    if (this.#refreshAt !== Infinity) this.#refreshNames()
    openByteStream(this, this.#connector, hash, done)
  }

  /** The host for an attempt; equal hashes (not -1) come to the same one whatever the balancer, while it is usable. */
  pick(hash: number, tried: readonly Host[] | undefined): Host | undefined {
    const { balancer } = this
    const { type } = this.config.loadBalancer
    if (hash < 0 || type === 'maglev' || type === 'ring-hash') return balancer.pick(hash, tried)
    return hostOfSession(this.hosts, hash, tried, balancer.panic) ?? balancer.pick(hash, tried)
  }

  poolOf(host: Host, request: UpstreamRequest): ConnectionPool {
    let pools = this.#pools.get(host)
    if (pools === undefined) {
      const offer = offerOf(this.config)
      pools = { main: new ConnectionPool(host, this, this.#connector, offer), tunnels: undefined }
      this.#pools.set(host, pools)
    }
    if (request.upgrade === '' || this.config.protocol !== 'auto') return pools.main
    pools.tunnels ??= new ConnectionPool(host, this, this.#connector, 'http1')
    return pools.tunnels
  }

  callOver(): void {
    this.active--
  }

  /** The budget from which a retry was taken, to be released; undefined when there is none left. */
  takeRetry(): RetryBudget | undefined {
    const budget = this.#budget
    if (budget.acquire(this.active)) {
      this.#retries++
      return budget
    }
    this.#retriesRefused++
    return undefined
  }

  record(host: Host, outcome: AttemptOutcome): void {
    this.#outlier?.record(host, outcome)
  }

  /** Whether a host takes requests that is not among these. */
  hasOther(tried: readonly Host[] | undefined): boolean {
    return this.hosts.some((host) => isUsable(host) && tried?.includes(host) !== true)
  }

  /** Keeps a call until the first answer about the names; false when no answer is to come, or too many wait. */
  awaitHosts(call: Call): boolean {
    if (!this.#resolving || this.hosts.length > 0 || !this.mayWait()) return false
    this.#hostless.add(call)
    this.waits(1)
    return true
  }

  awaitsNoHosts(call: Call): void {
    if (this.#hostless.size > 0 && this.#hostless.delete(call)) this.waits(-1)
  }

  // Connections

  get crowded(): boolean {
    return this.#crowded.size > 0
  }

  mayWait(): boolean {
    if (this.#pending < this.config.pending) return true
    this.#overflows++
    return false
  }

  waits(change: number): void {
    this.#pending += change
  }

  mayOpen(pool: ConnectionPool): boolean {
    if (this.#connections < this.config.connections) return true
    // Its own unused ones as well: it has them only where a fresh one is wanted.
    for (const { main, tunnels } of this.#pools.values()) {
      if (main.closeIdle() || tunnels?.closeIdle() === true) return this.mayOpen(pool)
    }
    this.#crowded.add(pool)
    return false
  }

  content(pool: ConnectionPool): void {
    this.#crowded.delete(pool)
  }

  opened(): void {
    this.#connections++
  }

  closed(pool?: ConnectionPool): void {
    this.#connections--
    if (pool !== undefined && pool.connections === 0) this.#ending.delete(pool)
    for (const crowded of this.#crowded) {
      if (this.#connections >= this.config.connections) break
      this.#crowded.delete(crowded)
      crowded.serve()
    }
  }

  // Hosts and settings

  setHosts(hosts: readonly HostAddress[] | undefined): void {
    if (this.#closed) return
    this.registered = hosts !== undefined
    this.#wanted = hosts ?? []
    const named = this.#wanted.some((host) => isIP(host.address) === 0)
    this.#refreshAt = named ? -Infinity : Infinity
    this.emptyReason = this.registered
      ? 'the backend has no address'
      : 'nobody has said where the backend is'
    this.#applyHosts()
    if (named) this.#refreshNames()
  }

  configure(config: ClusterConfig): void {
    if (this.#closed) return
    const before = this.config
    this.config = config
    if (
      differs(
        [before.tls, before.protocol, before.connectMs],
        [config.tls, config.protocol, config.connectMs],
      )
    ) {
      this.#connector = this.#makeConnector()
      const pools = [...this.#pools.values()]
      this.#pools.clear()
      for (const each of pools) this.#endPools(each)
    }
    if (differs(before.retryBudget, config.retryBudget))
      this.#budget = createRetryBudget(config.retryBudget, this.#ports)
    if (differs(before.outlier, config.outlier)) this.#restartOutlier()
    if (
      differs(
        [before.healthCheck, before.tls, before.protocol],
        [config.healthCheck, config.tls, config.protocol],
      )
    )
      this.#restartHealth()
    if (differs(before.loadBalancer, config.loadBalancer)) {
      this.balancer = this.#makeBalancer()
      this.balancer.hosts(this.hosts)
    } else this.balancer.changed()
    // More may be allowed than those who wait were told.
    for (const { main, tunnels } of this.#pools.values()) {
      main.serve()
      tunnels?.serve()
    }
  }

  /** No route names it any more: requests under way go on. */
  drop(): void {
    this.setHosts(undefined)
    this.#stop()
  }

  /** Cuts every connection; calls under way fail. */
  close(): void {
    const pools = [...this.#pools.values()]
    this.setHosts(undefined)
    this.#stop()
    for (const { main, tunnels } of pools) {
      main.cut()
      tunnels?.cut()
    }
    for (const pool of Array.from(this.#ending)) pool.cut()
  }

  #stop(): void {
    this.#closed = true
    this.#outlier?.close()
    this.#health?.close()
  }

  stats(): ClusterStats {
    return {
      hosts: this.hosts.map((host) => {
        const pools = this.#pools.get(host)
        const connections = (pools?.main.connections ?? 0) + (pools?.tunnels?.connections ?? 0)
        const { key, healthy, ejected, active } = host
        return { key, healthy, ejected, active, connections }
      }),
      active: this.active,
      pending: this.#pending,
      connections: this.#connections,
      retries: this.#retries,
      retriesRefused: this.#retriesRefused,
      ejections: this.#ejections,
      overflows: this.#overflows,
    }
  }

  #makeConnector(): Connector {
    const { tls, connectMs } = this.config
    return new Connector(this.clock, tls, connectMs)
  }

  #makeBalancer(): Balancer {
    return createBalancer(this.config.loadBalancer, {
      clock: this.clock,
      random: this.random,
      onPanic: (panic) =>
        this.#tell(panic ? 'panic' : 'calm', undefined, panic ? 'too few hosts are usable' : ''),
    })
  }

  #restartOutlier(): void {
    this.#outlier?.close()
    const { outlier } = this.config
    this.#outlier = undefined
    if (outlier === undefined) return
    this.#outlier = createOutlierDetector(outlier, {
      clock: this.clock,
      onEvent: (event) => {
        if (event.kind === 'ejected') this.#ejections++
        this.balancer.changed()
        this.#tell(event.kind, event.host, event.kind === 'returned' ? event.by : event.reason)
      },
    })
    this.#outlier.hosts(this.hosts)
  }

  #restartHealth(): void {
    this.#health?.close()
    this.#health = watchHealth(this.config, {
      clock: this.clock,
      random: this.random,
      onEvent: ({ host, healthy, reason }) => {
        this.balancer.changed()
        this.#tell(healthy ? 'healthy' : 'unhealthy', host, reason)
      },
      onPassed: (host) => this.#outlier?.recovered(host),
    })
    this.#health?.hosts(this.hosts)
  }

  #tell(kind: ClusterEvent['kind'], host: Host | undefined, reason: string): void {
    this.#ports.onEvent?.({ cluster: this.name, kind, host: host?.key ?? '', reason })
  }

  #refreshNames(): void {
    const now = this.clock.monotonic()
    if (now < this.#refreshAt) return
    this.#refreshAt = now + resolveEveryMs
    this.#resolving = true
    const wanted = this.#wanted
    const names = wanted.filter((host) => isIP(host.address) === 0).map((host) => host.address)
    void Promise.all(names.map((name) => this.#ports.resolver.refresh(name))).then(() => {
      if (wanted !== this.#wanted) return
      this.#resolving = false
      if (!this.#closed) this.#applyHosts()
      this.#serveHostless()
    })
  }

  #serveHostless(): void {
    for (const call of this.#hostless) {
      this.awaitsNoHosts(call)
      call.begin()
    }
  }

  /** Brings the hosts to what is wanted and known of names now. */
  #applyHosts(): void {
    const addresses: HostAddress[] = []
    for (const host of this.#wanted) {
      if (isIP(host.address) !== 0) addresses.push(host)
      else {
        const { port, weight = 1 } = host
        const found = this.#ports.resolver.addresses(host.address) ?? []
        for (const address of found) addresses.push({ address, port, weight })
      }
    }
    if (this.registered && addresses.length === 0 && this.#wanted.length > 0)
      this.emptyReason = 'the name of the backend has no address'
    if (sameHosts(this.hosts, addresses)) {
      this.#afterHosts()
      return
    }
    const before = this.hosts
    this.hosts = mergeHosts(before, addresses, this.clock.monotonic())
    this.#health?.hosts(this.hosts)
    this.#outlier?.hosts(this.hosts)
    this.balancer.hosts(this.hosts)
    for (const host of before) {
      const pools = this.hosts.includes(host) ? undefined : this.#pools.get(host)
      if (pools === undefined) continue
      this.#pools.delete(host)
      this.#endPools(pools)
    }
    this.#afterHosts()
  }

  #afterHosts(): void {
    if (this.hosts.length > 0) this.#serveHostless()
  }

  #endPools({ main, tunnels }: HostPools): void {
    for (const pool of [main, tunnels]) {
      if (pool === undefined) continue
      this.#ending.add(pool)
      pool.end()
      if (pool.connections === 0) this.#ending.delete(pool)
    }
  }
}

function offerOf(config: ClusterConfig): Offer {
  switch (config.protocol) {
    case 'auto':
      return 'auto'
    case 'h2':
    case 'h2c':
      return 'h2'
    case 'http1':
    case undefined:
      return 'http1'
  }
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b)
}

/** Whether the list says nothing new. */
function sameHosts(hosts: readonly Host[], wanted: readonly HostAddress[]): boolean {
  if (hosts.length !== wanted.length) return false
  return wanted.every((one, i) => {
    const host = hosts[i] as Host
    return (
      host.key === hostKey(one.address, one.port) && host.weight === Math.max(1, one.weight ?? 1)
    )
  })
}
