import { createVirtualClock, TidemillError } from '@tidemill/core'
import { openShop } from '@tidemill/shop'
import { type Database, openDatabase } from '@tidemill/sql'
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { newDir, place, sampleOrder, startShop } from '../support.ts'

/** As a gateway sends it. */
const fields = { 'x-request-id': 'r1', 'x-envoy-expected-rq-timeout-ms': '4000' }

/** A shop on a clock of its own whose order database can be kept busy, and that says when it is asked to place. */
async function startHeld(t: TestContext) {
  const clock = createVirtualClock(Date.parse('2026-03-01T09:00:00Z'))
  const asked = Promise.withResolvers<void>()
  let orders: Database | undefined
  const started = await startShop(t, {
    clock,
    async openDatabase(options) {
      const database = await openDatabase(options)
      if (path.basename(options.url) !== 'order.db') return database
      orders = {
        ...database,
        call(...args) {
          const called = database.call(...args)
          if (args[0].name === 'placeOrder') asked.resolve()
          return called
        },
      }
      return orders
    },
  })
  assert.ok(orders !== undefined)
  return { ...started, clock, orders, asked: asked.promise }
}

describe('hops of an order', () => {
  it('are shown from the order service down to the databases, each with less time left than its caller', async (t) => {
    const { shop, api } = await startShop(t)
    const answer = await api.call(
      'POST',
      '/orders',
      { ...sampleOrder, id: 'h1' },
      {
        key: 'h1',
        headers: fields,
      },
    )
    assert.equal(answer.status, 202)
    await shop.idle()
    const hops = (await shop.order('h1'))?.hops ?? []
    assert.deepEqual(
      hops.map(({ from, to, call }) => `${from} ${to} ${call}`),
      [
        'order catalogue Unknown',
        'order order.db place',
        'saga stock deduct_stock',
        'stock stock.db deduct_stock',
        'saga payment charge',
        'payment provider charge',
        'payment payment.db charge',
      ],
    )
    for (const hop of hops) {
      assert.equal(hop.status, 'OK')
      assert.ok(hop.leftMs !== null && hop.leftMs > 0, `${hop.call} has no deadline`)
    }
    const [toCatalogue, toOrders, toStock, toStockRows] = hops
    assert.ok((toCatalogue?.leftMs ?? Infinity) <= 4000)
    assert.ok((toOrders?.leftMs ?? Infinity) <= (toCatalogue?.leftMs ?? 0))
    assert.ok((toStockRows?.leftMs ?? Infinity) <= (toStock?.leftMs ?? 0))
  })

  it('name what was refused, and the way back', async (t) => {
    const { shop, api } = await startShop(t, { provider: { declineRatio: 1, delay: '0s' } })
    await place(api, 'h2')
    await shop.idle()
    const calls = (await shop.order('h2'))?.hops.map(({ to, call }) => `${to} ${call}`)
    assert.ok(calls?.includes('stock undo deduct_stock'), String(calls))
    assert.ok(calls?.includes('stock.db undo deduct_stock'), String(calls))
  })
})

describe('the deadline of a request', () => {
  it('ends its wait for a busy database: what had not begun does not begin later', async (t) => {
    const { shop, api, clock, orders, asked } = await startHeld(t)
    const order = { ...sampleOrder, id: 'late' }
    const held = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const busy = orders.tx(async () => {
      entered.resolve()
      await held.promise
    })
    await entered.promise
    try {
      const answer = api.call('POST', '/orders', order, { key: 'late', headers: fields })
      await asked
      await clock.advance(4001)
      const { status, body } = await answer
      assert.deepEqual([status, body.code, body.retryable], [504, 'TM_SHOP_DEADLINE', true])
    } finally {
      held.resolve()
      await busy
    }
    // Another key may use the id: nobody took it, although the database has been free since.
    const again = await api.call('POST', '/orders', order, { key: 'other' })
    assert.equal(again.status, 202)
    const state = { idle: false }
    const ended = shop.idle().then(() => (state.idle = true))
    while (!state.idle) await clock.advance(100)
    await ended
    assert.equal((await shop.counts()).placed, 1)
  })

  it('that is no number is not a deadline', async (t) => {
    const { api } = await startShop(t)
    for (const text of ['', '-1', '1.5', 'soon', '99999999999']) {
      const headers = { 'x-envoy-expected-rq-timeout-ms': text }
      assert.equal((await api.call('GET', '/catalogue', undefined, { headers })).status, 200)
    }
  })
})

describe('a coded error of one service', () => {
  it('reaches the caller of another as it is', async () => {
    const dataDir = newDir()
    const full = new TidemillError('TM_SQL_OVERLOADED', 'too many callers wait', {
      http: 503,
      retryable: true,
      hint: 'Come back later.',
      details: { waiting: 7 },
    })
    // Seeding the catalogue asks the stock service at once: the shop does not open on a broken one.
    const opening = openShop({
      dataDir,
      async openDatabase(options) {
        const database = await openDatabase(options)
        const broken = path.basename(options.url) === 'stock.db'
        return broken ? { ...database, call: () => Promise.reject(full) } : database
      },
    })
    await assert.rejects(opening, (error) => {
      assert.ok(TidemillError.is(error, 'TM_SQL_OVERLOADED'))
      assert.deepEqual(
        [error.text, error.http, error.retryable, error.hint, error.details],
        [full.text, 503, true, 'Come back later.', { waiting: 7 }],
      )
      return true
    })
    rmSync(dataDir, { recursive: true })
  })
})
