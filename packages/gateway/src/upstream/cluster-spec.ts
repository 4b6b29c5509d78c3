import type { Duration, Problem } from '@tidemill/core'
import {
  type BalancerConfig,
  type BalancerSpec,
  type HealthCheckConfig,
  type HealthCheckSpec,
  type OutlierConfig,
  type OutlierSpec,
  readBalancerSpec,
  readHealthCheckSpec,
  readOutlierSpec,
  readRetryBudgetSpec,
  type RetryBudgetConfig,
  type RetryBudgetSpec,
} from '../balance/index.ts'
import { SpecFields } from '../balance/spec-fields.ts'
import type { ClusterSettings } from '../configuration/cluster-directory.ts'
import { type BackendTls, type BackendTlsSpec, planTls, readBackendTlsSpec } from './backend-tls.ts'

/** `h2c` is HTTP/2 by prior knowledge; `h2` needs TLS; `auto` asks by ALPN and is `http1` without TLS. */
export type ClusterProtocol = 'http1' | 'h2c' | 'h2' | 'auto'

/** How the hosts of a backend are spoken to, as a person writes it; every setting has a default. */
export interface ClusterSpec {
  /** Default: what the Service and the kind of route say, else `http1`. */
  readonly protocol?: ClusterProtocol
  /** Speaks TLS; a BackendTLSPolicy comes before it. */
  readonly tls?: BackendTlsSpec
  /** Until a connection, with its handshake, stands; default 1s. */
  readonly connectTimeout?: Duration
  /** Connections to all hosts together; default 1024. */
  readonly connections?: number
  /** Requests that wait for a connection; more are refused. Default 1024. */
  readonly pending?: number
  /** Requests at a time; more are refused. Default 1024. */
  readonly active?: number
  /** Requests that one connection carries before it is closed; default no bound. */
  readonly requestsPerConnection?: number
  /** An unused HTTP/1.1 connection is closed after this; default 4 s less than its server keeps it, else 4s. */
  readonly idleTimeout?: Duration
  readonly loadBalancer?: BalancerSpec
  /** Ejects hosts that fail; off unless given (`{}` is all defaults). */
  readonly outlier?: OutlierSpec
  /** Active checks; off unless given. */
  readonly healthCheck?: HealthCheckSpec
  readonly retryBudget?: RetryBudgetSpec
}

/** The settings in the units that the cluster computes with. */
export interface ClusterConfig {
  /** Undefined: what the Service says. */
  readonly protocol: ClusterProtocol | undefined
  readonly tls: BackendTls | undefined
  readonly connectMs: number
  readonly connections: number
  readonly pending: number
  readonly active: number
  /** Infinity without a bound. */
  readonly requestsPerConnection: number
  /** 0: what the server says. */
  readonly idleMs: number
  readonly loadBalancer: BalancerConfig
  readonly outlier: OutlierConfig | undefined
  readonly healthCheck: HealthCheckConfig | undefined
  readonly retryBudget: RetryBudgetConfig
}

const fields: readonly string[] = [
  'protocol',
  'tls',
  'connectTimeout',
  'connections',
  'pending',
  'active',
  'requestsPerConnection',
  'idleTimeout',
  'loadBalancer',
  'outlier',
  'healthCheck',
  'retryBudget',
]

const protocols = ['http1', 'h2c', 'h2', 'auto'] as const

/** Reads settings from outside; adds a problem for each thing that is wrong, with its path below `path`. */
export function readClusterSpec(value: unknown, path: string, problems: Problem[]): ClusterConfig {
  const spec = new SpecFields(value, path, problems, fields)
  const tls = spec.has('tls')
    ? readBackendTlsSpec(spec.value('tls'), spec.path('tls'), problems)
    : undefined
  const protocol = spec.has('protocol') ? spec.oneOf('protocol', protocols, 'http1') : undefined
  if (protocol === 'h2c' && tls !== undefined) spec.wrong('protocol', 'h2 when tls is given')
  const part = <Config>(
    name: string,
    read: (value: unknown, path: string, problems: Problem[]) => Config,
  ): Config => read(spec.value(name), spec.path(name), problems)
  return {
    protocol,
    tls,
    connectMs: spec.duration('connectTimeout', '1s'),
    connections: spec.integer('connections', 1, 1_000_000, 1024),
    pending: spec.integer('pending', 0, 1_000_000, 1024),
    active: spec.integer('active', 1, 1_000_000, 1024),
    requestsPerConnection: spec.integer('requestsPerConnection', 1, 1_000_000_000, Infinity),
    idleMs: spec.has('idleTimeout') ? spec.duration('idleTimeout', '4s') : 0,
    loadBalancer: part('loadBalancer', readBalancerSpec),
    outlier: spec.has('outlier') ? part('outlier', readOutlierSpec) : undefined,
    healthCheck: spec.has('healthCheck') ? part('healthCheck', readHealthCheckSpec) : undefined,
    retryBudget: part('retryBudget', readRetryBudgetSpec),
  }
}

/** What a cluster is when nobody has said anything about it. */
export const defaultClusterConfig: ClusterConfig = readClusterSpec(undefined, '', [])

/**
 * The settings of a cluster from what the Service, a BackendTLSPolicy and a BackendPolicy (checked before) say: the
 * BackendPolicy's `protocol` is in force before the Service's, the BackendTLSPolicy before the BackendPolicy's `tls`.
 */
export function clusterConfig(settings: ClusterSettings): ClusterConfig {
  const spec = readClusterSpec(settings.spec, '', [])
  const tls = settings.tls === undefined ? spec.tls : planTls(settings.tls)
  const protocol = spec.protocol ?? settings.protocol
  return { ...spec, tls, protocol: transportProtocol(protocol, tls !== undefined) }
}

/** The same protocol as the presence of TLS lets it be: `h2` in plain text is `h2c`, nobody asks by ALPN there. */
function transportProtocol(protocol: ClusterProtocol, tls: boolean): ClusterProtocol {
  if (tls) return protocol === 'h2c' ? 'h2' : protocol
  if (protocol === 'h2') return 'h2c'
  return protocol === 'auto' ? 'http1' : protocol
}
