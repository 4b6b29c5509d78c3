import type { Migration } from '@tidemill/sql'

/** Tables of the order service beside those of events, saga and barrier. */
export const orderMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'orders, refunds and idempotency keys',
    up: {
      sqlite: [
        `CREATE TABLE shop_order (
          id TEXT PRIMARY KEY,
          customer TEXT NOT NULL,
          country TEXT NOT NULL,
          currency TEXT NOT NULL,
          state TEXT NOT NULL,
          confirmed INTEGER NOT NULL,
          total INTEGER NOT NULL,
          refunded INTEGER NOT NULL,
          day TEXT NOT NULL,
          placed_at TEXT NOT NULL,
          at INTEGER NOT NULL,
          lines TEXT NOT NULL,
          claimed TEXT NOT NULL
        ) STRICT`,
        // Counting by state must not read the lines of every order.
        `CREATE INDEX shop_order_state ON shop_order (state)`,
        `CREATE INDEX shop_order_latest ON shop_order (at, id)`,
        `CREATE TABLE shop_refund (
          id TEXT PRIMARY KEY,
          order_id TEXT NOT NULL,
          state TEXT NOT NULL,
          amount INTEGER NOT NULL,
          units TEXT NOT NULL,
          day TEXT NOT NULL,
          at INTEGER NOT NULL
        ) STRICT`,
        `CREATE INDEX shop_refund_order ON shop_refund (order_id, at)`,
        `CREATE TABLE shop_request (
          scope TEXT NOT NULL,
          key TEXT NOT NULL,
          digest TEXT NOT NULL,
          order_id TEXT NOT NULL,
          at INTEGER NOT NULL,
          PRIMARY KEY (scope, key)
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  },
]
