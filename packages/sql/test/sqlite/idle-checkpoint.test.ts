import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { openSqlite } from '@tidemill/core/sqlite'
import { createIdleCheckpoint } from '../../src/sqlite/idle-checkpoint.ts'
import { temporaryFolder } from '../folder.ts'

test('what the log holds moves into the file once no commit came for a second', async () => {
  using folder = temporaryFolder()
  const file = folder.file('test.db')
  const clock = createVirtualClock()
  const db = openSqlite(file)
  const idle = createIdleCheckpoint(db, clock)
  const write = (): void => {
    db.exec('CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (zeroblob(200000))')
    idle.committed()
  }
  write()
  await clock.advance(600)
  write()
  await clock.advance(900)
  assert.ok(statSync(file).size < 200_000, 'the second write came in between')
  await clock.advance(1100)
  assert.ok(statSync(file).size > 400_000)
  assert.equal(clock.pending, 0, 'a file at rest costs nothing')
  write()
  idle.stop()
  assert.equal(clock.pending, 0)
  db.close()
})

test('a checkpoint leaves an open transaction alone', async () => {
  using folder = temporaryFolder()
  const clock = createVirtualClock()
  const db = openSqlite(folder.file('test.db'))
  const idle = createIdleCheckpoint(db, clock)
  db.exec('CREATE TABLE t (x)')
  idle.committed()
  db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)')
  await clock.advance(5000)
  db.exec('COMMIT')
  assert.equal(db.prepare('SELECT count(*) AS n FROM t').get()?.['n'], 1)
  idle.stop()
  db.close()
})
