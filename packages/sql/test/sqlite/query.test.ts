import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { type Database, openDatabase } from '@tidemill/sql'
import { temporaryFolder } from '../folder.ts'
import { schema } from '../schema.ts'

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (TidemillError.is(error) ? error.code : String(error)),
  )
}

async function withDatabase(run: (db: Database) => Promise<void>): Promise<void> {
  using folder = temporaryFolder()
  await using db = await openDatabase({ url: `sqlite:${folder.file('test.db')}` })
  try {
    await db.migrate('test', schema)
    await run(db)
  } finally {
    await db.close()
  }
}

const numbers = (count: number): string =>
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i FROM n`

test('a query cannot write, not even behind WITH', () =>
  withDatabase(async (db) => {
    const code = 'TM_SQL_STATEMENT'
    assert.equal(await codeOf(db.query('DELETE FROM account')), code)
    const hidden = 'WITH gone AS (SELECT 1) DELETE FROM account'
    assert.equal(await codeOf(db.query(hidden)), 'TM_SQLITE_READONLY')
    assert.equal((await db.query('SELECT id FROM account')).length, 3)
    assert.equal(db.status().readOnly, null)
  }))

test('a result beyond 100,000 rows or 64 MiB is refused, not cut', () =>
  withDatabase(async (db) => {
    assert.equal((await db.query(numbers(100_000))).length, 100_000)
    assert.equal(await codeOf(db.query(numbers(100_001))), 'TM_SQL_RESULT_TOO_LARGE')
    const wide = 'SELECT zeroblob(40000000) AS a, zeroblob(40000000) AS b'
    assert.equal(await codeOf(db.query(wide)), 'TM_SQL_RESULT_TOO_LARGE')
  }))

test('rows carry the columns of the schema as it is after a change', () =>
  withDatabase(async (db) => {
    const read = (): Promise<readonly object[]> => db.query('SELECT * FROM account WHERE id = 1')
    const inTx = (): Promise<object | undefined> =>
      db.tx((tx) => tx.get('SELECT * FROM account WHERE id = 1'))
    assert.deepEqual(
      [await read(), await inTx()],
      [[{ id: 1, amount: 100 }], { id: 1, amount: 100 }],
    )
    await db.tx((tx) => tx.run('ALTER TABLE account RENAME COLUMN amount TO pence'))
    assert.deepEqual([await read(), await inTx()], [[{ id: 1, pence: 100 }], { id: 1, pence: 100 }])
    await db.tx((tx) => tx.run('ALTER TABLE account ADD COLUMN note TEXT'))
    const row = { id: 1, pence: 100, note: null }
    assert.deepEqual([await read(), await inTx()], [[row], row])
  }))

test('a parameter that SQLite cannot hold is refused with the statement', () =>
  withDatabase(async (db) => {
    const wrong = { a: 1 } as unknown as string
    assert.equal(await codeOf(db.query('SELECT ? AS x', wrong)), 'TM_SQL_STATEMENT')
    assert.equal(await codeOf(db.query('SELECT ? AS x', 2n ** 64n)), 'TM_SQL_STATEMENT')
  }))

test('many statements of different text are served beyond what the cache keeps', () =>
  withDatabase(async (db) => {
    await db.tx(async (tx) => {
      for (const round of [1, 2]) {
        for (let i = 0; i < 600; i++) {
          const row = await tx.get<{ x: number }>(`SELECT ${i} * ? AS x`, round)
          assert.equal(row?.x, i * round)
        }
      }
    })
  }))
