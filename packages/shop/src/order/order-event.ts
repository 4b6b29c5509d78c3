import type { JsonObject, StoredEvent } from '@tidemill/events'
import type { Minor } from '../money.ts'
import { dayOf, type OrderLine, type Units } from './order.ts'

/** What every later event repeats of the order, so that no projection has to look it up. */
export interface OrderFacts {
  readonly customer: string
  readonly country: string
  readonly currency: string
}

export interface OrderPlaced extends OrderFacts {
  readonly placedAt: string
  readonly total: Minor
  readonly lines: readonly OrderLine[]
}

export interface OrderConfirmed extends OrderFacts {
  /** Day of the order in UTC. */
  readonly day: string
  readonly total: Minor
  readonly units: number
}

export interface OrderCancelled extends OrderFacts {
  readonly reason: string
}

export interface RefundRequested {
  readonly refundId: string
  readonly amount: Minor
  readonly units: readonly Units[]
  /** Units claimed per line, this refund among them. */
  readonly claimed: readonly number[]
}

export interface OrderRefunded extends OrderFacts {
  readonly refundId: string
  /** Day of the cancellation in UTC. */
  readonly day: string
  readonly amount: Minor
  readonly units: readonly Units[]
  /** True when nothing of the order is left: it is cancelled then. */
  readonly whole: boolean
}

export type OrderEvent =
  | { readonly type: 'OrderPlaced'; readonly data: OrderPlaced }
  | { readonly type: 'OrderConfirmed'; readonly data: OrderConfirmed }
  | { readonly type: 'OrderCancelled'; readonly data: OrderCancelled }
  | { readonly type: 'RefundRequested'; readonly data: RefundRequested }
  | { readonly type: 'OrderRefunded'; readonly data: OrderRefunded }

/** The order's event as the store takes it. */
export function orderEvent(event: OrderEvent): {
  readonly type: string
  readonly data: JsonObject
} {
  return { type: event.type, data: event.data as unknown as JsonObject }
}

/** A stored event as the one it is; the order streams hold no others. */
export function asOrderEvent(event: StoredEvent): OrderEvent {
  return { type: event.type, data: event.data } as OrderEvent
}

/** The order page as its events say it is. */
export interface OrderFold extends OrderFacts {
  readonly state: 'pending' | 'confirmed' | 'cancelled'
  readonly total: Minor
  readonly confirmed: boolean
  readonly refunded: Minor
  readonly day: string
  readonly lines: readonly OrderLine[]
  readonly claimed: readonly number[]
}

/** One step of the fold; undefined before OrderPlaced. */
export function foldOrder(order: OrderFold | undefined, event: OrderEvent): OrderFold | undefined {
  if (event.type === 'OrderPlaced') {
    const { customer, country, currency, total, placedAt, lines } = event.data
    const facts = { customer, country, currency, total, lines, day: dayOf(placedAt) }
    return { ...facts, state: 'pending', confirmed: false, refunded: 0, claimed: [] }
  }
  if (order === undefined) return undefined
  switch (event.type) {
    case 'OrderConfirmed':
      return { ...order, state: 'confirmed', confirmed: true }
    case 'OrderCancelled':
      return { ...order, state: 'cancelled' }
    case 'RefundRequested':
      return { ...order, claimed: event.data.claimed }
    case 'OrderRefunded': {
      const refunded = order.refunded + event.data.amount
      return { ...order, refunded, state: event.data.whole ? 'cancelled' : order.state }
    }
  }
}
