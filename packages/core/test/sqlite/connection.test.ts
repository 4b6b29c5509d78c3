import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { openSqlite, sqliteError, sqliteErrors } from '@tidemill/core/sqlite'

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-sqlite-'))
  try {
    run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The coded error that `run` throws, made by `sqliteError` when SQLite threw. */
function failure(file: string, run: () => void): TidemillError {
  try {
    run()
  } catch (error) {
    const coded = sqliteError(error, { file })
    assert.ok(TidemillError.is(coded), String(error))
    return coded
  }
  throw new assert.AssertionError({ message: 'expected a failure' })
}

test('opens with the durable settings, making the folders', () => {
  inFolder((folder) => {
    const db = openSqlite(path.join(folder, 'a', 'b.db'))
    const pragma = (name: string): unknown =>
      Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    assert.deepEqual(
      ['journal_mode', 'synchronous', 'wal_autocheckpoint', 'foreign_keys', 'busy_timeout'].map(
        pragma,
      ),
      ['wal', 2, 4000, 1, 5000],
    )
    db.close()
  })
})

test('refuses a file that is not a database, and a path that leads nowhere', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    writeFileSync(file, 'x'.repeat(10_000))
    const corrupt = failure(file, () => openSqlite(file))
    assert.equal(corrupt.code, 'TM_SQLITE_CORRUPT')
    assert.equal(corrupt.details['file'], file)
    const below = path.join(file, 'y.db')
    assert.equal(failure(below, () => openSqlite(below)).code, 'TM_SQLITE_CANTOPEN')
    const absent = path.join(folder, 'absent.db')
    const readOnly = failure(absent, () => openSqlite(absent, { readOnly: true }))
    assert.equal(readOnly.code, 'TM_SQLITE_CANTOPEN')
  })
})

test('refuses a file that is shorter than its header says', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    const db = openSqlite(file)
    db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000))')
    db.close()
    truncateSync(file, 40_000)
    const error = failure(file, () => openSqlite(file))
    assert.equal(error.code, 'TM_SQLITE_CORRUPT')
  })
})

test('surfaces a damaged page as corruption when it is read', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    const db = openSqlite(file)
    db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    db.close()
    const bytes = readFileSync(file)
    bytes.fill(0xff, 4096, 8192)
    writeFileSync(file, bytes)
    const again = openSqlite(file)
    const error = failure(file, () => again.exec('INSERT INTO t VALUES (2)'))
    assert.equal(error.code, 'TM_SQLITE_CORRUPT')
    again.close()
  })
})

test('codes a full file, a read-only connection and a lock of another connection', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    const db = openSqlite(file)
    db.exec('CREATE TABLE t (x); PRAGMA max_page_count = 10')
    const full = failure(file, () => db.exec('INSERT INTO t VALUES (zeroblob(100000))'))
    assert.deepEqual([full.code, full.retryable, full.http], ['TM_SQLITE_FULL', true, 507])
    const reader = openSqlite(file, { readOnly: true })
    const refused = failure(file, () => reader.exec('DELETE FROM t'))
    assert.equal(refused.code, 'TM_SQLITE_READONLY')
    const other = openSqlite(file)
    other.exec('PRAGMA busy_timeout = 1; BEGIN IMMEDIATE')
    db.exec('PRAGMA busy_timeout = 1')
    assert.equal(failure(file, () => db.exec('BEGIN IMMEDIATE')).code, 'TM_SQLITE_BUSY')
    for (const one of [db, reader, other]) one.close()
  })
})

test('codes what SQLite reports by its primary result code, and passes on what it did not report', () => {
  const failed = (errcode: number): Error =>
    Object.assign(new Error('reason'), { code: 'ERR_SQLITE_ERROR', errcode, errstr: '' })
  const codes = [10 | (4 << 8), 6, 26, 1].map((errcode) =>
    sqliteError(failed(errcode), { file: 'f' }),
  )
  assert.deepEqual(
    codes.map((error) => (error as TidemillError).code),
    ['TM_SQLITE_IO', 'TM_SQLITE_BUSY', 'TM_SQLITE_CORRUPT', 'TM_SQLITE_FAILED'],
  )
  const mistake = new TypeError('mine')
  assert.equal(sqliteError(mistake, { file: 'f' }), mistake)
  const coded = sqliteErrors.error('TM_SQLITE_OWNED')
  assert.equal(sqliteError(coded, { file: 'f' }), coded)
})
