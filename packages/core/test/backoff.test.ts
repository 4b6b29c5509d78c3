import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { backoffBound, backoffDelay, createSeededRandom } from '@tidemill/core'
import fc from 'fast-check'

describe('backoff', () => {
  it('doubles its bound from base to cap', () => {
    const bounds = [1, 2, 3, 4, 5].map((attempt) => backoffBound(attempt, { base: 100, cap: 1000 }))
    assert.deepEqual(bounds, [100, 200, 400, 800, 1000])
  })

  it('keeps every delay within its bound, however large the attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5, max: 2 ** 31 }), fc.integer(), (attempt, seed) => {
        const options = { base: 10, cap: 60_000 }
        const delay = backoffDelay(attempt, options, createSeededRandom(seed))
        assert.ok(delay >= 0 && delay <= backoffBound(attempt, options))
        assert.ok(backoffBound(attempt, options) <= options.cap)
      }),
    )
  })

  it('spreads delays over the whole of the bound', () => {
    const random = createSeededRandom(1)
    const delays = Array.from({ length: 1000 }, () =>
      backoffDelay(3, { base: 10, cap: 100 }, random),
    )
    assert.ok(Math.min(...delays) < 4 && Math.max(...delays) > 36)
  })
})
