import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Clock,
  createSeededRandom,
  createVirtualClock,
  type Problem,
  TidemillError,
} from '@tidemill/core'
import {
  type ConcurrencySpec,
  createConcurrencyLimit,
  readConcurrencySpec,
  shedError,
} from '../../src/concurrency/index.ts'

describe('a fixed concurrency limit', () => {
  it('admits up to its number and again when one is over', () => {
    const limit = createConcurrencyLimit({ max: 2 })
    const first = limit.acquire()
    const second = limit.acquire()
    assert.ok(first > 0 && second > 0 && first !== second)
    assert.equal(limit.acquire(), 0)
    assert.equal(limit.reason, 'max')
    limit.release(first, 5, true)
    assert.ok(limit.acquire() > 0)
    limit.cancel(second)
    assert.ok(limit.acquire() > 0)
    assert.equal(limit.active, 2)
  })

  it('takes a permit back once', () => {
    const limit = createConcurrencyLimit({ max: 2 })
    const permit = limit.acquire()
    limit.release(permit, 1, true)
    limit.release(permit, 1, true)
    limit.cancel(permit)
    limit.cancel(0)
    limit.cancel(12_345_678)
    assert.equal(limit.active, 0)
    const again = limit.acquire()
    limit.acquire()
    limit.cancel(permit)
    assert.equal(limit.active, 2)
    limit.cancel(again)
    assert.equal(limit.active, 1)
    assert.equal(limit.snapshot().stale, 5)
  })

  it('leaks no permit over 100,000 random sequences of admission, end and abort', () => {
    for (let seed = 1; seed <= 100_000; seed++) {
      const random = createSeededRandom(seed)
      const max = 1 + random.integer(4)
      let now = 0
      const clock = { monotonic: () => now } as Clock
      const limit = createConcurrencyLimit(
        { max, admission: {}, adaptive: { min: 1, minRttRequests: 3 } },
        { clock, random },
      )
      const open: number[] = []
      const over: number[] = []
      for (let step = 0; step < 12; step++) {
        now += random.integer(50)
        const dice = random.next()
        if (dice < 0.5) {
          const permit = limit.acquire()
          if (permit > 0) open.push(permit)
        } else if (dice < 0.9 && open.length > 0) {
          const [permit] = open.splice(random.integer(open.length), 1) as [number]
          if (dice < 0.7) limit.release(permit, random.integer(20), dice < 0.6)
          else limit.cancel(permit)
          over.push(permit)
        } else if (over.length > 0) {
          limit.release(over[random.integer(over.length)] as number, 1, true)
        }
        assert.equal(limit.active, open.length, `seed ${seed}`)
        assert.ok(limit.active <= max)
      }
      for (const permit of open) limit.cancel(permit)
      assert.equal(limit.active, 0)
    }
  })

  it('holds very many permits', () => {
    const limit = createConcurrencyLimit({ max: 65_535 })
    const permits = Array.from({ length: 65_535 }, () => limit.acquire())
    assert.equal(new Set(permits).size, 65_535)
    assert.ok(permits.every((permit) => permit > 0 && permit < 2 ** 31))
    assert.equal(limit.acquire(), 0)
    for (const permit of permits) limit.release(permit, 1, true)
    assert.equal(limit.active, 0)
  })
})

describe('concurrency settings', () => {
  it('report every problem at once, each with its path', () => {
    const problems: Problem[] = []
    const value = {
      max: 0,
      adaptive: { min: 10, max: 5, interval: '100', jitter: 2, speed: 1 },
      admission: { successRate: 0, aggression: 0.5, window: 30 },
      overload: true,
      minimum: 1,
    }
    assert.equal(readConcurrencySpec(value, '/c', problems), undefined)
    assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
      '/c/adaptive/interval',
      '/c/adaptive/jitter',
      '/c/adaptive/max',
      '/c/adaptive/speed',
      '/c/admission/aggression',
      '/c/admission/successRate',
      '/c/admission/window',
      '/c/max',
      '/c/minimum',
      '/c/overload',
    ])
  })

  it('that say nothing are refused', () => {
    assert.throws(
      () => createConcurrencyLimit({}),
      (error: unknown) => TidemillError.is(error, 'TM_GATEWAY_CONCURRENCY_INVALID'),
    )
  })

  it('change live without losing permits that are out', () => {
    const limit = createConcurrencyLimit({ max: 3 }, { clock: createVirtualClock() })
    const permits = [limit.acquire(), limit.acquire(), limit.acquire()]
    const specs: ConcurrencySpec[] = [{ max: 2 }, { adaptive: {} }, { admission: {}, max: 1 }]
    for (const spec of specs) {
      limit.configure(spec)
      assert.equal(limit.active, 3)
      assert.equal(limit.acquire(), 0)
    }
    for (const permit of permits) limit.release(permit, 1, true)
    assert.equal(limit.active, 0)
    assert.ok(limit.acquire() > 0)
  })

  it('give refusals an error that says why', () => {
    const error = shedError('shop/api', 'adaptive')
    assert.ok(TidemillError.is(error, 'TM_GATEWAY_SHED'))
    assert.equal(error.http, 503)
    assert.match(error.message, /shop\/api.*slower/u)
  })
})
