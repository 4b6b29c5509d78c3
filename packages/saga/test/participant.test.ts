import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Database, openDatabase } from '@tidemill/sql'
import { barrierMigrations, purgeBarrier, type StepAnswer, type StepRequest } from '@tidemill/saga'
import { orderMigrations, work } from '@tidemill/saga/testing'

async function open(): Promise<Database> {
  const database = await openDatabase({ url: 'sqlite::memory:' })
  await database.migrate('barrier', barrierMigrations)
  await database.migrate('orders', orderMigrations)
  return database
}

function request(
  direction: 'action' | 'compensate',
  sagaId = 's1',
  refuse: string[] = [],
): StepRequest {
  const payload = { id: sagaId, amount: 1, refuse }
  const facts = {
    type: 'order',
    tenant: '',
    bizKey: sagaId,
    step: 'deduct',
    attempt: 1,
    results: {},
  }
  return { sagaId, ...facts, direction, payload }
}

async function effects(database: Database, bizKey: string): Promise<Record<string, number>> {
  const rows = await database.query<{ direction: string; n: number }>(
    'SELECT direction, n FROM effects WHERE biz_key = ?',
    bizKey,
  )
  return Object.fromEntries(rows.map((row) => [row.direction, row.n]))
}

describe('the barrier', () => {
  it('executes an action once and answers repeats with the stored result', async () => {
    await using database = await open()
    const result = { did: 'deduct', seen: [] }
    assert.deepEqual(await database.call(work, request('action')), { outcome: 'executed', result })
    assert.deepEqual(await database.call(work, request('action')), { outcome: 'duplicate', result })
    assert.deepEqual(await effects(database, 's1'), { action: 1 })
  })

  it('compensates with the stored result, once', async () => {
    await using database = await open()
    await database.call(work, request('action'))
    const result = { undid: 'deduct' }
    const first = await database.call(work, request('compensate'))
    assert.deepEqual(first, { outcome: 'executed', result })
    const second = await database.call(work, request('compensate'))
    assert.deepEqual(second, { outcome: 'duplicate', result })
    assert.deepEqual(await effects(database, 's1'), { action: 1, compensate: 1 })
  })

  it('answers a compensation without its action as null-compensated and suspends the action that comes after', async () => {
    await using database = await open()
    const nothing = await database.call(work, request('compensate'))
    assert.deepEqual(nothing, { outcome: 'null-compensated', result: null })
    const after = await database.call(work, request('action'))
    assert.deepEqual(after, { outcome: 'suspended', reason: 'the compensation came first' })
    assert.equal((await database.call(work, request('compensate'))).outcome, 'duplicate')
    assert.deepEqual(await effects(database, 's1'), {})
  })

  it('undoes what a refusing action had written, remembers the refusal and has nothing to compensate', async () => {
    await using database = await open()
    const refusal = { outcome: 'rejected', reason: 'no', result: { step: 'deduct', reason: 'no' } }
    assert.deepEqual(await database.call(work, request('action', 's1', ['deduct'])), refusal)
    // The repeat is answered from the barrier: it does not ask the business again.
    assert.deepEqual(await database.call(work, request('action', 's1', [])), refusal)
    assert.equal((await database.call(work, request('compensate'))).outcome, 'null-compensated')
    assert.deepEqual(await effects(database, 's1'), {})
  })

  it('leaves nothing behind when the business fails, so that the next attempt runs', async () => {
    await using database = await open()
    const broken = { ...request('action'), results: null } as unknown as StepRequest
    await assert.rejects(database.call(work, broken))
    assert.deepEqual(await database.query('SELECT * FROM saga_barrier'), [])
    assert.equal((await database.call(work, request('action'))).outcome, 'executed')
  })

  it('keeps sagas, steps and tenants apart', async () => {
    await using database = await open()
    const other = [
      { ...request('action'), sagaId: 's2' },
      { ...request('action'), tenant: 'acme' },
      { ...request('action'), step: 'charge' },
    ]
    await database.call(work, request('action'))
    for (const each of other) assert.equal((await database.call(work, each)).outcome, 'executed')
  })

  it('gives each step at most one effect and one undoing under any order of concurrent repeats', async () => {
    await using database = await open()
    let saga = 0
    const call = fc.record({
      direction: fc.constantFrom('action', 'compensate'),
      refuse: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        const id = `p${saga++}`
        const answers = await Promise.all(
          calls.map(({ direction, refuse }) =>
            database.call(work, request(direction, id, refuse ? ['deduct'] : [])),
          ),
        )
        const { action = 0, compensate = 0 } = await effects(database, id)
        const firstIsAction = calls[0]?.direction === 'action'
        const executed = firstIsAction && calls[0]?.refuse === false
        assert.equal(action, executed ? 1 : 0)
        assert.equal(
          compensate,
          executed && calls.some((c) => c.direction === 'compensate') ? 1 : 0,
        )
        assertAnswers(calls, answers, firstIsAction, executed)
      }),
      { numRuns: 100 },
    )
  })

  it('purges rows by age, and only those', async () => {
    await using database = await open()
    const old = request('action', '000000001:order:A')
    await database.call(work, old)
    await database.query('SELECT 1')
    const kept = { olderThanMs: 60_000, limit: 10, tenant: '' }
    assert.equal(await database.call(purgeBarrier, kept), 0)
    await database.tx((tx) => tx.run('UPDATE saga_barrier SET created_at = 0'))
    assert.equal(await database.call(purgeBarrier, kept), 1)
  })
})

function assertAnswers(
  calls: readonly { readonly direction: string }[],
  answers: readonly StepAnswer[],
  firstIsAction: boolean,
  executed: boolean,
): void {
  for (const [index, answer] of answers.entries()) {
    if (calls[index]?.direction === 'compensate') {
      assert.ok(['executed', 'null-compensated', 'duplicate'].includes(answer.outcome))
    } else if (!firstIsAction) {
      assert.equal(answer.outcome, 'suspended')
    } else {
      assert.equal(answer.outcome, executed ? (index === 0 ? 'executed' : 'duplicate') : 'rejected')
    }
  }
}
