import type { Migration } from '@tidemill/sql'

export const catalogueMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'items',
    up: {
      sqlite: [
        `CREATE TABLE catalogue_item (
          sku TEXT PRIMARY KEY,
          description TEXT NOT NULL,
          unit_price INTEGER NOT NULL,
          currency TEXT NOT NULL,
          at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  },
]
