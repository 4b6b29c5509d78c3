import { TidemillError } from '@tidemill/core'
import { openShop } from '@tidemill/shop'
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import {
  type Api,
  apiOf,
  assertSound,
  newDir,
  place,
  sampleOrder,
  startShop,
  tempDir,
} from './support.ts'

async function available(api: Api, sku: string): Promise<number> {
  const { body } = await api.call('GET', '/catalogue?limit=500')
  return body.items.find((item: { sku: string }) => item.sku === sku).available
}

const total = 3 * 895 + 2 * 650

describe('shop', () => {
  it('carries an order to confirmed: stock deducted, money charged, events and steps shown', async (t) => {
    const { shop, api } = await startShop(t)
    const answer = await api.call('POST', '/orders', sampleOrder, { key: 'first' })
    assert.equal(answer.status, 202)
    assert.equal(answer.body.state, 'pending')
    assert.equal(answer.headers.get('location'), `/orders/${answer.body.id}`)
    await shop.idle()
    const { body } = await api.call('GET', `/orders/${answer.body.id}`)
    assert.deepEqual(Object.keys(body), ['id', 'state', 'total', 'lines', 'saga', 'events'])
    assert.equal(body.state, 'confirmed')
    assert.deepEqual(body.total, { amount: total, currency: 'GBP' })
    assert.deepEqual(body.lines, sampleOrder.lines)
    assert.equal(body.saga.state, 'completed')
    assert.deepEqual(
      body.saga.steps.map((step: object) => step),
      ['deduct_stock', 'charge', 'confirm'].map((name) => ({ name, state: 'done', attempts: 1 })),
    )
    assert.deepEqual(
      body.events.map(
        (event: { type: string; version: number }) => `${event.version} ${event.type}`,
      ),
      ['1 OrderPlaced', '2 OrderConfirmed'],
    )
    assert.equal(await available(api, 'TM-MUG'), 999_997)
    await assertSound(shop)
  })

  it('gives the stock back and cancels when the provider declines', async (t) => {
    const { shop, api } = await startShop(t, { provider: { declineRatio: 1, delay: '0s' } })
    await place(api, 'declined')
    await shop.idle()
    const { body } = await api.call('GET', '/orders/declined')
    assert.equal(body.state, 'cancelled')
    assert.equal(body.saga.state, 'compensated')
    assert.equal(body.events.at(-1).type, 'OrderCancelled')
    assert.match(body.events.at(-1).data.reason, /declined/u)
    assert.equal(await available(api, 'TM-MUG'), 1_000_000)
    const followed = await shop.order('declined')
    assert.deepEqual(followed?.payments, [])
    assert.deepEqual(
      followed?.stock.map((move) => `${move.direction} ${move.quantity} ${move.sku}`).toSorted(),
      ['deduct -2 TM-ROPE', 'deduct -3 TM-MUG', 'undo 2 TM-ROPE', 'undo 3 TM-MUG'],
    )
    await assertSound(shop)
  })

  it('takes nothing when one of several items is out of stock', async (t) => {
    const { shop, api } = await startShop(t)
    const item = { description: 'Last one', unitPrice: 10, currency: 'GBP', available: 1 }
    assert.equal((await api.call('PUT', '/catalogue/RARE', item)).status, 201)
    const lines = [sampleOrder.lines[0], { sku: 'RARE', quantity: 2, unitPrice: 10 }]
    await place(api, 'too-many', { lines })
    await shop.idle()
    const { body } = await api.call('GET', '/orders/too-many')
    assert.equal(body.state, 'cancelled')
    assert.match(body.events.at(-1).data.reason, /out of stock: RARE/u)
    assert.deepEqual([await available(api, 'RARE'), await available(api, 'TM-MUG')], [1, 1_000_000])
    await assertSound(shop)
  })

  it('refunds and restocks a confirmed order that is cancelled', async (t) => {
    const { shop, api } = await startShop(t)
    await place(api, 'c1')
    await shop.idle()
    const answer = await api.call('POST', '/orders/c1/cancel')
    assert.deepEqual([answer.status, answer.body.state], [202, 'confirmed'])
    await shop.idle()
    assert.equal((await api.call('GET', '/orders/c1')).body.state, 'cancelled')
    const again = await api.call('POST', '/orders/c1/cancel')
    assert.deepEqual([again.status, again.body], [200, { id: 'c1', state: 'cancelled' }])
    assert.equal(await available(api, 'TM-MUG'), 1_000_000)
    const followed = await shop.order('c1')
    assert.deepEqual(
      followed?.payments.map((payment) => `${payment.kind} ${payment.amount}`),
      [`charge ${total}`, `refund ${total}`],
    )
    assert.deepEqual(
      followed.refunds.flatMap((saga) => saga.steps.map((step) => `${step.name} ${step.state}`)),
      ['refund done', 'restock done', 'close done'],
    )
    assert.deepEqual(await shop.revenue(), { GBP: 0 })
    await assertSound(shop)
  })

  it('cancels an order that is still pending as soon as it is confirmed', async (t) => {
    const { shop, api } = await startShop(t, {
      provider: { declineRatio: 0, delay: '100ms', seed: 5 },
    })
    await place(api, 'soon')
    const answer = await api.call('POST', '/orders/soon/cancel')
    assert.deepEqual([answer.status, answer.body.state], [202, 'pending'])
    await shop.idle()
    const { body } = await api.call('GET', '/orders/soon')
    assert.equal(body.state, 'cancelled')
    assert.deepEqual(
      body.events.map((event: { type: string }) => event.type),
      ['OrderPlaced', 'RefundRequested', 'OrderConfirmed', 'OrderRefunded'],
    )
    await assertSound(shop)
  })

  it('lets the cancellation of a pending order lapse when the provider declines it', async (t) => {
    const { shop, api } = await startShop(t, {
      provider: { declineRatio: 1, delay: '100ms', seed: 5 },
    })
    await place(api, 'never')
    assert.equal((await api.call('POST', '/orders/never/cancel')).status, 202)
    await shop.idle()
    const followed = await shop.order('never')
    assert.equal(followed?.order.state, 'cancelled')
    assert.deepEqual([followed.refunds, followed.payments], [[], []])
    await assertSound(shop)
  })

  it('gives back units of an order once per key, at the price charged, and never more than bought', async (t) => {
    const { shop, api } = await startShop(t)
    await place(api, 'p1')
    await shop.idle()
    const cancel = { placedAt: '2011-11-03T10:00:00Z', lines: [{ sku: 'TM-MUG', quantity: 2 }] }
    const where = '/orders/p1/cancel'
    assert.equal((await api.call('POST', where, cancel)).body.code, 'TM_SHOP_IDEMPOTENCY_KEY')
    assert.equal((await api.call('POST', where, cancel, { key: 'C1' })).status, 202)
    assert.equal((await api.call('POST', where, cancel, { key: 'C1' })).status, 202)
    const other = { lines: [{ sku: 'TM-MUG', quantity: 1 }] }
    const conflict = await api.call('POST', where, other, { key: 'C1' })
    assert.deepEqual([conflict.status, conflict.body.code], [409, 'TM_SHOP_IDEMPOTENCY_CONFLICT'])
    const more = await api.call('POST', where, cancel, { key: 'C2' })
    assert.deepEqual([more.status, more.body.code], [409, 'TM_SHOP_REFUND_EXCEEDS'])
    await shop.idle()
    const followed = await shop.order('p1')
    assert.equal(followed?.order.state, 'confirmed')
    assert.equal(followed.order.refunded, 2 * 895)
    assert.equal(await available(api, 'TM-MUG'), 999_999)
    assert.equal((await api.call('POST', where)).status, 202)
    await shop.idle()
    assert.equal((await api.call('GET', '/orders/p1')).body.state, 'cancelled')
    const late = await api.call('POST', where, other, { key: 'C3' })
    assert.deepEqual([late.status, late.body.code], [409, 'TM_SHOP_ORDER_CANCELLED'])
    await assertSound(shop)
  })

  it('answers repeats of a key alike under concurrency, and refuses another body', async (t) => {
    const { shop, api } = await startShop(t)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.call('POST', '/orders', sampleOrder, { key: 'same' })),
    )
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([202]))
    assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1)
    const body = { ...sampleOrder, customer: 'another' }
    const conflict = await api.call('POST', '/orders', body, { key: 'same' })
    assert.deepEqual([conflict.status, conflict.body.code], [409, 'TM_SHOP_IDEMPOTENCY_CONFLICT'])
    const reordered = Object.fromEntries(Object.entries(sampleOrder).toReversed())
    const repeat = await api.call('POST', '/orders', reordered, { key: 'same' })
    assert.deepEqual(repeat.body, answers[0]?.body)
    await shop.idle()
    assert.equal((await shop.counts()).placed, 1)
    await assertSound(shop)
  })

  it('refuses the id of another order', async (t) => {
    const { api } = await startShop(t)
    await place(api, 'mine')
    const answer = await api.call(
      'POST',
      '/orders',
      { ...sampleOrder, id: 'mine' },
      { key: 'other' },
    )
    assert.deepEqual([answer.status, answer.body.code], [409, 'TM_SHOP_ORDER_EXISTS'])
  })

  it('pages through the history of a customer, newest first', async (t) => {
    const { shop, api } = await startShop(t)
    for (const id of ['h1', 'h2', 'h3']) await place(api, id, { customer: 'Ann B' })
    await place(api, 'x1')
    await shop.idle()
    const first = (await api.call('GET', '/customers/Ann%20B/orders?limit=2')).body
    assert.deepEqual(
      first.items.map((item: { id: string }) => item.id),
      ['h3', 'h2'],
    )
    assert.deepEqual(first.items[0].total, { amount: total, currency: 'GBP' })
    assert.equal(first.items[0].state, 'confirmed')
    const rest = (await api.call('GET', `/customers/Ann%20B/orders?limit=2&after=${first.next}`))
      .body
    assert.deepEqual(
      rest.items.map((item: { id: string }) => item.id),
      ['h1'],
    )
    assert.equal(rest.next, null)
  })

  it('reports the revenue of a day by country: sales on their day, refunds on theirs', async (t) => {
    const { shop, api } = await startShop(t)
    await place(api, 'r1')
    await place(api, 'r2', { country: 'France' })
    await place(api, 'r3', { placedAt: '2011-11-02T01:00:00+02:00' })
    await shop.idle()
    const cancel = { placedAt: '2011-11-04T10:00:00Z', lines: [{ sku: 'TM-ROPE', quantity: 1 }] }
    await api.call('POST', '/orders/r2/cancel', cancel, { key: 'C' })
    await shop.idle()
    const day = async (text: string): Promise<unknown> =>
      (await api.call('GET', `/reports/revenue?day=${text}`)).body.countries
    const row = { currency: 'GBP', orders: 1, units: 5, sold: total, refunded: 0 }
    assert.deepEqual(await day('2011-11-01'), [
      { country: 'France', ...row },
      { country: 'United Kingdom', ...row, orders: 2, units: 10, sold: 2 * total },
    ])
    assert.deepEqual(await day('2011-11-04'), [
      { country: 'France', ...row, orders: 0, units: -1, sold: 0, refunded: 650 },
    ])
    assert.deepEqual(await day('2011-11-05'), [])
  })

  it('lists the latest orders and follows one across all services', async (t) => {
    const { shop, api } = await startShop(t)
    await place(api, 'f1')
    await shop.idle()
    const [latest] = await shop.latest(10)
    assert.deepEqual(
      [latest?.id, latest?.state, latest?.sagaState],
      ['f1', 'confirmed', 'completed'],
    )
    const followed = await shop.order('f1')
    assert.deepEqual(
      new Set(followed?.timeline.map((entry) => entry.system)),
      new Set(['order', 'stock', 'payment', 'saga', 'events']),
    )
    const times = followed?.timeline.map((entry) => entry.at) ?? []
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    assert.equal(await shop.order('none'), undefined)
    const status = await shop.status()
    assert.deepEqual(
      status.edges.map((edge) => [edge.to, edge.total, edge.errors]),
      [
        ['stock', 1, 0],
        ['payment', 2 - 1, 0],
      ],
    )
    assert.ok(status.projections.every((projection) => projection.lag === 0))
  })

  it('writes a bill per day that holds exactly what the provider did', async (t) => {
    const { shop, api } = await startShop(t, {
      provider: { declineRatio: 0.5, delay: '0s', seed: 2 },
    })
    for (let i = 0; i < 12; i++) await place(api, `b${i}`)
    await shop.idle()
    const bills = await shop.statements()
    const text = bills.map((bill) => readFileSync(bill.path, 'utf8')).join('')
    const rows = text.split('\n').filter((row) => row.startsWith('PV'))
    const { confirmed, cancelled } = await shop.counts()
    assert.ok(confirmed > 0 && cancelled > 0)
    assert.equal(rows.length, confirmed)
    assert.match(rows[0] ?? '', /^PV\d{10},b\d+,charge,3985,GBP,\d{4}-\d\d-\d\dT[\d:.]+Z$/u)
    for (const bill of bills) assert.ok(!existsSync(`${bill.path}.tmp`))
    await assertSound(shop)
  })

  it('goes on with orders that were under way when it was closed', async (t) => {
    const dataDir = newDir()
    const provider = { declineRatio: 0.2, delay: '50ms', seed: 9 }
    const before = await openShop({ dataDir, provider })
    const api = apiOf(before)
    await Promise.all(Array.from({ length: 30 }, (_, i) => place(api, `o${i}`)))
    await api.call('POST', '/orders/o3/cancel')
    await before.close()
    const { shop, api: next } = await startShop(t, { dataDir, provider })
    await shop.idle()
    const counts = await shop.counts()
    assert.equal(counts.placed, 30)
    assert.equal(counts.pending + counts.stuck, 0)
    assert.equal((await next.call('GET', '/orders/o3')).body.state, 'cancelled')
    await place(next, 'o0')
    assert.equal((await shop.counts()).placed, 30)
    await assertSound(shop)
  })

  it('keeps items over a restart and seeds only a fresh catalogue', async (t) => {
    const dataDir = newDir()
    const first = await openShop({ dataDir })
    const item = { description: 'Bell', unitPrice: 100, currency: 'GBP', available: 5 }
    await apiOf(first).call('PUT', '/catalogue/NEW-1', item)
    await first.close()
    const { shop, api } = await startShop(t, { dataDir })
    const { body } = await api.call('GET', '/catalogue?limit=3')
    assert.equal(body.items[0].sku, 'NEW-1')
    assert.equal(body.items.length, 3)
    const rest = (await api.call('GET', `/catalogue?after=${body.next}`)).body
    assert.equal(rest.items.length, 10)
    await place(api, 'n1', { lines: [{ sku: 'NEW-1', quantity: 5, unitPrice: 90 }] })
    await shop.idle()
    const kept = await api.call('PUT', '/catalogue/NEW-1', { ...item, available: undefined })
    assert.deepEqual([kept.status, kept.body.available], [200, 0])
    await assertSound(shop)
  })

  it('sees money, stock and read models that were tampered with', async (t) => {
    const dataDir = newDir()
    const provider = { declineRatio: 0 }
    const shop = await openShop({ dataDir, provider })
    await place(apiOf(shop), 't1')
    await shop.idle()
    await shop.close()
    const { DatabaseSync } = await import('node:sqlite')
    const change = (name: string, sql: string): void => {
      const database = new DatabaseSync(path.join(dataDir, `${name}.db`))
      database.exec(sql)
      database.close()
    }
    change('payment', 'UPDATE payment SET amount = amount + 1')
    change('stock', `UPDATE stock_item SET available = available - 1 WHERE sku = 'TM-MUG'`)
    change('order', `UPDATE shop_order SET lines = '[]'`)
    const { shop: again } = await startShop(t, { dataDir })
    const broken = (await again.invariants()).filter((invariant) => !invariant.holds)
    assert.deepEqual(
      broken.map((invariant) => invariant.name),
      [
        'every read model equals a fresh fold of the events',
        'money conserved',
        'stock conserved',
        'each effect applied at most once',
      ],
    )
  })

  it('refuses bad options, all at once', async () => {
    const provider = { declineRatio: 2, delay: 'soon', seed: 1.5 }
    await assert.rejects(openShop({ dataDir: '', provider }), (error) => {
      assert.ok(TidemillError.is(error, 'TM_SHOP_OPTION_INVALID'))
      const problems = error.details['problems'] as { path: string }[]
      assert.deepEqual(
        problems.map((problem) => problem.path),
        ['/dataDir', '/provider/declineRatio', '/provider/seed', '/provider/delay'],
      )
      return true
    })
  })

  it('refuses a data folder that another shop has open, and one with a broken file, and leaves nothing open', async (t) => {
    const { dataDir } = await startShop(t)
    await assert.rejects(openShop({ dataDir }), (error) =>
      TidemillError.is(error, 'TM_SQLITE_OWNED'),
    )
    const broken = path.join(tempDir(t), 'data')
    mkdirSync(broken)
    writeFileSync(path.join(broken, 'order.db'), 'this is no database '.repeat(500))
    await assert.rejects(openShop({ dataDir: broken }), (error) =>
      TidemillError.is(error, 'TM_SQLITE_CORRUPT'),
    )
    rmSync(path.join(broken, 'order.db'))
    const repaired = await openShop({ dataDir: broken })
    await repaired.close()
  })
})
