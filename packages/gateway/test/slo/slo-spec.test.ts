import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '@tidemill/core'
import { readSloSpec } from '../../src/slo/index.ts'
import { config } from './fixture.ts'

function paths(value: unknown): string[] {
  const problems: Problem[] = []
  assert.equal(readSloSpec(value, '/slo', problems), undefined)
  return problems.map((problem) => problem.path)
}

test('every problem is told at its path', () => {
  assert.deepEqual(paths(1), ['/slo'])
  assert.deepEqual(
    paths({
      objective: 100,
      period: '1h',
      latencyOver: '5',
      minEvents: 0,
      other: 1,
      actions: [{ on: 'never', action: 'explode', percent: 100, ttl: '1ms', more: 1 }, 7],
    }).toSorted(),
    [
      '/slo/actions/0/action',
      '/slo/actions/0/more',
      '/slo/actions/0/on',
      '/slo/actions/0/percent',
      '/slo/actions/0/percent',
      '/slo/actions/0/ttl',
      '/slo/actions/1',
      '/slo/latencyOver',
      '/slo/minEvents',
      '/slo/objective',
      '/slo/other',
      '/slo/period',
    ],
  )
})

test('an action on a tier that no outage can reach is refused', () => {
  const actions = [{ on: 'page-fast', action: 'open' }]
  assert.deepEqual(paths({ objective: 93, actions }), ['/slo/actions/0/on'])
  assert.equal(config({ objective: 93 }).tiers.length, 3)
  assert.equal(config({ objective: 93.1 }).tiers.length, 4)
})

test('windows scale with the period and factors stay', () => {
  const [tier] = config({ objective: 99, period: '60d' }).tiers
  assert.deepEqual([tier?.longMs, tier?.shortMs, tier?.factor], [7_200_000, 600_000, 14.4])
})
