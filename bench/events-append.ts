import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type EventStore, openEventStore, type Projection, projection } from '@tidemill/events'
import type { Database } from '@tidemill/sql'
import { openTestDatabase } from '@tidemill/sql/testing'
import { defineBench } from './lib/bench.ts'

const callers = 256
const fsyncMs = 1
/** 208 bytes of JSON, as an OrderPlaced event is. */
const data = {
  orderId: '0199a3c0-5f00-7000-8000-000000000001',
  customer: '17850',
  country: 'United Kingdom',
  currency: 'GBP',
  lines: [
    { sku: '85123A', quantity: 6, unitPrice: 255 },
    { sku: '71053', quantity: 6, unitPrice: 339 },
  ],
}

export const perType: Projection = projection(import.meta.url, 'perType', {
  name: 'per-type',
  *apply(tx, event) {
    yield* tx.run(
      'INSERT INTO per_stream VALUES (?, 1) ON CONFLICT (stream) DO UPDATE SET n = n + 1',
      event.stream,
    )
  },
  *reset(tx) {
    yield* tx.run('DELETE FROM per_stream')
  },
})

interface Opened {
  readonly database: Database
  readonly store: EventStore
}

async function open(folder: string, name: string, fsyncDelayMs?: number): Promise<Opened> {
  const database = await openTestDatabase({
    url: `sqlite:${path.join(folder, name)}`,
    readers: 1,
    faults: fsyncDelayMs === undefined ? {} : { fsyncDelayMs },
  })
  const store = await openEventStore({ database })
  const per = 'CREATE TABLE per_stream (stream TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID'
  await database.migrate('bench', [{ id: 1, name: 'per', up: { sqlite: [per] } }])
  return { database, store }
}

let serial = 0

/** Microseconds of processor time per event, of both threads, by lane: it says more than a rate on a busy machine. */
const costs = new Map<string, number[]>()

/** Events per second of callers that each wait for their own append before the next. */
async function appended(
  lane: string,
  store: EventStore,
  at: number,
  size: number,
): Promise<number> {
  const events = Array.from({ length: size }, () => ({ type: 'OrderPlaced', data }))
  let done = 0
  const before = process.cpuUsage()
  const started = performance.now()
  const caller = async (): Promise<void> => {
    while (performance.now() < started + 1000) {
      await store.append(`order-${++serial >> 2}`, events)
      done += size
    }
  }
  await Promise.all(Array.from({ length: at }, caller))
  const { user, system } = process.cpuUsage(before)
  costs.set(lane, [...(costs.get(lane) ?? []), (user + system) / done])
  return (done / (performance.now() - started)) * 1000
}

export const bench = defineBench({
  name: 'events-append',
  about:
    'The event store on SQLite with synchronous=FULL: appends of 208-byte events, and a projection',
  claims: [
    {
      id: 'grouped',
      about: `${callers} callers against one, ${fsyncMs} ms fsync simulated`,
      unit: 'x',
      target: { atLeast: 20 },
    },
    {
      id: 'slow',
      about: `${callers} callers, ${fsyncMs} ms fsync`,
      unit: 'events/s',
      target: { atLeast: 60_000 },
    },
    {
      id: 'batch',
      about: 'one caller, 100 events per append',
      unit: 'events/s',
      target: { atLeast: 150_000 },
    },
    {
      id: 'projection',
      about: 'one upsert per event',
      unit: 'events/s',
      target: { atLeast: 150_000 },
    },
  ],
  async run(ctx) {
    const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-bench-'))
    const native = await open(folder, 'native.db')
    const slow = await open(folder, 'slow.db', fsyncMs)
    const model = await open(folder, 'model.db')
    const events = Array.from({ length: 1000 }, () => ({ type: 'OrderPlaced', data }))
    for (let n = 0; n < 100; n++) await model.store.append(`order-${n}`, events)
    const processor = model.store.run(perType)
    const lanes = await ctx.alternate({
      measure: 'rate',
      unit: 'events/s',
      rounds: 3,
      lanes: {
        grouped: () => appended('grouped', slow.store, callers, 1),
        single: () => appended('single', slow.store, 1, 1),
        native: () => appended('native', native.store, callers, 1),
        batch: () => appended('batch', native.store, 1, 100),
        projection: async () => {
          await processor.rebuild()
          const started = performance.now()
          await processor.idle()
          return (100_000 / (performance.now() - started)) * 1000
        },
      },
    })
    ctx.ratio('grouped', lanes.grouped, lanes.single)
    ctx.value('slow', lanes.grouped)
    ctx.value('batch', lanes.batch)
    ctx.value('projection', lanes.projection)
    for (const [lane, samples] of costs) {
      const middle = samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? 0
      ctx.note(`${lane}: ${middle.toFixed(1)} us of processor time per event, both threads`)
    }
    for (const { store, database } of [native, slow, model]) {
      await store.close()
      await database.close()
    }
    rmSync(folder, { recursive: true })
  },
})
