import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metricsText } from '../src/metrics-text.ts'

describe('metricsText', () => {
  it('writes help, type and samples, and escapes what labels may hold', () => {
    const text = metricsText([
      {
        name: 'tidemill_x_total',
        type: 'counter',
        help: 'first line\nsecond \\ line',
        samples: [
          { labels: {}, value: 1 },
          { labels: { route: 'a"b\\c\nd' }, value: Infinity },
        ],
      },
    ])
    assert.equal(
      text,
      [
        String.raw`# HELP tidemill_x_total first line\nsecond \\ line`,
        '# TYPE tidemill_x_total counter',
        'tidemill_x_total 1',
        String.raw`tidemill_x_total{route="a\"b\\c\nd"} +Inf`,
        '',
      ].join('\n'),
    )
  })
})
