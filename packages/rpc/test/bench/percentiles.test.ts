import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHistogram } from '@tidemill/core'
import fc from 'fast-check'
import { bucketValues, correctedHistogram } from '../../src/bench/corrected.ts'
import { FrameCounter } from '../../src/bench/frame-counter.ts'
import { hdrText } from '../../src/bench/hdr-text.ts'
import { latencyPlot } from '../../src/bench/latency-plot.ts'
import { LatencySeries } from '../../src/bench/latency-series.ts'
import { ghzHistogram, ghzRank } from '../../src/bench/rank.ts'

describe("ghz's ranks", () => {
  it('take the value below when the rank is whole', () => {
    assert.deepEqual(
      [10, 50, 90].map((p) => ghzRank(p, 10)),
      [0, 4, 8],
    )
    assert.deepEqual(
      [10, 50, 99].map((p) => ghzRank(p, 11)),
      [1, 5, 10],
    )
    assert.equal(ghzRank(10, 1), 0)
  })
  it('put every value into exactly one of the eleven bars', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1e-6, max: 20, noNaN: true }), { minLength: 1 }),
        (list) => {
          const bars = ghzHistogram(Float64Array.from(list).toSorted())
          assert.equal(bars.length, 11)
          assert.equal(
            bars.reduce((sum, bar) => sum + bar.count, 0),
            list.length,
          )
        },
      ),
    )
  })
})

describe('the correction for calls that were not started', () => {
  it('adds one for each interval that a call took longer', () => {
    const recorded = createHistogram()
    recorded.record(1000, 99)
    recorded.record(10_000)
    const corrected = correctedHistogram(recorded, 1000)
    // 9, 8, ... 1 thousand are those that would have begun meanwhile.
    assert.equal(corrected.count, 109)
    assert.ok(Math.abs(corrected.percentile(99) - 9000) / 9000 < 0.02)
    assert.equal(correctedHistogram(recorded, 0).count, 100)
  })
  it('sees the buckets of the histogram as they are', () => {
    const histogram = createHistogram()
    for (const value of [0.5, 3, 700, 123_456]) histogram.record(value)
    const values = [...bucketValues(histogram)]
    assert.equal(values.length, 4)
    for (const [i, exact] of [0.5, 3, 700, 123_456].entries()) {
      assert.ok(Math.abs((values[i]?.[0] ?? 0) - exact) / exact < 0.009)
    }
  })
})

describe("HdrHistogram's text", () => {
  it('rises to the maximum at 100 % with the counts beside', () => {
    const histogram = createHistogram()
    for (let i = 1; i <= 1000; i++) histogram.record(i * 1000)
    const lines = hdrText(histogram, 1000).split('\n')
    assert.equal(lines[0], '       Value     Percentile TotalCount 1/(1-Percentile)')
    const rows = lines
      .filter((line) => /^\s+\d/u.test(line))
      .map((line) => line.trim().split(/\s+/u).map(Number))
    assert.deepEqual(rows.at(-1), [1000, 1, 1000])
    for (const [i, row] of rows.entries()) {
      const before = rows[i - 1] ?? [0, -1, 0]
      assert.ok((row[0] ?? 0) >= (before[0] ?? 0) && (row[1] ?? 0) > (before[1] ?? 0))
      assert.ok((row[2] ?? 0) >= (before[2] ?? 0))
    }
    const half = rows.find((row) => row[1] === 0.5)
    assert.ok(Math.abs((half?.[0] ?? 0) - 500) < 5)
    assert.match(lines.at(-2) ?? '', /^#\[Max {5}= {5}1000\.000, Total count {4}= {9}1000\]$/u)
    assert.match(
      lines.at(-3) ?? '',
      /^#\[Mean {4}= {6}500\.500, StdDeviation {3}= {6}288\.\d{3}\]$/u,
    )
  })
  it('of nothing has no rows', () => {
    assert.equal(
      hdrText(createHistogram(), 1000)
        .split('\n')
        .filter((line) => /^\s+\d/u.test(line)).length,
      0,
    )
  })
})

describe('latency over time', () => {
  it('keeps at most 120 stretches by joining neighbours, losing no call', () => {
    const series = new LatencySeries(100)
    for (let ms = 0; ms < 100_000; ms += 10) series.record(ms, ms < 50_000 ? 1 : 9, ms % 1000 === 0)
    const points = series.points()
    assert.ok(points.length <= 120 && points.length > 50)
    assert.equal(
      points.reduce((sum, point) => sum + point.count, 0),
      10_000,
    )
    assert.equal(
      points.reduce((sum, point) => sum + point.errors, 0),
      100,
    )
    assert.equal(points[0]?.max, 1)
    assert.equal(points.at(-1)?.max, 9)
  })
  it('is drawn with the p50 below the p99, the worst of joined columns shown', () => {
    const series = new LatencySeries(100)
    for (let ms = 0; ms < 11_900; ms += 5) series.record(ms, ms === 6000 ? 100 : 1, false)
    const lines = latencyPlot(series.points())
    assert.equal(lines.length, 7)
    assert.equal(lines[0]?.split('|').length, 2, 'one column reaches the top')
    assert.ok(lines.every((line) => line.length <= 80))
    assert.match(lines.at(-1) ?? '', /0 s .*11\.9 s/u)
  })
  it('is not drawn for a single stretch', () => {
    const series = new LatencySeries(100)
    series.record(1, 1, false)
    assert.deepEqual(latencyPlot(series.points()), [])
  })
})

describe('counting messages in a stream', () => {
  it('does not depend on how the bytes are cut', () => {
    const bytes = Buffer.concat(
      [0, 1, 300, 5].map((size) => {
        const frame = Buffer.alloc(5 + size, 0xff)
        frame[0] = 0
        frame.writeUInt32BE(size, 1)
        return frame
      }),
    )
    for (const step of [1, 2, 3, 7, 1000]) {
      const counter = new FrameCounter()
      let count = 0
      for (let at = 0; at < bytes.length; at += step)
        count = counter.feed(bytes.subarray(at, at + step))
      assert.equal(count, 4, `cut every ${step}`)
      counter.reset()
      assert.equal(counter.feed(bytes), 4)
    }
  })
})
