import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock, type Problem, TidemillError } from '@tidemill/core'
import { type BreakerSpec, type BreakerTransition, createBreaker } from '@tidemill/gateway/breaker'

function feed(breaker: ReturnType<typeof createBreaker>, outcomes: string, ms = 0): void {
  for (const outcome of outcomes) {
    breaker.record(
      breaker.acquire(),
      outcome === 'F' ? 'fail' : outcome === 'S' ? 'ok' : 'ignore',
      ms,
    )
  }
}

describe('breaker settings', () => {
  it('reports every problem of its settings at once, each with its path', () => {
    const spec = {
      window: 0,
      ratio: 1.5,
      recovery: '5',
      mode: 'ajar',
      slow: { over: '1s' },
      widow: 3,
    } as unknown as BreakerSpec
    assert.throws(
      () => createBreaker(spec),
      (error: unknown) => {
        assert.ok(TidemillError.is(error, 'TM_GATEWAY_BREAKER_INVALID'))
        const problems = error.details['problems'] as Problem[]
        assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
          '/mode',
          '/ratio',
          '/recovery',
          '/slow/ratio',
          '/widow',
          '/window',
        ])
        return true
      },
    )
  })

  it('refuses a ratio of 0, because it would open on success', () => {
    assert.throws(() => createBreaker({ ratio: 0 }), /TM_GATEWAY_BREAKER_INVALID/u)
  })

  it('keeps what it counted when only the ratio changes', () => {
    const breaker = createBreaker({ ratio: 0.9 })
    feed(breaker, 'FFFFFFSSSS')
    breaker.configure({ ratio: 0.6 })
    assert.equal(breaker.snapshot().failures, 6)
    assert.equal(breaker.state, 'closed')
    feed(breaker, 'F')
    assert.equal(breaker.state, 'open')
  })

  it('starts closed and empty when the window changes, even while open', () => {
    const breaker = createBreaker()
    feed(breaker, 'FFFFFFFFFF')
    breaker.configure({ window: 5 })
    const { state, calls } = breaker.snapshot()
    assert.deepEqual([state, calls], ['closed', 0])
    feed(breaker, 'FFFSS')
    assert.equal(breaker.state, 'open')
  })

  it('applies a new recovery time to the open period that runs', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({}, { clock })
    feed(breaker, 'FFFFFFFFFF')
    await clock.advance(10_000)
    breaker.configure({ recovery: '10s' })
    assert.ok(breaker.acquire() > 0)
  })

  it('is not moved by a step of the wall clock', () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({}, { clock })
    feed(breaker, 'FFFFFFFFFF')
    clock.step(3_600_000)
    assert.equal(breaker.acquire(), 0)
    assert.equal(breaker.retryAfterMs(), 60_000)
  })

  it('counts but never opens while forced closed, and starts empty afterwards', () => {
    const breaker = createBreaker({ mode: 'forced-closed' })
    feed(breaker, 'FFFFFFFFFFFF')
    const { state, calls, failures } = breaker.snapshot()
    assert.deepEqual([state, calls, failures], ['forced-closed', 10, 10])
    breaker.configure({})
    assert.deepEqual([breaker.state, breaker.snapshot().calls], ['closed', 0])
  })

  it('admits everything and counts nothing while disabled', () => {
    const breaker = createBreaker({ mode: 'disabled' })
    feed(breaker, 'FFFFFFFFFFFF')
    assert.deepEqual([breaker.state, breaker.snapshot().calls], ['disabled', 0])
  })

  it('refuses everything while forced open, whatever the time', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({ mode: 'forced-open', recovery: '7s' }, { clock })
    await clock.advance(600_000)
    assert.equal(breaker.acquire(), 0)
    assert.equal(breaker.retryAfterMs(), 7000)
  })

  it('leaves aborted calls out of the window', () => {
    const breaker = createBreaker()
    feed(breaker, 'FFFFF-----FFFF')
    assert.equal(breaker.state, 'closed')
    feed(breaker, 'F')
    assert.equal(breaker.state, 'open')
  })

  it('opens on slow calls and takes a slow probe for a failed one', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({ slow: { over: '1s', ratio: 0.5 } }, { clock })
    feed(breaker, 'SSSSS', 1001)
    feed(breaker, 'SSSSS', 1000)
    assert.equal(breaker.state, 'open')
    await clock.advance(60_000)
    feed(breaker, 'S', 1001)
    assert.equal(breaker.state, 'open')
  })

  it('doubles the open period up to the cap while probes fail, and starts over when it closed', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({ recovery: '10s', recoveryCap: '25s' }, { clock })
    feed(breaker, 'FFFFFFFFFF')
    for (const wait of [10_000, 20_000, 25_000, 25_000]) {
      assert.equal(breaker.retryAfterMs(), wait)
      await clock.advance(wait)
      feed(breaker, 'F')
    }
    await clock.advance(25_000)
    feed(breaker, 'S')
    feed(breaker, 'FFFFFFFFFF')
    assert.equal(breaker.retryAfterMs(), 10_000)
  })

  it('spreads open periods by the jitter', () => {
    const random = createSeededRandom(1)
    const waits = Array.from({ length: 100 }, () => {
      const breaker = createBreaker({ jitter: 0.1 }, { clock: createVirtualClock(), random })
      feed(breaker, 'FFFFFFFFFF')
      return breaker.retryAfterMs()
    })
    assert.ok(waits.every((wait) => wait >= 54_000 && wait <= 66_000))
    assert.ok(new Set(waits).size > 90)
  })

  it('closes only after the asked number of probes succeeded', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({ probes: 2, successes: 3 }, { clock })
    feed(breaker, 'FFFFFFFFFF')
    await clock.advance(60_000)
    const probes = [breaker.acquire(), breaker.acquire()]
    assert.equal(breaker.acquire(), 0)
    for (const probe of probes) breaker.record(probe, 'ok')
    assert.equal(breaker.state, 'half-open')
    feed(breaker, 'S')
    assert.equal(breaker.state, 'closed')
  })

  it('reports each change of state once', async () => {
    const clock = createVirtualClock()
    const changes: BreakerTransition[] = []
    const onTransition = (change: BreakerTransition): void => void changes.push(change)
    const breaker = createBreaker({}, { clock, onTransition })
    feed(breaker, 'FFFFFFFFFF')
    await clock.advance(60_000)
    feed(breaker, 'S')
    assert.deepEqual(changes, [
      { from: 'closed', to: 'open', at: 0 },
      { from: 'open', to: 'half-open', at: 60_000 },
      { from: 'half-open', to: 'closed', at: 60_000 },
    ])
  })
})
