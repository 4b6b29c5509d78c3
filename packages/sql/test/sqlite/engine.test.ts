import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { type Database, openDatabase, type SqlValue } from '@tidemill/sql'
import { temporaryFolder } from '../folder.ts'
import { bind, fill, mirror, readAccount, reshape } from '../procedures.ts'
import { schema } from '../schema.ts'

async function withMemory(run: (db: Database) => Promise<void>): Promise<void> {
  await using db = await openDatabase({ url: 'sqlite::memory:' })
  try {
    await db.migrate('test', schema)
    await run(db)
  } finally {
    await db.close()
  }
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (TidemillError.is(error) ? error.code : String(error)),
  )
}

test('close ends although the last caller gave up while it waited', () =>
  withMemory(async (db) => {
    const control = new AbortController()
    const options = { signal: control.signal }
    const call = codeOf(db.call(fill, { id: 1 }, options))
    const tx = codeOf(db.tx(() => Promise.resolve(1), options))
    const closed = db.close()
    control.abort(new RangeError('enough'))
    assert.deepEqual(await Promise.all([call, tx]), ['RangeError: enough', 'RangeError: enough'])
    await closed
  }))

test('an input that refers to itself arrives as it is', () =>
  withMemory(async (db) => {
    interface Node {
      readonly children: Node[]
      readonly parent: Node | undefined
    }
    const root: Node = { children: [], parent: undefined }
    for (let n = 0; n < 10; n++) root.children.push({ children: [], parent: root })
    const value = (await db.call(mirror, { value: root })) as Node
    assert.equal(value.children[9]?.parent, value)
  }))

test('waiting calls are bounded by the bytes of whatever kind of value they carry', () =>
  withMemory(async (db) => {
    const large: readonly (() => unknown)[] = [
      () => 'x'.repeat(30_000_000),
      () => new ArrayBuffer(30_000_000),
      () => new Map([['bytes', new Uint8Array(30_000_000)]]),
      () => new Set([new Uint8Array(30_000_000)]),
    ]
    for (const make of large) {
      const calls = [1, 2, 3].map(() => db.call(mirror, { value: make() }))
      const last = codeOf(calls[2] as Promise<unknown>)
      await Promise.all(calls.slice(0, 2))
      assert.equal(await last, 'TM_SQL_OVERLOADED', String(make))
    }
  }))

test('a query whose parameter cannot cross the threads fails alone', () =>
  withMemory(async (db) => {
    const bad = (() => 1) as unknown as SqlValue
    const queries = [codeOf(db.query('SELECT ? AS x', bad)), codeOf(db.query('SELECT 1 AS x'))]
    assert.deepEqual(await Promise.all(queries), ['TM_SQL_STATEMENT', 'resolved'])
    assert.equal(await codeOf(db.tx((tx) => tx.run('SELECT ?', bad))), 'TM_SQL_STATEMENT')
  }))

test('a query cannot write to a database in memory', () =>
  withMemory(async (db) => {
    const hidden = 'WITH gone AS (SELECT 1) DELETE FROM account'
    assert.equal(await codeOf(db.query(hidden)), 'TM_SQLITE_READONLY')
    assert.equal((await db.query('SELECT id FROM account')).length, 3)
    assert.equal(await db.call(fill, { id: 1 }), 1)
    assert.equal(db.status().readOnly, null)
  }))

test('NaN is refused as a parameter, the other numbers come back as they were', () =>
  withMemory(async (db) => {
    assert.equal(await codeOf(db.call(bind, { value: Number.NaN })), 'TM_SQL_STATEMENT')
    assert.equal(await codeOf(db.query('SELECT ? AS x', Number.NaN)), 'TM_SQL_STATEMENT')
    for (const value of [Infinity, -Infinity, -0, 0.1, 2 ** 53, -(2 ** 63), 1e300]) {
      assert.ok(Object.is(await db.call(bind, { value }), value), String(value))
    }
  }))

test('a schema change that was undone is forgotten by prepared statements too', () =>
  withMemory(async (db) => {
    const before = { id: 1, amount: 100 }
    assert.deepEqual({ ...(await db.call(readAccount, null)) }, before)
    assert.equal(await codeOf(db.call(reshape, { fail: true })), 'TM_SQL_PROCEDURE_FAILED')
    assert.deepEqual({ ...(await db.call(readAccount, null)) }, before)
    await codeOf(db.tx((tx) => tx.do((program) => reshape.program(program, { fail: true }))))
    assert.deepEqual({ ...(await db.call(readAccount, null)) }, before)
    await db.call(reshape, { fail: false })
    assert.deepEqual({ ...(await db.call(readAccount, null)) }, { id: 1, pence: 100 })
  }))

test('a program that a transaction did not wait for undoes the transaction', () =>
  withMemory(async (db) => {
    let program: Promise<unknown> | undefined
    const work = db.tx(async (tx) => {
      program = tx.do(function* (inside) {
        yield* inside.run('INSERT INTO item (id) VALUES (1)')
        yield* inside.run('INSERT INTO item (id) VALUES (2)')
      })
      program.catch(() => undefined)
      await tx.run('INSERT INTO item (id) VALUES (3)')
    })
    assert.equal(await codeOf(work), 'TM_SQL_TX_ENDED')
    assert.deepEqual(await db.query('SELECT id FROM item'), [])
  }))

test('a relative path means the folder that was current when the database was opened', async () => {
  using folder = temporaryFolder()
  const before = process.cwd()
  process.chdir(path.dirname(folder.file('x.db')))
  await using db = await openDatabase({ url: 'sqlite:./x.db' })
  try {
    await db.migrate('test', schema)
    process.chdir('/')
    assert.equal((await db.query('SELECT id FROM account')).length, 3)
  } finally {
    process.chdir(before)
    await db.close()
  }
})
