import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { constantLoad, stepLoad, stepWorkers, unpaced } from '../../src/bench/schedule.ts'

describe('a load schedule', () => {
  it('has all calls due at once without a pace', () => {
    assert.equal(unpaced.at(1_000_000), 0)
  })
  it('spaces the calls of a constant rate evenly', () => {
    const load = constantLoad(250)
    assert.deepEqual(
      [0, 1, 250].map((index) => load.at(index)),
      [0, 4, 1000],
    )
  })
  it('raises the rate by steps and stays at the end', () => {
    // 50, 100 and 150 calls in the three seconds, then 150 a second.
    const load = stepLoad({ start: 50, step: 50, end: 150, stepMs: 1000, maxMs: 0 })
    assert.equal(load.at(0), 0)
    assert.equal(load.at(50), 1000)
    assert.equal(load.at(150), 2000)
    assert.equal(load.at(300), 3000)
    assert.equal(load.at(450), 4000)
    assert.deepEqual(
      [0, 999, 1000, 2500, 60_000].map((ms) => load.rate(ms)),
      [50, 50, 100, 150, 150],
    )
  })
  it('ends when a falling rate reaches 0', () => {
    const load = stepLoad({ start: 20, step: -10, end: 0, stepMs: 1000, maxMs: 0 })
    assert.equal(load.at(29), 1900)
    assert.equal(load.at(30), Number.POSITIVE_INFINITY)
  })
  it('stops stepping after its longest time, at the end if there is one', () => {
    const open = stepLoad({ start: 10, step: 10, end: 0, stepMs: 1000, maxMs: 2500 })
    assert.equal(open.rate(60_000), 30)
    const ended = stepLoad({ start: 10, step: 10, end: 25, stepMs: 1000, maxMs: 2500 })
    assert.equal(ended.rate(60_000), 25)
  })
  it('never goes back in time, whatever the steps', () => {
    fc.assert(
      fc.property(
        fc.record({
          start: fc.integer({ min: 1, max: 500 }),
          step: fc.integer({ min: -100, max: 100 }).filter((step) => step !== 0),
          end: fc.integer({ min: 0, max: 500 }),
          stepMs: fc.integer({ min: 10, max: 2000 }),
          maxMs: fc.constantFrom(0, 0, 3000),
        }),
        (options) => {
          const load = stepLoad(options)
          let last = 0
          for (let index = 0; index < 300; index++) {
            const at = load.at(index)
            assert.ok(at >= last)
            last = at
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('a worker schedule', () => {
  it('adds workers by steps until the end', () => {
    const workers = stepWorkers({ start: 5, step: 5, end: 20, stepMs: 1000, maxMs: 0 }, 10_000)
    assert.equal(workers.most, 20)
    assert.deepEqual(
      [0, 1000, 2999, 3000, 9000].map((ms) => workers.workers(ms)),
      [5, 10, 15, 20, 20],
    )
  })
  it('takes workers away down to the end', () => {
    const workers = stepWorkers({ start: 20, step: -5, end: 10, stepMs: 500, maxMs: 0 }, 10_000)
    assert.equal(workers.most, 20)
    assert.deepEqual(
      [0, 500, 1000, 5000].map((ms) => workers.workers(ms)),
      [20, 15, 10, 10],
    )
  })
  it('is held by the bound when it would rise for ever', () => {
    const workers = stepWorkers({ start: 1, step: 100, end: 0, stepMs: 10, maxMs: 0 }, 1000)
    assert.equal(workers.most, 1000)
    assert.equal(workers.workers(10_000), 1000)
  })
})
