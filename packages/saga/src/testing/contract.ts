import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { orderSaga2, refundSaga } from './order.ts'
import { type OpenForSagas, openRig } from './rig.ts'

const allDone = { 'deduct.action': 1, 'charge.action': 1, 'confirm.action': 1 }

/** What every SQL engine must let sagas do: run it with a way to open an empty database. */
export function sagaContract(engine: string, open: OpenForSagas): void {
  describe(`sagas on ${engine}`, () => {
    it('runs the steps in order, each once, and ends completed in the transaction of the hook', async () => {
      await using rig = await openRig(open)
      const { sagaId, existing } = await rig.place({ id: 'A', amount: 5 })
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'completed')
      assert.equal(existing, false)
      assert.deepEqual(await rig.effects('A'), allDone)
      const steps = (await rig.sagas.get(sagaId))?.steps ?? []
      assert.deepEqual(
        steps.map((step) => [step.name, step.direction, step.state, step.attempts]),
        [
          ['deduct', 'action', 'done', 1],
          ['charge', 'action', 'done', 1],
          ['confirm', 'action', 'done', 1],
        ],
      )
      assert.deepEqual(steps[2]?.result, { did: 'confirm', seen: ['deduct', 'charge'] })
      assert.deepEqual(await rig.database.query('SELECT state FROM orders'), [
        { state: 'completed' },
      ])
      await rig.sagas.idle()
    })

    it('compensates every begun step in reverse when the pivot is refused, the refused one as a null compensation', async () => {
      await using rig = await openRig(open)
      const { sagaId } = await rig.place({ id: 'B', amount: 5, refuse: ['charge'] })
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'compensated')
      assert.deepEqual(await rig.effects('B'), { 'deduct.action': 1, 'deduct.compensate': 1 })
      assert.deepEqual(
        rig.requests.map((request) => `${request.step}.${request.direction}`),
        ['deduct.action', 'charge.action', 'charge.compensate', 'deduct.compensate'],
      )
      const saga = await rig.sagas.get(sagaId)
      assert.equal(saga?.reason, 'charge was refused: no')
      assert.deepEqual(
        saga.steps.map((step) => step.state),
        ['compensated', 'rejected', 'done', 'done'],
      )
      const states = await rig.database.query('SELECT state FROM changes ORDER BY n')
      assert.deepEqual(
        states.map((row) => row['state']),
        ['running', 'compensating', 'compensating', 'compensated'],
      )
    })

    it('gives a compensation the stored result of its action', async () => {
      await using rig = await openRig(open)
      await rig.place({ id: 'B', amount: 5, refuse: ['charge'] })
      await rig.until(() => rig.requests.length === 4)
      assert.deepEqual(rig.requests[3]?.results['deduct'], { did: 'deduct', seen: [] })
    })

    it('gives the existing saga for the same key and input, and refuses another input', async () => {
      await using rig = await openRig(open)
      const first = await rig.place({ id: 'C', amount: 5 })
      const again = await rig.place({ amount: 5, id: 'C' })
      assert.deepEqual(again, { sagaId: first.sagaId, existing: true, messages: [] })
      await assert.rejects(rig.place({ id: 'C', amount: 6 }), {
        code: 'TM_SAGA_IDEMPOTENCY_CONFLICT',
      })
    })

    it('repeats an attempt whose answer was lost, without a second effect', async () => {
      await using rig = await openRig(open)
      const lost = new Set<string>()
      rig.script = async (request, participant) => {
        const answer = await participant()
        if (lost.has(request.step)) return answer
        lost.add(request.step)
        throw new Error('the answer was lost')
      }
      const { sagaId } = await rig.place({ id: 'D', amount: 5 })
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'completed')
      assert.deepEqual(await rig.effects('D'), allDone)
      assert.equal(rig.requests.length, 6)
      assert.deepEqual(
        (await rig.sagas.get(sagaId))?.steps.map((step) => step.attempts),
        [2, 2, 2],
      )
    })

    it('compensates the step of unknown outcome too, when its attempts are exhausted', async () => {
      await using rig = await openRig(open)
      rig.script = async (request, participant) => {
        if (request.step === 'charge' && request.direction === 'action') {
          await participant()
          throw new Error('the answer was lost')
        }
        return participant()
      }
      const { sagaId } = await rig.place({ id: 'E', amount: 5 })
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'compensated')
      assert.deepEqual(await rig.effects('E'), {
        'deduct.action': 1,
        'deduct.compensate': 1,
        'charge.action': 1,
        'charge.compensate': 1,
      })
      assert.match((await rig.sagas.get(sagaId))?.reason ?? '', /^charge failed 4 times/u)
    })

    it('compensates when the deadline passes, after a restart too', async () => {
      await using rig = await openRig(open)
      rig.script = (request, participant) =>
        request.direction === 'action' && request.step === 'deduct'
          ? Promise.resolve({ outcome: 'running' })
          : participant()
      const { sagaId } = await rig.place({ id: 'F', amount: 5 })
      await rig.settle()
      await rig.sagas.close()
      const other = await rig.another({ exclusive: true })
      await rig.until(async () => (await other.get(sagaId))?.state === 'compensated', 5000)
      assert.equal((await other.get(sagaId))?.reason, 'the deadline passed')
      assert.deepEqual(await rig.effects('F'), {})
    })

    it('never compensates behind the pivot: it goes on for ever and is marked stuck meanwhile', async () => {
      await using rig = await openRig(open)
      let broken = true
      rig.script = async (request, participant) => {
        if (request.step === 'confirm' && broken) throw new Error('down')
        return participant()
      }
      const { sagaId } = await rig.place({ id: 'G', amount: 5 })
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'stuck')
      await rig.clock.advance(20 * 60_000)
      await rig.settle()
      assert.equal((await rig.sagas.get(sagaId))?.state, 'stuck')
      assert.deepEqual(
        (await rig.sagas.list({ state: 'stuck' })).map((saga) => saga.id),
        [sagaId],
      )
      await assert.rejects(rig.sagas.compensate(sagaId), { code: 'TM_SAGA_PIVOT_PASSED' })
      broken = false
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'completed', 1000)
      assert.deepEqual(await rig.effects('G'), allDone)
    })

    it('keeps retrying a compensation that fails, is stuck at the fifth time and ends when it succeeds', async () => {
      await using rig = await openRig(open)
      let broken = true
      rig.script = async (request, participant) => {
        if (request.direction === 'compensate' && broken) throw new Error('down')
        return participant()
      }
      const { sagaId } = await rig.place({ id: 'H', amount: 5, refuse: ['charge'] })
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'stuck')
      const stuck = await rig.sagas.get(sagaId)
      assert.match(stuck?.stuck ?? '', /^charge failed 5 times/u)
      broken = false
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'compensated', 1000)
      assert.deepEqual(await rig.effects('H'), { 'deduct.action': 1, 'deduct.compensate': 1 })
    })

    it('runs the sagas of one business key one after the other', async () => {
      await using rig = await openRig(open)
      await rig.place({ id: 'I', amount: 5 })
      await rig.sagas.start(refundSaga, { bizKey: 'I', input: { id: 'I', amount: 5 } })
      await rig.until(() => rig.sagas.status().completed === 2)
      assert.deepEqual(
        rig.requests.map((request) => `${request.type}.${request.step}`),
        ['order.deduct', 'order.charge', 'order.confirm', 'refund.repay', 'refund.confirm'],
      )
    })

    it('leaves a saga of a version that it does not know to a process that knows it', async () => {
      await using rig = await openRig(open, { definitions: [refundSaga], exclusive: false })
      const { sagaId } = await rig.sagas.start(orderSaga2, {
        bizKey: 'J',
        input: { id: 'J', amount: 5 },
      })
      await rig.clock.advance(60_000)
      await rig.settle()
      assert.equal(rig.requests.length, 0)
      const newer = await rig.another({ definitions: [orderSaga2, refundSaga], exclusive: false })
      await rig.until(async () => (await newer.get(sagaId))?.state === 'completed', 1000)
      assert.equal(rig.requests.length, 1)
    })

    it('takes over what another dispatcher held, once its leases have ended', async () => {
      await using rig = await openRig(open, { exclusive: false })
      rig.script = () => new Promise(() => undefined)
      const { sagaId } = await rig.place({ id: 'K', amount: 5 })
      await rig.settle()
      await rig.sagas.close()
      rig.script = (_request, participant) => participant()
      const other = await rig.another({ exclusive: false })
      const began = rig.clock.now()
      await rig.until(async () => (await other.get(sagaId))?.state === 'completed')
      assert.ok(rig.clock.now() - began <= 20_000)
      assert.deepEqual(await rig.effects('K'), allDone)
    })

    it('shares the buckets between dispatchers and takes them back from one that has left', async () => {
      await using rig = await openRig(open, { exclusive: false })
      const other = await rig.another({ exclusive: false })
      await rig.until(() => rig.sagas.status().buckets === 32 && other.status().buckets === 32)
      await other.close()
      const began = rig.clock.now()
      await rig.until(() => rig.sagas.status().buckets === 64)
      assert.ok(rig.clock.now() - began <= 1500)
    })

    it('goes on when the wall clock is set forward and back by an hour', async () => {
      await using rig = await openRig(open)
      let held = true
      rig.script = async (_request, participant) => {
        if (held) throw new Error('down')
        return participant()
      }
      const { sagaId } = await rig.place({ id: 'L', amount: 5 })
      await rig.settle()
      rig.clock.step(-3_600_000)
      held = false
      await rig.until(async () => (await rig.sagas.get(sagaId))?.state === 'completed', 1000)
      assert.deepEqual(await rig.effects('L'), allDone)
    })
  })
}
