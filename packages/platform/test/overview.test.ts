import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { createOverviewMaker } from '../src/overview.ts'
import type { Picture } from '../src/system.ts'

const totals = { placed: 0, confirmed: 0, cancelled: 0, pending: 0, stuck: 0 }

function picture(total: number, errors: number, breaker = 'closed'): Picture {
  return {
    nodes: [
      { id: 'gateway', kind: 'gateway', label: 'gateway', state: 'ok', facts: {} },
      { id: 'order', kind: 'service', label: 'order', state: 'ok', facts: {} },
    ],
    edges: [{ from: 'gateway', to: 'order', total, errors, p99Ms: 3, breaker }],
  }
}

describe('overview', () => {
  it('makes rates of counters and grows its revision with each sample', async () => {
    const clock = createVirtualClock()
    const maker = createOverviewMaker('1.0.0', clock)
    maker.sample([picture(0, 0)], totals)
    await clock.advance(2000)
    const now = maker.sample([picture(100, 25)], { ...totals, placed: 10 })
    assert.equal(now.rev, 2)
    assert.equal(now.edges[0]?.rps, 50)
    assert.equal(now.edges[0]?.errorRatio, 0.25)
    assert.equal(now.totals.ordersPerMinute, 300)
    assert.equal(now.health.state, 'ok')
  })
  it('is degraded with a reason while a breaker is open or an order is stuck, and notes the change', () => {
    const maker = createOverviewMaker('1.0.0', createVirtualClock())
    maker.sample([picture(0, 0)], totals)
    const now = maker.sample([picture(0, 0, 'open')], { ...totals, stuck: 2 })
    assert.equal(now.health.state, 'degraded')
    assert.deepEqual(
      now.health.reasons.map((reason) => reason.code),
      ['breaker-open', 'saga-stuck'],
    )
    assert.match(now.recent[0]?.text ?? '', /closed -> open/u)
  })
  it('is down when a part is down', () => {
    const maker = createOverviewMaker('1.0.0', createVirtualClock())
    const down: Picture = {
      nodes: [{ id: 'x', kind: 'service', label: 'x', state: 'down', facts: {} }],
      edges: [],
    }
    assert.equal(maker.sample([down], totals).health.state, 'down')
  })
  it('keeps only the newest entries of what happened', () => {
    const maker = createOverviewMaker('1.0.0', createVirtualClock())
    for (let i = 0; i < 50; i++) maker.note({ kind: 'test', text: `entry ${i}` })
    const { recent } = maker.sample([], totals)
    assert.equal(recent.length, 20)
    assert.equal(recent[0]?.text, 'entry 49')
  })
})
