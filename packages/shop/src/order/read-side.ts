import type { StoredEvent } from '@tidemill/events'
import type { Saga } from '@tidemill/saga'
import { orderStream, type OrderState } from './order.ts'
import type { OrderService } from './order-service.ts'
import { type OrderRecord, type OrderView, viewOf } from './order-view.ts'

export interface HistoryRow {
  readonly position: number
  readonly id: string
  readonly state: string
  readonly total: number
  readonly refunded: number
  readonly currency: string
  readonly country: string
  readonly placedAt: string
}

export interface RevenueRow {
  readonly country: string
  readonly currency: string
  readonly orders: number
  readonly units: number
  /** Of orders placed that day and confirmed. */
  readonly sold: number
  /** Of refunds that count on that day. */
  readonly refunded: number
}

/** Answers questions from the read models. */
export interface ReadSide {
  record(id: string): Promise<OrderRecord | undefined>
  order(id: string): Promise<OrderView | undefined>
  /** Newest first; `before` 0 starts at the newest. */
  history(customer: string, before: number, limit: number): Promise<readonly HistoryRow[]>
  revenue(day: string): Promise<readonly RevenueRow[]>
}

export function createReadSide(orders: OrderService): ReadSide {
  const { database, events, sagas } = orders
  const reads: ReadSide = {
    async record(id) {
      const page = await orders.page(id)
      if (page === undefined) return undefined
      const saga = await sagas.byKey('order', id)
      const stored: StoredEvent[] = []
      for await (const event of events.read(orderStream(id))) stored.push(event)
      return { page: { ...page, state: stateOf(page.state, saga) }, saga, events: stored }
    },
    async order(id) {
      const record = await reads.record(id)
      return record === undefined ? undefined : viewOf(record)
    },
    history: (customer, before, limit) =>
      database.query<HistoryRow>(
        `SELECT position, id, state, total, refunded, currency, country, placed_at AS "placedAt"
          FROM customer_order WHERE customer = ? AND position < ? ORDER BY position DESC LIMIT ?`,
        customer,
        before === 0 ? Number.MAX_SAFE_INTEGER : before,
        limit,
      ),
    revenue: (day) =>
      database.query<RevenueRow>(
        `SELECT country, currency, orders, units, sold, refunded FROM revenue_day
          WHERE day = ? ORDER BY country, currency`,
        day,
      ),
  }
  return reads
}

/** A pending order whose saga needs a person is stuck. */
function stateOf(state: OrderState, saga: Saga | undefined): OrderState {
  return state === 'pending' && saga?.state === 'stuck' ? 'stuck' : state
}
