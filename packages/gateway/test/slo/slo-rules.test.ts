import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sloRules } from '../../src/slo/index.ts'
import { config } from './fixture.ts'

test('rules are the same bytes for the same objective, and follow the tiers', () => {
  const spec = config({ objective: 99.9 })
  const text = sloRules('shop', spec, { route: 'ns/shop', labels: { action: 'open' } })
  assert.equal(sloRules('shop', spec, { labels: { action: 'open' }, route: 'ns/shop' }), text)
  for (const window of ['5m', '30m', '1h', '2h', '6h', '1d', '3d']) {
    assert.ok(text.includes(`record: slo:sli_error:ratio_rate${window}\n`), window)
  }
  for (const limit of ['(14.4 * 0.001)', '(6 * 0.001)', '(3 * 0.001)', '(1 * 0.001)']) {
    assert.ok(text.includes(limit), limit)
  }
  assert.match(text, /route=\\"ns\/shop\\",flag!~\\"CB\|/u)
  assert.ok(!text.includes('latency'))
})

test('a latency is an objective of its own at the bucket that holds it', () => {
  const text = sloRules('shop', config({ objective: 99, latencyOver: '300ms', period: '7d' }))
  assert.ok(text.includes('shop-latency'))
  assert.ok(text.includes('le=\\"0.5\\"'))
  assert.ok(
    sloRules('shop', config({ objective: 99, latencyOver: '1m' })).includes('le=\\"+Inf\\"'),
  )
})
