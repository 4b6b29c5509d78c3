import { appendProgram } from '@tidemill/events'
import { defineSaga, type SagaDefinition, type SagaFacts } from '@tidemill/saga'
import type { Program, Tx } from '@tidemill/sql'
import type { Minor } from '../money.ts'
import { orderStream, type Units } from './order.ts'
import { orderEvent, type OrderFacts } from './order-event.ts'

/** What the steps of an order need; the same for all of them. A type, not an interface, so that it is JSON. */
export type OrderSagaInput = {
  readonly orderId: string
  readonly amount: Minor
  readonly currency: string
  readonly units: readonly Units[]
}

/** Deduct stock, charge, confirm. A refusal before the charge went through gives the stock back. */
export const orderSaga: SagaDefinition<OrderSagaInput> = defineSaga<OrderSagaInput>(
  import.meta.url,
  'orderSaga',
  {
    type: 'order',
    version: 1,
    deadline: '15m',
    steps: [
      { name: 'deduct_stock', to: 'stock', kind: 'compensatable', timeout: '5s' },
      { name: 'charge', to: 'payment', kind: 'pivot', timeout: '10s' },
      { name: 'confirm', to: 'order', kind: 'retriable', timeout: '5s' },
    ],
    onEnd: cancelOrder,
  },
)

/** Runs when the order's saga has ended; one that was compensated leaves a cancelled order. */
function* cancelOrder(tx: Tx, saga: SagaFacts<OrderSagaInput>): Program<void> {
  if (saga.state === 'completed') return
  const id = saga.input.orderId
  const facts = yield* tx.get<OrderFacts>(
    'SELECT customer, country, currency FROM shop_order WHERE id = ?',
    id,
  )
  if (facts === undefined) return
  const { customer, country, currency } = facts
  const reason = saga.reason ?? 'cancelled'
  const event = orderEvent({
    type: 'OrderCancelled',
    data: { customer, country, currency, reason },
  })
  yield* appendProgram(tx, { stream: orderStream(id), events: [event], expected: 'exists' })
  yield* tx.run(`UPDATE shop_order SET state = 'cancelled' WHERE id = ?`, id)
  // Nothing was kept of the order, so whoever asked for a refund meanwhile has it.
  yield* tx.run(
    `UPDATE shop_refund SET state = 'void' WHERE order_id = ? AND state = 'waiting'`,
    id,
  )
}

export type RefundSagaInput = {
  readonly orderId: string
  readonly refundId: string
  readonly amount: Minor
  readonly currency: string
  readonly units: readonly Units[]
}

/** Pay back, put back, close. Nothing of it can be refused, so every step is retried until it is done. */
export const refundSaga: SagaDefinition<RefundSagaInput> = defineSaga<RefundSagaInput>(
  import.meta.url,
  'refundSaga',
  {
    type: 'cancellation',
    version: 1,
    steps: [
      { name: 'refund', to: 'payment', kind: 'retriable', timeout: '10s' },
      { name: 'restock', to: 'stock', kind: 'retriable', timeout: '5s' },
      { name: 'close', to: 'order', kind: 'retriable', timeout: '5s' },
    ],
  },
)
