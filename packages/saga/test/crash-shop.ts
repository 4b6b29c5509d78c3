/** A shop over three files that dies where TM_CRASH_AT says; run as a process by the crash tests. */
import { subscribe } from 'node:diagnostics_channel'
import path from 'node:path'
import { type Database, openDatabase, type Procedure, procedure, type Program } from '@tidemill/sql'
import {
  barrierMigrations,
  defineSaga,
  type Destination,
  type Json,
  openSagas,
  type Participant,
  participant,
  reject,
  type SagaDefinition,
  type Started,
  startProgram,
} from '@tidemill/saga'
import { createCrashPoints } from '@tidemill/saga/testing'

interface Order {
  readonly id: string
  readonly decline: boolean
}

const crash = createCrashPoints(process.env['TM_CRASH_AT'])

export const shopTables: readonly string[] = [
  'CREATE TABLE stock (id INTEGER PRIMARY KEY, available INTEGER NOT NULL)',
  'INSERT INTO stock VALUES (1, 1000000)',
  'CREATE TABLE moves (saga_id TEXT NOT NULL, step TEXT NOT NULL, direction TEXT NOT NULL, n INTEGER NOT NULL)',
  'CREATE TABLE orders (id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL)',
]

const move = 'INSERT INTO moves (saga_id, step, direction, n) VALUES (?, ?, ?, ?)'

export const deduct: Participant = participant(import.meta.url, 'deduct', {
  *action(tx, request): Program<Json> {
    crash.pass('CP4')
    yield* tx.run('UPDATE stock SET available = available - 1')
    yield* tx.run(move, request.sagaId, request.step, 'action', 1)
    return { taken: 1 }
  },
  *compensate(tx, request, stored): Program<void> {
    const { taken } = stored as { readonly taken: number }
    yield* tx.run('UPDATE stock SET available = available + ?', taken)
    yield* tx.run(move, request.sagaId, request.step, 'compensate', taken)
  },
})

export const charge: Participant = participant(import.meta.url, 'charge', {
  *action(tx, request): Program<void> {
    if ((request.payload as unknown as Order).decline) throw reject('declined')
    yield* tx.run(move, request.sagaId, request.step, 'action', 1)
  },
  *compensate(tx, request): Program<void> {
    yield* tx.run(move, request.sagaId, request.step, 'compensate', 1)
  },
})

export const confirm: Participant = participant(import.meta.url, 'confirm', {
  *action(tx, request): Program<void> {
    yield* tx.run(`UPDATE orders SET state = 'confirmed' WHERE id = ?`, request.bizKey)
    yield* tx.run(move, request.sagaId, request.step, 'action', 1)
  },
})

export const shopSaga: SagaDefinition<Order> = defineSaga<Order>(import.meta.url, 'shopSaga', {
  type: 'order',
  version: 1,
  steps: [
    { name: 'deduct', to: 'stock', kind: 'compensatable' },
    { name: 'charge', to: 'payment', kind: 'pivot' },
    { name: 'confirm', to: 'order', kind: 'retriable' },
  ],
  // oxlint-disable-next-line eslint/require-yield -- it only dies
  *onChange(_tx, saga) {
    if (saga.state === 'compensating') crash.pass('CP8')
  },
  *onEnd(tx, saga) {
    if (saga.state === 'completed') return
    yield* tx.run(`UPDATE orders SET state = 'cancelled' WHERE id = ?`, saga.bizKey)
  },
})

export const placeOrder: Procedure<Order, Started> = procedure(
  import.meta.url,
  'placeOrder',
  function* (tx, order): Program<Started> {
    yield* tx.run(
      `INSERT INTO orders (id, state) VALUES (?, 'pending') ON CONFLICT DO NOTHING`,
      order.id,
    )
    const started = yield* startProgram(tx, shopSaga, { bizKey: order.id, input: order })
    crash.pass('CP1')
    return started
  },
)

async function open(folder: string, name: string): Promise<Database> {
  const database = await openDatabase({ url: `sqlite:${path.join(folder, name)}.db` })
  await database.migrate('shop', [{ id: 1, name: 'tables', up: { sqlite: shopTables } }])
  await database.migrate('barrier', barrierMigrations)
  return database
}

/** Places `count` orders, says which were acknowledged, waits until all sagas have ended. */
async function main(folder: string, count: number): Promise<void> {
  const [order, stock, payment] = await Promise.all(
    ['order', 'stock', 'payment'].map((name) => open(folder, name)),
  )
  if (order === undefined || stock === undefined || payment === undefined) return
  const to =
    (database: Database, work: Participant): Destination =>
    async (request) => {
      crash.pass('CP3')
      if (request.step !== 'deduct') crash.pass('CP7')
      const answer = await database.call(work, request)
      crash.pass('CP5')
      return answer
    }
  const sagas = await openSagas({
    database: order,
    definitions: [shopSaga],
    destinations: {
      stock: to(stock, deduct),
      payment: to(payment, charge),
      order: to(order, confirm),
    },
    // Innocent messages meet many deaths here.
    poison: { isolateAfter: 1000, deadAfter: 1000 },
  })
  subscribe('tidemill:saga:attempt', () => crash.pass('CP6'))
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const started = await order.call(placeOrder, { id: `O${i}`, decline: i % 5 === 0 })
      process.stdout.write(`${started.sagaId}\n`)
      crash.pass('CP2')
      sagas.deliver(started)
    }),
  )
  await sagas.idle()
  await sagas.close()
  await Promise.all([order.close(), stock.close(), payment.close()])
  process.stdout.write('done\n')
}

const [, script = '', folder, count] = process.argv
if (script.endsWith('crash-shop.ts') && folder !== undefined) await main(folder, Number(count))
