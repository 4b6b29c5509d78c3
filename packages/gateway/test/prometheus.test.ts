import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHistogram } from '@tidemill/core'
import fc from 'fast-check'
import {
  classicHistogram,
  type MetricFamily,
  mergeMetrics,
  mostSeries,
  renderPrometheus,
  secondsBounds,
} from '../src/prometheus.ts'

const requests = (value: number, route = 'default/shop'): MetricFamily => ({
  name: 'tidemill_gw_requests_total',
  help: 'Requests.',
  type: 'counter',
  series: [{ labels: ['route', route, 'flag', ''], value }],
})

describe('the Prometheus text', () => {
  it('has help, type and one line per series', () => {
    assert.equal(
      renderPrometheus([requests(12)]),
      '# HELP tidemill_gw_requests_total Requests.\n# TYPE tidemill_gw_requests_total counter\n' +
        'tidemill_gw_requests_total{route="default/shop",flag=""} 12\n',
    )
  })

  it('writes histograms as cumulative buckets up to +Inf', () => {
    const histogram = createHistogram()
    for (const ms of [0.5, 3, 40, 20_000]) histogram.record(ms)
    const text = renderPrometheus([
      {
        name: 'x_seconds',
        help: 'a\\b\nc',
        type: 'histogram',
        series: [{ labels: [], value: classicHistogram(histogram.snapshot()) }],
      },
    ])
    assert.match(text, /^# HELP x_seconds a\\\\b\\nc$/mu)
    assert.match(text, /^x_seconds_bucket\{le="0.001"\} 1$/mu)
    assert.match(text, /^x_seconds_bucket\{le="0.005"\} 2$/mu)
    assert.match(text, /^x_seconds_bucket\{le="10"\} 3$/mu)
    assert.match(text, /^x_seconds_bucket\{le="\+Inf"\} 4$/mu)
    assert.match(text, /^x_seconds_count 4$/mu)
    assert.match(text, /^x_seconds_sum 20.0435$/mu)
  })

  it('counts every value in the bucket of its bound, but for those within 0.8 % of it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 20_000, noNaN: true })), (values) => {
        const histogram = createHistogram()
        for (const ms of values) histogram.record(ms)
        const { buckets } = classicHistogram(histogram.snapshot())
        for (const [i, bound] of secondsBounds.entries()) {
          const low = values.filter((ms) => ms <= bound * 992).length
          const high = values.filter((ms) => ms <= bound * 1008).length
          assert.ok((buckets[i] as number) >= low && (buckets[i] as number) <= high)
        }
      }),
    )
  })

  it('keeps any label value within its quotes and its line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (route) => {
        const lines = renderPrometheus([requests(1, route)]).split('\n')
        assert.equal(lines.length, 4)
        const form = /^tidemill_gw_requests_total\{route="((?:[^"\\]|\\["\\n])*)",flag=""\} 1$/su
        const quoted = form.exec(lines[2] as string)?.[1]
        const plain = quoted?.replaceAll(/\\(.)/gsu, (_, mark) => (mark === 'n' ? '\n' : mark))
        assert.equal(plain, route.toWellFormed())
      }),
    )
  })

  it('sums the counters and histograms of workers and takes the largest of a gauge that says so', () => {
    const lag = (value: number): MetricFamily => ({
      name: 'lag',
      help: '',
      type: 'gauge',
      merge: 'max',
      series: [{ labels: [], value }],
    })
    const seconds = (count: number): MetricFamily => ({
      name: 's',
      help: '',
      type: 'histogram',
      series: [
        { labels: [], value: { buckets: secondsBounds.map(() => count), sum: count, count } },
      ],
    })
    const merged = mergeMetrics([
      [requests(3), lag(0.5), seconds(1)],
      [requests(4), requests(1, 'default/other'), lag(0.2), seconds(2)],
    ])
    assert.deepEqual(
      merged.map((family) => family.series.map((series) => series.value)),
      [[7, 1], [0.5], [{ buckets: secondsBounds.map(() => 3), sum: 3, count: 3 }]],
    )
  })

  it('shows a bounded number of series and the sum of the rest', () => {
    const series = Array.from({ length: mostSeries + 5 }, (_, i) => ({
      labels: ['route', `r${i}`],
      value: 1,
    }))
    const lines = renderPrometheus([{ name: 'n', help: '', type: 'counter', series }]).split('\n')
    assert.equal(lines.length, mostSeries + 3)
    assert.equal(lines.at(-2), 'n{route="other"} 6')
  })

  it('writes infinities and NaN as Prometheus reads them', () => {
    const values = [Infinity, -Infinity, Number.NaN].map((value, i) => ({
      labels: ['i', String(i)],
      value,
    }))
    const text = renderPrometheus([{ name: 'g', help: '', type: 'gauge', series: values }])
    assert.match(text, /\} \+Inf\n.*\} -Inf\n.*\} NaN\n$/u)
  })
})
