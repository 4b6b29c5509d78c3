import type { Overview } from '../overview.ts'
import type { RunningSystem, TimelineEntry } from '../system.ts'
import { platformErrors } from '../errors.ts'
import type { RouteView } from '../gateway-view.ts'
import type { EventStream } from './event-stream.ts'
import { type AdminRoute, queryInteger } from './route-table.ts'

export interface ObserveParts {
  readonly systems: readonly RunningSystem[]
  readonly stream: EventStream
  overview(): Overview
  /** What the gateway remembers of a request; null when it no longer does. */
  routeOf(requestId: string): RouteView | null
  metrics(): string
  ready(): boolean
}

/** What a person or a monitor looks at: overview, orders, the live stream, health and metrics. */
export function observeRoutes(parts: ObserveParts): readonly AdminRoute[] {
  // One system takes orders today; a second one would need its name in the path.
  const [shop] = parts.systems
  return [
    {
      method: 'GET',
      path: '/api/v1/overview',
      summary: 'health, picture with rates, totals',
      handle: () => ({ schema: 'tidemill.overview.v1', data: parts.overview() }),
    },
    {
      method: 'GET',
      path: '/api/v1/stream',
      summary: 'server-sent events: overview and orders as they change',
      handle: () => ({ stream: (response) => parts.stream.attach(response) }),
    },
    {
      method: 'GET',
      path: '/api/v1/orders',
      summary: 'the latest orders',
      async handle({ query }) {
        const items = await shop?.latestOrders(queryInteger(query, 'limit', 50, 500))
        return {
          schema: 'tidemill.orders.v1',
          data: { rev: parts.overview().rev, items: items ?? [] },
        }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/orders/:id',
      summary: 'one order followed across gateway, events, saga, payments and stock',
      async handle({ params }) {
        const id = params['id'] ?? ''
        const found = await shop?.followOrder(id)
        if (found === undefined)
          throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'order', id })
        const route = found.requestId === null ? null : parts.routeOf(found.requestId)
        const timeline = route === null ? found.timeline : withRoute(route, found.timeline)
        return { schema: 'tidemill.order.v1', data: { ...found.view, route, timeline } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/verify',
      summary: 'waits until nothing is under way, then checks that the books balance',
      async handle() {
        await Promise.all(parts.systems.map((system) => system.idle()))
        const lists = await Promise.all(parts.systems.map((system) => system.invariants()))
        return { schema: 'tidemill.verify.v1', data: { invariants: lists.flat() } }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/status',
      summary: 'the overview under the name that monitors look for',
      handle: () => ({ schema: 'tidemill.status.v1', data: parts.overview() }),
    },
    {
      method: 'GET',
      path: '/healthz',
      summary: '200 while the process answers',
      handle: () => ({ schema: 'tidemill.health.v1', data: { ok: true } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: '200 when traffic may come, 503 while draining',
      handle: () => ({
        schema: 'tidemill.ready.v1',
        data: { ready: parts.ready() },
        status: parts.ready() ? 200 : 503,
      }),
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'Prometheus text format',
      handle: () => ({
        stream(response) {
          response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
          response.end(parts.metrics())
        },
      }),
    },
  ]
}

/** The request came before everything that it caused, whatever the services' clocks say. */
function withRoute(route: RouteView, timeline: readonly TimelineEntry[]): TimelineEntry[] {
  const { upstream, status, ms, flag } = route
  const answered = status === 0 ? 'the client left' : `answered ${status} in ${ms.toFixed(1)} ms`
  const entry: TimelineEntry = {
    at: Math.min(route.at, timeline[0]?.at ?? route.at),
    system: 'gateway',
    title: route.route,
    state: status >= 200 && status < 400 ? 'ok' : 'error',
    detail: `to ${upstream}, ${answered}${flag === '' ? '' : ` (${flag})`}`,
  }
  return [entry, ...timeline]
}
