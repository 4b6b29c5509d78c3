import { appendProgram } from '@tidemill/events'
import { type Started, startProgram } from '@tidemill/saga'
import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import { shopErrors } from '../errors.ts'
import { dayOf, orderStream, orderTotal, type OrderRequest, unitsOf } from './order.ts'
import { orderEvent } from './order-event.ts'
import { orderSaga } from './order-saga.ts'

export interface PlaceInput {
  readonly key: string
  /** Digest of the request, to tell a repeat from another request under the same key. */
  readonly digest: string
  /** The id to use if this is the first request under the key. */
  readonly id: string
  readonly order: OrderRequest
  /** x-request-id of the request, so that the order can be followed back to the gateway. */
  readonly requestId: string | null
}

export interface Placed {
  readonly id: string
  /** Null when this repeats an earlier request. */
  readonly started: Started | null
}

/** A row of `shop_request`: what a key was used for. */
interface RequestRow {
  readonly digest: string
  readonly order_id: string
}

/** The order id that the key led to before; undefined for a new key. */
export function* earlierRequest(
  tx: Tx,
  scope: string,
  key: string,
  digest: string,
): Program<string | undefined> {
  const row = yield* tx.get<RequestRow>(
    'SELECT digest, order_id FROM shop_request WHERE scope = ? AND key = ?',
    scope,
    key,
  )
  if (row === undefined) return undefined
  if (row.digest !== digest) throw shopErrors.error('TM_SHOP_IDEMPOTENCY_CONFLICT', { key })
  return row.order_id
}

export function* rememberRequest(
  tx: Tx,
  scope: string,
  key: string,
  digest: string,
  orderId: string,
): Program<void> {
  yield* tx.run(
    'INSERT INTO shop_request (scope, key, digest, order_id, at) VALUES (?, ?, ?, ?, ?)',
    scope,
    key,
    digest,
    orderId,
    tx.now,
  )
}

/** Opens an order in one transaction: key, event, order page, saga and its first message. */
export const placeOrder: Procedure<PlaceInput, Placed> = procedure(
  import.meta.url,
  'placeOrder',
  function* (tx, { key, digest, id, order, requestId }: PlaceInput): Program<Placed> {
    const earlier = yield* earlierRequest(tx, 'place', key, digest)
    if (earlier !== undefined) return { id: earlier, started: null }
    const taken = yield* tx.get('SELECT 1 FROM shop_order WHERE id = ?', id)
    if (taken !== undefined) throw shopErrors.error('TM_SHOP_ORDER_EXISTS', { id })
    yield* rememberRequest(tx, 'place', key, digest, id)

    const { customer, country, currency, placedAt, lines } = order
    const total = orderTotal(lines)
    const data = { customer, country, currency, placedAt, total, lines }
    yield* appendProgram(tx, {
      stream: orderStream(id),
      events: [
        {
          ...orderEvent({ type: 'OrderPlaced', data }),
          ...(requestId === null ? {} : { meta: { requestId } }),
        },
      ],
      expected: 'none',
    })
    yield* tx.run(
      `INSERT INTO shop_order
        (id, customer, country, currency, state, confirmed, total, refunded, day, placed_at, at, lines, claimed)
        VALUES (?, ?, ?, ?, 'pending', 0, ?, 0, ?, ?, ?, ?, '[]')`,
      id,
      customer,
      country,
      currency,
      total,
      dayOf(placedAt),
      placedAt,
      tx.now,
      JSON.stringify(lines),
    )
    const input = { orderId: id, amount: total, currency, units: unitsOf(lines) }
    return { id, started: yield* startProgram(tx, orderSaga, { bizKey: id, input }) }
  },
)
