import type { Destination } from '@tidemill/saga'
import type { CallOptions, Database } from '@tidemill/sql'
import type { HopLog } from '../hop-log.ts'
import { callOf, orderOf } from '../rpc/step-call.ts'
import { countStock, type MoveKind, stockStep } from './stock-participant.ts'

export interface StockMove {
  readonly sku: string
  /** Below zero for units that left. */
  readonly quantity: number
  readonly direction: MoveKind
  readonly at: number
}

/** What other services ask of the stock service, in its process or by rpc. */
export interface StockPort {
  readonly destination: Destination
  /** Sets what is there (null: leaves it) and gives the number; durable when it resolves. */
  count(sku: string, available: number | null, options?: CallOptions): Promise<number>
  /** Units by item; items that were never counted are absent. */
  available(skus: readonly string[]): Promise<ReadonlyMap<string, number>>
  moves(orderId: string): Promise<readonly StockMove[]>
}

/** Keeps the number of units of every item; its database is `stock.db`. */
export interface StockService extends StockPort {
  readonly database: Database
}

export function createStock(database: Database, hops: HopLog): StockService {
  return {
    database,
    destination: (request, { signal, timeoutMs }) =>
      hops.follow(
        orderOf(request),
        { from: 'stock', to: 'stock.db', call: callOf(request), leftMs: timeoutMs },
        () => database.call(stockStep, request, { signal }),
      ),
    count: (sku, available, options) => database.call(countStock, { sku, available }, options),
    async available(skus) {
      const marks = skus.map(() => '?').join(', ')
      const rows = await database.query<{ sku: string; available: number }>(
        `SELECT sku, available FROM stock_item WHERE sku IN (${marks})`,
        ...skus,
      )
      return new Map(rows.map((row) => [row.sku, row.available]))
    },
    moves: (orderId) =>
      database.query<StockMove>(
        `SELECT sku, quantity, kind AS direction, at FROM stock_move
          WHERE order_id = ? ORDER BY at, saga_id, sku`,
        orderId,
      ),
  }
}
