import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Problem, TidemillError } from '@tidemill/core'
import { openDatabase } from '@tidemill/sql'
import { openSagas, type Sagas } from '@tidemill/saga'
import { type OrderInput, openRig, orderSaga, orderSaga2, type Rig } from '@tidemill/saga/testing'

const rig = (options: Parameters<typeof openRig>[1] = {}): Promise<Rig> =>
  openRig(({ clock }) => openDatabase({ url: 'sqlite::memory:', clock }), options)

async function written(database: Rig['database']): Promise<unknown> {
  const [row] = await database.query(
    'SELECT (SELECT count(*) FROM saga) AS sagas, (SELECT count(*) FROM local_msg) AS messages, (SELECT count(*) FROM orders) AS orders',
  )
  return { ...row }
}

const nothing = { sagas: 0, messages: 0, orders: 0 }

describe('what a start refuses', () => {
  it('refuses an empty key, one of 65 bytes and one with control characters, and writes nothing', async () => {
    await using shop = await rig()
    for (const id of ['', 'x'.repeat(65), 'ä'.repeat(33), 'a\nb']) {
      await assert.rejects(shop.place({ id, amount: 1 }), { code: 'TM_SAGA_INVALID_KEY' })
    }
    const start = shop.sagas.start(orderSaga, {
      bizKey: 'a',
      tenant: 'a b',
      input: { id: 'a', amount: 1 },
    })
    await assert.rejects(start, { code: 'TM_SAGA_INVALID_KEY' })
    assert.deepEqual(await written(shop.database), nothing)
  })

  it('refuses what the definition checks (a negative, a fractional, a missing amount) before anything is written', async () => {
    await using shop = await rig()
    for (const amount of [-1, 0.5, Number.NaN, Infinity]) {
      await assert.rejects(shop.place({ id: 'A', amount }), { code: 'TM_SAGA_INVALID_INPUT' })
    }
    assert.deepEqual(await written(shop.database), nothing)
  })

  it('refuses an input that JSON would change, naming each place', async () => {
    await using shop = await rig()
    const input = {
      id: 'A',
      amount: 1,
      at: new Date(0),
      deep: [{ n: 1n }, Number.NaN],
    } as unknown as OrderInput
    await assert.rejects(shop.place(input), (error: TidemillError) => {
      assert.equal(error.code, 'TM_SAGA_INVALID_INPUT')
      const problems = error.details['problems'] as Problem[]
      assert.deepEqual(
        problems.map(({ path }) => path),
        ['/at', '/deep/0/n', '/deep/1'],
      )
      return true
    })
  })

  it('refuses the same key with another input', async () => {
    await using shop = await rig()
    await shop.place({ id: 'A', amount: 1 })
    const other = shop.place({ id: 'A', amount: 2 })
    await assert.rejects(other, { code: 'TM_SAGA_IDEMPOTENCY_CONFLICT' })
  })

  it('refuses more than 1 MiB of input', async () => {
    await using shop = await rig()
    const input = { id: 'A', amount: 1, note: 'x'.repeat(1_048_576) }
    await assert.rejects(shop.place(input), { code: 'TM_SAGA_PAYLOAD_TOO_LARGE' })
    assert.deepEqual(await written(shop.database), nothing)
  })
})

describe('what an operator may not do', () => {
  it('refuses to compensate behind the pivot', async () => {
    await using shop = await rig()
    shop.script = (request, participant) =>
      request.step === 'confirm' ? new Promise(() => undefined) : participant()
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.until(() => shop.requests.length === 3)
    await assert.rejects(shop.sagas.compensate(sagaId), { code: 'TM_SAGA_PIVOT_PASSED' })
  })

  it('names what does not exist', async () => {
    await using shop = await rig()
    await assert.rejects(shop.sagas.retry('x'), { code: 'TM_SAGA_NOT_FOUND' })
    await assert.rejects(shop.sagas.compensate('x'), { code: 'TM_SAGA_NOT_FOUND' })
    await assert.rejects(shop.sagas.discard(9, 'gone'), { code: 'TM_SAGA_NOT_FOUND' })
    await assert.rejects(shop.sagas.redrive(9), { code: 'TM_SAGA_NOT_DEAD' })
    const answer = shop.sagas.answer('x', 'deduct', 'action', { outcome: 'executed' })
    await assert.rejects(answer, { code: 'TM_SAGA_NOT_FOUND' })
    assert.equal(await shop.sagas.get('x'), undefined)
  })

  it('refuses to touch a saga that has ended', async () => {
    await using shop = await rig()
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await shop.until(async () => (await shop.sagas.get(sagaId))?.state === 'completed')
    await assert.rejects(shop.sagas.compensate(sagaId), { code: 'TM_SAGA_ENDED' })
    await assert.rejects(shop.sagas.retry(sagaId), { code: 'TM_SAGA_ENDED' })
    const late = await shop.sagas.answer(sagaId, 'charge', 'action', { outcome: 'executed' })
    assert.equal(late, false)
    assert.equal((await shop.sagas.get(sagaId))?.state, 'completed')
  })

  it('refuses an answer for a step that the saga does not have, and one that breaks the contract', async () => {
    await using shop = await rig()
    shop.script = () => new Promise(() => undefined)
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    const answer: Sagas['answer'] = (...given) => shop.sagas.answer(...given)
    await assert.rejects(answer(sagaId, 'fly', 'action', { outcome: 'executed' }), {
      code: 'TM_SAGA_UNKNOWN_STEP',
    })
    await assert.rejects(answer(sagaId, 'deduct', 'compensate', { outcome: 'rejected' }), {
      code: 'TM_SAGA_HANDLER_CONTRACT',
    })
    assert.equal((await shop.sagas.get(sagaId))?.steps[0]?.state, 'pending')
  })

  it('refuses to act on a saga whose definition is not known here', async () => {
    await using shop = await rig()
    const other = await shop.another({ definitions: [orderSaga2], exclusive: false })
    shop.script = () => new Promise(() => undefined)
    const { sagaId } = await shop.place({ id: 'A', amount: 1 })
    await assert.rejects(other.compensate(sagaId), { code: 'TM_SAGA_UNKNOWN_DEFINITION' })
  })

  it('refuses calls after close', async () => {
    await using shop = await rig()
    await shop.sagas.close()
    await assert.rejects(shop.sagas.retry('x'), { code: 'TM_CORE_CLOSED' })
  })
})

describe('openSagas', () => {
  it('reports every problem of its options at once', async () => {
    await using database = await openDatabase({ url: 'sqlite::memory:' })
    const opening = openSagas({
      database,
      definitions: [orderSaga, orderSaga],
      destinations: { stock: () => Promise.reject(new Error('unused')) },
      maxInFlight: 0,
      sweep: '5',
    })
    await assert.rejects(opening, (error: TidemillError) => {
      assert.equal(error.code, 'TM_SAGA_OPTIONS')
      const paths = (error.details['problems'] as Problem[]).map(({ path }) => path)
      assert.deepEqual(paths, [
        '/destinations/payment',
        '/destinations/order',
        '/definitions/1',
        '/destinations/payment',
        '/destinations/order',
        '/maxInFlight',
        '/sweep',
      ])
      return true
    })
  })
})
