import type { Gateway, RequestRecord, TrafficMetrics } from '@tidemill/gateway'
import type { MetricFamily, MetricSample } from './metrics-text.ts'
import type { Picture, PictureEdge } from './system.ts'

/** How one request went through the gateway, as the page of an order shows it. */
export interface RouteView {
  readonly route: string
  readonly upstream: string
  readonly status: number
  readonly ms: number
  /** How long the upstream might take; null without a limit. */
  readonly timeoutMs: number | null
  readonly flag: string
  readonly requestId: string
  readonly at: number
}

export function routeView(record: RequestRecord | undefined): RouteView | null {
  if (record === undefined) return null
  const { route, upstream, status, ms, timeoutMs, flag, requestId, at } = record
  return { route, upstream, status, ms, timeoutMs, flag, requestId, at }
}

/** `shop/order` is the node `order` of the picture. */
function nodeOf(upstream: string): string {
  return upstream.slice(upstream.indexOf('/') + 1)
}

/** The gateway's part of the picture: clients, the gateway, and an edge with its breaker to each service. */
export function gatewayPicture(gateway: Gateway): Picture {
  const metrics = gateway.metrics()
  const total = metrics.reduce((sum, row) => sum + row.requests, 0)
  const errors = metrics.reduce((sum, row) => sum + row.errors, 0)
  const invalid = gateway.routes().filter((route) => route.state !== 'active').length
  const upstreams = new Map<string, TrafficMetrics[]>(
    gateway.backends().map((backend) => [backend.name, []]),
  )
  for (const row of metrics) if (row.upstream !== '') upstreams.get(row.upstream)?.push(row)
  return {
    nodes: [
      { id: 'clients', kind: 'client', label: 'clients', state: 'ok', facts: {} },
      {
        id: 'gateway',
        kind: 'gateway',
        label: 'gateway',
        state: invalid > 0 ? 'warn' : 'ok',
        facts: { routes: gateway.routes().length, revision: gateway.revision },
      },
    ],
    edges: [
      { from: 'clients', to: 'gateway', total, errors, p99Ms: worst(metrics) },
      ...[...upstreams].map(
        ([upstream, rows]): PictureEdge => ({
          from: 'gateway',
          to: nodeOf(upstream),
          total: rows.reduce((sum, row) => sum + row.requests, 0),
          errors: rows.reduce((sum, row) => sum + row.errors, 0),
          p99Ms: worst(rows),
          breaker: worstBreaker(gateway, upstream),
        }),
      ),
    ],
  }
}

function worst(rows: readonly TrafficMetrics[]): number | null {
  const values = rows.filter((row) => row.recentRequests > 0).map((row) => row.p99Ms)
  return values.length === 0 ? null : Math.max(...values)
}

const severity = ['closed', 'disabled', 'forced-closed', 'half-open', 'open', 'forced-open']

/** The state of the breaker that is furthest from closed among those of one service. */
function worstBreaker(gateway: Gateway, upstream: string): string {
  return gateway
    .breakers()
    .filter((breaker) => breaker.upstream === upstream)
    .map((breaker) => breaker.state)
    .reduce((a, b) => (severity.indexOf(b) > severity.indexOf(a) ? b : a), 'closed')
}

function labels(row: TrafficMetrics): Record<string, string> {
  return { route: row.route, upstream: row.upstream }
}

/** The gateway's metrics under the names of docs/admin-api.md; labels are names from configuration, never paths. */
export function gatewayMetrics(gateway: Gateway): MetricFamily[] {
  const rows = gateway.metrics()
  const requests: MetricSample[] = rows.flatMap((row) =>
    Object.entries(row.byClass).map(([code, value]) => ({
      labels: { ...labels(row), code_class: code },
      value,
    })),
  )
  const quantiles: MetricSample[] = rows.flatMap((row) => [
    { labels: { ...labels(row), quantile: '0.5' }, value: row.total.p50Ms / 1000 },
    { labels: { ...labels(row), quantile: '0.99' }, value: row.total.p99Ms / 1000 },
  ])
  return [
    {
      name: 'tidemill_gw_requests_total',
      type: 'counter',
      help: 'Requests by route, upstream and class of status.',
      samples: requests,
    },
    {
      name: 'tidemill_gw_active',
      type: 'gauge',
      help: 'Requests in flight.',
      samples: rows.map((row) => ({ labels: labels(row), value: row.active })),
    },
    {
      name: 'tidemill_gw_request_seconds',
      type: 'gauge',
      help: 'Time until the answer was complete, by quantile since start.',
      samples: quantiles,
    },
    {
      name: 'tidemill_gw_breaker_state',
      type: 'gauge',
      help: '1 for the state that a breaker is in.',
      samples: gateway.breakers().map((breaker) => ({
        labels: { route: breaker.route, upstream: breaker.upstream, state: breaker.state },
        value: 1,
      })),
    },
    {
      name: 'tidemill_gw_config_revision',
      type: 'gauge',
      help: 'Revision of the configuration in force.',
      samples: [{ labels: {}, value: gateway.revision }],
    },
  ]
}
