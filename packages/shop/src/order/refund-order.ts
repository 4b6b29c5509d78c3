import { appendProgram } from '@tidemill/events'
import { type Started, startProgram } from '@tidemill/saga'
import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import { shopErrors } from '../errors.ts'
import { allocate, type OrderLine, orderStream, type OrderState, type Units } from './order.ts'
import { orderEvent } from './order-event.ts'
import { refundSaga } from './order-saga.ts'
import { earlierRequest, rememberRequest } from './place-order.ts'

export interface RefundInput {
  readonly orderId: string
  readonly refundId: string
  readonly key: string
  readonly digest: string
  /** Units to give back; null gives back all that is left. */
  readonly units: readonly Units[] | null
  /** Day on which the refund counts, in UTC. */
  readonly day: string
}

export interface RefundStarted {
  readonly id: string
  readonly state: OrderState
  /** Null when the refund waits for the order's confirmation, or when there is nothing (more) to do. */
  readonly started: Started | null
}

interface OrderRow {
  readonly state: 'pending' | 'confirmed' | 'cancelled'
  readonly currency: string
  readonly lines: string
  readonly claimed: string
}

/**
 * Asks for units of an order to be given back. Of a confirmed order the refund starts at once; of a pending one it
 * waits until the order is confirmed (then it starts) or cancelled (then there is nothing to give back).
 */
export const requestRefund: Procedure<RefundInput, RefundStarted> = procedure(
  import.meta.url,
  'requestRefund',
  function* (tx, input: RefundInput): Program<RefundStarted> {
    const { orderId, refundId, key, digest, units, day } = input
    const order = yield* tx.get<OrderRow>(
      'SELECT state, currency, lines, claimed FROM shop_order WHERE id = ?',
      orderId,
    )
    if (order === undefined) throw shopErrors.error('TM_SHOP_ORDER_UNKNOWN', { id: orderId })
    const answer = { id: orderId, state: order.state, started: null }
    const scope = `cancel ${orderId}`
    if ((yield* earlierRequest(tx, scope, key, digest)) !== undefined) return answer
    if (order.state === 'cancelled') {
      if (units === null) return answer
      throw shopErrors.error('TM_SHOP_ORDER_CANCELLED', { id: orderId })
    }
    const lines = JSON.parse(order.lines) as OrderLine[]
    const allocation = allocate(lines, JSON.parse(order.claimed) as number[], units)
    if (allocation === undefined) throw shopErrors.error('TM_SHOP_REFUND_EXCEEDS', { id: orderId })
    if (allocation.units.length === 0) return answer
    yield* rememberRequest(tx, scope, key, digest, orderId)

    const { amount, claimed } = allocation
    const data = { refundId, amount, units: allocation.units, claimed }
    yield* appendProgram(tx, {
      stream: orderStream(orderId),
      events: [orderEvent({ type: 'RefundRequested', data })],
      expected: 'exists',
    })
    yield* tx.run(
      'UPDATE shop_order SET claimed = ? WHERE id = ?',
      JSON.stringify(claimed),
      orderId,
    )
    yield* tx.run(
      `INSERT INTO shop_refund (id, order_id, state, amount, units, day, at)
        VALUES (?, ?, 'waiting', ?, ?, ?, ?)`,
      refundId,
      orderId,
      amount,
      JSON.stringify(allocation.units),
      day,
      tx.now,
    )
    if (order.state !== 'confirmed') return answer
    const [started] = yield* startWaitingRefunds(tx, orderId, order.currency)
    return { ...answer, started: started ?? null }
  },
)

interface RefundRow {
  readonly id: string
  readonly amount: number
  readonly units: string
}

/** Starts the saga of every refund of the order that waits. */
export function* startWaitingRefunds(
  tx: Tx,
  orderId: string,
  currency: string,
): Program<Started[]> {
  const waiting = yield* tx.all<RefundRow>(
    `SELECT id, amount, units FROM shop_refund WHERE order_id = ? AND state = 'waiting' ORDER BY at, id`,
    orderId,
  )
  const started: Started[] = []
  for (const { id, amount, units } of waiting) {
    yield* tx.run(`UPDATE shop_refund SET state = 'running' WHERE id = ?`, id)
    const input = { orderId, refundId: id, amount, currency, units: JSON.parse(units) as Units[] }
    started.push(yield* startProgram(tx, refundSaga, { bizKey: id, input }))
  }
  return started
}
