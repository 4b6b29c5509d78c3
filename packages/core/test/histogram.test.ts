import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHistogram, type Histogram } from '@tidemill/core'
import fc from 'fast-check'

const values = fc.array(fc.double({ min: 0.001, max: 8e12, noNaN: true }), { minLength: 1 })

function filled(items: readonly number[]): Histogram {
  const histogram = createHistogram()
  for (const item of items) histogram.record(item)
  return histogram
}

describe('histogram', () => {
  it('gives every percentile within 0.8 % of the exact one', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 100, noNaN: true }), (items, percent) => {
        const sorted = items.toSorted((a, b) => a - b)
        const rank = Math.max(1, Math.ceil((items.length * percent) / 100))
        const exact = sorted[rank - 1] as number
        const given = filled(items).percentile(percent)
        assert.ok(Math.abs(given - exact) <= exact * 0.008, `${given} for ${exact}`)
      }),
    )
  })

  it('keeps count, sum, mean, min and max exact', () => {
    const histogram = filled([3, 1, 2])
    histogram.record(10, 3)
    const { count, sum, mean, min, max } = histogram
    assert.deepEqual(
      { count, sum, mean, min, max },
      { count: 6, sum: 36, mean: 6, min: 1, max: 10 },
    )
    assert.equal(histogram.percentile(0), 1)
    assert.equal(histogram.percentile(100), 10)
  })

  it('merged, equals one that saw everything, through JSON too', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const merged = filled(a)
        merged.merge(JSON.parse(JSON.stringify(filled(b).snapshot())))
        const both = filled([...a, ...b])
        assert.deepEqual(merged.snapshot().buckets, both.snapshot().buckets)
        assert.equal(merged.max, both.max)
        assert.equal(merged.min, both.min)
        assert.equal(merged.count, both.count)
      }),
    )
  })

  it('counts what is out of range at its ends and leaves NaN out', () => {
    const histogram = filled([-5, 0, Infinity, 1e300, Number.NaN])
    assert.equal(histogram.count, 4)
    assert.deepEqual(
      histogram.snapshot().buckets.map(([, count]) => count),
      [2, 2],
    )
    assert.equal(histogram.min, -5)
  })

  it('is empty at first, after a reset and after merging an empty one', () => {
    const histogram = filled([1, 2])
    histogram.reset()
    histogram.merge(createHistogram())
    assert.deepEqual(histogram.snapshot(), { count: 0, sum: 0, min: 0, max: 0, buckets: [] })
    assert.equal(histogram.percentile(99), 0)
    assert.equal(histogram.mean, 0)
  })
})
