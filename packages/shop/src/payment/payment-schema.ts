import type { Migration } from '@tidemill/sql'

/** The ledger: one row per movement of money that the provider told of, under the provider's id. */
export const paymentMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'ledger',
    up: {
      sqlite: [
        `CREATE TABLE payment (
          id TEXT PRIMARY KEY,
          kind TEXT NOT NULL,
          order_id TEXT NOT NULL,
          saga_id TEXT NOT NULL,
          amount INTEGER NOT NULL,
          currency TEXT NOT NULL,
          at INTEGER NOT NULL
        ) STRICT`,
        `CREATE INDEX payment_order ON payment (order_id)`,
      ],
    },
  },
]
