import { openShop, type Shop, shopErrors } from '@tidemill/shop'
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { type Api, apiOf, newDir, sampleOrder } from '../support.ts'

const line = sampleOrder.lines[0]
const withLine = (change: object): object => ({ ...sampleOrder, lines: [{ ...line, ...change }] })

describe('requests', () => {
  let shop: Shop
  let api: Api
  let dataDir: string
  before(async () => {
    dataDir = newDir()
    shop = await openShop({ dataDir })
    api = apiOf(shop)
  })
  after(async () => {
    await shop.close()
    rmSync(dataDir, { recursive: true })
  })

  it('refuse every malformed order with its code and the path of each problem', async () => {
    const { placed } = await shop.counts()
    const cases: readonly [unknown, ...string[]][] = [
      [null, ''],
      [[], ''],
      ['order', ''],
      [{}, '/customer', '/country', '/currency', '/placedAt', '/lines'],
      [{ ...sampleOrder, customer: '' }, '/customer'],
      [{ ...sampleOrder, customer: 'a\u0000b' }, '/customer'],
      [{ ...sampleOrder, customer: 'x'.repeat(65) }, '/customer'],
      [{ ...sampleOrder, customer: 12 }, '/customer'],
      [{ ...sampleOrder, country: null }, '/country'],
      [{ ...sampleOrder, currency: 'gbp' }, '/currency'],
      [{ ...sampleOrder, currency: 'ZZZ' }, '/currency'],
      [{ ...sampleOrder, placedAt: 'yesterday' }, '/placedAt'],
      [{ ...sampleOrder, placedAt: '2011-02-30T08:00:00Z' }, '/placedAt'],
      [{ ...sampleOrder, placedAt: '2011-11-01' }, '/placedAt'],
      [{ ...sampleOrder, placedAt: '2011-11-01T08:16:00' }, '/placedAt'],
      [{ ...sampleOrder, placedAt: '0001-01-01T00:00:00Z' }, '/placedAt'],
      [{ ...sampleOrder, placedAt: 1_320_000_000 }, '/placedAt'],
      [{ ...sampleOrder, id: '../etc' }, '/id'],
      [{ ...sampleOrder, id: 'x'.repeat(61) }, '/id'],
      [{ ...sampleOrder, coupon: 'X' }, '/coupon'],
      [{ ...sampleOrder, lines: [] }, '/lines'],
      [{ ...sampleOrder, lines: {} }, '/lines'],
      [{ ...sampleOrder, lines: Array.from({ length: 10_000 }, () => line) }, '/lines'],
      [withLine({ sku: '' }), '/lines/0/sku'],
      [withLine({ sku: "x'; DROP TABLE" }), '/lines/0/sku'],
      [withLine({ quantity: 0 }), '/lines/0/quantity'],
      [withLine({ quantity: -3 }), '/lines/0/quantity'],
      [withLine({ quantity: 1.5 }), '/lines/0/quantity'],
      [withLine({ quantity: '3' }), '/lines/0/quantity'],
      [withLine({ quantity: 1e15 }), '/lines/0/quantity'],
      [withLine({ unitPrice: -1 }), '/lines/0/unitPrice'],
      [withLine({ unitPrice: 0 }), '/lines/0/unitPrice'],
      [withLine({ unitPrice: 2.55 }), '/lines/0/unitPrice'],
      [withLine({ unitPrice: 1e300 }), '/lines/0/unitPrice'],
      [withLine({ unitPrice: null }), '/lines/0/unitPrice'],
      [
        withLine({ unitPrice: -1, quantity: 'x', sku: 4 }),
        '/lines/0/sku',
        '/lines/0/quantity',
        '/lines/0/unitPrice',
      ],
      [withLine({ unitPrice: 100_000_000, quantity: 1_000_000 }), '/lines'],
    ]
    for (const [body, ...paths] of cases) {
      const answer = await api.call('POST', '/orders', body, { key: 'k' })
      const name = JSON.stringify(body)?.slice(0, 120)
      assert.equal(answer.status, 422, name)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json', name)
      assert.equal(answer.body.code, 'TM_SHOP_REQUEST_INVALID', name)
      assert.equal(answer.body.status, 422)
      assert.equal(answer.body.instance, '/orders')
      assert.deepEqual(
        answer.body.problems.map((problem: { path: string }) => problem.path),
        paths,
        name,
      )
    }
    assert.equal((await shop.counts()).placed, placed)
  })

  it('refuse every text that is not the JSON of an order', async () => {
    const { placed } = await shop.counts()
    const texts: readonly (string | Uint8Array)[] = [
      '{',
      '{"customer":}',
      "{'customer':'x'}",
      '{"a":1,}',
      '{"a":1}{"a":2}',
      'NaN',
      '{"customer":"a","customer":"b"}',
      '{"__proto__":{"x":1}}',
      '['.repeat(2000),
      '{"a":01}',
      '{"a":"\u0001"}',
      new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    ]
    for (const raw of texts) {
      const answer = await api.call('POST', '/orders', undefined, { key: 'k', raw })
      assert.equal(answer.status, 400, String(raw).slice(0, 60))
      assert.match(answer.body.code, /^TM_CORE_JSON/u)
    }
    assert.equal((await api.call('POST', '/orders', undefined, { key: 'k' })).status, 422)
    assert.equal((await shop.counts()).placed, placed)
  })

  it('refuse a body of 10 MB, and still hear the next request', async () => {
    const raw = `{"customer":"${'x'.repeat(10_000_000)}"}`
    const answer = await api.call('POST', '/orders', undefined, { key: 'k', raw })
    assert.equal(answer.status, 413)
    assert.equal(answer.body.code, 'TM_SHOP_BODY_TOO_LARGE')
    assert.equal((await api.call('POST', '/orders', sampleOrder, { key: 'big' })).status, 202)
  })

  it('refuse another content type, an encoding, or a charset', async () => {
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-encoding': 'gzip' },
    ]) {
      const answer = await api.call('POST', '/orders', sampleOrder, { key: 'k', headers })
      assert.equal(answer.status, 415)
      assert.equal(answer.body.code, 'TM_SHOP_CONTENT_TYPE')
    }
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    assert.equal(
      (await api.call('POST', '/orders', sampleOrder, { key: 'k', headers })).status,
      202,
    )
  })

  it('name what is not there and what a path does not take', async () => {
    for (const where of ['/', '/nothing', '/orders/a/b/c', '/orders/', '/orders/%FF']) {
      const answer = await api.call('GET', where)
      assert.equal(answer.body.code, 'TM_SHOP_NO_ROUTE', where)
      assert.equal(answer.status, 404)
    }
    const wrong = await api.call('DELETE', '/orders')
    assert.deepEqual([wrong.status, wrong.body.code], [405, 'TM_SHOP_METHOD'])
    assert.equal(wrong.headers.get('allow'), 'POST')
    const unknown = await api.call('GET', '/orders/none')
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'TM_SHOP_ORDER_UNKNOWN'])
  })

  it('refuse an order without a usable Idempotency-Key', async () => {
    for (const key of [undefined, '', 'x'.repeat(129)]) {
      const options = key === undefined ? {} : { key }
      const answer = await api.call('POST', '/orders', sampleOrder, options)
      assert.deepEqual([answer.status, answer.body.code], [400, 'TM_SHOP_IDEMPOTENCY_KEY'])
    }
  })

  it('refuse a stock code that the catalogue does not have, naming its lines', async () => {
    const { placed } = await shop.counts()
    const lines = [line, { ...line, sku: 'NOPE-1' }, { ...line, sku: 'NOPE-2' }]
    const answer = await api.call('POST', '/orders', { ...sampleOrder, lines }, { key: 'k' })
    assert.deepEqual([answer.status, answer.body.code], [422, 'TM_SHOP_SKU_UNKNOWN'])
    assert.deepEqual(
      answer.body.problems.map((problem: { path: string }) => problem.path),
      ['/lines/1/sku', '/lines/2/sku'],
    )
    assert.equal((await shop.counts()).placed, placed)
  })

  it('refuse queries out of bounds', async () => {
    for (const where of [
      '/catalogue?limit=0',
      '/catalogue?limit=x',
      '/catalogue?limit=501',
      '/customers/1/orders?limit=201',
      '/customers/1/orders?after=-1',
      '/reports/revenue',
      '/reports/revenue?day=2011-02-30',
      '/reports/revenue?day=today',
    ]) {
      const answer = await api.call('GET', where)
      assert.deepEqual([answer.status, answer.body.code], [422, 'TM_SHOP_REQUEST_INVALID'], where)
    }
  })

  it('have a Chinese text for every code', () => {
    for (const [code, row] of Object.entries(shopErrors.rows)) {
      assert.match(row.zh.message + row.zh.hint, /\p{Script=Han}/u, code)
    }
  })
})
