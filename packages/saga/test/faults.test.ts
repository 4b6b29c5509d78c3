import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { type Database, openDatabase, type Procedure } from '@tidemill/sql'
import { openTestDatabase, type TestDatabase } from '@tidemill/sql/testing'
import type { StepAnswer } from '@tidemill/saga'
import {
  openRig,
  orderSaga,
  orderSaga2,
  placeOrder,
  refundSaga,
  type Rig,
} from '@tidemill/saga/testing'

const rig = (options: Parameters<typeof openRig>[1] = {}): Promise<Rig> =>
  openRig(({ clock }) => openDatabase({ url: 'sqlite::memory:', clock }), options)

const allDone = { 'deduct.action': 1, 'charge.action': 1, 'confirm.action': 1 }

const never = (): Promise<StepAnswer> => new Promise(() => undefined)

type Call = (
  procedure: Procedure<unknown, unknown>,
  input: unknown,
  real: () => Promise<unknown>,
) => Promise<unknown>

/** The same database, with a hand on its calls. */
function through(database: Database, intercept: Call): Database {
  const call = (procedure: Procedure<unknown, unknown>, input: unknown): Promise<unknown> =>
    intercept(procedure, input, () => database.call(procedure, input))
  return Object.create(database, { call: { value: call } }) as Database
}

/** Starts a refund that nobody delivers and that seems to have killed its process three times. */
async function placePoison(shop: Rig, bizKey: string): Promise<void> {
  const input = { id: bizKey, amount: 1 }
  await shop.database.call(refundSaga, { do: 'start', bizKey, tenant: '', input })
  await shop.database.tx(async (tx) => {
    await tx.run('UPDATE local_msg SET unanswered = 3, next_at = 0 WHERE biz_key = ?', bizKey)
  })
}

describe('a compensation that is a dead letter', () => {
  it('keeps the saga open and stuck, while the other compensations go on', async () => {
    await using shop = await rig()
    let broken = true
    shop.script = (request, participant) =>
      broken && request.step === 'charge' && request.direction === 'compensate'
        ? Promise.resolve({} as unknown as StepAnswer)
        : participant()
    const { sagaId } = await shop.place({ id: 'A', amount: 1, refuse: ['charge'] })
    await shop.until(async () => (await shop.sagas.deadLetters()).length === 1)
    const began = shop.clock.now()
    await shop.until(async () => (await shop.effects('A'))['deduct.compensate'] === 1)
    assert.ok(shop.clock.now() - began <= 1000)
    await shop.settle()
    assert.equal((await shop.sagas.get(sagaId))?.state, 'stuck')
    broken = false
    const [letter] = await shop.sagas.deadLetters()
    await shop.sagas.redrive(letter?.id ?? 0)
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'compensated')
  })

  it('waits, when redriven, until the compensation that is under way has been answered', async () => {
    await using shop = await rig()
    const held = Promise.withResolvers<StepAnswer>()
    let broken = true
    shop.script = (request, participant) => {
      if (request.direction === 'action') return participant()
      if (request.step === 'deduct') return held.promise
      return broken ? Promise.resolve({} as unknown as StepAnswer) : participant()
    }
    const { sagaId } = await shop.place({ id: 'A', amount: 1, refuse: ['charge'] })
    await shop.until(() => shop.requests.at(-1)?.step === 'deduct' && shop.requests.length > 2)
    broken = false
    const sent = shop.requests.length
    const [letter] = await shop.sagas.deadLetters()
    await shop.sagas.redrive(letter?.id ?? 0)
    await shop.clock.advance(1000)
    await shop.settle()
    assert.equal(shop.requests.length, sent)
    held.resolve({ outcome: 'executed' })
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'compensated')
  })

  it('lets the saga end once it is discarded', async () => {
    await using shop = await rig()
    shop.script = (request, participant) =>
      request.step === 'charge' && request.direction === 'compensate'
        ? Promise.resolve({} as unknown as StepAnswer)
        : participant()
    const { sagaId } = await shop.place({ id: 'A', amount: 1, refuse: ['charge'] })
    await shop.until(async () => (await shop.effects('A'))['deduct.compensate'] === 1)
    const [letter] = await shop.sagas.deadLetters()
    await shop.sagas.discard(letter?.id ?? 0, 'refunded by hand')
    assert.equal((await shop.sagas.get(sagaId))?.state, 'compensated')
  })
})

it('leaves the holder its message when another compensation is answered out of turn', async () => {
  await using shop = await rig()
  const refund = Promise.withResolvers<StepAnswer>()
  shop.script = (request, participant) =>
    request.step === 'charge' && request.direction === 'compensate' ? refund.promise : participant()
  const { sagaId } = await shop.place({ id: 'A', amount: 1, refuse: ['charge'] })
  await shop.until(() => shop.requests.length === 3)
  const answer = { outcome: 'executed' } as const
  assert.equal(await shop.sagas.answer(sagaId, 'deduct', 'compensate', answer), true)
  await shop.settle()
  assert.equal(shop.requests.length, 3)
  assert.equal((await shop.sagas.get(sagaId))?.state, 'compensating')
  refund.resolve(answer)
  await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'compensated', 10)
  assert.equal(shop.sagas.status().late, 0)
})

describe('a passed deadline of a version that is not known here', () => {
  it('does not make the dispatcher sweep without a pause', async () => {
    await using shop = await rig({ definitions: [refundSaga], exclusive: false })
    await shop.database.call(placeOrder, { id: 'A', amount: 1 })
    shop.clock.step(16 * 60_000)
    await shop.until(() => shop.database.status().calls > 10)
    const { calls } = shop.database.status()
    for (let i = 0; i < 40; i++) {
      await shop.clock.advance(2)
      await shop.settle()
    }
    assert.ok(shop.database.status().calls - calls < 5)
  })

  it('does not hide the deadlines of others', async () => {
    await using shop = await rig({ definitions: [orderSaga] })
    shop.script = (request, participant) =>
      request.direction === 'action' ? never() : participant()
    for (let i = 0; i < 101; i++) await shop.database.call(placeOrder, { id: `old${i}`, amount: 1 })
    await shop.database.tx(async (tx) => {
      await tx.run('UPDATE saga SET def_version = 99, deadline_at = deadline_at - 1000')
      await tx.run(`UPDATE local_msg SET def = 'order/99'`)
    })
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    shop.clock.step(16 * 60_000)
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'compensated')
    assert.equal((await shop.sagas.get(sagaId))?.reason, 'the deadline passed')
  })
})

describe('closing', () => {
  it('aborts the attempts that were still under way when the drain was over', async () => {
    await using shop = await rig()
    const signals: AbortSignal[] = []
    shop.script = (_request, _participant, signal) => {
      signals.push(signal())
      return never()
    }
    await shop.place({ id: 'A', amount: 1 })
    await shop.settle()
    assert.equal(signals[0]?.aborted, false)
    await shop.sagas.close()
    assert.equal(signals[0]?.aborted, true)
  })

  it('waits for a claim that is being made and gives back what it claimed', async () => {
    await using shop = await rig()
    await shop.sagas.close()
    const gate = Promise.withResolvers<void>()
    let claiming = false
    const database = through(shop.database, async (procedure, _input, real) => {
      const output = await real()
      if (procedure.name === 'claimMessages') {
        claiming = true
        await gate.promise
      }
      return output
    })
    await shop.database.call(placeOrder, { id: 'A', amount: 1 })
    const other = await shop.another({ database })
    await shop.until(() => claiming, 10)
    let closed = false
    const closing = other.close().then(() => (closed = true))
    await shop.settle()
    assert.equal(closed, false)
    gate.resolve()
    await closing
    const rows = await shop.database.query('SELECT lease_owner, attempts FROM local_msg')
    assert.deepEqual({ ...rows[0] }, { lease_owner: null, attempts: 1 })
  })

  it('lets those go who wait for quiet, and those who ask afterwards', async () => {
    await using shop = await rig()
    shop.script = never
    await shop.place({ id: 'A', amount: 1 })
    const quiet = shop.sagas.idle()
    await shop.sagas.close()
    await quiet
    await shop.sagas.idle()
  })
})

describe('a saga database that fails at the acknowledgement', () => {
  it('repeats the attempt when the disk was full, and the step takes effect once', async () => {
    let database: TestDatabase | undefined
    await using shop = await openRig(
      async ({ clock }) => (database = await openTestDatabase({ url: 'sqlite::memory:', clock })),
    )
    shop.script = async (request, participant) => {
      const answer = await participant()
      const first = request.step === 'deduct' && request.attempt === 1
      if (first) await database?.setFaults({ failCommit: { at: 1, errcode: 13 } })
      return answer
    }
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'completed')
    assert.deepEqual(await shop.effects('A'), allDone)
    assert.deepEqual(
      shop.requests.map((request) => `${request.step} ${request.attempt}`),
      ['deduct 1', 'deduct 2', 'charge 1', 'confirm 1'],
    )
  })

  it('goes on from what was committed when the answer to the COMMIT was lost', async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-saga-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const url = `sqlite:${folder}/order.db`
    let database: TestDatabase | undefined
    await using shop = await openRig(
      async ({ clock }) => (database = await openTestDatabase({ url, clock })),
    )
    shop.script = async (_request, participant) => {
      const answer = await participant()
      await database?.setFaults({ crash: { at: 1, when: 'after-commit' } })
      return answer
    }
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    while (database?.status().readOnly === null) await shop.clock.advance(0)
    await shop.sagas.close()
    await database?.close()
    await using again = await openRig(({ clock }) => openDatabase({ url, clock }))
    await again.until(async () => (await again.sagas.get(sagaId))?.state === 'completed')
    assert.deepEqual(await again.effects('A'), allDone)
    assert.deepEqual(
      again.requests.map((request) => request.step),
      ['charge', 'confirm'],
    )
  })
})

it('begins the next saga of a key as soon as the one before it has ended', async () => {
  await using shop = await rig()
  const held = Promise.withResolvers<StepAnswer>()
  shop.script = (request, participant) =>
    request.type === 'order' && request.step === 'confirm' ? held.promise : participant()
  await shop.place({ id: 'A', amount: 1 })
  await shop.sagas.start(refundSaga, { bizKey: 'A', input: { id: 'A', amount: 1 } })
  await shop.until(() => shop.requests.length === 3)
  const began = shop.clock.monotonic()
  held.resolve({ outcome: 'executed' })
  await shop.until(() => shop.sagas.status().completed === 2)
  assert.ok(shop.clock.monotonic() - began <= 1000)
})

it('does not send the input of a saga back with the answer of its first step', async () => {
  await using shop = await rig()
  await shop.sagas.close()
  const answers: unknown[] = []
  const database = through(shop.database, (procedure, input, real) => {
    if (procedure.name === orderSaga.name) answers.push(input)
    return real()
  })
  const other = await shop.another({ database })
  other.deliver(await shop.database.call(placeOrder, { id: 'A', amount: 1 }))
  await shop.until(() => other.status().completed === 1)
  assert.equal(answers.length, 3)
  assert.ok(!JSON.stringify(answers).includes('payload'))
})

it('tries the retention again after it has failed', async () => {
  await using shop = await rig()
  let tried = 0
  const database = through(shop.database, (procedure, _input, real) => {
    if (procedure.name !== 'purgeMessages') return real()
    tried++
    return Promise.reject(new Error('the disk is full'))
  })
  await shop.another({ database, exclusive: false })
  for (let hour = 1; hour <= 2; hour++) {
    await shop.clock.advance(3_600_000)
    assert.equal(tried, hour)
  }
})

describe('a message that runs alone', () => {
  it('lets every destination go on when it is over', async () => {
    await using shop = await rig()
    const alone = Promise.withResolvers<StepAnswer>()
    shop.script = (request, participant) =>
      request.type === 'refund' ? alone.promise : participant()
    await placePoison(shop, 'P')
    await shop.until(() => shop.requests.length === 1)
    await shop.place({ id: 'A', amount: 1 })
    await shop.settle()
    assert.equal(shop.requests.length, 1)
    alone.resolve({ outcome: 'running' })
    await shop.until(() => shop.requests.some((request) => request.step === 'deduct'), 1)
    assert.equal(shop.requests[1]?.step, 'deduct')
  })

  it('is not sent when it has waited until its lease is nearly over', async () => {
    await using shop = await rig()
    const sent: number[] = []
    const began = shop.clock.monotonic()
    shop.script = () => {
      sent.push(shop.clock.monotonic() - began)
      return never()
    }
    for (const key of ['P', 'Q', 'R']) await placePoison(shop, key)
    await shop.until(() => sent.length === 2)
    await shop.clock.advance(5000)
    await shop.settle()
    // The third has 15 s of lease, of which 10 have passed and the attempt may take 5.
    assert.equal(shop.sagas.status().parked, 1)
  })
})

describe('many destinations', () => {
  it('take turns when the number under way is the limit', async () => {
    await using shop = await rig({ maxInFlight: 1, perDestination: 1 })
    shop.script = async (_request, participant) => participant()
    const placed = Array.from({ length: 20 }, (_, i) =>
      shop.sagas.start(orderSaga2, { bizKey: `A${i}`, input: { id: `A${i}`, amount: 1 } }),
    )
    await shop.sagas.start(refundSaga, { bizKey: 'R', input: { id: 'R', amount: 1 } })
    await Promise.all(placed)
    await shop.until(() => shop.requests.some((request) => request.type === 'refund'))
    const deducted = shop.requests.filter((request) => request.step === 'deduct').length
    assert.ok(deducted < 20, `${deducted} of 20 went before it`)
  })

  it('drains a backlog as fast as it is answered, not one claim per sweep', async () => {
    await using shop = await rig({ perDestination: 4, sweep: '10s' })
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        shop.database.call(placeOrder, { id: `A${i}`, amount: 1 }),
      ),
    )
    shop.clock.step(20_000)
    const began = shop.clock.monotonic()
    await shop.until(() => shop.sagas.status().completed === 300)
    assert.ok(shop.clock.monotonic() - began <= 20_000)
  })

  it('are looked for one by one, so that the backlog of a blocked one is never walked', async () => {
    await using shop = await rig()
    const { dueTo } = (await import('../src/sql/sqlite.ts')).sqliteText
    const plan = await shop.database.query<{ detail: string }>(`EXPLAIN QUERY PLAN ${dueTo}`)
    assert.match(plan[0]?.detail ?? '', /local_msg_due \(dest=\? AND def=\? AND next_at<\?\)/u)
    assert.ok(plan.every((row) => !/SCAN m|TEMP B-TREE/u.test(row.detail)))
  })
})
