import { classicHistogram, type MetricFamily, type MetricSeries } from '../prometheus.ts'
import type { ObjectStatusReport } from '../configuration/condition.ts'
import type { RuntimeSnapshot } from '../runtime/gateway-runtime.ts'

export interface SourceFigures {
  readonly up: boolean | undefined
  readonly applySeconds: number | undefined
}

type Type = MetricFamily['type']

const one = (
  value: number | MetricSeries['value'],
  ...labels: readonly string[]
): MetricSeries => ({
  labels,
  value,
})

/** Everything counted as metrics; labels are names from configuration, never parts of requests. */
export function metricFamilies(
  snapshot: RuntimeSnapshot,
  status: readonly ObjectStatusReport[],
  source: SourceFigures,
): MetricFamily[] {
  const families: MetricFamily[] = []
  const add = (name: string, type: Type, help: string, series: readonly MetricSeries[]): void => {
    families.push({ name: `tidemill_gw_${name}`, type, help, series })
  }
  addTraffic(snapshot, add)
  addUpstreams(snapshot, add)
  const { workers, connections, accessLog, revision } = snapshot
  const rejected = new Map<string, number>()
  for (const { kind, state } of status) {
    if (state !== 'active') rejected.set(kind, (rejected.get(kind) ?? 0) + 1)
  }
  add('config_revision', 'gauge', 'Revision of the configuration in force.', [one(revision)])
  add(
    'config_rejected',
    'gauge',
    'Objects whose newest version is not in force.',
    Array.from(rejected, ([kind, count]) => one(count, 'kind', kind)),
  )
  if (source.applySeconds !== undefined) {
    add(
      'config_apply_seconds',
      'gauge',
      'Time until the newest batch was in force on every worker.',
      [one(source.applySeconds)],
    )
  }
  if (source.up !== undefined) {
    add('config_source_up', 'gauge', 'Whether the source of the configuration answers.', [
      one(source.up ? 1 : 0),
    ])
  }
  add('connections', 'gauge', 'Connections by what is spoken on them.', [
    one(connections.http1, 'state', 'http1'),
    one(connections.http2, 'state', 'http2'),
    one(connections.streams, 'state', 'stream'),
  ])
  add('uptime_seconds', 'gauge', 'Time since the gateway was opened.', [
    one(snapshot.uptimeMs / 1000),
  ])
  const each = (read: (worker: RuntimeSnapshot['workers'][number]) => number): MetricSeries[] =>
    workers.map((worker, i) => one(read(worker), 'worker', String(i)))
  add(
    'worker_requests_total',
    'counter',
    'Requests of each worker.',
    each((worker) => worker.requests),
  )
  add(
    'worker_cpu_seconds_total',
    'counter',
    'Processor time of each worker.',
    each((worker) => worker.cpuMs / 1000),
  )
  add(
    'worker_memory_bytes',
    'gauge',
    'Resident memory of each worker.',
    each((worker) => worker.rssBytes),
  )
  add(
    'eventloop_lag_seconds',
    'gauge',
    'How late timers of each worker fire.',
    each((worker) => worker.eventLoopLagMs / 1000),
  )
  if (accessLog !== undefined) {
    add('accesslog_lines_total', 'counter', 'Lines of the access log.', [one(accessLog.lines)])
    add('accesslog_dropped_total', 'counter', 'Lines that found no room.', [one(accessLog.dropped)])
  }
  return families
}

type Add = (name: string, type: Type, help: string, series: readonly MetricSeries[]) => void

function addTraffic({ traffic, breakers, limits }: RuntimeSnapshot, add: Add): void {
  const rows = traffic.map((row) => ({
    row,
    labels: ['route', row.route, 'upstream', row.upstream],
  }))
  add(
    'requests_total',
    'counter',
    'Requests by route, upstream, class of status and flag of the access log; 0xx are clients that left.',
    rows.flatMap(({ row, labels }) =>
      row.outcomes.map(({ codeClass, flag, requests }) =>
        one(requests, ...labels, 'code_class', codeClass, 'flag', flag),
      ),
    ),
  )
  add(
    'request_seconds',
    'histogram',
    'Time until the answer was complete.',
    rows.map(({ row, labels }) => one(classicHistogram(row.latency), ...labels)),
  )
  add(
    'active',
    'gauge',
    'Requests in flight.',
    rows.map(({ row, labels }) => one(row.active, ...labels)),
  )
  const guards = breakers.map((breaker) => ({
    breaker,
    labels: ['route', breaker.route, 'rule', breaker.rule, 'upstream', breaker.upstream],
  }))
  add(
    'breaker_state',
    'gauge',
    '1 for the state that a breaker is in.',
    guards.map(({ breaker, labels }) => one(1, ...labels, 'state', breaker.state)),
  )
  add(
    'breaker_refused_total',
    'counter',
    'Requests that a breaker refused.',
    guards.map(({ breaker, labels }) => one(breaker.refused, ...labels)),
  )
  add(
    'ratelimit_total',
    'counter',
    'Decisions of rate limits.',
    limits.flatMap(({ route, name, counts }) =>
      Object.entries(counts).map(([decision, count]) =>
        one(count as number, 'route', route, 'policy', name, 'decision', decision),
      ),
    ),
  )
  add(
    'ratelimit_keys',
    'gauge',
    'Keys that a rate limit remembers.',
    limits.map(({ route, name, keys }) => one(keys, 'route', route, 'policy', name)),
  )
}

function addUpstreams({ clusters }: RuntimeSnapshot, add: Add): void {
  const each = (read: (cluster: RuntimeSnapshot['clusters'][number]) => number): MetricSeries[] =>
    clusters.map((cluster) => one(read(cluster), 'upstream', cluster.name))
  add(
    'retries_total',
    'counter',
    'Retries sent, and those that the budget refused.',
    clusters.flatMap((cluster) => [
      one(cluster.retries, 'upstream', cluster.name, 'result', 'sent'),
      one(cluster.retriesRefused, 'upstream', cluster.name, 'result', 'refused'),
    ]),
  )
  add(
    'upstream_hosts',
    'gauge',
    'Hosts by state.',
    clusters.flatMap(({ name, hosts }) => {
      const ejected = hosts.filter((host) => host.ejected).length
      const sick = hosts.filter((host) => !host.ejected && !host.healthy).length
      return [
        one(hosts.length - ejected - sick, 'upstream', name, 'state', 'healthy'),
        one(sick, 'upstream', name, 'state', 'unhealthy'),
        one(ejected, 'upstream', name, 'state', 'ejected'),
      ]
    }),
  )
  add(
    'outlier_ejected',
    'gauge',
    'Hosts that are ejected now.',
    each(({ hosts }) => hosts.filter((host) => host.ejected).length),
  )
  add(
    'outlier_ejections_total',
    'counter',
    'Ejections of hosts.',
    each((cluster) => cluster.ejections),
  )
  add(
    'upstream_active',
    'gauge',
    'Requests sent and not answered.',
    each((cluster) => cluster.active),
  )
  add(
    'upstream_pending',
    'gauge',
    'Requests that wait for a connection.',
    each((cluster) => cluster.pending),
  )
  add(
    'upstream_connections',
    'gauge',
    'Connections open.',
    each((cluster) => cluster.connections),
  )
  add(
    'upstream_overflows_total',
    'counter',
    'Requests over the limit of connections.',
    each((cluster) => cluster.overflows),
  )
}
