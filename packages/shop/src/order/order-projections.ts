import {
  type Projection,
  projection,
  type ProjectionContext,
  type StoredEvent,
} from '@tidemill/events'
import type { Program, Tx } from '@tidemill/sql'
import { asOrderEvent } from './order-event.ts'

const idOf = (event: StoredEvent): string => event.stream.slice('order-'.length)

/** Customer history: the orders of a customer, newest first; read through the view `customer_order`. */
export const customerOrders: Projection = projection(import.meta.url, 'customerOrders', {
  name: 'customer-orders',
  types: ['OrderPlaced', 'OrderConfirmed', 'OrderCancelled', 'OrderRefunded'],
  tables: {
    customer_order: {
      sqlite: (table) => [
        `CREATE TABLE ${table} (
          customer TEXT NOT NULL,
          position INTEGER NOT NULL,
          id TEXT NOT NULL UNIQUE,
          country TEXT NOT NULL,
          currency TEXT NOT NULL,
          state TEXT NOT NULL,
          total INTEGER NOT NULL,
          refunded INTEGER NOT NULL,
          placed_at TEXT NOT NULL,
          PRIMARY KEY (customer, position)
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  },
  *apply(tx: Tx, stored: StoredEvent, context: ProjectionContext): Program<void> {
    const event = asOrderEvent(stored)
    const id = idOf(stored)
    const name = context.table('customer_order')
    switch (event.type) {
      case 'OrderPlaced': {
        const { customer, country, currency, total, placedAt } = event.data
        yield* tx.run(
          `INSERT INTO ${name}
            (customer, position, id, country, currency, state, total, refunded, placed_at)
            VALUES (?, ?, ?, ?, ?, 'pending', ?, 0, ?)`,
          customer,
          stored.position,
          id,
          country,
          currency,
          total,
          placedAt,
        )
        return
      }
      case 'OrderConfirmed':
        yield* tx.run(`UPDATE ${name} SET state = 'confirmed' WHERE id = ?`, id)
        return
      case 'OrderCancelled':
        yield* tx.run(`UPDATE ${name} SET state = 'cancelled' WHERE id = ?`, id)
        return
      case 'OrderRefunded':
        yield* tx.run(
          `UPDATE ${name} SET refunded = refunded + ?,
            state = CASE WHEN ? THEN 'cancelled' ELSE state END WHERE id = ?`,
          event.data.amount,
          event.data.whole ? 1 : 0,
          id,
        )
        return
      case 'RefundRequested':
        return
    }
  },
})

/** Revenue by day, country and currency; read through the view `revenue_day`. */
export const dailyRevenue: Projection = projection(import.meta.url, 'dailyRevenue', {
  name: 'daily-revenue',
  types: ['OrderConfirmed', 'OrderRefunded'],
  tables: {
    revenue_day: {
      sqlite: (table) => [
        `CREATE TABLE ${table} (
          day TEXT NOT NULL,
          country TEXT NOT NULL,
          currency TEXT NOT NULL,
          orders INTEGER NOT NULL,
          units INTEGER NOT NULL,
          sold INTEGER NOT NULL,
          refunded INTEGER NOT NULL,
          PRIMARY KEY (day, country, currency)
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  },
  *apply(tx: Tx, stored: StoredEvent, context: ProjectionContext): Program<void> {
    const change = revenueChange(stored)
    if (change === undefined) return
    yield* tx.run(
      `INSERT INTO ${context.table('revenue_day')} (day, country, currency, orders, units, sold, refunded)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (day, country, currency) DO UPDATE SET orders = orders + excluded.orders,
          units = units + excluded.units, sold = sold + excluded.sold, refunded = refunded + excluded.refunded`,
      change.day,
      change.country,
      change.currency,
      change.orders,
      change.units,
      change.sold,
      change.refunded,
    )
  },
})

/** What one event adds to a row of the revenue report. */
export interface RevenueChange {
  readonly day: string
  readonly country: string
  readonly currency: string
  readonly orders: number
  readonly units: number
  readonly sold: number
  readonly refunded: number
}

/** Undefined for an event that is no revenue. A refund counts on its own day, in the order's country. */
export function revenueChange(stored: StoredEvent): RevenueChange | undefined {
  const event = asOrderEvent(stored)
  if (event.type === 'OrderConfirmed') {
    const { day, country, currency, total, units } = event.data
    return { day, country, currency, orders: 1, units, sold: total, refunded: 0 }
  }
  if (event.type === 'OrderRefunded') {
    const { day, country, currency, amount } = event.data
    const units = -event.data.units.reduce((sum, [, quantity]) => sum + quantity, 0)
    return { day, country, currency, orders: 0, units, sold: 0, refunded: amount }
  }
  return undefined
}
