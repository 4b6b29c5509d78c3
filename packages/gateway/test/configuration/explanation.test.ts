import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainDecision } from '../../src/explanation.ts'
import { gateway, openConfiguration, route, service } from './fixtures.ts'

const listeners = [
  '{ name: http, port: 80, protocol: HTTP }',
  '{ name: shop, port: 80, protocol: HTTP, hostname: "*.shop.com" }',
  '{ name: alt, port: 8080, protocol: HTTP }',
]
const parent = (section: string): string => `  parentRefs: [{ name: gw, sectionName: ${section} }]`

describe('explaining a decision', () => {
  it('names the listener, the rule, the backend, and why every other match lost', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', listeners) +
        service('backend') +
        route('a', `${parent('shop')}\n  hostnames: [api.shop.com]`, {
          rules: `[{ name: api, matches: [{ path: { value: /api }, headers: [{ name: version, value: two }] }, { path: { value: /api } }], backendRefs: [{ name: backend, port: 80 }] }]`,
        }) +
        route('b', parent('shop')) +
        route('c', parent('http')),
    )
    const { configuration } = h
    const decision = explainDecision(configuration, { host: 'api.shop.com', path: '/api/x?y=1' })
    assert.deepEqual(decision, {
      status: 200,
      listener: 'infra/gw (shop)',
      route: 'infra/a',
      rule: 0,
      ruleName: 'api',
      backend: 'infra/backend',
      reason: null,
      candidates: [
        {
          route: 'infra/a',
          rule: 0,
          match: 0,
          lost: 'header version is missing, wanted Exact two',
        },
        { route: 'infra/a', rule: 0, match: 1, lost: null },
        { route: 'infra/b', rule: 0, match: 0, lost: 'outranked by host' },
      ],
    })
  })

  it('finds the listener by port of the URL, by name, or says that none takes the host', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', listeners) + route('a', parent('alt')) + service('backend'))
    const { configuration } = h
    const listener = (host: string, target = {}): string | null =>
      explainDecision(configuration, { host, path: '/' }, target).listener
    assert.equal(listener('a.com:8080'), 'infra/gw (alt)')
    assert.equal(listener('a.com', { scheme: 'http' }), 'infra/gw (http)')
    assert.equal(listener('x.shop.com', { scheme: 'http' }), 'infra/gw (shop)')
    assert.equal(listener('x.shop.com', { listener: 'http' }), 'infra/gw (http)')
    const none = explainDecision(configuration, { host: 'a.com', path: '/' }, { scheme: 'https' })
    assert.equal(none.status, 404)
    assert.equal(none.listener, null)
    assert.deepEqual(none.candidates, [])
  })

  it('tells what would be answered without a backend', () => {
    const h = openConfiguration()
    const redirect = '{ type: RequestRedirect, requestRedirect: { statusCode: 307 } }'
    const rules = `[{ matches: [{ path: { value: /go } }], filters: [${redirect}] },
      { matches: [{ path: { value: /lost } }], backendRefs: [{ name: nobody, port: 80 }] },
      { matches: [{ path: { value: /down } }], backendRefs: [{ name: down, port: 80 }] },
      { matches: [{ path: { value: /empty } }] }]`
    h.apply(gateway('gw', listeners) + route('a', parent('http'), { rules }))
    h.configuration.setBackends({ 'infra/down': [] })
    const status = (path: string): readonly [number, string | null] => {
      const decision = explainDecision(h.configuration, { host: 'a.com', path })
      return [decision.status, decision.reason]
    }
    assert.deepEqual(status('/go'), [307, 'it is redirected'])
    assert.deepEqual(status('/lost'), [500, 'the backend infra/nobody is not registered'])
    assert.deepEqual(status('/down'), [503, 'the backend infra/down has no endpoint'])
    assert.deepEqual(status('/empty'), [500, 'it has no backend with a weight above 0'])
    assert.deepEqual(status('/'), [404, 'no route of the listener matches GET /'])
  })
})
