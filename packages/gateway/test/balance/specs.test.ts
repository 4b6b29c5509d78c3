import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Problem } from '@tidemill/core'
import {
  readBalancerSpec,
  readHealthCheckSpec,
  readOutlierSpec,
  readRetryBudgetSpec,
} from '../../src/balance/index.ts'
import { problemPaths } from './fixtures.ts'

type Reader = (value: unknown, path: string, problems: Problem[]) => unknown

function wrongIn(reader: Reader, value: unknown): string[] {
  const problems: Problem[] = []
  reader(value, '/spec', problems)
  return problemPaths(problems)
}

describe('settings of balancing', () => {
  it('all have defaults', () => {
    for (const reader of [
      readBalancerSpec,
      readHealthCheckSpec,
      readOutlierSpec,
      readRetryBudgetSpec,
    ]) {
      assert.deepEqual(wrongIn(reader, {}), [])
      assert.deepEqual(wrongIn(reader, 7), ['/spec'])
      assert.deepEqual(wrongIn(reader, { nothing: 1 }), ['/spec/nothing'])
    }
  })

  it('of the balancer name every problem with its path', () => {
    assert.deepEqual(
      wrongIn(readBalancerSpec, {
        type: 'ring-hash',
        ringSize: { least: 5000, most: 2000, size: 1 },
        slowStart: { window: '5', aggression: 0, leastPercent: 0 },
        panicPercent: 101,
        decay: '0s',
        tableSize: 10_000,
        boundedLoadPercent: 119,
      }),
      [
        '/spec/boundedLoadPercent',
        '/spec/decay',
        '/spec/decay',
        '/spec/panicPercent',
        '/spec/ringSize/least',
        '/spec/ringSize/size',
        '/spec/slowStart',
        '/spec/slowStart/aggression',
        '/spec/slowStart/leastPercent',
        '/spec/slowStart/window',
        '/spec/tableSize',
        '/spec/tableSize',
      ],
    )
    assert.deepEqual(wrongIn(readBalancerSpec, { type: 'fastest' }), ['/spec/type'])
    assert.deepEqual(wrongIn(readBalancerSpec, { type: 'maglev', tableSize: 10_007 }), [])
    assert.deepEqual(wrongIn(readBalancerSpec, { type: 'maglev', tableSize: 1e9 }), [
      '/spec/tableSize',
    ])
  })

  it('of outlier detection name every problem with its path', () => {
    assert.deepEqual(
      wrongIn(readOutlierSpec, {
        consecutive5xx: -1,
        consecutiveGatewayErrors: 1.5,
        consecutiveConnectFailures: '5',
        successRate: { minHosts: 1, minRequests: 0, factor: 0 },
        failurePercentage: true,
        interval: '10',
        ejection: '1m',
        maxEjection: '30s',
        maxPercent: 101,
      }),
      [
        '/spec/consecutive5xx',
        '/spec/consecutiveConnectFailures',
        '/spec/consecutiveGatewayErrors',
        '/spec/failurePercentage',
        '/spec/interval',
        '/spec/maxEjection',
        '/spec/maxPercent',
        '/spec/successRate/factor',
        '/spec/successRate/minHosts',
        '/spec/successRate/minRequests',
      ],
    )
  })

  it('of health checks name every problem with its path', () => {
    assert.deepEqual(
      wrongIn(readHealthCheckSpec, {
        type: 'tcp',
        interval: 5,
        jitterPercent: 60,
        timeout: '0s',
        unhealthy: 0,
        healthy: 1001,
        path: 'healthz',
        method: 'POST',
        host: 'a b',
        expected: [200, '399-200'],
        service: 'a/b',
      }),
      [
        '/spec/expected',
        '/spec/expected',
        '/spec/healthy',
        '/spec/host',
        '/spec/host',
        '/spec/interval',
        '/spec/jitterPercent',
        '/spec/method',
        '/spec/method',
        '/spec/path',
        '/spec/path',
        '/spec/service',
        '/spec/service',
        '/spec/timeout',
        '/spec/unhealthy',
      ],
    )
    for (const expected of [[], [100], ['200-'], [600], 'all', [null]]) {
      assert.deepEqual(wrongIn(readHealthCheckSpec, { expected }), ['/spec/expected'])
    }
    for (const path of ['/a b', '/a\r\nx: y', '/\u00e9', '']) {
      assert.deepEqual(wrongIn(readHealthCheckSpec, { path }), ['/spec/path'])
    }
  })

  it('of the retry budget name every problem with its path', () => {
    assert.deepEqual(
      wrongIn(readRetryBudgetSpec, {
        percent: 101,
        minConcurrent: -1,
        interval: '10',
        minRate: { count: 1.5, interval: '' },
      }),
      [
        '/spec/interval',
        '/spec/minConcurrent',
        '/spec/minConcurrent',
        '/spec/minRate/count',
        '/spec/minRate/interval',
        '/spec/percent',
      ],
    )
    assert.deepEqual(wrongIn(readRetryBudgetSpec, { minRate: {} }), ['/spec/minRate'])
  })
})
