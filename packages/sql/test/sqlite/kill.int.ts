import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { createSeededRandom } from '@tidemill/core'
import { openSqlite } from '@tidemill/core/sqlite'
import { openDatabase } from '@tidemill/sql'
import { temporaryFolder } from '../folder.ts'
import { schema } from '../schema.ts'

const rounds = 20

/** Runs the appender until it has acknowledged some ids and is killed at a moment chance picks. */
async function appendUntilKilled(
  url: string,
  first: number,
  acknowledgements: number,
): Promise<readonly number[]> {
  const args = process.execArgv.filter((arg) => arg.startsWith('--conditions'))
  const script = path.join(import.meta.dirname, 'kill.child.ts')
  const child = spawn(process.execPath, [...args, script, url, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let lines = 0
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    lines += chunk.filter((byte) => byte === 10).length
    if (lines >= acknowledgements) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return text.split('\n').slice(0, -1).map(Number)
}

test('no acknowledged call is lost when the process is killed, and the file stays sound', async () => {
  using folder = temporaryFolder()
  const file = folder.file('test.db')
  const url = `sqlite:${file}`
  await using created = await openDatabase({ url })
  await created.migrate('test', schema)
  await created.close()
  const random = createSeededRandom(7)
  const acknowledged = new Set<number>()
  for (let round = 0; round < rounds; round++) {
    const first = round * 1_000_000
    const ids = await appendUntilKilled(url, first, 1 + random.integer(4000))
    for (const id of ids) acknowledged.add(id)
    await using db = await openDatabase({ url })
    const rows = await db.query<{ id: number }>('SELECT id FROM item WHERE id >= ?', first)
    const stored = new Set(rows.map((row) => row.id))
    assert.deepEqual(
      ids.filter((id) => !stored.has(id)),
      [],
    )
    await db.close()
  }
  const db = openSqlite(file, { readOnly: true })
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' })
  const kept = Number(db.prepare('SELECT count(*) AS n FROM item').get()?.['n'])
  assert.ok(kept >= acknowledged.size && acknowledged.size >= rounds)
  db.close()
})
