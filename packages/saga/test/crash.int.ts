import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSeededRandom } from '@tidemill/core'

const shop = fileURLToPath(new URL('crash-shop.ts', import.meta.url))
const count = 60

interface Life {
  readonly signal: string | null
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: string
}

function live(folder: string, crashAt: string | undefined): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, shop, folder, String(count)], {
      env: { ...process.env, TM_CRASH_AT: crashAt ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({ signal, code, errors, lines: out.split('\n').filter((line) => line !== '') }),
    )
  })
}

function rows(folder: string, name: string, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(path.join(folder, `${name}.db`), { readOnly: true })
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.assign({}, row))
  } finally {
    database.close()
  }
}

function checkInvariants(folder: string, acknowledged: ReadonlySet<string>): void {
  const sagas = rows(folder, 'order', 'SELECT saga_id, biz_key, status FROM saga')
  assert.equal(sagas.length, count)
  const known = new Set(sagas.map((saga) => saga['saga_id']))
  for (const id of acknowledged) assert.ok(known.has(id), `${id} was acknowledged and is gone`)
  assert.deepEqual(rows(folder, 'order', 'SELECT id FROM local_msg WHERE status IN (0, 3)'), [])
  for (const saga of sagas) {
    const declined = Number(String(saga['biz_key']).slice(1)) % 5 === 0
    assert.equal(saga['status'], declined ? 'compensated' : 'completed')
  }
  for (const name of ['order', 'stock', 'payment']) {
    const twice = 'SELECT saga_id, step, direction FROM moves GROUP BY 1, 2, 3 HAVING count(*) > 1'
    assert.deepEqual(rows(folder, name, twice), [])
  }
  const confirmed = count - Math.ceil(count / 5)
  const sum = `SELECT coalesce(sum(CASE direction WHEN 'action' THEN n ELSE -n END), 0) AS n FROM moves`
  for (const name of ['order', 'stock', 'payment']) {
    assert.deepEqual(rows(folder, name, sum), [{ n: confirmed }])
  }
  const left = rows(folder, 'stock', 'SELECT available FROM stock')
  assert.deepEqual(left, [{ available: 1_000_000 - confirmed }])
  const states = rows(
    folder,
    'order',
    'SELECT state, count(*) AS n FROM orders GROUP BY state ORDER BY state',
  )
  assert.deepEqual(states, [
    { state: 'cancelled', n: count - confirmed },
    { state: 'confirmed', n: confirmed },
  ])
}

test('killed at every crash point in turn, nothing is lost and nothing happens twice', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-saga-crash-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const random = createSeededRandom(11)
  const acknowledged = new Set<string>()
  let kills = 0
  for (let round = 0; round < 2; round++) {
    for (const point of ['CP1', 'CP2', 'CP3', 'CP4', 'CP5', 'CP6', 'CP7', 'CP8']) {
      const life = await live(folder, `${point}:${1 + random.integer(6)}`)
      for (const line of life.lines) if (line !== 'done') acknowledged.add(line)
      if (life.signal === 'SIGKILL') kills++
      else assert.equal(life.code, 0, life.errors)
    }
  }
  const last = await live(folder, undefined)
  assert.equal(last.lines.at(-1), 'done', last.errors)
  assert.ok(kills >= 8, `only ${kills} kills`)
  t.diagnostic(`${kills} kills`)
  checkInvariants(folder, acknowledged)
})
