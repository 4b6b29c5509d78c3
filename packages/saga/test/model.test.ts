import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openDatabase } from '@tidemill/sql'
import type { StepAnswer } from '@tidemill/saga'
import { openRig } from '@tidemill/saga/testing'

/** What can befall one attempt on its way to the participant and back. */
const fate = fc.constantFrom(
  'well',
  'well',
  'lost before',
  'lost after',
  'twice at once',
  'late',
  'hangs',
  'running',
  'nonsense',
)

const order = fc.record({
  refuse: fc.subarray(['deduct', 'charge']),
  fates: fc.array(fate, { minLength: 1, maxLength: 8 }),
})

test('whatever befalls the messages, each effect happens at most once and every saga ends with all or nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(order, { minLength: 1, maxLength: 6 }), async (orders) => {
      await using rig = await openRig(({ clock }) =>
        openDatabase({ url: 'sqlite::memory:', clock }),
      )
      const attempts = new Map<string, number>()
      const stragglers: Promise<unknown>[] = []
      rig.script = (request, participant): Promise<StepAnswer> => {
        const { bizKey } = request
        const n = attempts.get(bizKey) ?? 0
        attempts.set(bizKey, n + 1)
        const answer = (): Promise<StepAnswer> => participant()
        switch (orders[Number(bizKey.slice(1))]?.fates[n] ?? 'well') {
          case 'lost before':
            return Promise.reject(new Error('lost before'))
          case 'lost after':
            return answer().then(() => Promise.reject(new Error('lost after')))
          case 'twice at once':
            return Promise.all([answer(), answer()]).then(([, second]) => second)
          case 'late': {
            // The request arrives long after it was given up, perhaps after its own compensation.
            const { promise, resolve } = Promise.withResolvers<void>()
            rig.clock.timer(7000 + 40_000 * (n % 3), resolve)
            stragglers.push(promise.then(answer))
            return Promise.reject(new Error('late'))
          }
          case 'hangs':
            return new Promise(() => undefined)
          case 'running':
            return Promise.resolve({ outcome: 'running' })
          case 'nonsense':
            return answer().then(() => 'nonsense' as unknown as StepAnswer)
          case 'well':
            return answer()
        }
      }
      const started = await Promise.all(
        orders.map(({ refuse }, i) => rig.place({ id: `A${i}`, amount: 1, refuse })),
      )
      const { sagas } = rig
      await rig.until(async () => {
        // Nonsense in answer to the fifth attempt of a compensation ends as a dead letter: the operator's to redrive.
        for (const letter of await sagas.deadLetters()) await sagas.redrive(letter.id)
        return (await sagas.counts()).open === 0
      }, 1000)
      await rig.clock.advance(100_000)
      await rig.settle()
      await Promise.all(stragglers)
      for (const [i, { sagaId }] of started.entries()) {
        const saga = await sagas.get(sagaId)
        const done = await rig.effects(`A${i}`)
        const steps = ['deduct', 'charge', 'confirm']
        for (const step of steps) {
          const action = done[`${step}.action`] ?? 0
          const undone = done[`${step}.compensate`] ?? 0
          assert.ok(action <= 1 && undone <= action, `${step}: ${action} done, ${undone} undone`)
          const wanted = saga?.state === 'completed' ? [1, 0] : [action, action]
          assert.deepEqual([action, undone], wanted, `${saga?.state} but ${JSON.stringify(done)}`)
        }
        const refused = (orders[i]?.refuse.length ?? 0) > 0
        if (refused) assert.equal(saga?.state, 'compensated')
      }
      const states = await rig.database.query(
        'SELECT id, state FROM orders WHERE state = ?',
        'pending',
      )
      assert.deepEqual(states, [])
    }),
    {
      numRuns: 25,
      examples: [
        [
          [
            {
              refuse: ['deduct'],
              fates: ['well', 'hangs', 'lost after', 'hangs', 'lost before', 'nonsense'],
            },
            { refuse: [], fates: ['well'] },
          ],
        ],
      ],
    },
  )
})
