import { openApiDocument } from '@tidemill/shop'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Answer, sampleOrder, startShop } from '../support.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- a document of any shape
type Schema = any

/** Checks a value against the part of JSON Schema that the document uses. */
function conforms(schema: Schema, value: unknown, at: string, root: Schema): void {
  if (schema.$ref !== undefined) {
    const name = String(schema.$ref).split('/').at(-1) ?? ''
    conforms(root.components.schemas[name], value, at, root)
    return
  }
  if (schema.enum !== undefined) assert.ok(schema.enum.includes(value), `${at}: ${String(value)}`)
  const types = [schema.type ?? []].flat() as string[]
  const is =
    value === null
      ? 'null'
      : Array.isArray(value)
        ? 'array'
        : Number.isInteger(value)
          ? 'integer'
          : typeof value
  if (types.length > 0) assert.ok(types.includes(is), `${at} is ${is}, not ${types.join(' or ')}`)
  if (is === 'array') {
    for (const [i, item] of (value as unknown[]).entries())
      conforms(schema.items, item, `${at}/${i}`, root)
  }
  if (is === 'object' && schema.properties !== undefined) {
    const object = value as Readonly<Record<string, unknown>>
    for (const name of schema.required ?? []) assert.ok(name in object, `${at}/${name} is missing`)
    for (const [name, item] of Object.entries(object)) {
      assert.ok(name in schema.properties, `${at}/${name} is not documented`)
      conforms(schema.properties[name], item, `${at}/${name}`, root)
    }
  }
}

describe('OpenAPI document', () => {
  it('is served, and describes every answer of every operation as it comes', async (t) => {
    const { shop, api } = await startShop(t)
    const served = await api.call('GET', '/openapi.json')
    assert.deepEqual(served.body, JSON.parse(JSON.stringify(openApiDocument())))
    const document: Schema = served.body
    assert.equal(document.openapi, '3.1.0')
    const seen = new Set<string>()
    const check = (method: string, where: string, answer: Answer): void => {
      const operation = document.paths[where]?.[method]
      assert.ok(operation, `${method} ${where}`)
      const described = operation.responses[String(answer.status)]
      assert.ok(described, `${method} ${where} answers ${answer.status}`)
      const type = answer.headers.get('content-type') ?? ''
      const content = described.content[type]
      assert.ok(content, `${method} ${where} ${answer.status} as ${type}`)
      conforms(content.schema, answer.body, `${method} ${where}`, document)
      seen.add(`${method} ${where} ${answer.status}`)
    }
    const item = { description: 'Bell', unitPrice: 100, currency: 'GBP', available: 5 }
    check('put', '/catalogue/{sku}', await api.call('PUT', '/catalogue/NEW-1', item))
    check('put', '/catalogue/{sku}', await api.call('PUT', '/catalogue/NEW-1', item))
    check('put', '/catalogue/{sku}', await api.call('PUT', '/catalogue/NEW-1', { unitPrice: -1 }))
    check('get', '/catalogue', await api.call('GET', '/catalogue?limit=2'))
    check('get', '/catalogue', await api.call('GET', '/catalogue?limit=x'))
    const placed = await api.call('POST', '/orders', { ...sampleOrder, id: 'o1' }, { key: 'k1' })
    check('post', '/orders', placed)
    check('post', '/orders', await api.call('POST', '/orders', sampleOrder, { key: 'k1' }))
    check('post', '/orders', await api.call('POST', '/orders', {}, { key: 'k2' }))
    check('post', '/orders', await api.call('POST', '/orders', sampleOrder))
    await shop.idle()
    check('get', '/orders/{id}', await api.call('GET', '/orders/o1'))
    check('get', '/orders/{id}', await api.call('GET', '/orders/none'))
    check('post', '/orders/{id}/cancel', await api.call('POST', '/orders/o1/cancel'))
    await shop.idle()
    check('post', '/orders/{id}/cancel', await api.call('POST', '/orders/o1/cancel'))
    check('post', '/orders/{id}/cancel', await api.call('POST', '/orders/none/cancel'))
    const lines = [{ sku: 'TM-MUG', quantity: 1 }]
    check(
      'post',
      '/orders/{id}/cancel',
      await api.call('POST', '/orders/o1/cancel', { lines }, { key: 'c' }),
    )
    check('get', '/customers/{customer}/orders', await api.call('GET', '/customers/17850/orders'))
    check(
      'get',
      '/customers/{customer}/orders',
      await api.call('GET', '/customers/1/orders?limit=0'),
    )
    check('get', '/reports/revenue', await api.call('GET', '/reports/revenue?day=2011-11-01'))
    check('get', '/reports/revenue', await api.call('GET', '/reports/revenue'))
    check('get', '/openapi.json', served)
    const operations = Object.entries(document.paths).flatMap(([where, methods]) =>
      Object.keys(methods as object).map((method) => `${method} ${where}`),
    )
    for (const operation of operations) {
      assert.ok(
        [...seen].some((one) => one.startsWith(`${operation} `)),
        `${operation} was not tried`,
      )
    }
  })

  it('lists the request bodies that the handlers check', () => {
    const document: Schema = openApiDocument()
    const order = document.components.schemas.OrderRequest
    assert.deepEqual(order.required, ['customer', 'country', 'currency', 'placedAt', 'lines'])
    assert.equal(order.properties.lines.maxItems, 2000)
    assert.equal(order.additionalProperties, false)
  })
})
