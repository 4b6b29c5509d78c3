import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { type Breaker, createBreaker } from '@tidemill/gateway/breaker'

/** Plays S and F one after another; gives the 1-based index of the call after which it is open. */
function opensAt(outcomes: string): number | undefined {
  const breaker = createBreaker({}, { clock: createVirtualClock() })
  for (const [i, outcome] of outcomes.split('').entries()) {
    breaker.record(breaker.acquire(), outcome === 'F' ? 'fail' : 'ok')
    if (breaker.state === 'open') return i + 1
  }
  return undefined
}

function trip(breaker: Breaker): void {
  while (breaker.state === 'closed') breaker.record(breaker.acquire(), 'fail')
}

describe('breaker: window 10, ratio 0.6, 10 calls at least', () => {
  const vectors: readonly (readonly [string, number | undefined])[] = [
    ['FFFFFFSSSS', 10],
    ['FFFFFFFSSS', 10],
    ['SSSSFFFFFF', 10],
    ['FFFFFSSSSSFFFFFF', 16],
    [`${'S'.repeat(90)}${'F'.repeat(10)}`, 96],
    ['SSSSSFFFFF', undefined],
    ['FFFFFSSSSSF', undefined],
    ['SFSFSFSFSFSF', undefined],
    ['FFFFFFFFF', undefined],
  ]
  for (const [outcomes, call] of vectors) {
    it(`${outcomes} ${call === undefined ? 'stays closed' : `opens at call ${call}`}`, () => {
      assert.equal(opensAt(outcomes), call)
    })
  }

  it('refuses until 60 s are over, then admits one probe at a time', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({}, { clock })
    trip(breaker)
    await clock.advance(59_999)
    assert.equal(breaker.acquire(), 0)
    assert.equal(breaker.retryAfterMs(), 1)
    await clock.advance(1)
    const probe = breaker.acquire()
    assert.ok(probe > 0)
    assert.equal(breaker.state, 'half-open')
    assert.equal(breaker.acquire(), 0)
    await clock.advance(5000)
    breaker.record(probe, 'fail')
    await clock.advance(59_999)
    assert.equal(breaker.acquire(), 0)
    await clock.advance(1)
    breaker.record(breaker.acquire(), 'ok')
    assert.equal(breaker.state, 'closed')
    for (let i = 0; i < 9; i++) breaker.record(breaker.acquire(), 'fail')
    assert.equal(breaker.state, 'closed')
    breaker.record(breaker.acquire(), 'fail')
    assert.equal(breaker.state, 'open')
  })

  it('drops the results of calls admitted before it opened', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({}, { clock })
    const permits = Array.from({ length: 20 }, () => breaker.acquire())
    for (const [i, permit] of permits.slice(0, 10).entries()) {
      breaker.record(permit, i < 6 ? 'fail' : 'ok')
    }
    assert.equal(breaker.state, 'open')
    const { openedAt, generation } = breaker.snapshot()
    await clock.advance(1000)
    for (const permit of permits.slice(10)) breaker.record(permit, 'ok')
    const after = breaker.snapshot()
    assert.deepEqual([after.openedAt, after.generation, after.stale], [openedAt, generation, 10])
  })

  it('gives the permit of an aborted probe back, so the next call probes at once', async () => {
    const clock = createVirtualClock()
    const breaker = createBreaker({}, { clock })
    trip(breaker)
    await clock.advance(60_000)
    breaker.record(breaker.acquire(), 'ignore')
    assert.equal(breaker.state, 'half-open')
    assert.ok(breaker.acquire() > 0)
  })

  it('stays open until every isolation is released', () => {
    const breaker = createBreaker()
    const first = breaker.isolate()
    const second = breaker.isolate()
    first.release()
    first.release()
    assert.equal(breaker.state, 'forced-open')
    assert.equal(breaker.acquire(), 0)
    second.release()
    assert.equal(breaker.state, 'closed')
  })
})
