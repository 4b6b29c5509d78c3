import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { type Problem, TidemillError } from '@tidemill/core'
import { openDatabase } from '@tidemill/sql'
import { temporaryFolder } from './folder.ts'

async function failure(promise: Promise<unknown>): Promise<TidemillError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(TidemillError.is(error))
  return error
}

test('wrong options are all reported at once', async () => {
  const error = await failure(
    openDatabase({ url: 'oracle:x', queueLimit: 0, readers: 1.5, txLimit: 'soon' }),
  )
  assert.equal(error.code, 'TM_SQL_OPTIONS')
  const problems = error.details['problems'] as readonly Problem[]
  assert.deepEqual(
    problems.map((problem) => problem.path),
    ['/url', '/queueLimit', '/readers', '/txLimit'],
  )
})

test('a database in memory has no readers', async () => {
  const error = await failure(openDatabase({ url: 'sqlite::memory:', readers: 1 }))
  assert.equal(error.code, 'TM_SQL_OPTIONS')
})

test('folders of a new file are made', async () => {
  using folder = temporaryFolder()
  await using db = await openDatabase({ url: `sqlite:${folder.file('a/b/c.db')}` })
  assert.equal(db.status().durable, true)
  await db.close()
})

test('a file that is open is refused to a second opener in the same process', async () => {
  using folder = temporaryFolder()
  const url = `sqlite:${folder.file('x.db')}`
  await using db = await openDatabase({ url })
  const error = await failure(openDatabase({ url }))
  assert.equal(error.code, 'TM_SQLITE_OWNED')
  assert.equal(error.details['pid'], process.pid)
  await db.close()
  await using again = await openDatabase({ url })
  await again.close()
})

test('a file that is not a database, and a path that leads nowhere, are refused with their names', async () => {
  using folder = temporaryFolder()
  const file = folder.file('bad.db')
  writeFileSync(file, 'this is not a database'.repeat(400))
  const corrupt = await failure(openDatabase({ url: `sqlite:${file}` }))
  assert.equal(corrupt.code, 'TM_SQLITE_CORRUPT')
  assert.equal(corrupt.details['file'], file)
  const nowhere = await failure(openDatabase({ url: `sqlite:${path.join(file, 'x.db')}` }))
  assert.equal(nowhere.code, 'TM_SQLITE_CANTOPEN')
})
