import type { Saga } from '@tidemill/saga'
import type { Hop, HopLog } from './hop-log.ts'
import { formatHundredths } from './money.ts'
import type { OrderService } from './order/order-service.ts'
import { type OrderRecord, type OrderView, viewOf } from './order/order-view.ts'
import type { ReadSide } from './order/read-side.ts'
import type { Payment, PaymentPort } from './payment/payment-service.ts'
import type { StockMove, StockPort } from './stock/stock-service.ts'

/** Who did a thing that the timeline shows. */
export type TimelineSystem = 'order' | 'saga' | 'stock' | 'payment' | 'events'

export interface TimelineEntry {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly system: TimelineSystem
  readonly title: string
  readonly state: 'ok' | 'warn' | 'error'
  readonly detail?: string
}

export interface FollowedSaga {
  readonly id: string
  readonly type: string
  readonly state: string
  readonly steps: readonly {
    readonly name: string
    readonly direction: string
    readonly state: string
    readonly attempts: number
    readonly startedAt: number
    readonly endedAt: number | null
    readonly error: string | null
  }[]
}

/** One order across all services; times are milliseconds since 1970. */
export interface FollowedOrder {
  /** x-request-id of the request that placed it; null when it had none. */
  readonly requestId: string | null
  readonly order: OrderView & {
    readonly customer: string
    readonly country: string
    readonly placedAt: string
    readonly refunded: number
  }
  /** The calls made for it, by time; those since the shop was opened. */
  readonly hops: readonly Hop[]
  readonly saga: FollowedSaga | null
  /** The sagas of its refunds, oldest first. */
  readonly refunds: readonly FollowedSaga[]
  readonly events: readonly {
    readonly position: number
    readonly stream: string
    readonly version: number
    readonly type: string
    readonly at: number
    readonly data: unknown
  }[]
  readonly payments: readonly (Payment & { readonly state: 'settled' })[]
  readonly stock: readonly StockMove[]
  readonly timeline: readonly TimelineEntry[]
}

export interface FollowSources {
  readonly orders: OrderService
  readonly reads: ReadSide
  readonly payment: PaymentPort
  readonly stock: StockPort
  readonly hops: HopLog
}

/** Everything that is known of an order; undefined when there is none with that id. */
export async function followOrder(
  id: string,
  { orders, reads, payment, stock, hops }: FollowSources,
): Promise<FollowedOrder | undefined> {
  const record = await reads.record(id)
  if (record === undefined) return undefined
  const refundIds = await orders.database.query<{ id: string }>(
    'SELECT id FROM shop_refund WHERE order_id = ? ORDER BY at, id',
    id,
  )
  const [payments, moves, ...found] = await Promise.all([
    payment.payments(id),
    stock.moves(id),
    ...refundIds.map((refund) => orders.sagas.byKey('cancellation', refund.id)),
  ])
  const refunds = found.filter((saga) => saga !== undefined)
  const { page, saga, events } = record
  const given = events[0]?.meta['requestId']
  const requestId = typeof given === 'string' ? given : null
  return {
    requestId,
    hops: hops.of(requestId === null ? [id] : [requestId, id]),
    order: {
      ...viewOf(record),
      customer: page.customer,
      country: page.country,
      placedAt: page.placedAt,
      refunded: page.refunded,
    },
    saga: saga === undefined ? null : followedSaga(saga),
    refunds: refunds.map(followedSaga),
    events: events.map(({ position, stream, version, type, at, data }) => ({
      position,
      stream,
      version,
      type,
      at,
      data,
    })),
    payments: payments.map((entry) => ({ ...entry, state: 'settled' })),
    stock: moves,
    timeline: timelineOf(record, refunds, payments, moves),
  }
}

function followedSaga({ id, type, state, steps }: Saga): FollowedSaga {
  return {
    id,
    type,
    state,
    steps: steps.map(
      ({ name, direction, state: stepState, attempts, startedAt, endedAt, error }) => ({
        name,
        direction,
        state: stepState,
        attempts,
        startedAt,
        endedAt,
        error,
      }),
    ),
  }
}

/** By time; of one millisecond, cause before effect: the service that did it, its saga step, the event. */
function timelineOf(
  { page, saga, events }: OrderRecord,
  refunds: readonly Saga[],
  payments: readonly Payment[],
  moves: readonly StockMove[],
): TimelineEntry[] {
  const entries: TimelineEntry[] = [
    {
      at: page.at,
      system: 'order',
      title: 'accepted',
      state: 'ok',
      detail: `${plural(page.lines.length, 'line')}, ${formatHundredths(page.total)} ${page.currency}`,
    },
  ]
  for (const { kind, amount, currency, id, at } of payments) {
    const state = kind === 'charge' ? 'ok' : 'warn'
    entries.push({
      at,
      system: 'payment',
      title: kind,
      state,
      detail: `${formatHundredths(amount)} ${currency} ${id}`,
    })
  }
  for (const [key, group] of Map.groupBy(moves, (move) => `${move.direction} ${move.at}`)) {
    const units = group.reduce((sum, move) => sum + Math.abs(move.quantity), 0)
    const [{ at, direction }] = group as [StockMove]
    const detail = `${plural(units, 'unit')} of ${plural(group.length, 'item')}`
    const state = key.startsWith('deduct') ? 'ok' : 'warn'
    entries.push({ at, system: 'stock', title: direction, state, detail })
  }
  for (const one of saga === undefined ? refunds : [saga, ...refunds])
    entries.push(...stepEntries(one))
  for (const { type, at, position } of events) {
    const state = type === 'OrderCancelled' || type.includes('Refund') ? 'warn' : 'ok'
    entries.push({ at, system: 'events', title: type, state, detail: `position ${position}` })
  }
  return entries.toSorted((a, b) => a.at - b.at)
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function stepEntries(saga: Saga): TimelineEntry[] {
  return saga.steps.map(({ name, direction, state, attempts, startedAt, endedAt, error }) => {
    const title = direction === 'action' ? name : `undo ${name}`
    const good = state === 'done' || state === 'compensated'
    const tried = attempts > 1 ? ` after ${attempts} attempts` : ''
    return {
      at: endedAt ?? startedAt,
      system: 'saga',
      title: `${saga.type}: ${title}`,
      state: good ? 'ok' : state === 'pending' ? 'warn' : 'error',
      detail: `${state}${tried}${error === null ? '' : `: ${error}`}`,
    }
  })
}
