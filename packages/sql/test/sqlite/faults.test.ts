import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock, TidemillError, type VirtualClock } from '@tidemill/core'
import { type Faults, openTestDatabase, type TestDatabase } from '@tidemill/sql/testing'
import { temporaryFolder } from '../folder.ts'
import { fill, giveFunction, moody, stubborn, writeAndThrow } from '../procedures.ts'
import { schema } from '../schema.ts'

const codes = { io: 10, corrupt: 11, full: 13 }

interface Setting {
  readonly db: TestDatabase
  readonly clock: VirtualClock
  readonly url: string
}

async function withDatabase(
  run: (setting: Setting) => Promise<void>,
  faults: Faults = {},
): Promise<void> {
  using folder = temporaryFolder()
  const clock = createVirtualClock()
  const url = `sqlite:${folder.file('test.db')}`
  await using db = await openTestDatabase({ url, clock, faults })
  try {
    await db.migrate('test', schema)
    await run({ db, clock, url })
  } finally {
    await db.close()
  }
}

async function outcomes(promises: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const results = await Promise.allSettled(promises)
  return results.map((result) =>
    result.status === 'fulfilled'
      ? result.value
      : TidemillError.is(result.reason)
        ? result.reason.code
        : String(result.reason),
  )
}

async function count(db: TestDatabase): Promise<number> {
  const [row] = await db.query<{ n: number }>('SELECT count(*) AS n FROM item')
  return row?.n ?? -1
}

test('a caller that fails the COMMIT of a flush fails alone', () =>
  withDatabase(async ({ db }) => {
    const woken: string[] = []
    db.listen('items', () => woken.push('items'))
    const calls = [1, 2, 3, 4, 5].map((id) => db.call(fill, { id, poison: id === 3 }))
    assert.deepEqual(await outcomes(calls), [1, 2, 'TM_SQL_CONSTRAINT', 4, 5])
    assert.equal(await count(db), 4)
    assert.deepEqual(woken, ['items'])
  }))

test('a caller whose statement makes SQLite roll everything back fails alone', () =>
  withDatabase(async ({ db }) => {
    await db.call(fill, { id: 9 })
    const sql = 'INSERT OR ROLLBACK INTO item (id) VALUES (9)'
    const results = await outcomes([
      db.call(fill, { id: 1 }),
      db.call(stubborn, { id: 2, sql }),
      db.call(fill, { id: 3 }),
    ])
    assert.deepEqual(results, [1, 'TM_SQL_CONSTRAINT', 3])
    assert.equal(await count(db), 3)
  }))

test('a full disk rejects the whole flush, stops writes, and a trial write opens them again', () =>
  withDatabase(
    async ({ db, clock }) => {
      await db.call(fill, { id: 1 })
      const results = await outcomes([
        db.call(fill, { id: 2 }),
        db.call(fill, { id: 3, size: 1_000_000 }),
        db.call(fill, { id: 4 }),
      ])
      assert.deepEqual(results, ['TM_SQLITE_FULL', 'TM_SQLITE_FULL', 'TM_SQLITE_FULL'])
      assert.match(db.status().readOnly ?? '', /TM_SQLITE_FULL/u)
      const refused = [db.call(fill, { id: 5 }), db.tx(() => Promise.resolve(1))]
      assert.deepEqual(await outcomes(refused), ['TM_SQL_READ_ONLY', 'TM_SQL_READ_ONLY'])
      assert.equal(await count(db), 1)

      await db.setFaults({ maxPages: 12 })
      await clock.advance(1000)
      await count(db)
      assert.notEqual(db.status().readOnly, null, 'the trial write must need real room')

      await db.setFaults({ maxPages: 100_000 })
      await writable(db, clock)
      assert.deepEqual(await outcomes([db.call(fill, { id: 5 })]), [5])
      assert.equal(await count(db), 2)
      const tables = await db.query("SELECT name FROM sqlite_schema WHERE name = 'tm_probe'")
      assert.deepEqual(tables, [])
    },
    { maxPages: 40 },
  ))

async function writable(db: TestDatabase, clock: VirtualClock): Promise<void> {
  while (db.status().readOnly !== null) await clock.advance(1000)
}

test('a full disk inside an interactive transaction stops writes too', () =>
  withDatabase(
    async ({ db }) => {
      const work = db.tx((tx) => tx.do((program) => fill.program(program, { id: 1, size: 1e6 })))
      assert.deepEqual(await outcomes([work]), ['TM_SQLITE_FULL'])
      assert.match(db.status().readOnly ?? '', /TM_SQLITE_FULL/u)
    },
    { maxPages: 40 },
  ))

test('a disk that fails at COMMIT leaves the outcome unknown, and says so to every caller', () =>
  withDatabase(async ({ db, clock }) => {
    await db.setFaults({ failCommit: { at: 2, errcode: codes.io } })
    assert.deepEqual(await outcomes([db.call(fill, { id: 1 })]), [1])
    const unknown = 'TM_SQL_OUTCOME_UNKNOWN'
    const calls = [db.call(fill, { id: 2 }), db.call(fill, { id: 3 })]
    assert.deepEqual(await outcomes(calls), [unknown, unknown])
    assert.match(db.status().readOnly ?? '', /TM_SQL_OUTCOME_UNKNOWN/u)
    await writable(db, clock)
    assert.deepEqual(await outcomes([db.call(fill, { id: 4 })]), [4])
  }))

test('a COMMIT refused for lack of space keeps nothing of the flush', () =>
  withDatabase(async ({ db }) => {
    await db.setFaults({ failCommit: { at: 1, errcode: codes.full } })
    const calls = [db.call(fill, { id: 1 }), db.call(fill, { id: 2 })]
    assert.deepEqual(await outcomes(calls), ['TM_SQLITE_FULL', 'TM_SQLITE_FULL'])
    assert.equal(await count(db), 0)
  }))

test('callers of a flush during which the thread dies learn that the outcome is unknown', async () => {
  for (const when of ['before-commit', 'after-commit'] as const) {
    using folder = temporaryFolder()
    const url = `sqlite:${folder.file('test.db')}`
    await using db = await openTestDatabase({ url })
    await db.migrate('test', schema)
    await db.setFaults({ crash: { at: 2, when } })
    assert.deepEqual(await outcomes([db.call(fill, { id: 1 })]), [1])
    const calls = [2, 3].map((id) => db.call(fill, { id }))
    const unknown = 'TM_SQL_OUTCOME_UNKNOWN'
    assert.deepEqual(await outcomes(calls), [unknown, unknown])
    const later = [db.call(fill, { id: 4 }), db.query('SELECT 1'), db.tx(() => Promise.resolve(1))]
    const lost = 'TM_SQL_WORKER_LOST'
    assert.deepEqual(await outcomes(later), [lost, lost, lost])
    assert.match(db.status().readOnly ?? '', /exited with code 86/u)
    await db.close()
    await using again = await openTestDatabase({ url })
    assert.equal(await count(again), when === 'before-commit' ? 1 : 3)
    await again.close()
  }
})

test('calls still waiting when the thread dies learn that nothing of theirs was written', () =>
  withDatabase(async ({ db }) => {
    await db.setFaults({ crash: { at: 1, when: 'before-commit' } })
    const running = Array.from({ length: 1000 }, (_, id) => db.call(fill, { id }))
    const waiting = db.call(fill, { id: 5000 })
    const results = await outcomes([...running, waiting])
    assert.equal(results[0], 'TM_SQL_OUTCOME_UNKNOWN')
    assert.equal(results.at(-1), 'TM_SQL_WORKER_LOST')
  }))

test('an input that cannot cross the threads fails its caller alone, before anything is written', () =>
  withDatabase(async ({ db }) => {
    const bad = { id: 2, size: 10, extra: () => 1 }
    const calls = [db.call(fill, { id: 1 }), db.call(fill, bad), db.call(fill, { id: 3 })]
    assert.deepEqual(await outcomes(calls), [1, 'TM_SQL_NOT_CLONEABLE', 3])
    assert.equal(await count(db), 2)
  }))

test('an output that cannot cross the threads fails its caller, telling that the write stands', () =>
  withDatabase(async ({ db }) => {
    const good = db.call(fill, { id: 1 })
    const bad = db.call(giveFunction, { id: 2 })
    const [, result] = await Promise.allSettled([good, bad])
    assert.ok(result.status === 'rejected' && TidemillError.is(result.reason))
    assert.equal(result.reason.code, 'TM_SQL_NOT_CLONEABLE')
    assert.equal(result.reason.details['committed'], true)
    assert.equal(await good, 1)
    assert.equal(await count(db), 2)
  }))

test('a simulated slow disk delays each commit once, however many callers share it', () =>
  withDatabase(async ({ db }) => {
    await db.setFaults({ fsyncDelayMs: 5 })
    const before = db.status().commits
    await Promise.all(Array.from({ length: 100 }, (_, id) => db.call(fill, { id })))
    assert.ok(db.status().commits - before <= 2)
  }))

test('a caller that failed by itself keeps its own error when the COMMIT of its neighbours is unknown', () =>
  withDatabase(async ({ db }) => {
    await db.setFaults({ failCommit: { at: 1, errcode: codes.io } })
    const calls = [db.call(fill, { id: 1 }), db.call(writeAndThrow, { id: 2 })]
    const expected = ['TM_SQL_OUTCOME_UNKNOWN', 'TM_SQL_PROCEDURE_FAILED']
    assert.deepEqual(await outcomes(calls), expected)
  }))

test('callers that were not run again after an unknown COMMIT are refused, not unknown', () =>
  withDatabase(async ({ db }) => {
    // The first COMMIT is refused for the poison; then one by one, and the second of those fails in the disk.
    await db.setFaults({ failCommit: { at: 3, errcode: codes.io } })
    const calls = [1, 2, 3, 4].map((id) => db.call(fill, { id, poison: id === 4 }))
    const refused = 'TM_SQL_READ_ONLY'
    const expected = [1, 'TM_SQL_OUTCOME_UNKNOWN', refused, refused]
    assert.deepEqual(await outcomes(calls), expected)
  }))

test('a disk that fails at the COMMIT of an interactive transaction stops writes', () =>
  withDatabase(async ({ db }) => {
    await db.setFaults({ failCommit: { at: 1, errcode: codes.io } })
    const work = db.tx((tx) => tx.run('INSERT INTO item (id) VALUES (1)'))
    assert.deepEqual(await outcomes([work]), ['TM_SQL_OUTCOME_UNKNOWN'])
    assert.match(db.status().readOnly ?? '', /TM_SQL_OUTCOME_UNKNOWN/u)
  }))

test('a full disk fails the flush even where a program swallows the error', () =>
  withDatabase(
    async ({ db }) => {
      const sql = 'INSERT INTO item VALUES (1, zeroblob(1000000))'
      const calls = [db.call(stubborn, { id: 2, sql }), db.call(fill, { id: 3 })]
      assert.deepEqual(await outcomes(calls), ['TM_SQLITE_FULL', 'TM_SQLITE_FULL'])
      assert.equal(await count(db), 0)
    },
    { maxPages: 40 },
  ))

test('a full disk fails an interactive transaction that swallows the error', () =>
  withDatabase(
    async ({ db }) => {
      const work = db.tx(async (tx) => {
        await tx.run('INSERT INTO item (id) VALUES (1)')
        await outcomes([tx.run('INSERT INTO item VALUES (2, zeroblob(1000000))')])
      })
      assert.deepEqual(await outcomes([work]), ['TM_SQLITE_FULL'])
      assert.equal(await count(db), 0)
    },
    { maxPages: 40 },
  ))

test('a trial write that was interrupted does not stand in the way of the next', () =>
  withDatabase(async ({ db, clock }) => {
    await db.tx((tx) => tx.run('CREATE TABLE tm_probe (fill BLOB)'))
    await db.setFaults({ failCommit: { at: 1, errcode: codes.full } })
    assert.deepEqual(await outcomes([db.call(fill, { id: 1 })]), ['TM_SQLITE_FULL'])
    await clock.advance(1000)
    await count(db)
    assert.equal(db.status().readOnly, null)
  }))

test('a file found corrupted by a trial write is not written to again', () =>
  withDatabase(async ({ db, clock }) => {
    await db.setFaults({ failCommit: { at: 1, errcode: codes.full } })
    assert.deepEqual(await outcomes([db.call(fill, { id: 1 })]), ['TM_SQLITE_FULL'])
    await db.setFaults({ failCommit: { at: 1, errcode: codes.corrupt } })
    await clock.advance(1000)
    await count(db)
    await clock.advance(5000)
    await count(db)
    assert.match(db.status().readOnly ?? '', /TM_SQLITE_CORRUPT/u)
  }))

test('a migration during which the thread dies is applied whole or not at all', async () => {
  for (const when of ['before-commit', 'after-commit'] as const) {
    using folder = temporaryFolder()
    const url = `sqlite:${folder.file('test.db')}`
    await using db = await openTestDatabase({ url })
    await db.setFaults({ crash: { at: 1, when } })
    assert.deepEqual(await outcomes([db.migrate('test', schema)]), ['TM_SQL_OUTCOME_UNKNOWN'])
    await db.close()
    await using again = await openTestDatabase({ url })
    const { applied } = await again.migrate('test', schema)
    assert.equal(applied, when === 'before-commit' ? 1 : 0)
    assert.equal(await count(again), 0)
    await again.close()
  }
})

test('a reader thread that died is replaced; only its queries fail', async () => {
  using folder = temporaryFolder()
  const sql = 'SELECT 1 AS deadly'
  const url = `sqlite:${folder.file('test.db')}`
  await using db = await openTestDatabase({ url, readers: 1, faults: { crashQuery: sql } })
  assert.deepEqual(await outcomes([db.query(sql)]), ['TM_SQL_WORKER_LOST'])
  assert.deepEqual(await db.query('SELECT 2 AS two'), [{ two: 2 }])
  assert.equal(db.status().readOnly, null)
  await db.close()
})

test('outputs and notifications of a first try that was undone are not seen', () =>
  withDatabase(async ({ db }) => {
    const woken: string[] = []
    db.listen('thrown', () => woken.push('thrown'))
    db.listen('items', () => woken.push('items'))
    const calls = [1, 2].map((id) => db.call(writeAndThrow, { id }))
    const failed = 'TM_SQL_PROCEDURE_FAILED'
    assert.deepEqual(await outcomes([db.call(fill, { id: 3 }), ...calls]), [3, failed, failed])
    assert.deepEqual(woken, ['items'])
    assert.equal(await count(db), 1)
  }))

test('a caller is answered by the last run of its program, not by one that was undone', () =>
  withDatabase(async ({ db }) => {
    const calls = [db.call(fill, { id: 1 }), db.call(moody, null), db.call(fill, { id: 2 })]
    assert.deepEqual(await outcomes(calls), [1, 'second try', 2])
  }))

test('a failure of the store that leaves the transaction open undoes it all the same', () =>
  withDatabase(async ({ db }) => {
    const work = db.tx(async (tx) => {
      await tx.run('INSERT INTO item (id) VALUES (1)')
      await tx.run('PRAGMA query_only = ON')
      await outcomes([tx.run('INSERT INTO item (id) VALUES (2)')])
    })
    assert.deepEqual(await outcomes([work]), ['TM_SQLITE_READONLY'])
    assert.equal(await count(db), 0)
  }))

/** Many large calls, and while their flush runs, enough others that a second flush is sent behind it. */
async function twoFlushes(db: TestDatabase): Promise<{
  readonly first: readonly Promise<number>[]
  readonly second: readonly Promise<number>[]
}> {
  const rows = (from: number, size: number): Promise<number>[] =>
    Array.from({ length: 600 }, (_, at) => db.call(fill, { id: from + at, size }))
  const first = rows(1, 20_000)
  await new Promise((resolve) => setImmediate(resolve))
  return { first, second: rows(1001, 10) }
}

test('a flush that was sent behind a running one is committed by itself, and answers keep their order', () =>
  withDatabase(async ({ db }) => {
    const order: number[] = []
    const { first, second } = await twoFlushes(db)
    await Promise.all([...first, ...second].map(async (call) => order.push(await call)))
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    )
    assert.equal(await count(db), 1200)
  }))

test('a flush that was sent before a failed COMMIT was known is refused, and nothing of it is written', () =>
  withDatabase(async ({ db }) => {
    await db.setFaults({ failCommit: { at: 1, errcode: codes.io } })
    const { first, second } = await twoFlushes(db)
    assert.deepEqual(new Set(await outcomes(first)), new Set(['TM_SQL_OUTCOME_UNKNOWN']))
    assert.deepEqual(new Set(await outcomes(second)), new Set(['TM_SQL_READ_ONLY']))
    assert.equal(await count(db), 0)
  }))
