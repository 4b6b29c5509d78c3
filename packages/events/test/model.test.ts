import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ErrorCode, TidemillError } from '@tidemill/core'
import type { Expected } from '@tidemill/events'
import { createTotals, smallTotals } from './fixtures/read-models.ts'
import { open } from './support.ts'

interface Append {
  readonly stream: string
  readonly amounts: readonly number[]
  readonly expected: Expected
  /** Repeats the append of that number, when there is one. */
  readonly repeats: number | null
}

const appends = fc.array(
  fc.record<Append>({
    stream: fc.constantFrom('s-1', 's-2', 's-3'),
    amounts: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 4 }),
    expected: fc.oneof(
      fc.constantFrom<Expected>('any', 'none', 'exists'),
      fc.integer({ min: 0, max: 6 }),
    ),
    repeats: fc.option(fc.nat(20), { freq: 5 }),
  }),
  { maxLength: 30 },
)

interface Written {
  readonly append: Append
  readonly ids: readonly string[]
  readonly first: number
  readonly version: number
}

test('random appends behave as a list of events with checked versions, and the read model as its fold', async () => {
  await fc.assert(
    fc.asyncProperty(appends, async (commands) => {
      await using opened = await open()
      const { store, database } = opened
      await createTotals(database)
      const processor = store.run(smallTotals)
      const model: { stream: string; amount: number; id: string }[] = []
      const written: Written[] = []
      let made = 0
      for (const command of commands) {
        const original = command.repeats === null ? undefined : written[command.repeats]
        const { stream, amounts, expected } = original?.append ?? command
        const ids =
          original?.ids ??
          amounts.map(() => `0190a000-0000-7000-8000-${String(made++).padStart(12, '0')}`)
        const version = model.filter((one) => one.stream === stream).length
        const holds =
          expected === 'any' ||
          (expected === 'exists' ? version > 0 : version === (expected === 'none' ? 0 : expected))
        const events = amounts.map((amount, index) => ({
          type: 'Added',
          data: { amount },
          id: ids[index] as string,
        }))
        const outcome = await store.append(stream, events, { expected }).catch(codeOf)
        if (original !== undefined) {
          const { first } = original
          const last = first + amounts.length - 1
          assert.deepEqual(outcome, { version: original.version, first, last, deduplicated: true })
        } else if (holds) {
          const first = model.length + 1
          model.push(...amounts.map((amount, index) => ({ stream, amount, id: ids[index] ?? '' })))
          const last = model.length
          const now = version + amounts.length
          assert.deepEqual(outcome, { version: now, first, last, deduplicated: false })
          written.push({ append: command, ids, first, version: now })
        } else assert.equal(outcome, 'TM_EVENTS_WRONG_VERSION')
      }
      const all = await store.readAll({ limit: 1000 })
      assert.deepEqual(
        all.map(({ position, stream, id, data }) => ({ position, stream, id, data })),
        model.map(({ stream, amount, id }, index) => ({
          position: index + 1,
          stream,
          id,
          data: { amount },
        })),
      )
      await processor.idle()
      const fold = new Map<string, { sum: number; count: number }>()
      for (const { stream, amount } of model) {
        const { sum, count } = fold.get(stream) ?? { sum: 0, count: 0 }
        fold.set(stream, { sum: sum + amount, count: count + 1 })
      }
      const rows = await database.query('SELECT stream, sum, count FROM totals ORDER BY stream')
      assert.deepEqual(
        rows,
        [...fold]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([stream, { sum, count }]) => ({ stream, sum, count })),
      )
      assert.deepEqual((await store.verify()).problems, [])
    }),
    { numRuns: 12 },
  )
})

function codeOf(error: unknown): ErrorCode {
  assert(TidemillError.is(error), String(error))
  return error.code
}
