import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gateway, openConfiguration, route, service } from './fixtures.ts'

const http = '{ name: http, port: 80, protocol: HTTP }'

describe('configuration: attaching routes', () => {
  it('serves a route of the same namespace and counts it', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [http]) + route('a', '  parentRefs: [{ name: gw }]') + service('backend'))
    assert.deepEqual(h.parents('HTTPRoute infra/a'), [
      { Accepted: 'True Accepted', ResolvedRefs: 'True ResolvedRefs' },
    ])
    assert.equal(h.attached('Gateway infra/gw', 'http'), 1)
    assert.equal(h.route({ gateway: 'infra/gw', listener: 'http' }, { path: '/x' }), 'infra/a#0')
    const told = h.clusters.told('infra/backend:80')
    assert.deepEqual(told.hosts, [{ address: '10.0.0.1', port: 8080 }])
  })

  it('says which parent, section, port or namespace does not fit', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http]) +
        route(
          'a',
          `  parentRefs:
    - { name: gw, sectionName: other, port: 80 }
    - { name: gw, sectionName: http, port: 81 }
    - { name: nobody }
`,
        ) +
        route('b', '  parentRefs: [{ name: gw, namespace: infra }]', { namespace: 'web' }) +
        service('backend') +
        service('backend', undefined, 'web'),
    )
    assert.deepEqual(
      h.parents('HTTPRoute infra/a').map((one) => one['Accepted']),
      ['False NoMatchingParent', 'False NoMatchingParent', 'False NoMatchingParent'],
    )
    assert.equal(h.parents('HTTPRoute web/b')[0]?.['Accepted'], 'False NotAllowedByListeners')
    assert.equal(h.attached('Gateway infra/gw', 'http'), 0)
  })

  it('lets namespaces in by All and by their labels, and follows changed labels', () => {
    const h = openConfiguration()
    const selector =
      '{ name: picky, port: 81, protocol: HTTP, allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { team: web } } } } }'
    const open =
      '{ name: open, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }'
    const namespace = (team: string): string =>
      `{ apiVersion: v1, kind: Namespace, metadata: { name: web, labels: { team: ${team} } } }\n---\n`
    h.apply(
      gateway('gw', [open, selector]) +
        route('a', '  parentRefs: [{ name: gw, namespace: infra }]', { namespace: 'web' }) +
        namespace('shop'),
    )
    assert.equal(h.attached('Gateway infra/gw', 'open'), 1)
    assert.equal(h.attached('Gateway infra/gw', 'picky'), 0)
    h.apply(namespace('web'))
    assert.equal(h.attached('Gateway infra/gw', 'picky'), 1)
    h.remove('Namespace web')
    assert.equal(h.attached('Gateway infra/gw', 'picky'), 0)
  })

  it('refuses kinds that a listener does not carry', () => {
    const h = openConfiguration()
    const only =
      '{ name: tls, port: 443, protocol: TLS, tls: { mode: Passthrough }, allowedRoutes: { kinds: [{ kind: TLSRoute }] } }'
    h.apply(gateway('gw', [only]) + route('a', '  parentRefs: [{ name: gw }]'))
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['Accepted'], 'False NotAllowedByListeners')
    assert.equal(h.attached('Gateway infra/gw', 'tls'), 0)
  })

  it('serves a route only on the names that it shares with the listener', () => {
    const h = openConfiguration()
    const listeners = [
      '{ name: specific, port: 80, protocol: HTTP, hostname: very.specific.com }',
      '{ name: wild, port: 80, protocol: HTTP, hostname: "*.wildcard.io" }',
    ]
    h.apply(
      gateway('gw', listeners) +
        route(
          'a',
          `  parentRefs: [{ name: gw }]
  hostnames: [non.matching.com, "*.specific.com", one.wildcard.io, wildcard.io]`,
        ) +
        route('b', '  parentRefs: [{ name: gw }]\n  hostnames: [other.org]'),
    )
    const specific = { gateway: 'infra/gw', listener: 'specific' }
    const wild = { gateway: 'infra/gw', listener: 'wild' }
    assert.equal(h.route(specific, { host: 'very.specific.com', path: '/' }), 'infra/a#0')
    assert.equal(h.route(specific, { host: 'other.specific.com', path: '/' }), 'none')
    assert.equal(h.route(wild, { host: 'one.wildcard.io', path: '/' }), 'infra/a#0')
    assert.equal(h.route(wild, { host: 'two.wildcard.io', path: '/' }), 'none')
    assert.equal(h.route(wild, { host: 'wildcard.io', path: '/' }), 'none')
    assert.equal(
      h.parents('HTTPRoute infra/b')[0]?.['Accepted'],
      'False NoMatchingListenerHostname',
    )
  })

  it('attaches by port of the parentRef', () => {
    const h = openConfiguration()
    const listeners = [http, '{ name: alt, port: 8080, protocol: HTTP }']
    h.apply(gateway('gw', listeners) + route('a', '  parentRefs: [{ name: gw, port: 8080 }]'))
    assert.equal(h.attached('Gateway infra/gw', 'http'), 0)
    assert.equal(h.attached('Gateway infra/gw', 'alt'), 1)
  })

  it('attaches when the Gateway comes after the route, and lets go when it leaves', () => {
    const h = openConfiguration()
    h.apply(route('a', '  parentRefs: [{ name: gw }]'))
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['Accepted'], 'False NoMatchingParent')
    h.apply(gateway('gw', [http]))
    assert.equal(h.route({ gateway: 'infra/gw', listener: 'http' }, { path: '/' }), 'infra/a#0')
    h.remove('Gateway infra/gw')
    assert.equal(h.configuration.sockets().length, 0)
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['Accepted'], 'False NoMatchingParent')
    h.apply(gateway('gw', [http]))
    h.remove('HTTPRoute infra/a')
    assert.equal(h.route({ gateway: 'infra/gw', listener: 'http' }, { path: '/' }), 'none')
    assert.equal(h.clusters.clusters.size, 0)
    assert.deepEqual(h.breakers.list(), [])
  })

  it('keeps the router of a listener while other settings of the Gateway change', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [http]) + route('a', '  parentRefs: [{ name: gw }]'))
    const router = h.configuration.sockets()[0]?.listeners[0]?.router
    const rebuilt = h.apply(gateway('gw', [http], '  infrastructure: { labels: { team: edge } }'))
    assert.equal(rebuilt, 0)
    assert.equal(h.configuration.sockets()[0]?.listeners[0]?.router, router)
    h.apply(gateway('gw', ['{ name: http, port: 80, protocol: HTTP, hostname: "*.example.com" }']))
    const plan = h.configuration.sockets()[0]?.listeners[0]
    assert.equal(plan?.router, router)
    assert.equal(plan?.hostname, '*.example.com')
    const at = { gateway: 'infra/gw', listener: 'http' }
    assert.equal(h.route(at, { host: 'a.example.com', path: '/' }), 'infra/a#0')
    assert.equal(h.route(at, { host: 'a.org', path: '/' }), 'none')
  })

  it('touches only the changed route', () => {
    const h = openConfiguration()
    const many = Array.from({ length: 20 }, (_, i) =>
      route(`r${i}`, '  parentRefs: [{ name: gw }]'),
    )
    h.apply(gateway('gw', [http]) + many.join(''))
    const before = h.configuration.sockets()
    const again = route('r3', '  parentRefs: [{ name: gw }]\n  hostnames: [a.com]')
    assert.equal(h.apply(again), 1)
    assert.equal(h.apply(again), 0)
    assert.equal(h.configuration.sockets(), before)
  })

  it('gives a route to every route object at the implicit listener whatever its parents say', () => {
    const h = openConfiguration({ implicitListener: { address: '127.0.0.1', port: 0 } })
    h.apply(route('a', '  parentRefs: [{ name: nobody }]\n  hostnames: [a.com]'))
    assert.equal(
      h.route({ gateway: '', listener: 'default' }, { host: 'a.com', path: '/' }),
      'infra/a#0',
    )
    assert.equal(h.configuration.implicit?.protocol, 'HTTP')
  })
})
