import { type Procedure, procedure, type Program } from '@tidemill/sql'

/** An item without its stock, which is in another database. */
export interface ItemRow {
  readonly sku: string
  readonly description: string
  readonly unitPrice: number
  readonly currency: string
}

/** Gives true when the item is new. */
export const putItem: Procedure<ItemRow, boolean> = procedure(
  import.meta.url,
  'putItem',
  function* (tx, { sku, description, unitPrice, currency }: ItemRow): Program<boolean> {
    const { changes } = yield* tx.run(
      'UPDATE catalogue_item SET description = ?, unit_price = ?, currency = ?, at = ? WHERE sku = ?',
      description,
      unitPrice,
      currency,
      tx.now,
      sku,
    )
    if (changes > 0) return false
    yield* tx.run(
      'INSERT INTO catalogue_item (sku, description, unit_price, currency, at) VALUES (?, ?, ?, ?, ?)',
      sku,
      description,
      unitPrice,
      currency,
      tx.now,
    )
    return true
  },
)
