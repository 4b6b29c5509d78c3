import type { BreakerRegistry } from '../breaker-registry.ts'
import type { GuardRegistry, SloDirectory } from '../guard/index.ts'
import type { MetricsRegistry } from '../metrics.ts'
import type { ClusterDirectory } from './cluster-directory.ts'

export interface ConfigurationOptions {
  readonly clusters: ClusterDirectory
  readonly metrics: MetricsRegistry
  readonly breakers: BreakerRegistry
  /** Authentication, limits and concurrency of the rules; rules have none where it is missing. */
  readonly guards?: GuardRegistry
  /** Objectives of the routes. */
  readonly slo?: SloDirectory
  /** Largest request body in bytes where no policy says otherwise. */
  readonly maxBodyBytes: number
  /** Where a port of a Gateway's listeners is bound; undefined: it cannot be. Default: 127.0.0.1, the port itself. */
  readonly listenAddress?: (gateway: string, port: number) => SocketAddress | undefined
  /** A listener that takes every HTTPRoute and GRPCRoute whatever its parentRefs say. */
  readonly implicitListener?: SocketAddress
  /** Serves only Gateways whose GatewayClass names this controller; undefined: all of them. */
  readonly controllerName?: string
}

export interface SocketAddress {
  readonly address: string
  /** 0 is any free one. */
  readonly port: number
}
