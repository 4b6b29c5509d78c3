import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openDatabase } from '@tidemill/sql'
import { openSagas, type StepAnswer } from '../src/index.ts'
import { openRig, orderSaga, placeOrder, type Rig } from '../src/testing/index.ts'

const rig = (options: Parameters<typeof openRig>[1] = {}): Promise<Rig> =>
  openRig(({ clock }) => openDatabase({ url: 'sqlite::memory:', clock }), options)

const never = (): Promise<StepAnswer> => new Promise(() => undefined)

describe('the dispatcher', () => {
  it('counts an attempt that takes too long as unknown, aborts it and ignores its late answer', async () => {
    await using it = await rig()
    let aborted = 0
    const { promise, resolve } = Promise.withResolvers<StepAnswer>()
    it.script = (request, participant, signal) => {
      if (request.attempt > 1) return participant()
      signal().addEventListener('abort', () => aborted++)
      return promise
    }
    const { sagaId } = await it.place({ id: 'A', amount: 1 })
    await it.settle()
    await it.clock.advance(5000)
    await it.settle()
    assert.equal(aborted, 1)
    assert.match((await it.sagas.get(sagaId))?.steps[0]?.error ?? '', /TM_SAGA_ATTEMPT_TIMEOUT/u)
    resolve({ outcome: 'rejected', reason: 'too late to matter' })
    it.script = (_request, participant) => participant()
    await it.until(async () => (await it.sagas.get(sagaId))?.state === 'completed')
    assert.equal(it.sagas.status().late, 1)
  })

  it('waits between attempts with full jitter under a doubling bound, and honours a longer Retry-After', async () => {
    await using it = await rig()
    const at: number[] = []
    it.script = (request, participant) => {
      at.push(it.clock.monotonic())
      if (at.length === 1) throw new Error('down')
      if (at.length === 2) return Promise.resolve({ outcome: 'running', retryAfterMs: 30_000 })
      return request.step === 'deduct' ? participant() : never()
    }
    await it.place({ id: 'A', amount: 1 })
    await it.until(() => at.length >= 3, 10)
    assert.ok((at[1] ?? 0) - (at[0] ?? 0) <= 120)
    assert.ok((at[2] ?? 0) - (at[1] ?? 0) >= 30_000)
  })

  it('opens the circuit of a dead destination: attempts are not burned and others are not held up', async () => {
    await using it = await rig()
    let down = true
    it.script = (request, participant) => {
      if (down && request.step === 'deduct' && !request.bizKey.startsWith('ok'))
        throw new Error('down')
      return participant()
    }
    const ids: string[] = []
    for (let i = 0; i < 20; i++) ids.push((await it.place({ id: `A${i}`, amount: 1 })).sagaId)
    await it.until(() => it.sagas.status().destinations[0]?.circuit === 'open', 10)
    const before = it.requests.length
    await it.clock.advance(400)
    await it.settle()
    assert.equal(it.requests.length, before)
    assert.ok(before < 40)
    down = false
    await it.until(() => it.sagas.status().completed === 20, 100)
  })

  it('sends at most the allowed number to one destination at once', async () => {
    await using it = await rig({ perDestination: 2, maxInFlight: 8 })
    let under = 0
    let most = 0
    it.script = async (request, participant) => {
      if (request.step === 'deduct') most = Math.max(most, ++under)
      const answer = await participant()
      if (request.step === 'deduct') under--
      return answer
    }
    for (let i = 0; i < 12; i++) await it.place({ id: `A${i}`, amount: 1 })
    await it.until(() => it.sagas.status().completed === 12)
    assert.equal(most, 2)
  })

  it('ignores the acknowledgement of a dispatcher whose lease has been taken', async () => {
    await using it = await rig({ exclusive: false })
    const { promise, resolve } = Promise.withResolvers<StepAnswer>()
    it.script = () => promise
    const { sagaId } = await it.place({ id: 'A', amount: 1 })
    await it.settle()
    const other = await it.another({ exclusive: true })
    it.script = (_request, participant) => participant()
    await it.until(async () => (await other.get(sagaId))?.state === 'completed', 100)
    resolve({ outcome: 'rejected', reason: 'a zombie speaks' })
    await it.settle()
    assert.equal((await other.get(sagaId))?.state, 'completed')
    assert.equal(it.sagas.status().late, 1)
  })

  it('takes an answer that arrives by another way, and what the operator orders', async () => {
    await using it = await rig()
    it.script = (request, participant) => (request.direction === 'action' ? never() : participant())
    const { sagaId } = await it.place({ id: 'A', amount: 1 })
    await it.settle()
    const taken = await it.sagas.answer(sagaId, 'deduct', 'action', {
      outcome: 'executed',
      result: { by: 'callback' },
    })
    assert.equal(taken, true)
    await it.until(() => it.requests.length === 2)
    assert.deepEqual(it.requests[1]?.results, { deduct: { by: 'callback' } })
    await it.sagas.compensate(sagaId, 'the customer changed her mind')
    await it.until(async () => (await it.sagas.get(sagaId))?.state === 'cancelled')
    assert.equal((await it.sagas.byKey('order', 'A'))?.reason, 'the customer changed her mind')
    const audit = await it.database.query('SELECT action, reason FROM saga_audit')
    assert.deepEqual(
      audit.map((row) => ({ ...row })),
      [{ action: 'compensate', reason: 'the customer changed her mind' }],
    )
  })

  it('finds a message that nobody delivered, once its lease has ended', async () => {
    await using it = await rig()
    const started = await it.database.call(placeOrder, { id: 'A', amount: 1 })
    await it.until(async () => (await it.sagas.get(started.sagaId))?.state === 'completed')
    assert.equal(it.requests[0]?.attempt, 2)
  })

  it('gives back what it had queued when it closes, and another goes on at once', async () => {
    await using it = await rig({ perDestination: 1 })
    it.script = never
    for (let i = 0; i < 5; i++) await it.place({ id: `A${i}`, amount: 1 })
    await it.settle()
    await it.sagas.close()
    it.script = (_request, participant) => participant()
    const other = await it.another({ exclusive: false })
    const began = it.clock.now()
    await it.until(() => other.status().completed >= 4)
    assert.ok(it.clock.now() - began <= 1000)
  })

  it('deletes acknowledged messages after the retention, and nothing of open sagas', async () => {
    await using it = await rig({ retention: '1d' })
    await it.place({ id: 'A', amount: 1 })
    await it.until(() => it.sagas.status().completed === 1)
    it.script = (request, participant) => (request.step === 'charge' ? never() : participant())
    const open = await it.place({ id: 'B', amount: 1 })
    await it.until(() => it.requests.length === 5)
    assert.equal(await it.sagas.purge(), 0)
    it.clock.step(2 * 86_400_000)
    assert.equal(await it.sagas.purge(), 3)
    const left = await it.database.query('SELECT DISTINCT saga_id FROM local_msg')
    assert.deepEqual(
      left.map((row) => row['saga_id']),
      [open.sagaId],
    )
    const done = await it.sagas.byKey('order', 'A')
    assert.deepEqual(done?.steps.map((step) => [step.name, step.state]).toSorted(), [
      ['charge', 'done'],
      ['confirm', 'done'],
      ['deduct', 'done'],
    ])
  })

  it('lists sagas by state and counts what is open', async () => {
    await using it = await rig()
    await it.place({ id: 'A', amount: 1 })
    await it.place({ id: 'B', amount: 1, refuse: ['deduct'] })
    await it.until(() => it.sagas.status().completed + it.sagas.status().compensated === 2)
    it.script = never
    await it.place({ id: 'C', amount: 1 })
    const keys = async (state?: 'completed' | 'compensated' | 'running') =>
      (await it.sagas.list(state === undefined ? {} : { state })).map((saga) => saga.bizKey)
    assert.deepEqual(await keys('completed'), ['A'])
    assert.deepEqual(await keys('compensated'), ['B'])
    assert.deepEqual(await keys('running'), ['C'])
    assert.deepEqual((await keys()).toSorted(), ['A', 'B', 'C'])
    assert.deepEqual(await it.sagas.counts(), {
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
    await using it = await rig()
    it.script = (request, participant) => {
      const { refuse } = request.payload as { readonly refuse?: readonly string[] }
      return request.step === 'confirm' && refuse !== undefined
        ? Promise.resolve({ outcome: 'rejected', reason: 'closed' })
        : participant()
    }
    const { sagaId } = await it.place({ id: 'A', amount: 1, refuse: ['confirm'] })
    await it.until(async () => (await it.sagas.get(sagaId))?.state === 'stuck')
    await it.sagas.idle()
    const [letter] = await it.sagas.deadLetters()
    assert.equal(letter?.step, 'confirm')
    assert.deepEqual(letter.payload, { id: 'A', amount: 1, refuse: ['confirm'] })
    await it.sagas.redrive(letter.id, { payload: { id: 'A', amount: 1 }, reason: 'mended' })
    await it.until(async () => (await it.sagas.get(sagaId))?.state === 'completed')
    assert.deepEqual(await it.sagas.deadLetters(), [])
    const audit = await it.database.query('SELECT action, message_id, reason FROM saga_audit')
    assert.deepEqual(
      audit.map((row) => ({ ...row })),
      [{ action: 'edit+redrive', message_id: letter.id, reason: 'mended' }],
    )
    await assert.rejects(it.sagas.redrive(letter.id), { code: 'TM_SAGA_NOT_DEAD' })
  })

  it('makes a dead letter of a destination that breaks the contract five times; discarded before the pivot it compensates', async () => {
    await using it = await rig()
    it.script = (request, participant) =>
      request.step === 'deduct' && request.direction === 'action'
        ? Promise.resolve({ outcome: 'executed', result: { n: 1n } } as unknown as StepAnswer)
        : participant()
    const { sagaId } = await it.place({ id: 'A', amount: 1 })
    await it.until(async () => (await it.sagas.deadLetters()).length === 1)
    const [letter] = await it.sagas.deadLetters()
    assert.match(letter?.error ?? '', /TM_SAGA_HANDLER_CONTRACT/u)
    assert.equal(letter?.attempts, 5)
    await it.sagas.discard(letter.id, 'not worth it')
    await it.until(async () => (await it.sagas.get(sagaId))?.state === 'compensated')
    assert.match((await it.sagas.get(sagaId))?.reason ?? '', /discarded: not worth it/u)
  })

  it('lets the saga go on when a dead letter behind the pivot, or of a compensation, is discarded', async () => {
    await using it = await rig()
    it.script = (request, participant) => {
      const bad =
        request.bizKey === 'A' ? request.step === 'confirm' : request.direction === 'compensate'
      return bad ? Promise.resolve({} as unknown as StepAnswer) : participant()
    }
    const forward = await it.place({ id: 'A', amount: 1 })
    const back = await it.place({ id: 'B', amount: 1, refuse: ['deduct'] })
    await it.until(async () => (await it.sagas.deadLetters()).length === 2)
    for (const letter of await it.sagas.deadLetters()) await it.sagas.discard(letter.id, 'given up')
    assert.equal((await it.sagas.get(forward.sagaId))?.state, 'completed')
    assert.equal((await it.sagas.get(back.sagaId))?.state, 'compensated')
    assert.equal((await it.sagas.get(forward.sagaId))?.steps[2]?.state, 'discarded')
  })

  it('runs a message alone that was claimed three times without any answer, and buries it at the fifth', async () => {
    await using it = await rig()
    // Each "process" dies with the poisonous message under way: it never answers and never closes.
    it.script = (request, participant) => (request.bizKey === 'poison' ? never() : participant())
    const { sagaId } = await it.place({ id: 'poison', amount: 1 })
    await it.settle()
    for (let i = 0; i < 4; i++) {
      await it.another({ exclusive: true })
      await it.settle()
    }
    assert.equal((await it.sagas.deadLetters()).length, 0)
    await it.another({ exclusive: true })
    await it.until(async () => (await it.sagas.deadLetters()).length === 1, 10)
    const saga = await it.sagas.get(sagaId)
    assert.equal(saga?.state, 'stuck')
    assert.equal(it.requests.filter((request) => request.bizKey === 'poison').length, 5)
  })
})

describe('openSagas on a second thought', () => {
  it('goes on with the sagas of a file that was closed in the middle', async () => {
    await using it = await rig()
    it.script = (request, participant) => (request.step === 'charge' ? never() : participant())
    const { sagaId } = await it.place({ id: 'A', amount: 1 })
    await it.until(() => it.requests.length === 2)
    await it.sagas.close()
    const again = await openSagas({
      database: it.database,
      clock: it.clock,
      definitions: [orderSaga],
      destinations: Object.fromEntries(
        ['stock', 'payment', 'order'].map((name) => [
          name,
          () => Promise.resolve({ outcome: 'executed' } as const),
        ]),
      ),
    })
    await it.until(async () => (await again.get(sagaId))?.state === 'completed', 10)
    await again.close()
  })
})
