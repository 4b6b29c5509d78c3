import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock, type Problem } from '@tidemill/core'
import fc from 'fast-check'
import {
  createRetryBudget,
  readRetryBudgetSpec,
  type RetryBudget,
  type RetryBudgetSpec,
  retryAfterDelay,
  retryDelay,
  retryDelayBound,
} from '../../src/balance/index.ts'

function someBudget(spec: RetryBudgetSpec, clock = createVirtualClock()): RetryBudget {
  const problems: Problem[] = []
  const config = readRetryBudgetSpec(spec, '', problems)
  assert.deepEqual(problems, [])
  return createRetryBudget(config, { clock })
}

describe('retry delay', () => {
  it('is drawn below 25, 75, 175, 250, 250 ms with a base of 25 ms', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((n) => retryDelayBound(n, 25)),
      [25, 75, 175, 250, 250],
    )
    const random = createSeededRandom(1)
    for (let n = 1; n <= 5; n++) {
      const drawn = Array.from({ length: 2000 }, () => retryDelay(n, 25, 0, random))
      const bound = retryDelayBound(n, 25)
      assert.ok(Math.max(...drawn) < bound && Math.max(...drawn) > bound * 0.99)
      assert.ok(Math.min(...drawn) >= 0 && Math.min(...drawn) < bound * 0.01)
    }
  })

  it('is never below the least wait', () => {
    const random = createSeededRandom(1)
    for (let i = 0; i < 100; i++) assert.ok(retryDelay(2, 25, 100, random) >= 100)
  })

  it('follows Retry-After in seconds or as a date, up to half longer, and up to 300 s', () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    const random = createSeededRandom(1)
    for (const [value, ms] of [
      ['2', 2000],
      ['0', 0],
      ['300', 300_000],
      ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
      ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ] as const) {
      const delay = retryAfterDelay(value, now, random)
      assert.ok(delay !== undefined && delay >= ms && delay <= ms * 1.5, value)
    }
    for (const value of [
      '301',
      '-1',
      '1.5',
      '',
      'soon',
      '2026-01-01',
      'Thu, 01 Jan 2027 00:00:30 GMT',
    ]) {
      assert.equal(retryAfterDelay(value, now, random), undefined, value)
    }
  })
})

describe('retry budget', () => {
  it('allows retries in flight up to 20 % of the load, and three at any load', () => {
    const budget = someBudget({})
    assert.deepEqual(
      [1, 2, 3, 4].map(() => budget.acquire(1)),
      [true, true, true, false],
    )
    assert.equal(budget.acquire(19), false, '20 % of 19 is less than four')
    assert.equal(budget.acquire(20), true)
    assert.equal(budget.acquire(20), false)
    budget.release()
    assert.equal(budget.acquire(20), true)
    assert.deepEqual([budget.active, budget.granted, budget.refused], [4, 5, 3])
  })

  it('never has more retries in flight than the rule says', () => {
    const step = fc.record({ load: fc.nat(500), release: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const budget = someBudget({ percent: 15, minConcurrent: 2 })
        let active = 0
        for (const { load, release } of steps) {
          if (release) {
            budget.release()
            active = Math.max(0, active - 1)
          } else {
            const allowed = active + 1 <= Math.max(2, load * 0.15)
            assert.equal(budget.acquire(load), allowed)
            if (allowed) active++
          }
          assert.equal(budget.active, active)
        }
      }),
    )
  })

  it('allows 20 % of the requests of the last 10 s, and ten a second at any rate', async () => {
    const clock = createVirtualClock()
    const budget = someBudget({ interval: '10s' }, clock)
    const grant = (wanted: number): number =>
      Array.from({ length: wanted }, () => budget.acquire(0)).filter(Boolean).length
    assert.equal(grant(50), 10)
    for (let i = 0; i < 200; i++) budget.request()
    assert.equal(grant(50), 30, '40 of 200, 10 of them used')
    await clock.advance(1000)
    assert.equal(grant(50), 10, 'the least of the next second')
    await clock.advance(20_000)
    assert.equal(grant(50), 10, 'the requests are forgotten')
  })

  it('raises the load of a backend that fails everything by at most a fifth', async () => {
    const clock = createVirtualClock()
    const budget = someBudget({ interval: '10s', minRate: { count: 0 } }, clock)
    let retries = 0
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 100; i++) {
        budget.request()
        if (budget.acquire(0)) {
          retries++
          budget.release()
        }
      }
      await clock.advance(1000)
    }
    assert.ok(retries <= 1200 && retries > 1000, String(retries))
  })
})
