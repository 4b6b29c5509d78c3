import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { openSqlite } from '@tidemill/core/sqlite'
import { openDatabase } from '@tidemill/sql'
import { temporaryFolder } from '../folder.ts'
import { fill } from '../procedures.ts'
import { schema } from '../schema.ts'

test('a file locked by a foreign program is waited for, then reported, and writes go on after it', async () => {
  using folder = temporaryFolder()
  const file = folder.file('test.db')
  await using db = await openDatabase({ url: `sqlite:${file}` })
  await db.migrate('test', schema)
  const foreign = openSqlite(file)
  foreign.exec('BEGIN IMMEDIATE')
  const waiting = db.call(fill, { id: 1 })
  await assert.rejects(
    waiting,
    (error) => TidemillError.is(error, 'TM_SQLITE_BUSY') && error.retryable,
  )
  assert.equal(db.status().readOnly, null)
  const patient = db.call(fill, { id: 2 })
  foreign.exec('ROLLBACK')
  assert.equal(await patient, 2)
  foreign.close()
  await db.close()
})
