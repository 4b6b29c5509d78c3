import { TidemillError } from '@tidemill/core'
import {
  planSynthetic,
  readRetailFile,
  registerItems,
  replay,
  runDemo,
  syntheticCatalogue,
  syntheticItemsToSend,
} from '@tidemill/shop'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openFront, realWeek, startShop } from '../support.ts'

describe('demo', () => {
  it('replays a week, accounts for every invoice and finds every invariant to hold', async (t) => {
    const { shop } = await startShop(t, { provider: { declineRatio: 0.05, delay: '1ms', seed: 4 } })
    const front = await openFront(shop)
    t.after(() => front.close())
    const file = realWeek()
    const plan = file === undefined ? planSynthetic(400) : await readRetailFile(file)
    let progress = 0
    const report = await runDemo({
      baseUrl: front.url,
      shop,
      plan,
      onProgress: ({ sent }) => {
        progress = sent
      },
    })
    assert.deepEqual(
      report.invariants.filter((invariant) => !invariant.holds),
      [],
    )
    assert.equal(report.invariants.length, 8)
    assert.deepEqual([report.invoices, report.lines], [plan.tally.invoices, plan.tally.lines])
    const { confirmed, compensated, stuck } = report.outcome
    assert.equal(confirmed + compensated, plan.tally.invoices.orders)
    assert.ok(compensated > 0)
    assert.equal(stuck, 0)
    assert.ok((report.revenue['GBP'] ?? 0) > 0)
    assert.ok(report.latencyMs.p99 >= report.latencyMs.p50 && report.latencyMs.p50 > 0)
    assert.ok(progress > 0 && report.ordersPerSecond > 0 && report.seconds > 0)
  })

  it('places nothing twice when the same plan is replayed', async (t) => {
    const { shop } = await startShop(t)
    const front = await openFront(shop)
    t.after(() => front.close())
    const plan = planSynthetic(60)
    const first = await runDemo({ baseUrl: front.url, shop, plan })
    const second = await runDemo({ baseUrl: front.url, shop, plan })
    assert.deepEqual(second.outcome, first.outcome)
    assert.deepEqual(second.revenue, first.revenue)
    assert.ok(second.invariants.every((invariant) => invariant.holds))
  })

  it('keeps to the rate and stops at the signal', async (t) => {
    const { shop } = await startShop(t)
    const front = await openFront(shop)
    t.after(() => front.close())
    await registerItems(front.url, syntheticCatalogue(1_000_000))
    const stop = new AbortController()
    const items = (function* () {
      for (const [i, item] of [...syntheticItemsToSend().take(1000)].entries()) {
        if (i === 15) stop.abort()
        yield item
      }
    })()
    const result = await replay({ baseUrl: front.url, items, rate: 100, signal: stop.signal })
    assert.equal(result.orders + result.cancellations, 15)
    assert.ok(result.seconds >= 0.13, `${result.seconds} s for 15 items at 100 a second`)
    await shop.idle()
    assert.equal((await shop.counts()).placed, result.orders)
  })

  it('stops with the answer when the shop refuses what the rules did not foresee', async (t) => {
    const { shop } = await startShop(t)
    const front = await openFront(shop)
    t.after(() => front.close())
    const { items } = planSynthetic(5)
    await assert.rejects(replay({ baseUrl: front.url, items }), (error) => {
      assert.ok(TidemillError.is(error, 'TM_SHOP_DEMO_REFUSED'))
      assert.deepEqual(
        [error.details['status'], error.details['code']],
        [422, 'TM_SHOP_SKU_UNKNOWN'],
      )
      return true
    })
  })
})
