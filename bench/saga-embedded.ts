import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  barrierMigrations,
  defineSaga,
  type Json,
  openSagas,
  type Participant,
  participant,
  type SagaDefinition,
  type Started,
  startProgram,
} from '@tidemill/saga'
import { type Database, openDatabase, type Procedure, procedure, type Program } from '@tidemill/sql'
import { defineBench } from './lib/bench.ts'
import { median } from './lib/measure.ts'

interface Order {
  readonly id: string
  readonly sku: string
  readonly quantity: number
  readonly amount: number
}

const schema = [
  'CREATE TABLE orders (id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, amount INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE TABLE stock (sku TEXT NOT NULL PRIMARY KEY, available INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE TABLE payments (id TEXT NOT NULL PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID',
  `INSERT INTO stock WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT 'sku-' || i, 1000000000 FROM n`,
]

export const deduct: Participant = participant(import.meta.url, 'deduct', {
  *action(tx, request): Program<void> {
    const { quantity, sku } = request.payload as unknown as Order
    yield* tx.run(
      'UPDATE stock SET available = available - ? WHERE sku = ? AND available >= ?',
      quantity,
      sku,
      quantity,
    )
  },
})

export const charge: Participant = participant(import.meta.url, 'charge', {
  *action(tx, request): Program<Json> {
    const { amount, id } = request.payload as unknown as Order
    yield* tx.run('INSERT INTO payments (id, amount) VALUES (?, ?)', id, amount)
    return { charged: amount }
  },
})

export const confirm: Participant = participant(import.meta.url, 'confirm', {
  *action(tx, request): Program<void> {
    yield* tx.run(`UPDATE orders SET state = 'confirmed' WHERE id = ?`, request.bizKey)
  },
})

export const benchSaga: SagaDefinition<Order> = defineSaga<Order>(import.meta.url, 'benchSaga', {
  type: 'order',
  version: 1,
  deadline: '15m',
  steps: [
    { name: 'deduct_stock', to: 'stock', kind: 'compensatable' },
    { name: 'charge', to: 'payment', kind: 'pivot' },
    { name: 'confirm', to: 'order', kind: 'retriable' },
  ],
})

export const placeOrder: Procedure<Order, Started> = procedure(
  import.meta.url,
  'placeOrder',
  function* (tx, order): Program<Started> {
    yield* tx.run(
      `INSERT INTO orders (id, state, amount) VALUES (?, 'pending', ?)`,
      order.id,
      order.amount,
    )
    return yield* startProgram(tx, benchSaga, { bizKey: order.id, input: order })
  },
)

export interface Run {
  readonly sagasPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicrosPerSaga: number
  readonly mainMicrosPerSaga: number
  readonly callsPerCommit: number
}

/** Keeps `concurrency` sagas under way for `seconds`, over three databases in real files with synchronous=FULL. */
export async function run(concurrency: number, seconds: number): Promise<Run> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-bench-saga-'))
  const open = async (name: string): Promise<Database> => {
    const database = await openDatabase({ url: `sqlite:${folder}/${name}.db` })
    await database.migrate('bench', [{ id: 1, name: 'schema', up: { sqlite: schema } }])
    await database.migrate('barrier', barrierMigrations)
    return database
  }
  const [order, stock, payment] = await Promise.all([open('order'), open('stock'), open('payment')])
  const sagas = await openSagas({
    database: order,
    definitions: [benchSaga],
    maxInFlight: 1024,
    perDestination: 128,
    destinations: {
      stock: (request) => stock.call(deduct, request),
      payment: (request) => payment.call(charge, request),
      order: (request) => order.call(confirm, request),
    },
  })
  const startedAt = new Map<string, number>()
  const latencies: number[] = []
  let placed = 0
  let under = 0
  let stopping = false
  const finished = Promise.withResolvers<void>()
  const next = (): void => {
    if (stopping) {
      if (under === 0) finished.resolve()
      return
    }
    under++
    const n = placed++
    const begun = performance.now()
    order
      .call(placeOrder, { id: `O${n}`, sku: `sku-${n % 1000}`, quantity: 1, amount: 1999 })
      .then((started) => {
        startedAt.set(started.sagaId, begun)
        sagas.deliver(started)
      })
      .catch((error: unknown) => {
        finished.reject(error)
      })
  }
  const onEnd = (message: unknown): void => {
    const { sagaId } = message as { readonly sagaId: string }
    latencies.push(performance.now() - (startedAt.get(sagaId) ?? 0))
    startedAt.delete(sagaId)
    under--
    next()
  }
  subscribe('tidemill:saga:end', onEnd)
  try {
    for (let i = 0; i < concurrency; i++) next()
    await new Promise((resolve) => setTimeout(resolve, 500))
    latencies.length = 0
    const begun = performance.now()
    const cpu = process.cpuUsage()
    const main = process.threadCpuUsage()
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    const count = latencies.length
    const elapsed = performance.now() - begun
    const used = process.cpuUsage(cpu)
    const mainUsed = process.threadCpuUsage(main)
    stopping = true
    await finished.promise
    const sorted = latencies.toSorted((a, b) => a - b)
    const at = (q: number): number => sorted[Math.floor(sorted.length * q)] ?? 0
    const status = order.status()
    return {
      sagasPerSecond: (count * 1000) / elapsed,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      cpuMicrosPerSaga: (used.user + used.system) / count,
      mainMicrosPerSaga: (mainUsed.user + mainUsed.system) / count,
      callsPerCommit: status.calls / status.commits,
    }
  } finally {
    unsubscribe('tidemill:saga:end', onEnd)
    await sagas.close()
    await Promise.all([order.close(), stock.close(), payment.close()])
    rmSync(folder, { recursive: true })
  }
}

export const bench = defineBench({
  name: 'saga-embedded',
  about:
    'three-step sagas over three SQLite files with synchronous=FULL, orchestrator and participants in one process',
  claims: [
    { id: 'rate', about: '512 sagas under way', unit: 'sagas/s', target: { atLeast: 10_000 } },
  ],
  async run(ctx) {
    const runs: Run[] = []
    const lane = (concurrency: number) => async (): Promise<number> => {
      const result = await run(concurrency, 2)
      if (concurrency === 512) runs.push(result)
      return result.sagasPerSecond
    }
    const lanes = await ctx.alternate({
      measure: 'rate',
      unit: 'sagas/s',
      rounds: 3,
      lanes: { '128 under way': lane(128), '512 under way': lane(512) },
    })
    ctx.value('rate', lanes['512 under way'])
    const of = (pick: (run: Run) => number): string => median(runs.map(pick)).toFixed(1)
    ctx.note(
      `CPU per saga: ${of((r) => r.cpuMicrosPerSaga)} us in all threads, ${of((r) => r.mainMicrosPerSaga)} us of it in the main thread`,
    )
    ctx.note(`a saga takes ${of((r) => r.p50Ms)} ms (p50), ${of((r) => r.p99Ms)} ms (p99)`)
    ctx.note(`${of((r) => r.callsPerCommit)} calls per commit in the saga database`)
  },
})
