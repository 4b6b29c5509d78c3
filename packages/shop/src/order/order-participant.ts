import { appendProgram } from '@tidemill/events'
import {
  type Json,
  type Participant,
  participant,
  type Started,
  type StepAnswer,
  type StepRequest,
} from '@tidemill/saga'
import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import { type OrderLine, orderStream } from './order.ts'
import { orderEvent, type OrderFacts } from './order-event.ts'
import type { OrderSagaInput, RefundSagaInput } from './order-saga.ts'
import { startWaitingRefunds } from './refund-order.ts'

interface OrderRow extends OrderFacts {
  readonly day: string
  readonly total: number
  readonly refunded: number
  readonly lines: string
}

function* orderRow(tx: Tx, id: string): Program<OrderRow> {
  const row = yield* tx.get<OrderRow>(
    'SELECT customer, country, currency, day, total, refunded, lines FROM shop_order WHERE id = ?',
    id,
  )
  // Order and saga were written in one transaction; without the order the database is damaged.
  if (row === undefined) throw new Error(`the order ${id} is gone`)
  return row
}

/** Last step of an order: it is confirmed. */
const confirm: Participant = participant(import.meta.url, 'confirm', {
  *action(tx: Tx, request: StepRequest): Program<Json> {
    const { orderId } = request.payload as OrderSagaInput
    const { customer, country, currency, day, total, lines } = yield* orderRow(tx, orderId)
    const units = (JSON.parse(lines) as OrderLine[]).reduce((sum, line) => sum + line.quantity, 0)
    const data = { customer, country, currency, day, total, units }
    yield* appendProgram(tx, {
      stream: orderStream(orderId),
      events: [orderEvent({ type: 'OrderConfirmed', data })],
      expected: 'exists',
    })
    yield* tx.run(`UPDATE shop_order SET state = 'confirmed', confirmed = 1 WHERE id = ?`, orderId)
    return null
  },
})

/** Last step of a refund: the money and the goods are back. */
const close: Participant = participant(import.meta.url, 'close', {
  *action(tx: Tx, request: StepRequest): Program<Json> {
    const { orderId, refundId, amount, units } = request.payload as RefundSagaInput
    const { customer, country, currency, total, refunded } = yield* orderRow(tx, orderId)
    const refund = yield* tx.get<{ day: string }>(
      'SELECT day FROM shop_refund WHERE id = ?',
      refundId,
    )
    const whole = refunded + amount === total
    const facts = { customer, country, currency }
    const data = { ...facts, refundId, day: refund?.day ?? '', amount, units, whole }
    yield* appendProgram(tx, {
      stream: orderStream(orderId),
      events: [orderEvent({ type: 'OrderRefunded', data })],
      expected: 'exists',
    })
    yield* tx.run(
      `UPDATE shop_order SET refunded = refunded + ?, state = CASE WHEN ? THEN 'cancelled' ELSE state END
        WHERE id = ?`,
      amount,
      whole ? 1 : 0,
      orderId,
    )
    yield* tx.run(`UPDATE shop_refund SET state = 'done' WHERE id = ?`, refundId)
    return null
  },
})

export interface OrderStepDone {
  readonly answer: StepAnswer
  /** Refunds that waited for the confirmation and start with it. */
  readonly started: readonly Started[]
}

/** The order service as a participant of its own sagas. */
export const orderStep: Procedure<StepRequest, OrderStepDone> = procedure(
  import.meta.url,
  'orderStep',
  function* (tx, request: StepRequest): Program<OrderStepDone> {
    if (request.step === 'close') {
      return { answer: yield* close.program(tx, request), started: [] }
    }
    const answer = yield* confirm.program(tx, request)
    if (answer.outcome !== 'executed') return { answer, started: [] }
    const { orderId, currency } = request.payload as OrderSagaInput
    return { answer, started: yield* startWaitingRefunds(tx, orderId, currency) }
  },
)
