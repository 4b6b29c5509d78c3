import type { StoredEvent } from '@tidemill/events'
import type { Saga } from '@tidemill/saga'
import type { OrderState } from './order.ts'
import type { OrderPage } from './order-service.ts'

/** The body of GET /orders/ID. */
export interface OrderView {
  readonly id: string
  readonly state: OrderState
  readonly total: { readonly amount: number; readonly currency: string }
  readonly lines: readonly {
    readonly sku: string
    readonly description?: string
    readonly quantity: number
    readonly unitPrice: number
  }[]
  readonly saga: {
    readonly id: string
    readonly state: string
    readonly steps: readonly {
      readonly name: string
      readonly state: string
      readonly attempts: number
    }[]
  }
  readonly events: readonly {
    readonly position: number
    readonly version: number
    readonly type: string
    readonly at: string
    readonly data: unknown
  }[]
}

/** One order with everything that the order service knows of it. */
export interface OrderRecord {
  readonly page: OrderPage
  readonly saga: Saga | undefined
  readonly events: readonly StoredEvent[]
}

/** The answer to GET /orders/ID. */
export function viewOf({ page, saga, events }: OrderRecord): OrderView {
  return {
    id: page.id,
    state: page.state,
    total: { amount: page.total, currency: page.currency },
    lines: page.lines,
    saga: {
      id: saga?.id ?? '',
      state: saga?.state ?? '',
      steps: (saga?.steps ?? [])
        .filter((step) => step.direction === 'action')
        .map(({ name, state, attempts }) => ({ name, state, attempts })),
    },
    events: events.map(({ position, version, type, at, data }) => ({
      position,
      version,
      type,
      at: new Date(at).toISOString(),
      data,
    })),
  }
}
