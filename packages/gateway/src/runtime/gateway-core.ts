import { randomBytes } from 'node:crypto'
import { type Clock, createUuid7, type Logger, type Random, type Timer } from '@tidemill/core'
import type { AccessLog, AccessLogSettings } from '../access/index.ts'
import { fetchJwks, JwksCache, type JwksFetch } from '../auth/index.ts'
import { BreakerRegistry } from '../breaker-registry.ts'
import { LoopLag } from '../concurrency/index.ts'
import { Configuration, type ObjectChange, type SocketAddress } from '../configuration/index.ts'
import { createDataPlane, type DataPlane } from '../dataplane/index.ts'
import { GuardRegistry } from '../guard/index.ts'
import type { LeaseClient } from '../limit/index.ts'
import { type Binder, ListenerSet, type SocketState } from '../listener/index.ts'
import { MetricsRegistry } from '../metrics.ts'
import { openAccessLog } from './access-log-file.ts'
import { RequestLog } from '../request-log.ts'
import { SloEngine, type SloSettings } from '../slo/index.ts'
import { createTraffic } from '../traffic/index.ts'
import { ClusterRegistry } from '../upstream/cluster-registry.ts'

export interface CoreOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where a port of a Gateway's listeners is bound; undefined: it cannot be. Default: 127.0.0.1, the port itself. */
  readonly listenAddress?: (gateway: string, port: number) => SocketAddress | undefined
  /** A listener that takes every route whatever its parentRefs say. */
  readonly implicitListener?: SocketAddress
  /** Serves only Gateways whose GatewayClass names this controller. */
  readonly controllerName?: string
  /** Largest request body in bytes where no policy says otherwise; default 10 MiB. */
  readonly maxBodyBytes?: number
  /** How many of the last requests are remembered; default 1024. */
  readonly requestLogSize?: number
  /** Undefined: no access log. */
  readonly accessLog?: AccessLogSettings
  /** Of the objectives of all routes. */
  readonly slo?: SloSettings
  /** Another process evaluates the objectives. */
  readonly sloRole?: 'local' | 'worker'
  readonly fetchJwks?: JwksFetch
  /** Of a worker: its sockets are the primary's, its node-wide limits too. */
  readonly binder?: Binder
  readonly leases?: LeaseClient
  readonly ticketKeys?: Buffer
  /** How many processes serve the same sockets; default 1. */
  readonly workers?: number
}

/** All parts of a gateway in one process, joined; it is told what to serve by {@link apply}. */
export class GatewayCore {
  readonly configuration: Configuration
  readonly clusters: ClusterRegistry
  readonly breakers: BreakerRegistry
  readonly guards: GuardRegistry
  readonly slo: SloEngine
  readonly metrics: MetricsRegistry = new MetricsRegistry()
  readonly log: RequestLog
  readonly access: AccessLog | undefined
  readonly plane: DataPlane
  readonly listeners: ListenerSet
  readonly lag: LoopLag
  readonly startedAt: number
  readonly clock: Clock
  #ticketRotation: Timer | undefined = undefined
  #closing: Promise<void> | undefined = undefined

  constructor(options: CoreOptions) {
    const { clock, random, logger } = options
    this.clock = clock
    this.startedAt = clock.monotonic()
    this.clusters = new ClusterRegistry({
      clock,
      random,
      onEvent: (event) => logger.log('warn', 'cluster changed', { ...event }),
    })
    this.breakers = new BreakerRegistry(clock, random, logger)
    this.lag = new LoopLag(clock)
    this.guards = new GuardRegistry({
      clock,
      random,
      jwks: new JwksCache({ clock, fetch: options.fetchJwks ?? fetchJwks }),
      leases: options.leases,
      lag: () => this.lag.ms,
    })
    this.slo = new SloEngine({
      clock,
      random,
      logger,
      ...options.slo,
      role: options.sloRole ?? 'local',
    })
    this.log = new RequestLog(options.requestLogSize ?? 1024)
    const { accessLog } = options
    this.access = accessLog === undefined ? undefined : openAccessLog(accessLog, clock, random)
    this.configuration = new Configuration({
      clusters: this.clusters,
      metrics: this.metrics,
      breakers: this.breakers,
      guards: this.guards,
      slo: this.slo,
      maxBodyBytes: options.maxBodyBytes ?? 10 * 1024 * 1024,
      ...(options.listenAddress === undefined ? {} : { listenAddress: options.listenAddress }),
      ...(options.implicitListener === undefined
        ? {}
        : { implicitListener: options.implicitListener }),
      ...(options.controllerName === undefined ? {} : { controllerName: options.controllerName }),
    })
    const makeRequestId = createUuid7(clock, random)
    this.plane = createDataPlane({
      traffic: createTraffic({
        configuration: this.configuration,
        metrics: this.metrics,
        log: this.log,
        access: this.access,
        clock,
        random,
      }),
      clock,
      logger,
      random,
      pseudonym: `tidemill-${makeRequestId().slice(-8)}`,
      makeRequestId,
    })
    this.listeners = new ListenerSet({
      clock,
      logger,
      random,
      accept: (socket, facts) => this.plane.accept(socket, facts),
      ...(options.binder === undefined ? {} : { binder: options.binder }),
      ...(options.ticketKeys === undefined ? {} : { ticketKeys: options.ticketKeys }),
      ...(options.workers === undefined ? {} : { workers: options.workers }),
    })
  }

  /**
   * Makes the keys of TLS sessions anew from time to time, so that a key that leaks opens little; in a pool of workers
   * the primary does it.
   */
  rotateTicketKeys(everyMs: number): void {
    this.#ticketRotation = this.clock.timer(
      everyMs,
      () => {
        this.listeners.setTicketKeys(randomBytes(48))
        this.rotateTicketKeys(everyMs)
      },
      { ref: false },
    )
  }

  /** Brings a batch into force; resolves when each new socket is bound or has failed. */
  apply(
    changes: readonly ObjectChange[],
    revision: number,
    snapshot: boolean,
  ): Promise<readonly SocketState[]> {
    this.configuration.apply(changes, revision, snapshot)
    return this.listeners.apply(this.configuration.sockets())
  }

  /** Takes no more connections and lets requests end; see `DataPlane.drain`. Streams have the same time. */
  async drain(graceMs: number, timeoutMs: number): Promise<void> {
    this.listeners.stop()
    await this.listeners.settled(graceMs)
    await Promise.all([
      this.plane.drain(graceMs, timeoutMs),
      this.listeners.drained(graceMs + timeoutMs),
    ])
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#ticketRotation?.cancel()
    await this.drain(0, 5000)
    await this.listeners.close()
    await this.plane.close()
    await this.clusters.close()
    this.guards.close()
    await this.slo.close()
    this.lag.close()
    await this.access?.close()
  }
}
