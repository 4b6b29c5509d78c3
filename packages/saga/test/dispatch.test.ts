import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openDatabase } from '@tidemill/sql'
import { openSagas, reject, type StepAnswer } from '@tidemill/saga'
import { openRig, orderSaga, placeOrder, refundSaga, type Rig } from '@tidemill/saga/testing'

const rig = (options: Parameters<typeof openRig>[1] = {}): Promise<Rig> =>
  openRig(({ clock }) => openDatabase({ url: 'sqlite::memory:', clock }), options)

const never = (): Promise<StepAnswer> => new Promise(() => undefined)

describe('the dispatcher', () => {
  it('counts an attempt that takes too long as unknown, aborts it and ignores its late answer', async () => {
    await using shop = await rig()
    let aborted = 0
    const { promise, resolve } = Promise.withResolvers<StepAnswer>()
    shop.script = (request, participant, signal) => {
      if (request.attempt > 1) return participant()
      signal().addEventListener('abort', () => aborted++)
      return promise
    }
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.settle()
    await shop.clock.advance(5000)
    await shop.settle()
    assert.equal(aborted, 1)
    assert.match((await shop.sagas.get(sagaId))?.steps[0]?.error ?? '', /TM_SAGA_ATTEMPT_TIMEOUT/u)
    resolve({ outcome: 'rejected', reason: 'too late to matter' })
    shop.script = (_request, participant) => participant()
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'completed')
    assert.equal(shop.sagas.status().late, 1)
  })

  it('waits between attempts with full jitter under a doubling bound, and honours a longer Retry-After', async () => {
    await using shop = await rig()
    const at: number[] = []
    shop.script = (request, participant) => {
      at.push(shop.clock.monotonic())
      if (at.length === 1) throw new Error('down')
      if (at.length === 2) return Promise.resolve({ outcome: 'running', retryAfterMs: 30_000 })
      return request.step === 'deduct' ? participant() : never()
    }
    await shop.place({ id: 'A', amount: 1 })
    await shop.until(() => at.length >= 3, 10)
    assert.ok((at[1] ?? 0) - (at[0] ?? 0) <= 120)
    assert.ok((at[2] ?? 0) - (at[1] ?? 0) >= 30_000)
  })

  it('opens the circuit of a dead destination: attempts are not burned and others are not held up', async () => {
    await using shop = await rig()
    let down = true
    shop.script = (request, participant) => {
      if (down && request.step === 'deduct' && !request.bizKey.startsWith('ok'))
        throw new Error('down')
      return participant()
    }
    const ids: string[] = []
    for (let i = 0; i < 20; i++) ids.push((await shop.place({ id: `A${i}`, amount: 1 })).sagaId)
    await shop.until(() => shop.sagas.status().destinations[0]?.circuit === 'open', 10)
    const before = shop.requests.length
    await shop.clock.advance(400)
    await shop.settle()
    assert.equal(shop.requests.length, before)
    assert.ok(before < 40)
    down = false
    await shop.until(() => shop.sagas.status().completed === 20, 100)
  })

  it('sends at most the allowed number to one destination at once', async () => {
    await using shop = await rig({ perDestination: 2, maxInFlight: 8 })
    let under = 0
    let most = 0
    shop.script = async (request, participant) => {
      if (request.step === 'deduct') most = Math.max(most, ++under)
      const answer = await participant()
      if (request.step === 'deduct') under--
      return answer
    }
    await Promise.all(Array.from({ length: 12 }, (_, i) => shop.place({ id: `A${i}`, amount: 1 })))
    await shop.until(() => shop.sagas.status().completed === 12)
    assert.equal(most, 2)
  })

  it('ignores what a dispatcher says whose lease has been taken while the new holder still works', async () => {
    await using shop = await rig({ exclusive: false })
    const zombie = Promise.withResolvers<StepAnswer>()
    const holder = Promise.withResolvers<void>()
    shop.script = () => zombie.promise
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.settle()
    shop.script = async (_request, participant) => {
      await holder.promise
      return participant()
    }
    const other = await shop.another({ exclusive: true })
    await shop.until(() => shop.requests.length === 2, 10)
    zombie.resolve({ outcome: 'rejected', reason: 'a zombie speaks' })
    await shop.settle()
    assert.equal((await other.get(sagaId))?.state, 'running')
    assert.equal(shop.sagas.status().late, 1)
    holder.resolve()
    await shop.until(async () => (await other.get(sagaId))?.state === 'completed', 10)
  })

  it('lets a saga wait for its turn however long the one before it on the key takes', async () => {
    await using shop = await rig()
    let running = true
    shop.script = (request, participant) =>
      running && request.step === 'charge' ? Promise.resolve({ outcome: 'running' }) : participant()
    await shop.place({ id: 'A', amount: 1 })
    await shop.sagas.start(refundSaga, { bizKey: 'A', input: { id: 'A', amount: 1 } })
    for (let i = 0; i < 30; i++) {
      await shop.clock.advance(10_000)
      await shop.settle()
    }
    assert.ok(shop.requests.every((request) => request.type === 'order'))
    running = false
    await shop.until(() => shop.sagas.status().completed === 2, 1000)
    assert.equal(shop.requests.at(-1)?.type, 'refund')
  })

  it('takes an answer that arrives by another way, and what the operator orders', async () => {
    await using shop = await rig()
    shop.script = (request, participant) =>
      request.direction === 'action' ? never() : participant()
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.settle()
    const taken = await shop.sagas.answer(sagaId, 'deduct', 'action', {
      outcome: 'executed',
      result: { by: 'callback' },
    })
    assert.equal(taken, true)
    await shop.until(() => shop.requests.length === 2)
    assert.deepEqual(shop.requests[1]?.results, { deduct: { by: 'callback' } })
    await shop.sagas.compensate(sagaId, 'the customer changed her mind')
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'cancelled')
    assert.equal((await shop.sagas.byKey('order', 'A'))?.reason, 'the customer changed her mind')
    const audit = await shop.database.query('SELECT action, reason FROM saga_audit')
    assert.deepEqual(
      audit.map((row) => Object.assign({}, row)),
      [{ action: 'compensate', reason: 'the customer changed her mind' }],
    )
  })

  it('takes a refusal that a destination throws as a refusal', async () => {
    await using shop = await rig()
    const refusal = reject('out of stock', { sku: 'X' })
    assert.equal(refusal.code, 'TM_SAGA_REJECTED')
    shop.script = (request, participant) =>
      request.direction === 'action' ? Promise.reject(refusal) : participant()
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'compensated')
    const [step] = (await shop.sagas.get(sagaId))?.steps ?? []
    assert.deepEqual(step?.result, { reason: 'out of stock', sku: 'X' })
    assert.equal(shop.requests.length, 2)
  })

  it('finds a message that nobody delivered, once its lease has ended', async () => {
    await using shop = await rig()
    const started = await shop.database.call(placeOrder, { id: 'A', amount: 1 })
    await shop.until(async () => (await shop.sagas.get(started.sagaId))?.state === 'completed')
    assert.equal(shop.requests[0]?.attempt, 2)
  })

  it('gives back what it had queued when it closes, and another goes on at once', async () => {
    await using shop = await rig({ perDestination: 1 })
    shop.script = never
    for (let i = 0; i < 5; i++) await shop.place({ id: `A${i}`, amount: 1 })
    await shop.settle()
    await shop.sagas.close()
    shop.script = (_request, participant) => participant()
    const other = await shop.another({ exclusive: false })
    const began = shop.clock.now()
    await shop.until(() => other.status().completed >= 4)
    assert.ok(shop.clock.now() - began <= 1000)
  })

  it('deletes acknowledged messages after the retention, and nothing of open sagas', async () => {
    await using shop = await rig({ retention: '1d' })
    await shop.place({ id: 'A', amount: 1 })
    await shop.until(() => shop.sagas.status().completed === 1)
    shop.script = (request, participant) => (request.step === 'charge' ? never() : participant())
    const open = await shop.place({ id: 'B', amount: 1 })
    await shop.until(() => shop.requests.length === 5)
    assert.equal(await shop.sagas.purge(), 0)
    shop.clock.step(2 * 86_400_000)
    assert.equal(await shop.sagas.purge(), 3)
    const left = await shop.database.query('SELECT DISTINCT saga_id FROM local_msg')
    assert.deepEqual(
      left.map((row) => row['saga_id']),
      [open.sagaId],
    )
    const done = await shop.sagas.byKey('order', 'A')
    assert.deepEqual(done?.steps.map((step) => [step.name, step.state]).toSorted(), [
      ['charge', 'done'],
      ['confirm', 'done'],
      ['deduct', 'done'],
    ])
  })

  it('lists sagas by state and counts what is open', async () => {
    await using shop = await rig()
    await shop.place({ id: 'A', amount: 1 })
    await shop.place({ id: 'B', amount: 1, refuse: ['deduct'] })
    await shop.until(() => shop.sagas.status().completed + shop.sagas.status().compensated === 2)
    shop.script = never
    await shop.place({ id: 'C', amount: 1 })
    const keys = async (state?: 'completed' | 'compensated' | 'running') =>
      (await shop.sagas.list(state === undefined ? {} : { state })).map((saga) => saga.bizKey)
    assert.deepEqual(await keys('completed'), ['A'])
    assert.deepEqual(await keys('compensated'), ['B'])
    assert.deepEqual(await keys('running'), ['C'])
    assert.deepEqual((await keys()).toSorted(), ['A', 'B', 'C'])
    const [newest] = await shop.sagas.list({ limit: 1 })
    assert.equal(newest?.bizKey, 'C')
    const older = await shop.sagas.list({ before: newest.id })
    assert.deepEqual(older.map((saga) => saga.bizKey).toSorted(), ['A', 'B'])
    assert.deepEqual(await shop.sagas.counts(), {
      open: 1,
      compensating: 0,
      stuck: 0,
      pendingMessages: 1,
      deadLetters: 0,
    })
  })
})

describe('dead letters', () => {
  it('keeps a refusal behind the pivot as a dead letter; redriven with another payload it goes on', async () => {
    await using shop = await rig()
    shop.script = (request, participant) => {
      const { refuse } = request.payload as { readonly refuse?: readonly string[] }
      return request.step === 'confirm' && refuse !== undefined
        ? Promise.resolve({ outcome: 'rejected', reason: 'closed' })
        : participant()
    }
    const { sagaId } = await shop.place({ id: 'A', amount: 1, refuse: ['confirm'] })
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'stuck')
    await shop.sagas.idle()
    const [letter] = await shop.sagas.deadLetters()
    assert.equal(letter?.step, 'confirm')
    assert.deepEqual(letter.payload, { id: 'A', amount: 1, refuse: ['confirm'] })
    await shop.sagas.redrive(letter.id, { payload: { id: 'A', amount: 1 }, reason: 'mended' })
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'completed')
    assert.deepEqual(await shop.sagas.deadLetters(), [])
    const audit = await shop.database.query('SELECT action, message_id, reason FROM saga_audit')
    assert.deepEqual(
      audit.map((row) => Object.assign({}, row)),
      [{ action: 'edit+redrive', message_id: letter.id, reason: 'mended' }],
    )
    await assert.rejects(shop.sagas.redrive(letter.id), { code: 'TM_SAGA_NOT_DEAD' })
  })

  it('makes a dead letter of a destination that breaks the contract five times; discarded before the pivot it compensates', async () => {
    await using shop = await rig()
    shop.script = (request, participant) =>
      request.step === 'deduct' && request.direction === 'action'
        ? Promise.resolve({ outcome: 'executed', result: { n: 1n } } as unknown as StepAnswer)
        : participant()
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.until(async () => (await shop.sagas.deadLetters()).length === 1)
    const [letter] = await shop.sagas.deadLetters()
    assert.match(letter?.error ?? '', /TM_SAGA_HANDLER_CONTRACT/u)
    assert.equal(letter?.attempts, 5)
    await shop.sagas.discard(letter.id, 'not worth it')
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'compensated')
    assert.match((await shop.sagas.get(sagaId))?.reason ?? '', /discarded: not worth it/u)
  })

  it('lets the saga go on when a dead letter behind the pivot, or of a compensation, is discarded', async () => {
    await using shop = await rig()
    shop.script = (request, participant) => {
      const bad =
        request.bizKey === 'A' ? request.step === 'confirm' : request.direction === 'compensate'
      return bad ? Promise.resolve({} as unknown as StepAnswer) : participant()
    }
    const forward = await shop.place({ id: 'A', amount: 1 })
    const back = await shop.place({ id: 'B', amount: 1, refuse: ['deduct'] })
    await shop.until(async () => (await shop.sagas.deadLetters()).length === 2)
    for (const letter of await shop.sagas.deadLetters())
      await shop.sagas.discard(letter.id, 'given up')
    assert.equal((await shop.sagas.get(forward.sagaId))?.state, 'completed')
    assert.equal((await shop.sagas.get(back.sagaId))?.state, 'compensated')
    assert.equal((await shop.sagas.get(forward.sagaId))?.steps[2]?.state, 'discarded')
  })

  it('runs a message alone that was claimed three times without any answer, and buries it at the fifth', async () => {
    await using shop = await rig()
    // Each "process" dies with the poisonous message under way: it never answers and never closes.
    shop.script = (request, participant) => (request.bizKey === 'poison' ? never() : participant())
    const { sagaId } = await shop.place({ id: 'poison', amount: 1 })
    await shop.settle()
    for (let i = 0; i < 4; i++) {
      await shop.another({ exclusive: true })
      await shop.settle()
    }
    assert.equal((await shop.sagas.deadLetters()).length, 0)
    await shop.another({ exclusive: true })
    await shop.until(async () => (await shop.sagas.deadLetters()).length === 1, 10)
    const saga = await shop.sagas.get(sagaId)
    assert.equal(saga?.state, 'stuck')
    assert.equal(shop.requests.filter((request) => request.bizKey === 'poison').length, 5)
  })
})

describe('openSagas on a second thought', () => {
  it('goes on with the sagas of a file that was closed in the middle', async () => {
    await using shop = await rig()
    shop.script = (request, participant) => (request.step === 'charge' ? never() : participant())
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.until(() => shop.requests.length === 2)
    await shop.sagas.close()
    const again = await openSagas({
      database: shop.database,
      clock: shop.clock,
      definitions: [orderSaga],
      destinations: Object.fromEntries(
        ['stock', 'payment', 'order'].map((name) => [
          name,
          () => Promise.resolve({ outcome: 'executed' } as const),
        ]),
      ),
    })
    await shop.until(async () => (await again.get(sagaId))?.state === 'completed', 10)
    await again.close()
  })
})
