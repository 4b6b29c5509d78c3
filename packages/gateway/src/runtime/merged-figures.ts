import { createHistogram } from '@tidemill/core'
import type { BreakerStatus } from '../breaker-registry.ts'
import type { TrafficMetrics } from '../metrics.ts'
import type { ClusterStats } from '../upstream/cluster.ts'
import type { RuntimeSnapshot } from './gateway-runtime.ts'

type NamedCluster = RuntimeSnapshot['clusters'][number]
type NamedLimit = RuntimeSnapshot['limits'][number]

/** The figures of several workers as those of one gateway. */
export function mergeSnapshots(parts: readonly RuntimeSnapshot[]): RuntimeSnapshot {
  const sum = (pick: (part: RuntimeSnapshot) => number): number =>
    parts.reduce((total, part) => total + pick(part), 0)
  const logs = parts.map((part) => part.accessLog).filter((log) => log !== undefined)
  return {
    revision: Math.min(...parts.map((part) => part.revision)),
    uptimeMs: Math.max(0, ...parts.map((part) => part.uptimeMs)),
    workers: parts.flatMap((part) => part.workers),
    connections: {
      http1: sum((part) => part.connections.http1),
      http2: sum((part) => part.connections.http2),
      streams: sum((part) => part.connections.streams),
      requests: sum((part) => part.connections.requests),
    },
    traffic: merged(
      parts.flatMap((part) => part.traffic),
      keyOfTraffic,
      mergeTraffic,
    ),
    breakers: merged(
      parts.flatMap((part) => part.breakers),
      keyOfBreaker,
      mergeBreakers,
    ),
    clusters: merged(
      parts.flatMap((part) => part.clusters),
      keyOfCluster,
      mergeClusters,
    ),
    limits: merged(
      parts.flatMap((part) => part.limits),
      keyOfLimit,
      mergeLimits,
    ),
    accessLog:
      logs.length === 0
        ? undefined
        : {
            lines: logs.reduce((total, log) => total + log.lines, 0),
            dropped: logs.reduce((total, log) => total + log.dropped, 0),
          },
  }
}

function merged<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
  join: (a: T, b: T) => T,
): readonly T[] {
  const byKey = new Map<string, T>()
  for (const one of all) {
    const key = keyOf(one)
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? one : join(known, one))
  }
  return [...byKey.values()]
}

const keyOfTraffic = (one: TrafficMetrics): string => `${one.route}|${one.upstream}`
const keyOfBreaker = (one: BreakerStatus): string => `${one.route}|${one.rule}|${one.upstream}`
const keyOfCluster = (one: NamedCluster): string => one.name
const keyOfLimit = (one: NamedLimit): string => `${one.route}|${one.name}`

function added(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums: Record<string, number> = { ...a }
  for (const [name, value] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + value
  return sums
}

function mergeTraffic(a: TrafficMetrics, b: TrafficMetrics): TrafficMetrics {
  const latency = createHistogram()
  latency.merge(a.latency)
  latency.merge(b.latency)
  return {
    route: a.route,
    upstream: a.upstream,
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    active: a.active + b.active,
    byClass: added(a.byClass, b.byClass),
    byFlag: added(a.byFlag, b.byFlag),
    outcomes: merged(
      [...a.outcomes, ...b.outcomes],
      (one) => `${one.codeClass}|${one.flag}`,
      (one, other) => ({ ...one, requests: one.requests + other.requests }),
    ),
    latency: latency.snapshot(),
    total: { p50Ms: latency.percentile(50), p99Ms: latency.percentile(99) },
    recentRequests: a.recentRequests + b.recentRequests,
    // Of the last seconds only the percentiles are known: the busier worker's median, the worse tail.
    p50Ms: a.recentRequests >= b.recentRequests ? a.p50Ms : b.p50Ms,
    p99Ms: Math.max(a.p99Ms, b.p99Ms),
  }
}

/** Each worker has its own breaker; the one that refuses is what people look for. */
function mergeBreakers(a: BreakerStatus, b: BreakerStatus): BreakerStatus {
  const shown = b.state !== 'closed' && a.state === 'closed' ? b : a
  return {
    ...shown,
    calls: a.calls + b.calls,
    failures: a.failures + b.failures,
    slow: a.slow + b.slow,
    probes: a.probes + b.probes,
    admitted: a.admitted + b.admitted,
    refused: a.refused + b.refused,
    stale: a.stale + b.stale,
  }
}

type HostFigures = ClusterStats['hosts'][number]

function mergeClusters(a: NamedCluster, b: NamedCluster): NamedCluster {
  const hosts = merged<HostFigures>(
    [...a.hosts, ...b.hosts],
    (host) => host.key,
    (one, other) => ({
      key: one.key,
      healthy: one.healthy && other.healthy,
      ejected: one.ejected || other.ejected,
      active: one.active + other.active,
      connections: one.connections + other.connections,
    }),
  )
  return {
    name: a.name,
    hosts,
    active: a.active + b.active,
    pending: a.pending + b.pending,
    connections: a.connections + b.connections,
    retries: a.retries + b.retries,
    retriesRefused: a.retriesRefused + b.retriesRefused,
    ejections: a.ejections + b.ejections,
    overflows: a.overflows + b.overflows,
  }
}

function mergeLimits(a: NamedLimit, b: NamedLimit): NamedLimit {
  return {
    route: a.route,
    name: a.name,
    keys: Math.max(a.keys, b.keys),
    counts: {
      allowed: a.counts.allowed + b.counts.allowed,
      refused: a.counts.refused + b.counts.refused,
      shadowed: a.counts.shadowed + b.counts.shadowed,
      skipped: a.counts.skipped + b.counts.skipped,
    },
  }
}
