import type { Migration } from '@tidemill/sql'

export const schema: readonly Migration[] = [
  {
    id: 1,
    name: 'test tables',
    up: {
      sqlite: [
        'CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB)',
        `CREATE TABLE child (id INTEGER PRIMARY KEY,
           parent INTEGER REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED)`,
        'CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)',
        'INSERT INTO account VALUES (1, 100), (2, 100), (3, 100)',
      ],
    },
  },
]
