import type { Migration } from '@tidemill/sql'

/** The provider's own books: every request it decided, and for which days a bill was written. */
export const providerMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'requests and bills',
    up: {
      sqlite: [
        `CREATE TABLE provider_request (
          id INTEGER PRIMARY KEY,
          key TEXT NOT NULL UNIQUE,
          kind TEXT NOT NULL,
          outcome TEXT NOT NULL,
          reference TEXT NOT NULL,
          amount INTEGER NOT NULL,
          currency TEXT NOT NULL,
          at INTEGER NOT NULL,
          day TEXT NOT NULL
        ) STRICT`,
        `CREATE INDEX provider_request_day ON provider_request (day, id)`,
        `CREATE TABLE provider_bill (
          day TEXT PRIMARY KEY,
          entries INTEGER NOT NULL
        ) STRICT`,
      ],
    },
  },
]
