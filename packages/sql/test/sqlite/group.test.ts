import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openDatabase } from '@tidemill/sql'
import { type Transfer, transfer } from '../procedures.ts'
import { schema } from '../schema.ts'

/** What the accounts hold and what each caller is told when the transfers run one after the other. */
function model(transfers: readonly Transfer[]): {
  readonly amounts: readonly number[]
  readonly answers: readonly (number | 'refused')[]
} {
  const amounts = [100, 100, 100]
  const answers = transfers.map(({ from, to, amount, fail }) => {
    const left = (amounts[from - 1] ?? 0) - amount
    if (fail || left < 0) return 'refused'
    amounts[from - 1] = left
    amounts[to - 1] = (amounts[to - 1] ?? 0) + amount
    return left
  })
  return { amounts, answers }
}

test('grouped calls do exactly what they would do one after the other', async () => {
  await using db = await openDatabase({ url: 'sqlite::memory:' })
  await db.migrate('test', schema)
  const account = fc.integer({ min: 1, max: 3 })
  const one = fc.record({
    from: account,
    to: account,
    amount: fc.integer({ min: 0, max: 80 }),
    fail: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 30 }), async (transfers) => {
      await db.tx((tx) => tx.run('UPDATE account SET amount = 100'))
      const results = await Promise.allSettled(transfers.map((input) => db.call(transfer, input)))
      const expected = model(transfers)
      assert.deepEqual(
        results.map((result) => (result.status === 'fulfilled' ? result.value : 'refused')),
        expected.answers,
      )
      const rows = await db.query<{ amount: number }>('SELECT amount FROM account ORDER BY id')
      assert.deepEqual(
        rows.map((row) => row.amount),
        expected.amounts,
      )
    }),
    { numRuns: 200 },
  )
  await db.close()
})
