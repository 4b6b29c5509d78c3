import type { Closable } from '@tidemill/core'
import type { BreakerStatus } from '../breaker-registry.ts'
import type { ObjectStatusReport } from '../configuration/condition.ts'
import type { ObjectChange } from '../configuration/object-change.ts'
import type { Decision, ExplainRequest, ExplainTarget, RequestExplanation } from '../explanation.ts'
import type { LimitCounts } from '../limit/index.ts'
import type { TrafficMetrics } from '../metrics.ts'
import type { RequestRecord } from '../request-log.ts'
import type { SloEngine } from '../slo/index.ts'
import type { ClusterStats } from '../upstream/cluster.ts'

/** A running gateway whatever its objects come from: in this process, or in several workers that answer as one. */
export interface GatewayRuntime extends Closable {
  /** Of the newest batch in force everywhere. */
  readonly revision: number
  /** Objectives of the routes; here they are evaluated, over all workers. */
  readonly slo: SloEngine
  /**
   * Brings a batch into force in one turn (of each worker); `snapshot` says that objects not in it do not exist. An object
   * that is not valid keeps its last good version and is reported by `status`; so is a socket that cannot be bound.
   */
  apply(changes: readonly ObjectChange[], revision: number, snapshot: boolean): Promise<void>
  /**
   * Gives services their addresses by hand, by `namespace/service` or `namespace/service:port`; an empty list means that
   * none is up. TM_GATEWAY_BACKENDS_INVALID names every problem.
   */
  setBackends(backends: Readonly<Record<string, readonly string[]>>): Promise<void>
  /** Those given by hand. */
  backends(): readonly { readonly name: string; readonly addresses: readonly string[] }[]
  /** Where it listens. */
  sockets(): readonly ListeningSocket[]
  /** What Kubernetes would show of every object. */
  status(): readonly ObjectStatusReport[]
  explain(request: ExplainRequest): RequestExplanation
  /** As `explain`, at the listener that the request comes to, with what comes of it. */
  decide(request: ExplainRequest, target?: ExplainTarget): Decision
  snapshot(): Promise<RuntimeSnapshot>
  /** The last requests, newest first. */
  requests(limit: number): Promise<readonly RequestRecord[]>
  /** Holds the breakers of a route open, or lets them go; false when there are none. */
  isolate(route: string, upstream: string, open: boolean): Promise<boolean>
  /** Replaces every worker by a new one without dropping a request; does nothing in one process. */
  restart(): Promise<void>
  /** Takes no more connections, lets requests end: after `graceMs` idle connections close, after `timeoutMs` more all. */
  drain(graceMs: number, timeoutMs: number): Promise<void>
}

export interface ListeningSocket {
  /** `namespace/name` of the Gateways that use it. */
  readonly gateways: readonly string[]
  readonly transport: 'tcp' | 'udp'
  readonly address: string
  /** Port of the Gateway's listeners, and the one that is really bound. */
  readonly port: number
  readonly boundPort: number
  readonly protocols: readonly string[]
  /** Why it is not bound. */
  readonly error: string | undefined
}

/** Everything that is counted, of all workers together. */
export interface RuntimeSnapshot {
  readonly revision: number
  readonly uptimeMs: number
  readonly workers: readonly WorkerFigures[]
  readonly connections: {
    readonly http1: number
    readonly http2: number
    readonly streams: number
    readonly requests: number
  }
  readonly traffic: readonly TrafficMetrics[]
  readonly breakers: readonly BreakerStatus[]
  readonly clusters: readonly ({ readonly name: string } & ClusterStats)[]
  readonly limits: readonly {
    readonly route: string
    readonly name: string
    readonly keys: number
    readonly counts: LimitCounts
  }[]
  readonly accessLog: { readonly lines: number; readonly dropped: number } | undefined
}

export interface WorkerFigures {
  readonly pid: number
  readonly requests: number
  readonly cpuMs: number
  readonly rssBytes: number
  readonly eventLoopLagMs: number
}
