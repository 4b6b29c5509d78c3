import type { Migration } from '@tidemill/sql'

/** Tables of the stock service. What is available is always the sum of the counts and the moves. */
export const stockMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'items, moves and counts',
    up: {
      sqlite: [
        `CREATE TABLE stock_item (
          sku TEXT PRIMARY KEY,
          available INTEGER NOT NULL CHECK (available >= 0)
        ) STRICT, WITHOUT ROWID`,
        `CREATE TABLE stock_move (
          saga_id TEXT NOT NULL,
          kind TEXT NOT NULL,
          sku TEXT NOT NULL,
          quantity INTEGER NOT NULL,
          order_id TEXT NOT NULL,
          at INTEGER NOT NULL,
          PRIMARY KEY (saga_id, kind, sku)
        ) STRICT, WITHOUT ROWID`,
        `CREATE INDEX stock_move_order ON stock_move (order_id)`,
        `CREATE TABLE stock_count (
          id INTEGER PRIMARY KEY,
          sku TEXT NOT NULL,
          delta INTEGER NOT NULL,
          at INTEGER NOT NULL
        ) STRICT`,
      ],
    },
  },
]
