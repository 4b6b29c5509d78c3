import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  createRouter,
  type HttpRoute,
  type Router,
  type RouterRequest,
} from '@tidemill/gateway/router'
import { request, route, rule } from './fixtures.ts'

function routerOf(...routes: readonly HttpRoute[]): Router {
  const router = createRouter()
  for (const each of routes) router.put(each)
  return router
}

/** The backend, or the route's name, to which a request goes. */
function backend(router: Router, asked: RouterRequest): string | undefined {
  return router.match(asked)?.rule.backendRefs?.[0]?.name
}

describe('router: Gateway API conformance path-match-order', () => {
  const exact = (value: string, to: string) => rule({ path: { type: 'Exact', value } }, to)
  const prefix = (value: string, to: string) => rule({ path: { type: 'PathPrefix', value } }, to)
  const router = routerOf(
    route('path-match-order', [
      exact('/match/exact', 'v2'),
      exact('/match', 'v1'),
      exact('/match/exact/one', 'v3'),
      prefix('/match/', 'v3'),
      prefix('/match/prefix/', 'v1'),
      prefix('/match/prefix/one', 'v2'),
    ]),
  )
  for (const [path, to] of [
    ['/match/exact/one', 'v3'],
    ['/match/exact', 'v2'],
    ['/match', 'v1'],
    ['/match/prefix/one/any', 'v2'],
    ['/match/prefix/any', 'v1'],
    ['/match/any', 'v3'],
  ] as const) {
    it(`${path} goes to ${to}`, () => assert.equal(backend(router, request(path)), to))
  }
})

describe('router: Gateway API conformance matching', () => {
  const router = routerOf(
    route('matching', [
      rule({ path: { type: 'PathPrefix', value: '/' } }, 'v1'),
      rule({ headers: [{ name: 'version', value: 'one' }] }, 'v1-header'),
      rule({ path: { type: 'PathPrefix', value: '/v2' } }, 'v2'),
      rule({ headers: [{ name: 'version', value: 'two' }] }, 'v2-header'),
    ]),
  )
  const vectors: readonly (readonly [string, readonly string[], string])[] = [
    ['/', [], 'v1'],
    ['/example', [], 'v1'],
    ['/', ['Version', 'one'], 'v1-header'],
    ['/v2', [], 'v2'],
    ['/v2/example', [], 'v2'],
    ['/', ['Version', 'two'], 'v2-header'],
    ['/v2/', [], 'v2'],
    // By segment: not below /v2.
    ['/v2example', [], 'v1'],
    ['/foo/v2/example', [], 'v1'],
    // A longer prefix goes before a header.
    ['/v2', ['version', 'two'], 'v2'],
  ]
  for (const [path, headers, to] of vectors) {
    it(`${path} ${headers.join(':')} goes to ${to}`, () =>
      assert.equal(backend(router, request(path, { headers })), to))
  }
})

describe('router: Gateway API conformance query and header precedence', () => {
  const animal = (value: string) => [{ name: 'animal', value }]
  const router = routerOf(
    route('query', [
      rule({ queryParams: animal('whale') }, 'whale'),
      rule({ queryParams: animal('dolphin') }, 'dolphin'),
      rule(
        { queryParams: [...animal('dolphin'), { name: 'color', value: 'blue' }] },
        'blue-dolphin',
      ),
      rule({ path: { value: '/path1' }, queryParams: animal('whale') }, 'path1-whale'),
      rule(
        { headers: [{ name: 'version', value: 'one' }], queryParams: animal('whale') },
        'v1-whale',
      ),
      rule({ path: { value: '/path5' } }, 'path5'),
      rule({ headers: [{ name: 'version', value: 'four' }] }, 'header-four'),
      rule({ queryParams: animal('hydra') }, 'hydra'),
    ]),
  )
  const vectors: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['/?animal=whale', [], 'whale'],
    ['/?animal=dolphin', [], 'dolphin'],
    ['/?animal=whale&otherparam=irrelevant', [], 'whale'],
    ['/?animal=dolphin&color=yellow', [], 'dolphin'],
    ['/?color=blue', [], undefined],
    ['/?animal=dolphin&color=blue', [], 'blue-dolphin'],
    ['/?animal=horse', [], undefined],
    ['/?animal=Whale', [], undefined],
    ['/?ANIMAL=Whale', [], undefined],
    ['/?ANIMAL=whale', [], undefined],
    ['/path1?animal=whale', [], 'path1-whale'],
    ['/?animal=whale', ['Version', 'one'], 'v1-whale'],
    ['/path5?animal=hydra', [], 'path5'],
    ['/?animal=hydra', ['version', 'four'], 'header-four'],
    ['/', [], undefined],
    // First of a repeated parameter; escapes are decoded.
    ['/?animal=whale&animal=dolphin', [], 'whale'],
    ['/?%61nimal=wh%61le', [], 'whale'],
    ['/?animal', [], undefined],
    ['/?animal=whale=', [], undefined],
  ]
  for (const [target, headers, to] of vectors) {
    it(`${target} ${headers.join(':')} goes to ${to ?? 'nobody'}`, () =>
      assert.equal(backend(router, request(target, { headers })), to))
  }
})

describe('router: hosts', () => {
  const to = (name: string) => [rule({}, name)]
  const router = routerOf(
    route('any', to('any')),
    route('wild', to('wild'), { hostnames: ['*.example.com'] }),
    route('deep', to('deep'), { hostnames: ['*.b.example.com'] }),
    route('exact', to('exact'), { hostnames: ['a.example.com'] }),
  )
  const vectors: readonly (readonly [string, string])[] = [
    ['a.example.com', 'exact'],
    ['A.Example.COM:8080', 'exact'],
    ['x.example.com', 'wild'],
    ['x.y.example.com', 'wild'],
    ['x.b.example.com', 'deep'],
    ['b.example.com', 'wild'],
    ['example.com', 'any'],
    ['aexample.com', 'any'],
    ['.example.com', 'any'],
    ['other.org', 'any'],
    ['[::1]:80', 'any'],
    [`${'x.'.repeat(200)}example.com`, 'any'],
  ]
  for (const [host, name] of vectors) {
    it(`${host.slice(0, 30)} goes to ${name}`, () =>
      assert.equal(backend(router, request('/', { host })), name))
  }

  it('falls back to a more general host when no rule of the specific one holds', () => {
    const strict = routerOf(
      route('any', to('any')),
      route('exact', [rule({ path: { value: '/only' } }, 'exact')], { hostnames: ['a.com'] }),
    )
    assert.equal(backend(strict, request('/only', { host: 'a.com' })), 'exact')
    assert.equal(backend(strict, request('/else', { host: 'a.com' })), 'any')
  })
})

describe('router: rules of our choice', () => {
  it('ranks expressions between exact paths and prefixes, longer first', () => {
    const router = routerOf(
      route('r', [
        rule({ path: { type: 'PathPrefix', value: '/users/1' } }, 'prefix'),
        rule({ path: { type: 'RegularExpression', value: '/users/.*' } }, 'short'),
        rule({ path: { type: 'RegularExpression', value: '/users/[0-9]+' } }, 'long'),
        rule({ path: { type: 'Exact', value: '/users/1' } }, 'exact'),
      ]),
    )
    assert.equal(backend(router, request('/users/1')), 'exact')
    assert.equal(backend(router, request('/users/2')), 'long')
    assert.equal(backend(router, request('/users/1/x')), 'short')
    assert.equal(backend(router, request('/x/users/1')), undefined)
  })

  it('lets priority override every other law within a host', () => {
    const router = createRouter()
    router.put(route('exact', [rule({ path: { type: 'Exact', value: '/a' } }, 'exact')]))
    router.put(route('all', [rule({}, 'all')]), [{ priority: 1 }])
    assert.equal(backend(router, request('/a')), 'all')
    router.put(route('all', [rule({}, 'all')]), [{ priority: -1 }])
    assert.equal(backend(router, request('/a')), 'exact')
  })

  it('matches header values by whole expressions, the name in any case', () => {
    const headers = [
      { name: 'X-Env', type: 'RegularExpression', value: '^(prod|staging)$' },
    ] as const
    const router = routerOf(route('grey', [rule({ headers }, 'grey'), rule({}, 'plain')]))
    for (const [value, to] of [
      ['prod', 'grey'],
      ['staging', 'grey'],
      ['production', 'plain'],
      ['Prod', 'plain'],
    ] as const) {
      assert.equal(backend(router, request('/', { headers: ['x-eNV', value] })), to)
    }
  })

  it('joins repeated header lines with a comma, cookies with a semicolon', () => {
    const router = routerOf(
      route('r', [
        rule({ headers: [{ name: 'a', value: '1, 2' }] }, 'list'),
        rule({ headers: [{ name: 'cookie', value: 'x=1; y=2' }] }, 'cookie'),
      ]),
    )
    assert.equal(backend(router, request('/', { headers: ['A', '1', 'a', '2'] })), 'list')
    const cookies = ['cookie', 'x=1', 'Cookie', 'y=2']
    assert.equal(backend(router, request('/', { headers: cookies })), 'cookie')
  })

  it('counts only the first of equal header names in a match', () => {
    const headers = [
      { name: 'a', value: '1' },
      { name: 'A', value: '2' },
    ]
    const router = routerOf(route('r', [rule({ headers })]))
    assert.equal(backend(router, request('/', { headers: ['a', '1'] })), 'v1')
  })

  it('treats header names of Object.prototype as ordinary ones', () => {
    const headers = [{ name: 'constructor', value: 'x' }]
    const router = routerOf(route('r', [rule({ headers })]))
    assert.equal(backend(router, request('/')), undefined)
    assert.equal(backend(router, request('/', { headers: ['constructor', 'x'] })), 'v1')
  })

  it('prefers a rule with a method, then more headers, then more queries', () => {
    const headers = [{ name: 'a', value: '1' }]
    const queryParams = [{ name: 'q', value: '1' }]
    const router = routerOf(
      route('r', [
        rule({ queryParams }, 'query'),
        rule({ headers }, 'header'),
        rule({ method: 'GET' }, 'method'),
      ]),
    )
    const all = { headers: ['a', '1'] }
    assert.equal(backend(router, request('/?q=1', all)), 'method')
    assert.equal(backend(router, request('/?q=1', { ...all, method: 'PUT' })), 'header')
    assert.equal(backend(router, request('/?q=1', { method: 'PUT' })), 'query')
  })

  it('settles equal matches by age, then by namespace and name, whatever the order of arrival', () => {
    const young = route('a', [rule({}, 'young')], { created: '2026-02-01T00:00:00Z' })
    const old = route('z', [rule({}, 'old')], { created: '2026-01-01T00:00:00Z' })
    const undated = route('b', [rule({}, 'undated')])
    const orders = [
      [young, old, undated],
      [undated, young, old],
      [old, undated, young],
    ]
    for (const order of orders) {
      const router = routerOf(...order)
      assert.equal(backend(router, request('/')), 'old')
      router.delete('test/z')
      assert.equal(backend(router, request('/')), 'young')
      router.delete('test/a')
      assert.equal(backend(router, request('/')), 'undated')
    }
    const twins = [
      route('a', [rule({}, 'na')], { namespace: 'n' }),
      route('b', [rule({}, 'mb')], { namespace: 'm' }),
    ]
    assert.equal(backend(routerOf(...twins), request('/')), 'mb')
    assert.equal(backend(routerOf(...twins.toReversed()), request('/')), 'mb')
  })

  it('takes a route without rules, and a rule without matches, for everything', () => {
    assert.equal(routerOf(route('r', undefined)).match(request('/any'))?.route, 'test/r')
    assert.equal(
      backend(routerOf(route('r', [{ backendRefs: [{ name: 'v1' }] }])), request('/x')),
      'v1',
    )
  })

  it('matches a path longer than any route by its short prefixes', () => {
    const router = routerOf(route('r', [rule({ path: { value: '/a' } })]))
    assert.equal(backend(router, request(`/a/${'x/'.repeat(3000)}`)), 'v1')
    assert.equal(backend(router, request(`/b/${'x/'.repeat(3000)}`)), undefined)
  })

  it('runs a hostile value against a hostile expression in linear time', () => {
    const path = { type: 'RegularExpression', value: '/(a+)+' } as const
    const router = routerOf(route('r', [rule({ path })]))
    const started = performance.now()
    assert.equal(backend(router, request(`/${'a'.repeat(5000)}b`)), undefined)
    // The backtracking engine needs longer than the age of the universe for this.
    assert.ok(performance.now() - started < 500)
  })
})
