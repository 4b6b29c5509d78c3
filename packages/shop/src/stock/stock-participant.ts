import {
  type Json,
  type Participant,
  participant,
  reject,
  type StepAnswer,
  type StepRequest,
} from '@tidemill/saga'
import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import type { Units } from '../order/order.ts'

/** What both sagas send to the stock service. */
type StockPayload = { readonly orderId: string; readonly units: readonly Units[] }

/** `deduct` takes out for an order, `undo` takes that back, `restock` puts in what a customer returned. */
export type MoveKind = 'deduct' | 'undo' | 'restock'

function* record(
  tx: Tx,
  request: StepRequest,
  kind: MoveKind,
  [sku, quantity]: Units,
): Program<void> {
  yield* tx.run(
    'INSERT INTO stock_move (saga_id, kind, sku, quantity, order_id, at) VALUES (?, ?, ?, ?, ?, ?)',
    request.sagaId,
    kind,
    sku,
    kind === 'deduct' ? -quantity : quantity,
    (request.payload as StockPayload).orderId,
    tx.now,
  )
}

function* putBack(tx: Tx, request: StepRequest, kind: 'undo' | 'restock'): Program<void> {
  for (const units of (request.payload as StockPayload).units) {
    yield* tx.run(
      'UPDATE stock_item SET available = available + ? WHERE sku = ?',
      units[1],
      units[0],
    )
    yield* record(tx, request, kind, units)
  }
}

const deduct: Participant = participant(import.meta.url, 'deduct', {
  *action(tx: Tx, request: StepRequest): Program<Json> {
    for (const units of (request.payload as StockPayload).units) {
      const [sku, quantity] = units
      const { changes } = yield* tx.run(
        'UPDATE stock_item SET available = available - ? WHERE sku = ? AND available >= ?',
        quantity,
        sku,
        quantity,
      )
      if (changes === 0) throw reject(`out of stock: ${sku}`, { sku, quantity })
      yield* record(tx, request, 'deduct', units)
    }
    return null
  },
  *compensate(tx: Tx, request: StepRequest): Program<void> {
    yield* putBack(tx, request, 'undo')
  },
})

const restock: Participant = participant(import.meta.url, 'restock', {
  *action(tx: Tx, request: StepRequest): Program<Json> {
    yield* putBack(tx, request, 'restock')
    return null
  },
})

/** The stock service as a participant. */
export const stockStep: Procedure<StepRequest, StepAnswer> = procedure(
  import.meta.url,
  'stockStep',
  (tx, request: StepRequest): Program<StepAnswer> =>
    request.step === 'restock' ? restock.program(tx, request) : deduct.program(tx, request),
)

export interface CountInput {
  readonly sku: string
  /** Units that are there; null leaves the number as it is, 0 for a new item. */
  readonly available: number | null
}

/** Sets the number of units that are there, as a stocktake does; gives the number. */
export const countStock: Procedure<CountInput, number> = procedure(
  import.meta.url,
  'countStock',
  function* (tx, { sku, available }: CountInput): Program<number> {
    const row = yield* tx.get<{ available: number }>(
      'SELECT available FROM stock_item WHERE sku = ?',
      sku,
    )
    const before = row?.available ?? 0
    const after = available ?? before
    if (row === undefined) {
      yield* tx.run('INSERT INTO stock_item (sku, available) VALUES (?, ?)', sku, after)
    } else if (after !== before) {
      yield* tx.run('UPDATE stock_item SET available = ? WHERE sku = ?', after, sku)
    }
    if (after !== before) {
      yield* tx.run(
        'INSERT INTO stock_count (sku, delta, at) VALUES (?, ?, ?)',
        sku,
        after - before,
        tx.now,
      )
    }
    return after
  },
)
