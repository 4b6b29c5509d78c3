import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type Problem, TidemillError } from '@tidemill/core'
import { createLimiter, type LimitSpec, readLimitSpec } from '../../src/limit/index.ts'

const rate = { requests: 10, per: '1s' }

function pathsOf(value: unknown): string[] {
  const problems: Problem[] = []
  assert.equal(readLimitSpec(value, '/limit', problems), undefined)
  return problems.map((problem) => problem.path).toSorted()
}

describe('rate limit settings', () => {
  it('fills in defaults', () => {
    const problems: Problem[] = []
    const config = readLimitSpec({ name: 'api', rate }, '', problems)
    assert.deepEqual(problems, [])
    assert.deepEqual(config, {
      name: 'api',
      tiers: [{ requests: 10, periodMs: 1000, burst: 10, tokenMs: 100, burstMs: 1000 }],
      conditions: [],
      key: [],
      onMissing: 'skip',
      shadow: false,
      cost: { from: 'constant', header: '', value: 1, max: 1 },
      scope: 'local',
      onLost: 'open',
      standardHeaders: true,
      legacyHeaders: false,
      maxKeys: 100_000,
    })
  })

  it('reports every problem at once, each with its path', () => {
    assert.deepEqual(
      pathsOf({
        name: 'a b',
        rate: { requests: 0, per: '5', bursts: 1 },
        key: [{ type: 'header' }, { type: 'moon' }, { type: 'constructor' }],
        onMissing: 'pass',
        shadow: 'no',
        cost: { requestHeader: 'x-cost' },
        scope: 'galaxy',
        onLost: 'maybe',
        responseHeaders: { standard: 1, modern: true },
        maxKeys: 1,
        overrides: [
          { when: [], rate },
          { when: [{ type: 'consumer' }], rate: {} },
        ],
        color: 'red',
      }),
      [
        '/limit/color',
        '/limit/cost/max',
        '/limit/key/0/name',
        '/limit/key/1/type',
        '/limit/key/2/type',
        '/limit/maxKeys',
        '/limit/name',
        '/limit/onLost',
        '/limit/onMissing',
        '/limit/overrides/0/when',
        '/limit/overrides/1/rate/per',
        '/limit/overrides/1/rate/requests',
        '/limit/overrides/1/when/0/values',
        '/limit/rate/bursts',
        '/limit/rate/per',
        '/limit/rate/requests',
        '/limit/responseHeaders/modern',
        '/limit/responseHeaders/standard',
        '/limit/scope',
        '/limit/shadow',
      ],
    )
  })

  it('refuses a cost that no burst can ever pay, of any rate', () => {
    assert.deepEqual(pathsOf({ name: 'a', rate: { ...rate, burst: 3 }, cost: 4 }), [
      '/limit/rate/burst',
    ])
    assert.deepEqual(
      pathsOf({
        name: 'a',
        rate,
        cost: { responseHeader: 'x-tokens', max: 10 },
        overrides: [
          { when: [{ type: 'consumer', values: ['b'] }], rate: { requests: 9, per: '1s' } },
        ],
      }),
      ['/limit/overrides/0/rate/burst'],
    )
  })

  it('throws settings that are not valid with all problems in the details', () => {
    assert.throws(
      () => createLimiter({ name: '', rate: { requests: -1, per: '1s' } }),
      (error: unknown) => {
        assert.ok(TidemillError.is(error, 'TM_GATEWAY_LIMIT_INVALID'))
        assert.equal((error.details['problems'] as Problem[]).length, 2)
        return true
      },
    )
  })
})

describe('a change of a live limit', () => {
  const before: LimitSpec = { name: 'a', rate: { requests: 10, per: '1h', burst: 10 } }

  it('keeps what a key has used', async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ name: 'a', rate: { requests: 10, per: '1s' } }, { clock })
    assert.ok(limiter.check('k', 8))
    limiter.configure({ name: 'a', rate: { requests: 20, per: '1s' } })
    // 800 ms to go at 50 ms a token.
    assert.ok(limiter.check('k', 4))
    assert.equal(limiter.check('k'), false)
    await clock.advance(50)
    assert.ok(limiter.check('k'))
  })

  it('punishes no key under the old policy for longer than the new burst takes', async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter(before, { clock })
    assert.ok(limiter.check('k', 10))
    limiter.configure({ name: 'a', rate: { requests: 10, per: '1s', burst: 10 } })
    assert.equal(limiter.check('k'), false)
    assert.equal(limiter.retryAfterMs, 100)
    await clock.advance(1000)
    assert.ok(limiter.check('k', 10))
  })

  it('applies the clamp at the moment of the change, not at the next request', async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter(before, { clock })
    assert.ok(limiter.check('k', 10))
    limiter.configure({ name: 'a', rate: { requests: 10, per: '1s', burst: 10 } })
    await clock.advance(500)
    assert.ok(limiter.check('k', 5))
    assert.equal(limiter.check('k'), false)
  })

  it('leaves a limit as it was when the new settings are not valid', () => {
    const limiter = createLimiter(before, { clock: createVirtualClock() })
    assert.throws(() => limiter.configure({ ...before, cost: 11 }), /TM_GATEWAY_LIMIT_INVALID/u)
    assert.ok(limiter.check('k', 10))
    assert.equal(limiter.check('k'), false)
  })
})

describe('a charge after the fact', () => {
  it('goes into debt by one burst at most', async () => {
    const clock = createVirtualClock()
    const limiter = createLimiter({ name: 'a', rate: { requests: 10, per: '1s' } }, { clock })
    assert.ok(limiter.check('k'))
    limiter.charge('k', 500)
    assert.equal(limiter.check('k'), false)
    assert.equal(limiter.retryAfterMs, 1100)
    await clock.advance(1100)
    assert.ok(limiter.check('k'))
  })
})
