import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SloObjective } from '../../src/slo/slo-objective.ts'
import type { SloTierName } from '../../src/slo/slo-spec.ts'
import { config } from './fixture.ts'

const day = 86_400

/** Healthy history, then a step to an error ratio: seconds until the tier fires with one evaluation a second. */
function firesAfter(tier: SloTierName, bad: number, of: number, most: number): number | undefined {
  const objective = new SloObjective(config({ objective: 99.9 }))
  const start = 3 * day + 3600
  for (let t = 0; t < start; t += 5) objective.absorb(5 * of, 0, t * 1000)
  for (let t = 1; t <= most; t++) {
    objective.absorb(of - bad, bad, (start + t - 0.5) * 1000)
    const found = objective.evaluate((start + t) * 1000).find((one) => one.name === tier)
    if (found?.firing === true) return t
  }
  return undefined
}

const steps: readonly (readonly [number, number, number])[] = [
  [100, 100, 52],
  [50, 100, 104],
  [10, 100, 519],
  [5, 100, 1037],
  [2, 100, 2593],
]

for (const [bad, of, seconds] of steps) {
  test(`page-fast of 99.9 % fires ${seconds} s after a step to ${bad} % errors`, () => {
    assert.equal(firesAfter('page-fast', bad, of, 3600), seconds)
  })
}

test('page-fast never fires at exactly 14.4 times the budget', () => {
  assert.equal(firesAfter('page-fast', 144, 10_000, 8000), undefined)
})

const outages: readonly (readonly [SloTierName, number])[] = [
  ['page-slow', 130],
  ['ticket-fast', 260],
  ['ticket-slow', 260],
]

for (const [tier, seconds] of outages) {
  test(`${tier} fires ${seconds} s after a total outage`, () => {
    assert.equal(firesAfter(tier, 100, 100, 3600), seconds)
  })
}

test('no traffic at all never fires, and what fires does not end for want of traffic', () => {
  const objective = new SloObjective(config({ objective: 99.9 }))
  for (let t = 0; t < 20_000; t++) {
    assert.ok(objective.evaluate(t * 1000).every((tier) => !tier.firing))
  }
  objective.absorb(0, 1000, 20_000_000)
  assert.ok(objective.evaluate(20_001_000).every((tier) => tier.firing))
  assert.ok(objective.evaluate(20_000_000 + 10 * day * 1000).every((tier) => tier.firing))
  objective.absorb(1000, 0, 20_000_000 + 10 * day * 1000)
  assert.ok(objective.evaluate(20_001_000 + 10 * day * 1000).every((tier) => !tier.firing))
})

test('fewer events than the least in the short window fire nothing', () => {
  const objective = new SloObjective(config({ objective: 99.9 }))
  for (let i = 0; i < 19; i++) objective.record(false, 1000 + i)
  assert.ok(objective.evaluate(2000).every((tier) => !tier.firing))
  objective.record(false, 2000)
  assert.ok(objective.evaluate(2001).every((tier) => tier.firing))
})

test('the budget is what the bad requests of the period leave', () => {
  const objective = new SloObjective(config({ objective: 99 }))
  assert.equal(objective.budgetRemaining(0), 1)
  objective.absorb(9950, 50, 1000)
  assert.ok(Math.abs(objective.budgetRemaining(2000) - 0.5) < 1e-9)
  objective.absorb(0, 150, 2000)
  assert.ok(objective.budgetRemaining(3000) < 0)
  assert.equal(objective.budgetRemaining(31 * day * 1000), 1)
})

test('other settings keep what was counted', () => {
  const objective = new SloObjective(config({ objective: 99.9 }))
  objective.absorb(900, 100, 1000)
  objective.configure(config({ objective: 99 }))
  const [first] = objective.evaluate(2000)
  assert.ok(Math.abs((first?.long ?? 0) - 10) < 1e-9)
  objective.configure(config({ objective: 99, period: '7d' }))
  const [scaled] = objective.evaluate(2000)
  assert.ok(Math.abs((scaled?.long ?? 0) - 10) < 1e-9)
})
