import { shopErrors } from '../errors.ts'
import { readCursor, readDay, readLimit } from '../http/query.ts'
import type { ServiceAnswer, ServiceRequest, ServiceRoute } from '../http/server.ts'
import {
  type CancelRequest,
  readMoment,
  readOrder,
  readRequest,
  requestSchemas,
} from './order-request.ts'
import type { OrderService } from './order-service.ts'
import type { HistoryRow, ReadSide } from './read-side.ts'

/** The HTTP API of the order service. */
export function orderRoutes(orders: OrderService, reads: ReadSide): readonly ServiceRoute[] {
  return [
    {
      method: 'POST',
      path: '/orders',
      async handle(request): Promise<ServiceAnswer> {
        const key = readKey(request)
        if (key === undefined) throw badKey('missing')
        const order = readOrder(request.body)
        const { deadline, signal } = request
        const id = await orders.place(key, order, {
          requestId: readRequestId(request),
          deadline,
          signal,
        })
        return {
          status: 202,
          headers: { location: `/orders/${encodeURIComponent(id)}` },
          body: { id, state: 'pending' },
        }
      },
    },
    {
      method: 'GET',
      path: '/orders/:id',
      async handle({ params }): Promise<ServiceAnswer> {
        const id = params['id'] ?? ''
        const view = await reads.order(id)
        if (view === undefined) throw shopErrors.error('TM_SHOP_ORDER_UNKNOWN', { id })
        return { status: 200, body: view }
      },
    },
    {
      method: 'POST',
      path: '/orders/:id/cancel',
      async handle(request): Promise<ServiceAnswer> {
        const id = request.params['id'] ?? ''
        const key = readKey(request)
        const cancel = readCancel(request.body)
        // Giving back all that is left can be repeated without a key; giving back three units cannot.
        if (key === undefined && cancel.lines !== undefined) throw badKey('missing')
        const answer = await orders.cancel(id, key ?? '', cancel)
        return {
          status: answer.state === 'cancelled' ? 200 : 202,
          headers: { location: `/orders/${encodeURIComponent(id)}` },
          body: answer,
        }
      },
    },
    {
      method: 'GET',
      path: '/customers/:customer/orders',
      async handle({ params, query }): Promise<ServiceAnswer> {
        const limit = readLimit(query, 50, 200)
        const rows = await reads.history(params['customer'] ?? '', readCursor(query), limit)
        const last = rows.at(-1)
        const next = rows.length === limit && last !== undefined ? String(last.position) : null
        return { status: 200, body: { items: rows.map(historyItem), next } }
      },
    },
    {
      method: 'GET',
      path: '/reports/revenue',
      async handle({ query }): Promise<ServiceAnswer> {
        const day = readDay(query)
        return { status: 200, body: { day, countries: await reads.revenue(day) } }
      },
    },
  ]
}

function historyItem(row: HistoryRow): object {
  const { id, state, total, refunded, currency, country, placedAt } = row
  return { id, state, total: { amount: total, currency }, refunded, country, placedAt }
}

function readCancel(body: unknown): CancelRequest {
  if (body === undefined) return {}
  const { placedAt, lines } = readRequest(requestSchemas.cancel, body)
  return {
    ...(placedAt === undefined ? {} : { placedAt: readMoment(placedAt) ?? placedAt }),
    ...(lines === undefined ? {} : { lines }),
  }
}

function badKey(reason: string): Error {
  return shopErrors.error('TM_SHOP_IDEMPOTENCY_KEY', { reason })
}

/** The gateway's id of the request; one that could not have come from it is not kept. */
function readRequestId(request: ServiceRequest): string | undefined {
  const id = request.header('x-request-id')
  return id !== undefined && /^[\x21-\x7e]{1,128}$/u.test(id) ? id : undefined
}

function readKey(request: ServiceRequest): string | undefined {
  const key = request.header('idempotency-key')
  if (key === undefined) return undefined
  if (/^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/u.test(key)) return key
  throw badKey(key === '' ? 'empty' : 'not 1 to 128 printable ASCII characters')
}
