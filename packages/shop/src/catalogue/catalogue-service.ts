import type { Database } from '@tidemill/sql'
import type { Minor } from '../money.ts'
import type { ItemRequest } from '../order/order-request.ts'
import type { StockPort } from '../stock/stock-service.ts'
import { type ItemRow, putItem } from './catalogue-program.ts'
import { seededItems } from './catalogue-seed.ts'

export interface Item {
  readonly sku: string
  readonly description: string
  readonly unitPrice: Minor
  readonly currency: string
  readonly available: number
}

/** What is sold; its database is `catalogue.db`. Items are never removed, so a code that was known once stays known. */
export interface CatalogueService {
  readonly database: Database
  /** Adds or changes an item; durable when it resolves. */
  put(sku: string, item: ItemRequest): Promise<{ readonly item: Item; readonly created: boolean }>
  get(sku: string): Promise<Item | undefined>
  /** Items by code, those after `after`. */
  list(limit: number, after: string): Promise<readonly Item[]>
  /** Those of the codes that the catalogue does not have. */
  unknown(skus: Iterable<string>): Promise<readonly string[]>
}

const columns = 'sku, description, unit_price AS "unitPrice", currency'

export async function openCatalogue(
  database: Database,
  stock: StockPort,
): Promise<CatalogueService> {
  // Codes seen in the catalogue. A code that is missing here is looked up, so the set is only a shortcut.
  const known = new Set<string>()

  const withStock = async (rows: readonly ItemRow[]): Promise<Item[]> => {
    if (rows.length === 0) return []
    const available = await stock.available(rows.map((row) => row.sku))
    return rows.map((row) => ({ ...row, available: available.get(row.sku) ?? 0 }))
  }
  const service: CatalogueService = {
    database,
    async put(sku, { description, unitPrice, currency, available }) {
      // Stock first: whoever finds the item in the catalogue finds it in the stock too.
      const left = await stock.count(sku, available ?? null)
      const row = { sku, description, unitPrice, currency }
      const created = await database.call(putItem, row)
      known.add(sku)
      return { item: { ...row, available: left }, created }
    },
    async get(sku) {
      const rows = await database.query<ItemRow>(
        `SELECT ${columns} FROM catalogue_item WHERE sku = ?`,
        sku,
      )
      return (await withStock(rows))[0]
    },
    async list(limit, after) {
      const rows = await database.query<ItemRow>(
        `SELECT ${columns} FROM catalogue_item WHERE sku > ? ORDER BY sku LIMIT ?`,
        after,
        limit,
      )
      return withStock(rows)
    },
    async unknown(skus) {
      const missing = new Set<string>()
      for (const sku of skus) if (!known.has(sku)) missing.add(sku)
      if (missing.size === 0) return []
      const marks = Array.from(missing, () => '?').join(', ')
      const rows = await database.query<{ sku: string }>(
        `SELECT sku FROM catalogue_item WHERE sku IN (${marks})`,
        ...missing,
      )
      for (const { sku } of rows) {
        known.add(sku)
        missing.delete(sku)
      }
      return [...missing]
    },
  }
  const rows = await database.query<{ sku: string }>('SELECT sku FROM catalogue_item')
  for (const { sku } of rows) known.add(sku)
  if (known.size === 0) {
    await Promise.all(seededItems.map(({ sku, ...item }) => service.put(sku, item)))
  }
  return service
}
