import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { createLimiter, type LimitSpec, retryAfterSeconds } from '../../src/limit/index.ts'

const spec: LimitSpec = { name: 'vector', rate: { requests: 10, per: '1s', burst: 3 } }

describe('GCRA vectors: limit 10/1000 ms, burst 3', () => {
  it('decides and reports each step as computed', async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter(spec, { clock })
    const steps: readonly (readonly [
      at: number,
      cost: number,
      ok: boolean,
      told: Readonly<Record<string, number>>,
    ])[] = [
      [0, 1, true, { remaining: 2, resetMs: 100 }],
      [0, 1, true, { remaining: 1 }],
      [0, 1, true, { remaining: 0, resetMs: 300 }],
      [0, 1, false, { retryAfterMs: 100 }],
      [99, 1, false, { retryAfterMs: 1 }],
      [100, 1, true, { remaining: 0, resetMs: 300 }],
      [100, 1, false, { retryAfterMs: 100 }],
      [350, 1, true, { remaining: 1, resetMs: 150 }],
      [1000, 3, true, { remaining: 0, resetMs: 300 }],
      [1000, 1, false, { retryAfterMs: 100 }],
    ]
    let now = 0
    for (const [at, cost, ok, told] of steps) {
      await clock.advance(at - now)
      now = at
      assert.equal(limiter.check('k', cost), ok, `at ${at}`)
      const { remaining, resetMs, retryAfterMs } = limiter
      assert.deepEqual(
        { remaining, resetMs, retryAfterMs, ...told },
        {
          remaining,
          resetMs,
          retryAfterMs,
        },
      )
    }
  })

  it('rounds Retry-After up to whole seconds, at least 1', () => {
    assert.deepEqual([1, 100, 1000, 1001, 59_999].map(retryAfterSeconds), [1, 1, 1, 2, 60])
  })

  it('is not moved by steps of the wall clock', async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter(spec, { clock })
    assert.ok(limiter.check('k', 3))
    clock.step(3_600_000)
    assert.equal(limiter.check('k'), false)
    assert.equal(limiter.retryAfterMs, 100)
    clock.step(-7_200_000)
    await clock.advance(100)
    assert.ok(limiter.check('k'))
    assert.equal(limiter.check('k'), false)
  })
})
