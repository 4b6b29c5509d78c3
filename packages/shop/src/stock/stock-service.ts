import type { Destination } from '@tidemill/saga'
import type { Database } from '@tidemill/sql'
import { countStock, type MoveKind, stockStep } from './stock-participant.ts'

export interface StockMove {
  readonly sku: string
  /** Below zero for units that left. */
  readonly quantity: number
  readonly direction: MoveKind
  readonly at: number
}

/** Keeps the number of units of every item; its database is `stock.db`. */
export interface StockService {
  readonly database: Database
  readonly destination: Destination
  /** Sets what is there (null: leaves it) and gives the number; durable when it resolves. */
  count(sku: string, available: number | null): Promise<number>
  /** Units by item; items that were never counted are absent. */
  available(skus: readonly string[]): Promise<ReadonlyMap<string, number>>
  moves(orderId: string): Promise<readonly StockMove[]>
}

export function createStock(database: Database): StockService {
  return {
    database,
    destination: (request) => database.call(stockStep, request),
    count: (sku, available) => database.call(countStock, { sku, available }),
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
