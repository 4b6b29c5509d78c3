import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gateway, openConfiguration, route, service } from './fixtures.ts'

const http = '{ name: http, port: 80, protocol: HTTP }'
const at = { gateway: 'infra/gw', listener: 'http' }

function grpc(name: string, matches: readonly string[], more = ''): string {
  const rules = matches.map(
    (match) => `{ matches: [${match}], backendRefs: [{ name: backend, port: 80 }] }`,
  )
  return route(name, `  parentRefs: [{ name: gw }]${more}`, {
    kind: 'GRPCRoute',
    rules: `[${rules.join(', ')}]`,
  })
}

describe('configuration: GRPCRoute', () => {
  it('matches service and method, exactly or by expression, and headers', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http]) +
        service('backend') +
        grpc('a', [
          '{ method: { service: shop.Orders, method: Get } }',
          '{ method: { service: shop.Orders } }',
          '{ method: { method: Watch } }',
          '{ method: { type: RegularExpression, service: "stock\\\\..*", method: "(Add|Take)" } }',
          '{ headers: [{ name: version, value: two }] }',
        ]),
    )
    const rule = (path: string, headers: readonly string[] = []): string =>
      h.route(at, { method: 'POST', path, headers })
    assert.equal(rule('/shop.Orders/Get'), 'GRPCRoute/infra/a#0'.replace('GRPCRoute/', ''))
    assert.equal(rule('/shop.Orders/Put'), 'infra/a#1')
    assert.equal(rule('/shop.OrdersX/Put'), 'none')
    assert.equal(rule('/pay.Bills/Watch'), 'infra/a#2')
    assert.equal(rule('/stock.Items/Take'), 'infra/a#3')
    assert.equal(rule('/stock.Items/Drop'), 'none')
    assert.equal(rule('/any.Thing/Call', ['version', 'two']), 'infra/a#4')
  })

  it('ranks characters of the service before those of the method', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http]) +
        grpc('a', [
          '{}',
          '{ method: { method: Watch } }',
          '{ method: { service: shop.Orders } }',
          '{ method: { service: shop.Orders, method: Watch } }',
        ]),
    )
    const rule = (path: string): string => h.route(at, { path })
    assert.equal(rule('/shop.Orders/Watch'), 'infra/a#3')
    h.apply(
      gateway('gw', [http]) +
        grpc('a', ['{}', '{ method: { method: Watch } }', '{ method: { service: shop.Orders } }']),
    )
    assert.equal(rule('/shop.Orders/Watch'), 'infra/a#2')
    assert.equal(rule('/shop.Other/Watch'), 'infra/a#1')
    assert.equal(rule('/shop.Other/Get'), 'infra/a#0')
  })

  it('speaks HTTP/2 to its backends, beside HTTP/1.1 of an HTTPRoute to the same', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http]) +
        service('backend') +
        grpc('a', ['{}'], '\n  hostnames: [grpc.example.com]') +
        route('a', '  parentRefs: [{ name: gw }]'),
    )
    assert.equal(h.clusters.told('infra/backend:80+grpc').settings?.protocol, 'h2')
    assert.equal(h.clusters.told('infra/backend:80').settings?.protocol, 'http1')
    assert.equal(h.attached('Gateway infra/gw', 'http'), 2)
    h.remove('HTTPRoute infra/a')
    assert.equal(h.route(at, { host: 'grpc.example.com', path: '/x.Y/Z' }), 'infra/a#0')
    assert.deepEqual(
      h.breakers.list().map((one) => one.route),
      ['GRPCRoute/infra/a'],
    )
  })
})
