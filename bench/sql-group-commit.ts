import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openSqlite } from '@tidemill/core/sqlite'
import { type Database, procedure, type Tx } from '@tidemill/sql'
import { openTestDatabase } from '@tidemill/sql/testing'
import { defineBench } from './lib/bench.ts'
import { median } from './lib/measure.ts'

const callers = 256
const fsyncMs = 1
/** 208 bytes, as an OrderPlaced event is. */
const data = JSON.stringify({
  orderId: '0199a3c0-5f00-7000-8000-000000000001',
  customer: '17850',
  country: 'United Kingdom',
  currency: 'GBP',
  lines: [
    { sku: '85123A', quantity: 6, unitPrice: 255 },
    { sku: '71053', quantity: 6, unitPrice: 339 },
  ],
}).padEnd(208)

const schema = [
  'CREATE TABLE seq (shard INTEGER PRIMARY KEY, position INTEGER NOT NULL)',
  'INSERT INTO seq VALUES (0, 0)',
  `CREATE TABLE stream (tenant TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL,
     PRIMARY KEY (tenant, stream)) WITHOUT ROWID`,
  `CREATE TABLE event (position INTEGER PRIMARY KEY, tenant TEXT NOT NULL, stream TEXT NOT NULL,
     version INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, data TEXT NOT NULL, at INTEGER NOT NULL,
     UNIQUE (tenant, stream, version))`,
]
const upsertStream = `INSERT INTO stream VALUES (?, ?, 1)
  ON CONFLICT (tenant, stream) DO UPDATE SET version = version + 1`
const readVersion = 'SELECT version FROM stream WHERE tenant = ? AND stream = ?'
const nextPosition = 'UPDATE seq SET position = position + 1 WHERE shard = 0'
const readPosition = 'SELECT position FROM seq WHERE shard = 0'
const insertEvent = 'INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)'

interface Append {
  readonly stream: string
  readonly id: string
  readonly type: string
  readonly data: string
}

/** One event appended the way an event store does it: stream row, position counter, event row. */
export const append = procedure(import.meta.url, 'append', function* (tx: Tx, input: Append) {
  yield* tx.run(upsertStream, 'main', input.stream)
  const stream = yield* tx.get<{ version: number }>(readVersion, 'main', input.stream)
  yield* tx.run(nextPosition)
  const next = yield* tx.get<{ position: number }>(readPosition)
  const version = stream?.version ?? 0
  const position = next?.position ?? 0
  yield* tx.run(
    insertEvent,
    position,
    'main',
    input.stream,
    version,
    input.id,
    input.type,
    input.data,
    tx.now,
  )
  return { version, position }
})

let serial = 0
function nextAppend(): Append {
  const id = `0199a3c0-5f00-7000-8000-${String(++serial).padStart(12, '0')}`
  return { stream: `order-${serial >> 2}`, id, type: 'OrderPlaced', data }
}

/** Appends per second of `callers` that each wait for their own append before the next. */
async function grouped(
  database: Database,
  seconds: number,
  delay: ReturnType<typeof monitorEventLoopDelay>,
): Promise<number> {
  let appended = 0
  const started = performance.now()
  const until = started + seconds * 1000
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      await database.call(append, nextAppend())
      appended++
    }
  }
  delay.enable()
  await Promise.all(Array.from({ length: callers }, caller))
  delay.disable()
  return (appended / (performance.now() - started)) * 1000
}

/** The peer: the same statements on node:sqlite in this thread, prepared once, one transaction per append. */
function single(folder: string): (seconds: number) => number {
  const db = openSqlite(path.join(folder, 'single.db'))
  for (const sql of schema) db.exec(sql)
  const begin = db.prepare('BEGIN IMMEDIATE')
  const stream = db.prepare(upsertStream)
  const version = db.prepare(readVersion)
  const next = db.prepare(nextPosition)
  const position = db.prepare(readPosition)
  const insert = db.prepare(insertEvent)
  const commit = db.prepare('COMMIT')
  const cell = new Int32Array(new SharedArrayBuffer(4))
  return (seconds) => {
    let appended = 0
    const started = performance.now()
    while (performance.now() < started + seconds * 1000) {
      const input = nextAppend()
      begin.run()
      stream.run('main', input.stream)
      const read = version.get('main', input.stream)?.['version'] ?? 0
      next.run()
      const at = position.get()?.['position'] ?? 0
      insert.run(at, 'main', input.stream, read, input.id, input.type, input.data, Date.now())
      commit.run()
      Atomics.wait(cell, 0, 0, fsyncMs)
      appended++
    }
    return (appended / (performance.now() - started)) * 1000
  }
}

export const bench = defineBench({
  name: 'sql-group-commit',
  about: `${callers} callers appending one 208-byte event each, SQLite with synchronous=FULL`,
  claims: [
    {
      id: 'ratio',
      about: `against one transaction per append, ${fsyncMs} ms fsync simulated`,
      unit: 'x',
      target: { atLeast: 20 },
    },
    {
      id: 'native',
      about: 'on this disk',
      unit: 'appends/s',
      target: { atLeast: 60_000 },
    },
    {
      id: 'loop',
      about: 'main-loop delay, 99th percentile',
      unit: 'ms',
      target: { atMost: 5 },
    },
  ],
  async run(ctx) {
    const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-bench-'))
    const open = async (name: string, fsyncDelayMs?: number): Promise<Database> => {
      const database = await openTestDatabase({
        url: `sqlite:${path.join(folder, name)}`,
        faults: fsyncDelayMs === undefined ? {} : { fsyncDelayMs },
      })
      await database.migrate('bench', [{ id: 1, name: 'schema', up: { sqlite: schema } }])
      return database
    }
    const native = await open('native.db')
    const slow = await open('slow.db', fsyncMs)
    const one = single(folder)
    const delays: number[] = []
    const measured = async (database: Database): Promise<number> => {
      const delay = monitorEventLoopDelay({ resolution: 1 })
      const rate = await grouped(database, 1.5, delay)
      delays.push(delay.percentile(99) / 1e6)
      return rate
    }
    const lanes = await ctx.alternate({
      measure: 'rate',
      unit: 'appends/s',
      rounds: 5,
      lanes: {
        'grouped, 1 ms fsync': () => measured(slow),
        'one per transaction, 1 ms fsync': () => one(1),
        'grouped, native': () => measured(native),
      },
    })
    ctx.ratio('ratio', lanes['grouped, 1 ms fsync'], lanes['one per transaction, 1 ms fsync'])
    ctx.value('native', lanes['grouped, native'])
    ctx.value('loop', median(delays))
    const { calls, commits } = native.status()
    ctx.note(`${Math.round(calls / commits)} appends per commit`)
    await Promise.all([native.close(), slow.close()])
    rmSync(folder, { recursive: true })
  },
})
