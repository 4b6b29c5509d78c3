import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pickBackend, pickBackendByHash, type RulePlan } from '../../src/rule-plan.ts'
import { gateway, type Harness, openConfiguration, route, service } from './fixtures.ts'

const http = '{ name: http, port: 80, protocol: HTTP }'

function open(rules: string, more = ''): { readonly h: Harness; readonly plan: RulePlan } {
  const h = openConfiguration()
  h.apply(
    gateway('gw', [http]) +
      service('backend') +
      service('other') +
      route('a', '  parentRefs: [{ name: gw }]', { rules }) +
      more,
  )
  const [plan] = h.configuration.plans('infra/a')
  assert.ok(plan)
  return { h, plan }
}

function policy(spec: string, section = '', name = 'p'): string {
  return `
apiVersion: gateway.tidemill.dev/v1
kind: RoutePolicy
metadata: { name: ${name}, namespace: infra }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: a${section} }]
  ${spec}
---
`
}

const backend = '{ name: backend, port: 80 }'

describe('configuration: rules', () => {
  it('retry as the rule says, completed by the policy, and not at all without either', () => {
    assert.equal(open(`[{ backendRefs: [${backend}] }]`).plan.retry, undefined)
    const rules = `[{ backendRefs: [${backend}], retry: { codes: [500], attempts: 3 } }]`
    const { retry } = open(rules, policy('retry: { backoff: 1s, evenUnsafe: true }')).plan
    assert.deepEqual(
      [retry?.attempts, retry?.backoffMs, retry?.evenUnsafe, retry?.codes[500], retry?.codes[503]],
      [3, 1000, true, 1, 0],
    )
    const ours = open(`[{ backendRefs: [${backend}] }]`, policy('retry: {}')).plan.retry
    assert.deepEqual(
      [ours?.attempts, ours?.backoffMs, ours?.evenUnsafe, ours?.codes[500], ours?.codes[503]],
      [1, 25, false, 0, 1],
    )
    assert.equal(open(rules, policy('retry: { attempts: 0 }')).plan.retry?.attempts, 3)
    assert.equal(
      open(`[{ backendRefs: [${backend}] }]`, policy('retry: { attempts: 0 }')).plan.retry,
      undefined,
    )
  })

  it('keep sessions by cookie or header, and hash by what the policy names', () => {
    const session = (text: string) =>
      open(`[{ backendRefs: [${backend}], sessionPersistence: ${text} }]`).plan.session
    assert.deepEqual(session('{}'), {
      type: 'Cookie',
      name: 'tidemill-session',
      path: '/',
      maxAgeSeconds: 0,
    })
    assert.deepEqual(
      session('{ absoluteTimeout: 1h, cookie: { name: s, path: /x, lifetimeType: Permanent } }'),
      { type: 'Cookie', name: 's', path: '/x', maxAgeSeconds: 3600 },
    )
    assert.equal(session('{ type: Header, header: { name: X-Session } }')?.name, 'x-session')
    const hash = (text: string) =>
      open(`[{ backendRefs: [${backend}] }]`, policy(`hash: ${text}`)).plan.hash
    assert.deepEqual(hash('{ header: X-User }'), { from: 'header', name: 'x-user' })
    assert.deepEqual(hash('{ cookie: User }'), { from: 'cookie', name: 'User' })
    assert.deepEqual(hash('{ query: Id }'), { from: 'query', name: 'Id' })
    assert.deepEqual(hash('{ address: true }'), { from: 'address', name: '' })
  })

  it('mirror to Services that may be used, with their share', () => {
    const filter = (ref: string, more = ''): string =>
      `{ type: RequestMirror, requestMirror: { backendRef: ${ref}${more} } }`
    const { plan, h } = open(
      `[{ backendRefs: [{ name: backend, port: 80, filters: [${filter('{ name: third, port: 80 }')}] }],
          filters: [${filter('{ name: other, port: 80 }', ', percent: 20')},
                    ${filter('{ name: other, port: 80 }', ', fraction: { numerator: 1, denominator: 7 }')},
                    ${filter('{ name: other, namespace: web, port: 80 }')}] }]`,
    )
    assert.deepEqual(
      plan.backends[0]?.mirrors.map((one) => [one.upstream, one.numerator, one.denominator]),
      [
        ['infra/other', 20, 100],
        ['infra/other', 1, 7],
        ['infra/third', 100, 100],
      ],
    )
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['ResolvedRefs'], 'False RefNotPermitted')
    assert.match(h.warnings('HTTPRoute infra/a').join('\n'), /requestMirror\/backendRef: no Ref/u)
  })

  it('apply filters of the rule before those of a backend, and rewrite as the backend says', () => {
    const set = (name: string): string =>
      `{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: ${name}, value: x }] } }`
    const rewrite = (host: string): string =>
      `{ type: URLRewrite, urlRewrite: { hostname: ${host} } }`
    const redirect = '{ type: RequestRedirect, requestRedirect: { statusCode: 301 } }'
    const { plan } = open(
      `[{ filters: [${set('rule')}, ${rewrite('rule.com')}],
          backendRefs: [{ name: backend, port: 80, filters: [${set('own')}, ${rewrite('own.com')}] }, ${backend},
                        { name: other, port: 80, filters: [${redirect}] }] }]`,
    )
    const [first, second, third] = plan.backends
    const names = first?.requestHeaders.map((filter) => filter.set?.[0]?.name)
    assert.deepEqual(names, ['rule', 'own'])
    assert.equal(first?.rewrite?.hostname, 'own.com')
    assert.equal(second?.rewrite?.hostname, 'rule.com')
    assert.equal(second?.requestHeaders, plan.requestHeaders)
    assert.equal(third?.redirect?.statusCode, 301)
  })

  it('answer 500 for filters that are not served and for weights that are all 0, and say so', () => {
    const extension = '{ type: ExtensionRef, extensionRef: { group: a.io, kind: B, name: c } }'
    const { h } = open(
      `[{ filters: [${extension}], backendRefs: [${backend}] }, { backendRefs: [${backend}] },
        { matches: [{ path: { value: /zero } }], backendRefs: [{ name: backend, port: 80, weight: 0 }] }]`,
    )
    const broken = h.configuration.plans('infra/a').map((plan) => plan.broken)
    assert.deepEqual(broken, [
      'its filter ExtensionRef is not served',
      undefined,
      'it has no backend with a weight above 0',
    ])
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['PartiallyInvalid'], 'True UnsupportedValue')
    const warnings = h.warnings('HTTPRoute infra/a').join('\n')
    assert.match(warnings, /\/spec\/rules\/0\/filters: the filter ExtensionRef/u)
    assert.match(warnings, /\/spec\/rules\/2\/backendRefs: all weights are 0/u)
  })

  it('take times from the rule, else from the policy, and warn when they contradict', () => {
    const { plan, h } = open(
      `[{ backendRefs: [${backend}], timeouts: { request: 2s } }]`,
      policy('timeouts: { request: 9s, backendRequest: 4s, idle: 0s }'),
    )
    assert.deepEqual([plan.requestMs, plan.backendMs, plan.idleMs], [2000, 4000, Infinity])
    assert.deepEqual(h.warnings('HTTPRoute infra/a'), [
      '/spec/rules/0/timeouts: one try may take 4000 ms, the whole request only 2000 ms',
    ])
    const off = open(`[{ backendRefs: [${backend}], timeouts: { request: 0s } }]`).plan
    assert.deepEqual([off.requestMs, off.backendMs], [Infinity, 5000])
  })

  it('let WebSockets through unless the policy says otherwise', () => {
    assert.equal(open(`[{ backendRefs: [${backend}] }]`).plan.websocket, true)
    const { plan } = open(`[{ backendRefs: [${backend}] }]`, policy('upgrades: []'))
    assert.equal(plan.websocket, false)
  })

  it('change with their policy, each rule with that which names it', () => {
    const { h } = open(
      `[{ name: one, backendRefs: [${backend}] }, { name: two, matches: [{ path: { value: /two } }], backendRefs: [${backend}] }]`,
      policy('maxBodyBytes: 5') + policy('maxBodyBytes: 7', ', sectionName: two', 'q'),
    )
    const sizes = () => h.configuration.plans('infra/a').map((plan) => plan.maxBodyBytes)
    assert.deepEqual(sizes(), [5, 7])
    assert.equal(h.remove('RoutePolicy infra/q'), 1)
    assert.deepEqual(sizes(), [5, 5])
    h.remove('RoutePolicy infra/p')
    assert.deepEqual(sizes(), [1024, 1024])
    h.apply(policy('maxBodyBytes: 1', ', sectionName: three'))
    assert.deepEqual(h.warnings('RoutePolicy infra/p'), [
      '/spec/targetRefs/0/sectionName: the route infra/a has no rule named three',
    ])
  })

  it('share their traffic exactly by weight, or by hash so that a client stays', () => {
    const refs = [5, 1, 1, 0].map((weight) => `{ name: backend, port: 80, weight: ${weight} }`)
    const { plan } = open(`[{ backendRefs: [${refs.join(', ')}] }]`)
    const letters = Array.from(
      { length: 7 },
      () => 'abcd'[plan.backends.indexOf(pickBackend(plan))],
    )
    assert.equal(letters.join(''), 'aabacaa')
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 7000; i++) {
      const hash = Math.floor(((i + 0.5) / 7000) * 2 ** 32)
      const at = plan.backends.indexOf(pickBackendByHash(plan, hash))
      counts[at] = (counts[at] ?? 0) + 1
    }
    assert.deepEqual(counts, [5000, 1000, 1000, 0])
    const zero = open(
      `[{ backendRefs: [{ name: backend, port: 80, weight: 0 }, ${backend}] }]`,
    ).plan
    assert.equal(pickBackend(zero), zero.backends[1])
  })

  it('warn of a match that another one leaves nothing for', () => {
    const match = (name: string, text: string): string =>
      route(name, '  parentRefs: [{ name: gw }]', {
        rules: `[{ matches: [${text}], backendRefs: [${backend}] }]`,
        created: name === 'first' ? '2026-01-01T00:00:00Z' : '2026-01-02T00:00:00Z',
      })
    const path = 'path: { value: /x }'
    const { h } = open(`[{ matches: [{ path: { value: /own } }], backendRefs: [${backend}] }]`)
    h.apply(match('first', `{ ${path} }`) + match('second', `{ ${path} }`))
    assert.deepEqual(h.warnings('HTTPRoute infra/second'), [
      '/spec/rules/0/matches/0: is never reached: rule 0 match 0 of HTTPRoute infra/first takes all of it',
    ])
    assert.deepEqual(h.warnings('HTTPRoute infra/first'), [])
    h.apply(match('second', `{ ${path}, method: GET }`))
    assert.deepEqual(h.warnings('HTTPRoute infra/second'), [])
    h.apply(match('first', `{ ${path}, headers: [{ name: a, value: b }] }`))
    h.apply(match('second', `{ ${path}, headers: [{ name: A, value: b }] }`))
    assert.equal(h.warnings('HTTPRoute infra/second').length, 1)
    h.apply(match('second', `{ ${path}, headers: [{ name: A, value: c }] }`))
    assert.equal(h.warnings('HTTPRoute infra/second').length, 0)
  })
})
