import type { Closable } from '@tidemill/core'
import { barrierMigrations, type Destination } from '@tidemill/saga'
import { type Database, openDatabase } from '@tidemill/sql'
import type { ServiceContext } from '../service-context.ts'
import { stockMigrations } from './stock-schema.ts'
import { countStock, type MoveKind, stockStep } from './stock-participant.ts'

export interface StockMove {
  readonly sku: string
  /** Below zero for units that left. */
  readonly quantity: number
  readonly direction: MoveKind
  readonly at: number
}

/** Keeps the number of units of every item; owns `stock.db`. */
export interface StockService extends Closable {
  readonly database: Database
  readonly destination: Destination
  /** Sets what is there (null: leaves it) and gives the number; durable when it resolves. */
  count(sku: string, available: number | null): Promise<number>
  /** Units by item; items that were never counted are absent. */
  available(skus: readonly string[]): Promise<ReadonlyMap<string, number>>
  moves(orderId: string): Promise<readonly StockMove[]>
}

export async function openStock(context: ServiceContext): Promise<StockService> {
  const database = await openDatabase({ url: context.databaseUrl('stock'), clock: context.clock })
  try {
    await database.migrate('barrier', barrierMigrations)
    await database.migrate('stock', stockMigrations)
  } catch (error) {
    await database.close()
    throw error
  }
  const service: StockService = {
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
    close: () => database.close(),
    [Symbol.asyncDispose]: () => service.close(),
  }
  return service
}
