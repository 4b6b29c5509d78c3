import { allocate, type OrderLine } from '@tidemill/shop'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'

const line = (sku: string, quantity: number, unitPrice: number): OrderLine => ({
  sku,
  quantity,
  unitPrice,
})

describe('units given back', () => {
  it('are paid back at the price of the lines that sold them, first lines first', () => {
    const lines = [line('A', 3, 100), line('B', 1, 50), line('A', 3, 90)]
    assert.deepEqual(allocate(lines, [], [['A', 4]]), {
      units: [['A', 4]],
      amount: 390,
      claimed: [3, 0, 1],
    })
  })

  it('are refused as a whole when one item has too few left', () => {
    assert.equal(
      allocate(
        [line('A', 3, 100), line('B', 1, 50)],
        [2, 0],
        [
          ['B', 1],
          ['A', 2],
        ],
      ),
      undefined,
    )
    assert.equal(allocate([line('A', 3, 100)], [], [['X', 1]]), undefined)
  })

  it('never exceed the order, and giving back the rest pays back exactly the rest', () => {
    const lines = fc.array(
      fc.record({
        sku: fc.constantFrom('A', 'B', 'C'),
        quantity: fc.integer({ min: 1, max: 9 }),
        unitPrice: fc.integer({ min: 1, max: 999 }),
      }),
      { minLength: 1, maxLength: 6 },
    )
    const wishes = fc.array(
      fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.integer({ min: 1, max: 9 })),
    )
    fc.assert(
      fc.property(lines, wishes, (order, asked) => {
        const total = order.reduce((sum, one) => sum + one.quantity * one.unitPrice, 0)
        let claimed: readonly number[] = []
        let paid = 0
        for (const wish of [...asked.map((one) => [one] as const), null]) {
          const given = allocate(order, claimed, wish)
          if (given === undefined) continue
          paid += given.amount
          claimed = given.claimed
          for (const [i, one] of order.entries()) assert.ok((claimed[i] ?? 0) <= one.quantity)
        }
        assert.equal(paid, total)
      }),
    )
  })
})
