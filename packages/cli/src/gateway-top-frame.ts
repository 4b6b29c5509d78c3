import type { RuntimeSnapshot } from '@tidemill/gateway/admin'
import type { Output } from './output.ts'
import { renderTable } from './render/table.ts'

export interface TopRow {
  readonly route: string
  readonly upstream: string
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the requests of the interval, 0 to 1. */
  readonly errors: number
  readonly active: number
  readonly breaker: string
}

export interface TopUpstream {
  readonly name: string
  readonly hosts: number
  readonly healthy: number
  readonly ejected: number
  readonly active: number
  readonly pending: number
  readonly connections: number
  readonly retries: number
}

export interface TopFrame {
  readonly revision: number
  readonly perSecond: number
  /** Cores in use, all workers together. */
  readonly cores: number
  readonly memoryBytes: number
  readonly connections: number
  readonly workers: number
  readonly routes: readonly TopRow[]
  readonly upstreams: readonly TopUpstream[]
}

const severity = ['closed', 'disabled', 'forced-closed', 'half-open', 'open', 'forced-open']

/** What happened between two snapshots, the busiest route first. */
export function topFrame(before: RuntimeSnapshot, after: RuntimeSnapshot): TopFrame {
  const seconds = Math.max((after.uptimeMs - before.uptimeMs) / 1000, 0.001)
  const known = new Map(before.traffic.map((row) => [`${row.route} ${row.upstream}`, row]))
  // A route answers nothing by itself until it does.
  const shown = after.traffic.filter((row) => row.upstream !== '' || row.requests > 0)
  const rows = shown.map((row) => {
    const old = known.get(`${row.route} ${row.upstream}`)
    // Counters of a worker that was replaced begin anew.
    const requests = Math.max(0, row.requests - (old?.requests ?? 0))
    const errors = Math.max(0, row.errors - (old?.errors ?? 0))
    return {
      route: row.route,
      upstream: row.upstream,
      perSecond: requests / seconds,
      p50Ms: row.p50Ms,
      p99Ms: row.p99Ms,
      errors: requests === 0 ? 0 : errors / requests,
      active: row.active,
      breaker: breakerOf(after, row.route, row.upstream),
    }
  })
  const { http1, http2, streams } = after.connections
  return {
    revision: after.revision,
    perSecond: rows.reduce((sum, row) => sum + row.perSecond, 0),
    cores: Math.max(0, cpuMs(after) - cpuMs(before)) / 1000 / seconds,
    memoryBytes: after.workers.reduce((sum, worker) => sum + worker.rssBytes, 0),
    connections: http1 + http2 + streams,
    workers: after.workers.length,
    routes: rows.toSorted((a, b) => b.perSecond - a.perSecond || a.route.localeCompare(b.route)),
    upstreams: after.clusters.map((cluster) => ({
      name: cluster.name,
      hosts: cluster.hosts.length,
      healthy: cluster.hosts.filter((host) => host.healthy && !host.ejected).length,
      ejected: cluster.hosts.filter((host) => host.ejected).length,
      active: cluster.active,
      pending: cluster.pending,
      connections: cluster.connections,
      retries: cluster.retries,
    })),
  }
}

function cpuMs({ workers }: RuntimeSnapshot): number {
  return workers.reduce((sum, worker) => sum + worker.cpuMs, 0)
}

function breakerOf({ breakers }: RuntimeSnapshot, route: string, upstream: string): string {
  return breakers
    .filter((one) => one.route === route && one.upstream === upstream)
    .map((one): string => one.state)
    .reduce((a, b) => (severity.indexOf(b) > severity.indexOf(a) ? b : a), '-')
}

/** The frame as lines; at most `rows` of them. */
export function topText(frame: TopFrame, out: Pick<Output, 'style'>, rows: number): string[] {
  const summary = `${frame.perSecond.toFixed(0)} requests/s  ${frame.connections} connections  ${frame.cores.toFixed(2)} cores  ${(frame.memoryBytes / 2 ** 20).toFixed(0)} MiB  ${frame.workers} process${frame.workers === 1 ? '' : 'es'}  revision ${frame.revision}`
  const right = 'right' as const
  const routes = renderTable(
    [
      { title: 'ROUTE' },
      { title: 'UPSTREAM' },
      { title: 'PER S', align: right },
      { title: 'P50 MS', align: right },
      { title: 'P99 MS', align: right },
      { title: 'ERRORS', align: right },
      { title: 'ACTIVE', align: right },
      { title: 'BREAKER' },
    ],
    frame.routes.map((row) => [
      row.route === '' ? '(none)' : row.route,
      row.upstream === '' ? '(gateway)' : row.upstream,
      row.perSecond.toFixed(1),
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      `${(row.errors * 100).toFixed(1)} %`,
      String(row.active),
      row.breaker,
    ]),
  )
  const upstreams = renderTable(
    [
      { title: 'UPSTREAM' },
      { title: 'HEALTHY', align: right },
      { title: 'EJECTED', align: right },
      { title: 'ACTIVE', align: right },
      { title: 'PENDING', align: right },
      { title: 'CONNS', align: right },
      { title: 'RETRIES', align: right },
    ],
    frame.upstreams.map((one) => [
      one.name,
      `${one.healthy}/${one.hosts}`,
      String(one.ejected),
      String(one.active),
      String(one.pending),
      String(one.connections),
      String(one.retries),
    ]),
  )
  const room = Math.max(3, rows - 4 - Math.min(upstreams.length, Math.floor(rows / 3)))
  return [
    out.style('bold', summary),
    '',
    ...routes.slice(0, room),
    ...(routes.length > room ? [`and ${routes.length - room} more routes`] : []),
    '',
    ...upstreams.slice(0, Math.max(2, Math.floor(rows / 3))),
  ]
}
