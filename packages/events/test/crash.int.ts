import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSeededRandom } from '@tidemill/core'
import { openDatabase } from '@tidemill/sql'
import { openEventStore } from '@tidemill/events'
import { createTotals, smallTotals } from './fixtures/read-models.ts'

const appender = fileURLToPath(new URL('fixtures/appender.ts', import.meta.url))

/** Runs the appender until it has acknowledged so many appends, kills it, and gives all it acknowledged. */
async function appendUntilKilled(file: string, run: number, kills: number): Promise<string[]> {
  const child = spawn(process.execPath, [...process.execArgv, appender, file, String(run)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acknowledged: string[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    acknowledged.push(line)
    if (acknowledged.length === kills) child.kill('SIGKILL')
  })
  await Promise.all([once(child, 'exit'), once(lines, 'close')])
  assert.equal(child.signalCode, 'SIGKILL')
  // The last line may have been cut by the kill.
  return acknowledged.filter((line) => /^\d+ s-\d \d+ \d+$/u.test(line)).slice(0, kills)
}

test('after kill -9 every acknowledged append is there, without gaps, and the read model agrees', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tidemill-events-'))
  const file = path.join(folder, 'events.db')
  const random = createSeededRandom(20_26)
  try {
    let before = 0
    for (let run = 1; run <= 8; run++) {
      const acknowledged = await appendUntilKilled(file, run, 1 + random.integer(400))
      await using database = await openDatabase({ url: `sqlite:${file}` })
      await using store = await openEventStore({ database })
      const places = new Map<number, string>()
      let last = 0
      for (let after = 0; ; after = last) {
        const page = await store.readAll({ after, limit: 1000 })
        if (page.length === 0) break
        for (const { position, stream, version } of page) {
          assert.equal(position, ++last)
          places.set(position, `${stream} ${version}`)
        }
      }
      for (const line of acknowledged) {
        const [, stream, version, position] = line.split(' ')
        assert.equal(places.get(Number(position)), `${stream} ${version}`, line)
        assert(Number(position) > before)
      }
      before = last
      const { problems, hashed } = await store.verify()
      assert.deepEqual(problems, [])
      assert.equal(hashed, last)
      await createTotals(database)
      const processor = store.run(smallTotals)
      await processor.idle()
      const [total] = await database.query<{ n: number }>('SELECT sum(sum) AS n FROM totals')
      assert.equal(total?.n, last)
      const [effects] = await database.query<{ n: number }>('SELECT count(*) AS n FROM effects')
      assert.equal(effects?.n, last)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
