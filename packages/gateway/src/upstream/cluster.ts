import type { Socket } from 'node:net'
import type { Host } from '../balance/host.ts'
import type {
  UpstreamCall,
  UpstreamFailure,
  UpstreamHandler,
  UpstreamRequest,
} from './upstream-call.ts'

/**
 * The hosts of one backend (`namespace/service:port`) with their connections. Shared by every route that names it; its
 * hosts and settings change live, requests under way go on.
 */
export interface Cluster {
  /** `namespace/service:port`. */
  readonly name: string
  /** False while routes name it but nobody has given its addresses. */
  readonly registered: boolean
  readonly hosts: readonly Host[]
  /** Requests in flight. */
  readonly active: number
  /** Sends a request; every outcome comes to the handler. */
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall
  /** Opens a plain connection to a host for a route of bytes; `done` is called once with a socket or a failure. */
  connect(hash: number, done: (socket: Socket | undefined, failure?: UpstreamFailure) => void): void
  stats(): ClusterStats
}

export interface ClusterStats {
  readonly hosts: readonly {
    readonly key: string
    readonly healthy: boolean
    readonly ejected: boolean
    readonly active: number
    readonly connections: number
  }[]
  readonly active: number
  readonly pending: number
  readonly connections: number
  /** Since it was made. */
  readonly retries: number
  readonly retriesRefused: number
  readonly ejections: number
  readonly overflows: number
}
