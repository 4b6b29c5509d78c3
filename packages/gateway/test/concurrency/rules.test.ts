import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import { Admission } from '../../src/concurrency/admission.ts'
import { concurrencyConfig } from '../../src/concurrency/concurrency-spec.ts'
import { Gradient } from '../../src/concurrency/gradient.ts'
import { createConcurrencyLimit, LoopLag } from '../../src/concurrency/index.ts'
import { OverloadGuard } from '../../src/concurrency/overload-guard.ts'

type Part = 'adaptive' | 'admission' | 'overload'
function part<K extends Part>(name: K, spec: object = {}) {
  return concurrencyConfig({ [name]: spec })[name] as NonNullable<
    ReturnType<typeof concurrencyConfig>[K]
  >
}

describe('the gradient controller', () => {
  function measured(ms: number): Gradient {
    const gradient = new Gradient(part('adaptive'), createSeededRandom(1))
    for (let i = 0; i < 50; i++) gradient.record(1000, ms, true)
    return gradient
  }

  it('begins with 50 requests at a concurrency of 3', () => {
    const gradient = new Gradient(part('adaptive'), createSeededRandom(1))
    assert.deepEqual([gradient.measuring, gradient.limit], [true, 3])
    assert.ok(gradient.admits(2, 0))
    assert.equal(gradient.admits(3, 0), false)
    for (let i = 0; i < 49; i++) gradient.record(10, 20, true)
    assert.equal(gradient.measuring, true)
    gradient.record(10, 20, true)
    assert.deepEqual([gradient.measuring, gradient.minRttMs], [false, 20])
  })

  it('follows limit * g + sqrt(limit * g) with g = minRTT * 1.25 / sample', () => {
    const gradient = measured(20)
    let limit = 3
    let now = 1000
    for (const sample of [20, 20, 25, 40, 100, 10, 25]) {
      gradient.record(now + 1, sample, true)
      now += 100
      gradient.admits(0, now)
      const g = Math.max(0.5, Math.min(2, 25 / sample))
      limit = Math.max(3, Math.floor(limit * g + Math.sqrt(limit * g)))
      assert.equal(gradient.limit, limit, `after ${sample} ms`)
    }
  })

  it('keeps the limit while nothing is measured, and within its bounds', () => {
    const gradient = measured(20)
    for (let now = 1100; now < 3000; now += 100) gradient.admits(0, now)
    assert.equal(gradient.limit, 3)
    for (let now = 3000; now < 30_000; now += 100) gradient.record(now, 1, true)
    assert.equal(gradient.limit, 1000)
  })

  it('measures anew after the interval and at most 15 % later, then resumes its limit', () => {
    const gradient = measured(20)
    let now = 1000
    while (!gradient.measuring) {
      now += 100
      gradient.record(now, 10, true)
      assert.ok(now < 80_000)
    }
    assert.ok(now >= 61_000 && now <= 1000 + 69_000 + 100, `${now}`)
    assert.equal(gradient.limit, 3)
    // What began before the measurement does not count.
    for (let i = 0; i < 100; i++) gradient.record(now + 5, 400, true)
    assert.equal(gradient.measuring, true)
    for (let i = 0; i < 50; i++) gradient.record(now + 60, 50, true)
    assert.deepEqual([gradient.minRttMs, gradient.limit], [50, 1000])
  })

  it('doubts its measurement when the limit stays lowest', () => {
    const gradient = measured(1)
    for (let now = 1100; now <= 1600; now += 100) gradient.record(now, 1000, true)
    assert.equal(gradient.measuring, true)
  })
})

describe('admission control', () => {
  it('refuses p = (n - ok / 0.95) / (n + 1), at most 80 %', () => {
    const admission = new Admission(part('admission'), createSeededRandom(1))
    for (let i = 0; i < 95; i++) admission.record(0, 1, true)
    for (let i = 0; i < 5; i++) admission.record(0, 1, false)
    assert.equal(admission.rejection(0), 0)
    for (let i = 0; i < 100; i++) admission.record(0, 1, false)
    assert.ok(Math.abs(admission.rejection(0) - (200 - 95 / 0.95) / 201) < 1e-12)
    for (let i = 0; i < 10_000; i++) admission.record(0, 1, false)
    assert.equal(admission.rejection(0), 0.8)
  })

  it('refuses sooner with aggression: the power 1 / aggression', () => {
    const admission = new Admission(part('admission', { aggression: 2 }), createSeededRandom(1))
    for (let i = 0; i < 100; i++) admission.record(0, 1, i < 76)
    assert.ok(Math.abs(admission.rejection(0) - Math.sqrt((100 - 80) / 101)) < 1e-12)
  })

  it('forgets what is older than the window', () => {
    const admission = new Admission(part('admission'), createSeededRandom(1))
    for (let i = 0; i < 100; i++) admission.record(500, 1, false)
    assert.equal(admission.rejection(29_999), 0.8)
    assert.equal(admission.rejection(30_000), 0)
    for (let i = 0; i < 100; i++) admission.record(30_000, 1, false)
    assert.equal(admission.rejection(1_000_000), 0)
  })

  it('has no opinion below its rate', () => {
    const admission = new Admission(part('admission', { minRps: 1 }), createSeededRandom(1))
    for (let i = 0; i < 29; i++) admission.record(0, 1, false)
    assert.equal(admission.rejection(0), 0)
    admission.record(0, 1, false)
    assert.ok(admission.rejection(0) > 0)
  })

  it('refuses in that proportion, and what it refused does not count', () => {
    const clock = createVirtualClock()
    const random = createSeededRandom(3)
    const limit = createConcurrencyLimit({ admission: {} }, { clock, random })
    for (let i = 0; i < 1000; i++) limit.release(limit.acquire(), 1, false)
    const before = limit.snapshot()
    let refused = 0
    for (let i = 0; i < 10_000; i++) {
      const permit = limit.acquire()
      if (permit === 0) refused++
      else limit.cancel(permit)
    }
    assert.ok(Math.abs(refused / 10_000 - 0.8) < 0.02)
    assert.equal(limit.snapshot().rejection, before.rejection)
    assert.equal(limit.reason, 'admission')
  })
})

describe('the overload guard', () => {
  it('acts only while the event loop lags, on more than throughput times best latency', () => {
    let lag = 0
    const guard = new OverloadGuard(part('overload'), () => lag)
    // 100 in half a second at 20 ms at best: 200/s * 0.02 s = 4 at once.
    for (let i = 0; i < 100; i++) guard.record(10, i === 50 ? 20 : 35, true)
    assert.equal(guard.capacity(10), 4)
    assert.ok(guard.admits(1000, 10))
    lag = 51
    assert.ok(guard.admits(4, 10))
    assert.equal(guard.admits(5, 10), false)
    assert.equal(guard.admits(5, 9999), false)
    assert.ok(guard.admits(5, 10_000), 'when the window has passed')
  })

  it('always lets one through', () => {
    const guard = new OverloadGuard(part('overload'), () => 1000)
    guard.record(0, 0, true)
    assert.equal(guard.capacity(0), 1)
    assert.ok(guard.admits(0, 0))
    assert.ok(guard.admits(1, 0))
    assert.equal(guard.admits(2, 0), false)
  })
})

describe('the lag of the event loop', () => {
  it('is how late timers fire, smoothed', async () => {
    let late = 0
    const virtual = createVirtualClock()
    const clock = { ...virtual, monotonic: () => virtual.monotonic() + late }
    const lag = new LoopLag(clock)
    await virtual.advance(1000)
    assert.equal(lag.ms, 0)
    for (let i = 0; i < 50; i++) {
      late += 100
      await virtual.advance(20)
    }
    assert.ok(Math.abs(lag.ms - 100) < 1, `${lag.ms}`)
    lag.close()
    assert.equal(virtual.pending, 0)
  })
})
