import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRateMeter } from '../src/rate.ts'

describe('createRateMeter', () => {
  it('gives the growth per second over the window', () => {
    const meter = createRateMeter(5000)
    assert.equal(meter.rate('a'), 0)
    for (let second = 0; second <= 10; second++) {
      meter.sample(second * 1000, new Map([['a', second < 5 ? 0 : (second - 5) * 20]]))
    }
    assert.equal(meter.rate('a'), 20)
  })
  it('counts a counter that appeared late from zero and never goes negative after a restart', () => {
    const meter = createRateMeter(5000)
    meter.sample(0, new Map())
    meter.sample(1000, new Map([['a', 7]]))
    assert.equal(meter.rate('a'), 7)
    meter.sample(2000, new Map([['a', 0]]))
    assert.equal(meter.rate('a'), 0)
  })
})
