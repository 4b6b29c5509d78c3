import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type Clock, createVirtualClock, type Problem, TidemillError } from '@tidemill/core'
import type { Database, Migration } from '../database.ts'
import { procedure, type SqlValue } from '../program.ts'
import { addNested, addNote, echoValue, readNow, runStatement } from './procedures.ts'

export interface ContractOptions {
  readonly clock?: Clock
  readonly queueLimit?: number
}

/** Opens an empty database of the engine under test; the suite closes it. */
export type OpenForContract = (options: ContractOptions) => Promise<Database>

const columns = {
  sqlite: 'id INTEGER PRIMARY KEY, whole INTEGER, body TEXT, raw BLOB',
  postgres: 'id BIGINT PRIMARY KEY, whole BIGINT, body TEXT, raw BYTEA',
  mysql: 'id BIGINT PRIMARY KEY, whole BIGINT, body TEXT CHARACTER SET utf8mb4, raw BLOB',
  tidb: 'id BIGINT PRIMARY KEY, whole BIGINT, body TEXT CHARACTER SET utf8mb4, raw BLOB',
}

function statements(sample: string): readonly string[] {
  return [
    'CREATE TABLE note (id BIGINT PRIMARY KEY, place BIGINT, body TEXT)',
    'CREATE TABLE counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)',
    'INSERT INTO counter (id, value) VALUES (1, 0)',
    `CREATE TABLE sample (${sample})`,
  ]
}

const schema: readonly Migration[] = [
  {
    id: 1,
    name: 'contract tables',
    up: {
      sqlite: statements(columns.sqlite),
      postgres: statements(columns.postgres),
      mysql: statements(columns.mysql),
      tidb: statements(columns.tidb),
    },
  },
]

function everywhere(sql: string): Migration['up'] {
  return { sqlite: [sql], postgres: [sql], mysql: [sql], tidb: [sql] }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise)
  return TidemillError.is(error) ? error.code : String(error)
}

async function rejection(promise: Promise<unknown>): Promise<TidemillError> {
  try {
    await promise
  } catch (error) {
    return error as TidemillError
  }
  throw new assert.AssertionError({ message: 'the promise was expected to reject' })
}

/** Makes a database as it is after the first migration, whatever a case before has left in it. */
async function clear(database: Database): Promise<void> {
  await database.migrate('contract', schema)
  await database.tx(async (tx) => {
    for (const table of ['note', 'sample']) await tx.run(`DELETE FROM ${table}`)
    await tx.run('UPDATE counter SET value = 0')
    for (const table of ['a', 'b']) await tx.run(`DROP TABLE IF EXISTS ${table}`)
    await tx.run("DELETE FROM tm_migration WHERE namespace = 'm'")
  })
}

async function ids(database: Database): Promise<readonly number[]> {
  const rows = await database.query<{ id: number }>('SELECT id FROM note ORDER BY id')
  return rows.map((row) => row.id)
}

/** Registers what every engine must do as tests of node:test. */
export function databaseContract(name: string, open: OpenForContract): void {
  // Opening costs more than most cases: those that ask for nothing special share one database.
  let shared: Database | undefined
  const withDatabase: WithDatabase = async (test, options) => {
    if (options === undefined) {
      shared ??= await open({})
      await clear(shared)
      await test(shared)
      return
    }
    const database = await open(options)
    try {
      await database.migrate('contract', schema)
      await test(database)
    } finally {
      await database.close()
    }
  }
  describe(`${name}: database contract`, () => {
    after(() => shared?.close())
    callCases(withDatabase)
    txCases(withDatabase)
    valueCases(withDatabase)
    migrationCases(withDatabase)
    lifeCases(withDatabase, open)
  })
}

type WithDatabase = (
  test: (database: Database) => Promise<void>,
  options?: ContractOptions,
) => Promise<void>

function callCases(withDatabase: WithDatabase): void {
  it('answers concurrent calls in the order of calling, which is the order of commits', () =>
    withDatabase(async (database) => {
      const settled: number[] = []
      const calls = Array.from({ length: 300 }, async (_, id) => {
        const place = await database.call(addNote, { id })
        settled.push(id)
        return place
      })
      const places = await Promise.all(calls)
      assert.deepEqual(
        places,
        places.map((_, index) => index + 1),
      )
      assert.deepEqual(
        settled,
        places.map((_, index) => index),
      )
    }))

  it('undoes a failing caller alone and leaves no hole in what its neighbours count', () =>
    withDatabase(async (database) => {
      const calls = Array.from({ length: 60 }, (_, id) =>
        database.call(addNote, { id, ...(id % 3 === 0 ? { fail: 'coded' as const } : {}) }),
      )
      const results = await Promise.allSettled(calls)
      const kept = results.flatMap((result, id) => (result.status === 'fulfilled' ? [id] : []))
      assert.deepEqual(
        kept,
        Array.from({ length: 60 }, (_, id) => id).filter((id) => id % 3 !== 0),
      )
      assert.deepEqual(await ids(database), kept)
      const places = results.flatMap((result) =>
        result.status === 'fulfilled' ? [result.value] : [],
      )
      assert.deepEqual(
        places,
        kept.map((_, index) => index + 1),
      )
    }))

  it('gives a coded error of a procedure to its caller as it was thrown', () =>
    withDatabase(async (database) => {
      const error = await rejection(database.call(addNote, { id: 7, fail: 'coded' }))
      assert.equal(error.code, 'TM_TEST_REFUSED')
      assert.equal(error.text, 'refused')
      assert.equal(error.hint, 'do not')
      assert.equal(error.http, 422)
      assert.deepEqual(error.details, { id: 7, big: 2n ** 60n })
    }))

  it('reports any other exception of a procedure with its message and stack', () =>
    withDatabase(async (database) => {
      const error = await rejection(database.call(addNote, { id: 7, fail: 'plain' }))
      assert.equal(error.code, 'TM_SQL_PROCEDURE_FAILED')
      assert.match(error.message, /addNote.*a mistake/u)
      assert.match(String(error.details['stack']), /procedures/u)
    }))

  it('names the constraint that refused a write', () =>
    withDatabase(async (database) => {
      await database.call(addNote, { id: 1 })
      const error = await rejection(database.call(addNote, { id: 1 }))
      assert.equal(error.code, 'TM_SQL_CONSTRAINT')
      assert.equal(error.details['kind'], 'unique')
    }))

  it('reports a statement that the engine cannot run, with its text', () =>
    withDatabase(async (database) => {
      const sql = 'UPDATE nowhere SET x = 1'
      const error = await rejection(database.call(runStatement, { sql }))
      assert.equal(error.code, 'TM_SQL_STATEMENT')
      assert.equal(error.details['sql'], sql)
    }))

  it('refuses transaction control inside a procedure', () =>
    withDatabase(async (database) => {
      for (const sql of ['COMMIT', ' -- away\nrollback', '/* */BEGIN']) {
        assert.equal(await codeOf(database.call(runStatement, { sql })), 'TM_SQL_STATEMENT')
      }
      assert.equal(await database.call(addNote, { id: 1 }), 1)
    }))

  it('undoes only the savepoints that threw', () =>
    withDatabase(async (database) => {
      assert.equal(await database.call(addNested, { undo: [2] }), 1)
      assert.deepEqual(await ids(database), [1, 3, 11, 13])
    }))

  it('wakes listeners after the commit, not for what was undone', () =>
    withDatabase(async (database) => {
      const woken: string[] = []
      const seen: Promise<readonly number[]>[] = []
      const stops = ['notes', 'note-1', 'note-2', 'note-3'].map((topic) =>
        database.listen(topic, () => {
          woken.push(topic)
          seen.push(ids(database))
        }),
      )
      await Promise.allSettled([database.call(addNote, { id: 50, fail: 'coded' })])
      assert.deepEqual(woken, [])
      await database.call(addNested, { undo: [2] })
      assert.deepEqual(new Set(woken), new Set(['note-1', 'note-3']))
      assert.deepEqual(await Promise.all(seen), [
        [1, 3, 11, 13],
        [1, 3, 11, 13],
      ])
      for (const stop of stops) stop()
    }))

  it('stops waking a listener that asked for it', () =>
    withDatabase(async (database) => {
      let woken = 0
      const stop = database.listen('notes', () => woken++)
      await database.call(addNote, { id: 1 })
      stop()
      await database.call(addNote, { id: 2 })
      assert.equal(woken, 1)
    }))

  it('keeps the clock still during a transaction', () => {
    const clock = createVirtualClock(1_234_567)
    return withDatabase(
      async (database) => {
        assert.deepEqual(await database.call(readNow, null), [1_234_567, 1_234_567])
        clock.step(1000)
        assert.deepEqual(await database.call(readNow, null), [1_235_567, 1_235_567])
      },
      { clock },
    )
  })

  it('fails only the callers of a procedure that cannot be found', () =>
    withDatabase(async (database) => {
      const module = addNote.module
      const call = (at: string, name: string): Promise<unknown> =>
        database.call(procedure(at, name, addNote.program), { id: 99 })
      const results = await Promise.all([
        codeOf(call(module, 'nothing')),
        codeOf(call(module, 'notAProcedure')),
        codeOf(call(new URL('absent.ts', module).href, 'addNote')),
        database.call(addNote, { id: 1 }),
      ])
      const missing = 'TM_SQL_PROCEDURE_MISSING'
      assert.deepEqual(results, [missing, missing, missing, 1])
    }))
}

function txCases(withDatabase: WithDatabase): void {
  it('commits an interactive transaction when its function resolves', () =>
    withDatabase(async (database) => {
      const count = await database.tx(async (tx) => {
        const { changes } = await tx.run('INSERT INTO note (id) VALUES (?), (?)', 1, 2)
        const all = await tx.all('SELECT id FROM note')
        const one = await tx.get<{ id: number }>('SELECT id FROM note WHERE id = 2')
        const none = await tx.get('SELECT id FROM note WHERE id = 3')
        assert.deepEqual([changes, all.length, one?.id, none], [2, 2, 2, undefined])
        return all.length
      })
      assert.equal(count, 2)
      assert.deepEqual(await ids(database), [1, 2])
    }))

  it('rolls an interactive transaction back when its function rejects', () =>
    withDatabase(async (database) => {
      const work = database.tx(async (tx) => {
        await tx.run('INSERT INTO note (id) VALUES (1)')
        throw new RangeError('changed my mind')
      })
      await assert.rejects(work, RangeError)
      assert.deepEqual(await ids(database), [])
    }))

  it('runs a program inside an interactive transaction in a savepoint of its own', () =>
    withDatabase(async (database) => {
      const woken: string[] = []
      const stop = database.listen('notes', () => woken.push('notes'))
      await database.tx(async (tx) => {
        await tx.run('INSERT INTO note (id) VALUES (1)')
        const failed = tx.do((program) => addNote.program(program, { id: 2, fail: 'coded' }))
        assert.equal(await codeOf(failed), 'TM_TEST_REFUSED')
        await Promise.all([3, 4].map((id) => tx.do((program) => addNote.program(program, { id }))))
        assert.deepEqual(woken, [])
      })
      assert.deepEqual(await ids(database), [1, 3, 4])
      assert.deepEqual(woken, ['notes'])
      stop()
    }))

  it('keeps calls out of an interactive transaction', () =>
    withDatabase(async (database) => {
      const place = await database.tx(async (tx) => {
        const call = database.call(addNote, { id: 9 })
        assert.deepEqual(await tx.all('SELECT id FROM note'), [])
        return { call }
      })
      assert.equal(await place.call, 1)
    }))

  it('refuses statements of a transaction that is over', () =>
    withDatabase(async (database) => {
      const tx = await database.tx((inside) => Promise.resolve({ inside }))
      assert.equal(await codeOf(tx.inside.run('DELETE FROM note')), 'TM_SQL_TX_ENDED')
    }))

  it('rolls back a transaction that is held too long, and goes on', () => {
    const clock = createVirtualClock()
    return withDatabase(
      async (database) => {
        const begun = Promise.withResolvers<void>()
        const never = Promise.withResolvers<void>()
        const held = database.tx(async (tx) => {
          await tx.run('INSERT INTO note (id) VALUES (1)')
          begun.resolve()
          await never.promise
        })
        const outcome = codeOf(held)
        await begun.promise
        await clock.advance(30_000)
        assert.equal(await outcome, 'TM_SQL_TX_TIMEOUT')
        assert.equal(await database.call(addNote, { id: 2 }), 1)
        assert.deepEqual(await ids(database), [2])
      },
      { clock },
    )
  })

  it('gives a caller whose signal aborts the reason, and undoes a running transaction', () =>
    withDatabase(async (database) => {
      const control = new AbortController()
      const begun = Promise.withResolvers<void>()
      const never = Promise.withResolvers<void>()
      const running = database.tx(
        async (tx) => {
          await tx.run('INSERT INTO note (id) VALUES (1)')
          begun.resolve()
          await never.promise
        },
        { signal: control.signal },
      )
      await begun.promise
      const call = database.call(addNote, { id: 2 }, { signal: control.signal })
      const waiting = database.tx(() => Promise.resolve(1), { signal: control.signal })
      control.abort(new RangeError('enough'))
      const late = database.call(addNote, { id: 3 }, { signal: control.signal })
      const refused = [running, call, waiting, late]
      await Promise.all(refused.map((promise) => assert.rejects(promise, /enough/u)))
      assert.deepEqual(await ids(database), [])
    }))
}

function valueCases(withDatabase: WithDatabase): void {
  const samples: readonly (readonly [whole: SqlValue, body: SqlValue, raw: SqlValue])[] = [
    [0, '', new Uint8Array()],
    [null, null, null],
    [Number.MAX_SAFE_INTEGER, 'naïve 商店 🛒', new Uint8Array([0, 255, 7])],
    [Number.MIN_SAFE_INTEGER, "it's -- /* ? */ 'quoted'", new Uint8Array(70_000).fill(9)],
    [2n ** 53n + 1n, 'line\nline\r\n\ttab', new Uint8Array([1])],
    [-(2n ** 63n), 'x'.repeat(100_000), null],
    [2n ** 63n - 1n, null, new Uint8Array([1, 2])],
  ]
  it('gives back integers of 64 bits, text, bytes and null as they were written', () =>
    withDatabase(async (database) => {
      for (const [whole, body, raw] of samples) {
        const expected = { whole, body, raw }
        const read = await database.call(echoValue, expected)
        assert.deepEqual({ ...(read as object) }, expected)
        const [queried] = await database.query('SELECT whole, body, raw FROM sample')
        assert.deepEqual({ ...queried }, expected)
        const inTx = await database.tx((tx) => tx.get('SELECT whole, body, raw FROM sample'))
        assert.deepEqual({ ...inTx }, expected)
      }
    }))

  it('takes parameters in a query', () =>
    withDatabase(async (database) => {
      await Promise.all([1, 2, 3].map((id) => database.call(addNote, { id, text: `t${id}` })))
      const sql = 'SELECT body FROM note WHERE id >= ? AND body <> ? ORDER BY id'
      assert.deepEqual(await database.query(sql, 2, 't3'), [{ body: 't2' }])
    }))

  it('sees every acknowledged write in a query', () =>
    withDatabase(async (database) => {
      for (let id = 1; id <= 20; id++) {
        await database.call(addNote, { id })
        assert.equal((await ids(database)).length, id)
      }
    }))
}

function migrationCases(withDatabase: WithDatabase): void {
  const first: Migration = { id: 1, name: 'one', up: everywhere('CREATE TABLE a (x BIGINT)') }
  const second: Migration = { id: 2, name: 'two', up: everywhere('CREATE TABLE b (x BIGINT)') }

  it('applies each migration once, in order, per namespace', () =>
    withDatabase(async (database) => {
      assert.deepEqual(await database.migrate('m', [first]), { applied: 1 })
      assert.deepEqual(await database.migrate('m', [first, second]), { applied: 1 })
      assert.deepEqual(await database.migrate('m', [first, second]), { applied: 0 })
      assert.deepEqual(await database.migrate('m', [first]), { applied: 0 })
      assert.deepEqual(await database.query('SELECT x FROM b'), [])
    }))

  it('refuses a migration that has changed since it was applied', () =>
    withDatabase(async (database) => {
      await database.migrate('m', [first])
      const changed = { ...first, up: everywhere('CREATE TABLE a (x BIGINT, y BIGINT)') }
      const error = await rejection(database.migrate('m', [changed, second]))
      assert.equal(error.code, 'TM_SQL_MIGRATION_CHANGED')
      assert.deepEqual(error.details, { namespace: 'm', id: 1, name: 'one' })
    }))

  it('reports every gap and every missing dialect at once', () =>
    withDatabase(async (database) => {
      const error = await rejection(
        database.migrate('m', [first, { ...second, id: 3 }, { id: 3, name: 'empty', up: {} }]),
      )
      assert.equal(error.code, 'TM_SQL_MIGRATION_INVALID')
      const problems = error.details['problems'] as readonly Problem[]
      assert.deepEqual(
        problems.map((problem) => problem.path),
        ['/1/id', `/2/up/${database.dialect}`],
      )
    }))

  it('keeps nothing of a run in which a migration fails', () =>
    withDatabase(async (database) => {
      const broken: Migration = { id: 2, name: 'broken', up: everywhere('CREATE TABLE a (x)') }
      const error = await rejection(database.migrate('m', [first, broken]))
      assert.equal(error.code, 'TM_SQL_MIGRATION_FAILED')
      assert.equal(error.details['id'], 2)
      assert.deepEqual(await database.migrate('m', [first, second]), { applied: 2 })
    }))
}

function lifeCases(withDatabase: WithDatabase, open: OpenForContract): void {
  it('refuses calls beyond the queue limit at once and serves the others', () =>
    withDatabase(
      async (database) => {
        const calls = Array.from({ length: 5 }, (_, id) => database.call(addNote, { id }))
        const results = await Promise.allSettled(calls)
        const refused = results.filter((result) => result.status === 'rejected')
        assert.deepEqual(
          refused.map((result) => (result.reason as TidemillError).code),
          ['TM_SQL_OVERLOADED', 'TM_SQL_OVERLOADED'],
        )
        assert.deepEqual(await ids(database), [0, 1, 2])
        assert.equal(database.status().queueLimit, 3)
      },
      { queueLimit: 3 },
    ))

  it('finishes what was asked before close, and refuses what comes after', async () => {
    const database = await open({})
    await database.migrate('contract', schema)
    const calls = Array.from({ length: 50 }, (_, id) => database.call(addNote, { id }))
    const query = database.query('SELECT 1 AS one')
    const tx = database.tx((inside) => inside.run('INSERT INTO note (id) VALUES (99)'))
    const closed = database.close()
    assert.equal((await Promise.all(calls)).length, 50)
    assert.equal((await query).length, 1)
    assert.deepEqual(await tx, { changes: 1 })
    await closed
    await database.close()
    const late: readonly Promise<unknown>[] = [
      database.call(addNote, { id: 1 }),
      database.tx(() => Promise.resolve()),
      database.query('SELECT 1'),
      database.migrate('m', []),
    ]
    assert.deepEqual(
      await Promise.all(late.map((promise) => codeOf(promise))),
      late.map(() => 'TM_SQL_CLOSED'),
    )
  })

  it('counts calls and commits in its status', () =>
    withDatabase(async (database) => {
      const before = database.status()
      await Promise.all(Array.from({ length: 40 }, (_, id) => database.call(addNote, { id })))
      const later = database.status()
      assert.equal(later.calls - before.calls, 40)
      assert.ok(later.commits > before.commits && later.commits - before.commits <= 40)
      assert.deepEqual([later.queued, later.readOnly], [0, null])
    }))
}
