import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type Problem, TidemillError } from '@tidemill/core'
import { openGateway, type RoutePolicy } from '@tidemill/gateway'
import { openKv } from '@tidemill/kv'
import {
  codeOf,
  echo,
  fails,
  type Harness,
  listen,
  openHarness,
  orderRoute,
  passing,
  policy,
  until,
} from './harness.ts'

interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: number
}

describe('gateway: routing', () => {
  let h: Harness
  before(async () => {
    h = await openHarness()
  })
  after(() => h[Symbol.asyncDispose]())

  it('forwards a request and its answer', async () => {
    const response = await h.get('/orders/1?x=%20y', { method: 'POST', body: 'hello' })
    assert.equal(response.status, 200)
    const got = (await response.json()) as Echo
    assert.deepEqual([got.method, got.url, got.body], ['POST', '/orders/1?x=%20y', 5])
  })

  it('says whom it forwards for, and passes trace context and Host on', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const headers = { traceparent, 'X-Forwarded-For': '6.6.6.6', 'X-Request-Id': 'my-id.1' }
    const response = await h.get('/orders', { headers })
    const got = ((await response.json()) as Echo).headers
    assert.equal(got['traceparent'], traceparent)
    assert.equal(got['x-forwarded-for'], '127.0.0.1')
    assert.equal(got['x-forwarded-proto'], 'http')
    assert.equal(got['x-forwarded-host'], got['host'])
    assert.equal(got['host'], new URL(h.gateway.url).host)
    assert.equal(got['x-request-id'], 'my-id.1')
    assert.match(got['via'] ?? '', /^1\.1 tidemill-/u)
    assert.equal(response.headers.get('x-request-id'), 'my-id.1')
  })

  it('tells the upstream how long it will wait, whatever the client said', async () => {
    await h.gateway.putRoute(
      orderRoute(
        { matches: [{ path: { value: '/timed' } }], timeouts: { request: '1500ms' } },
        't',
      ),
    )
    const headers = { 'X-Envoy-Expected-Rq-Timeout-Ms': '99999999' }
    const response = await h.get('/timed', { headers })
    const got = ((await response.json()) as Echo).headers
    assert.equal(got['x-envoy-expected-rq-timeout-ms'], '1500')
    const record = h.gateway.follow(response.headers.get('x-request-id') ?? '')
    assert.equal(record?.timeoutMs, 1500)
  })

  it('answers 404 with a problem document when no route matches', async () => {
    const response = await h.get('/nowhere')
    assert.equal(response.status, 404)
    assert.equal(response.headers.get('content-type'), 'application/problem+json')
    assert.equal(response.headers.get('proxy-status'), 'tidemill; error=destination_not_found')
    assert.equal(await codeOf(response), 'TM_GATEWAY_NO_ROUTE')
  })

  it('answers 500 for a backend that nobody registered, and says so in the status', async () => {
    await h.gateway.putRoute(
      orderRoute(
        { matches: [{ path: { value: '/lost' } }], backendRefs: [{ name: 'lost' }] },
        'lost',
      ),
    )
    assert.equal(await codeOf(await h.get('/lost')), 'TM_GATEWAY_BACKEND_INVALID')
    const status = h.gateway.routes().find((route) => route.key === 'shop/lost')
    assert.deepEqual(
      status?.warnings.map((warning) => warning.path),
      ['/spec/rules/0/backendRefs/0'],
    )
    h.gateway.setBackend('shop/lost', [])
    const empty = await h.get('/lost')
    assert.deepEqual([empty.status, empty.headers.get('retry-after')], [503, '1'])
    assert.equal(await codeOf(empty), 'TM_GATEWAY_NO_ENDPOINT')
  })

  it('answers 500 for filters and backends that it does not serve', async () => {
    const extensionRef = { group: 'x.io', kind: 'Extension', name: 'x' }
    const filters = [{ type: 'ExtensionRef', extensionRef }]
    await h.gateway.putRoute(orderRoute({ matches: [{ path: { value: '/m' } }], filters }, 'm'))
    assert.equal((await h.get('/m')).status, 500)
    const backendRefs = [{ name: 'order', kind: 'Bucket', group: 'x.io' }]
    await h.gateway.putRoute(orderRoute({ matches: [{ path: { value: '/m' } }], backendRefs }, 'm'))
    assert.equal((await h.get('/m')).status, 500)
    await h.gateway.putRoute(
      orderRoute({ matches: [{ path: { value: '/m' } }], backendRefs: [] }, 'm'),
    )
    assert.equal((await h.get('/m')).status, 500)
  })

  it('shares traffic by weight exactly', async () => {
    const counts = { a: 0, b: 0 }
    const servers = (['a', 'b'] as const).map((name) =>
      createServer((_req, res) => {
        counts[name]++
        res.end()
      }),
    )
    const [a = '', b = ''] = await Promise.all(servers.map((server) => listen(server)))
    h.gateway.setBackend('shop/a', [a])
    h.gateway.setBackend('shop/b', [b])
    const backendRefs = [
      { name: 'a', weight: 9 },
      { name: 'b', weight: 1 },
      { name: 'order', weight: 0 },
    ]
    await h.gateway.putRoute(
      orderRoute({ matches: [{ path: { value: '/split' } }], backendRefs }, 's'),
    )
    for (let i = 0; i < 100; i++) await (await h.get('/split')).arrayBuffer()
    assert.deepEqual(counts, { a: 90, b: 10 })
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  it('rewrites path and host and edits headers both ways', async () => {
    h.answer = (req, res) => {
      res.setHeader('X-Drop', '1')
      res.setHeader('Set-Cookie', ['a=1', 'b=2'])
      echo(req, res)
    }
    await h.gateway.putRoute(
      orderRoute(
        {
          matches: [{ path: { value: '/old' } }],
          filters: [
            {
              type: 'URLRewrite',
              urlRewrite: {
                hostname: 'inner.test',
                path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' },
              },
            },
            {
              type: 'RequestHeaderModifier',
              requestHeaderModifier: {
                set: [{ name: 'X-Set', value: 'set' }],
                add: [{ name: 'x-more', value: '2' }],
                remove: ['X-Gone'],
              },
            },
            {
              type: 'ResponseHeaderModifier',
              responseHeaderModifier: {
                remove: ['x-drop'],
                add: [{ name: 'set-cookie', value: 'c=3' }],
              },
            },
          ],
        },
        'old',
      ),
    )
    const response = await h.get('/old/x?q=1', {
      headers: { 'x-gone': '1', 'x-more': '1', 'x-set': '0' },
    })
    const got = (await response.json()) as Echo
    assert.equal(got.url, '/new/x?q=1')
    const { host, 'x-set': set, 'x-more': more, 'x-gone': gone } = got.headers
    assert.deepEqual([host, set, more, gone], ['inner.test', 'set', '1,2', undefined])
    assert.equal(response.headers.get('x-drop'), null)
    assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2', 'c=3'])
    h.answer = echo
  })

  it('redirects', async () => {
    const requestRedirect = { scheme: 'https', hostname: 'shop.test', statusCode: 301 } as const
    const filters = [{ type: 'RequestRedirect', requestRedirect }]
    await h.gateway.putRoute(
      orderRoute({ matches: [{ path: { value: '/go' } }], backendRefs: [], filters }, 'go'),
    )
    const response = await h.get('/go/x?y=1')
    assert.equal(response.status, 301)
    assert.equal(response.headers.get('location'), 'https://shop.test/go/x?y=1')
  })

  it('normalises the path once, and matches and forwards the same', async () => {
    const lookup = await h.get('/orders/%2e%2e/orders/%61', {})
    assert.equal(((await lookup.json()) as Echo).url, '/orders/a')
  })

  it('explains a request with its rule, its backends and its breaker', () => {
    const explanation = h.gateway.explain({ host: 'x', path: '/orders/1?a=b', method: 'PUT' })
    assert.equal(explanation.chosen?.route, 'shop/order')
    assert.deepEqual(explanation.rule?.timeoutsMs, { request: 15_000, backendRequest: 5000 })
    assert.equal(explanation.rule?.backends[0]?.breaker, 'closed')
    const nothing = h.gateway.explain({ host: 'x', path: '/none', headers: { a: ['1', '2'] } })
    assert.equal(nothing.chosen, undefined)
    assert.ok(nothing.candidates.every((candidate) => candidate.failed?.predicate === 'path'))
  })

  it('keeps the last requests, found by their id, and counts by route and upstream', async () => {
    await (
      await h.get('/orders/9?secret=1', { headers: { 'x-request-id': 'find-me' } })
    ).arrayBuffer()
    const record = h.gateway.follow('find-me')
    assert.equal(record?.route, 'shop/order')
    assert.equal(record?.upstream, 'shop/order')
    assert.deepEqual([record?.status, record?.flag, record?.path], [200, '', '/orders/9'])
    assert.equal(h.gateway.requests(1)[0]?.requestId, 'find-me')
    const counted = h.gateway
      .metrics()
      .find(({ route, upstream }) => route === 'shop/order' && upstream !== '')
    assert.ok((counted?.requests ?? 0) > 0)
    assert.equal(counted?.active, 0)
    assert.equal(counted?.latency.count, counted?.requests)
  })

  it('gives the latency of the last seconds beside that since it was opened', async () => {
    await using own = await openHarness()
    const row = () => own.gateway.metrics().find(({ upstream }) => upstream !== '')
    own.answer = (_req, res) => void own.clock.advance(40).then(() => res.end())
    await (await own.get('/orders')).arrayBuffer()
    await until(() => row()?.requests === 1)
    assert.deepEqual([row()?.recentRequests, row()?.p99Ms, row()?.total.p99Ms], [1, 40, 40])
    await own.clock.advance(15_000)
    assert.deepEqual([row()?.recentRequests, row()?.p99Ms, row()?.total.p99Ms], [0, 0, 40])
  })
})

describe('gateway: configuration in kv', () => {
  it('serves what kv holds at start, and follows every change', async () => {
    await using h = await openHarness()
    const key = '/tidemill/gw/v1/routes/shop/direct'
    const route = orderRoute({ matches: [{ path: { value: '/direct' } }] }, 'direct')
    await h.kv.put(key, JSON.stringify(route))
    await until(() => h.gateway.routes().length === 2)
    assert.equal((await h.get('/direct')).status, 200)
    await h.kv.delete(key)
    await until(() => h.gateway.routes().length === 1)
    assert.equal((await h.get('/direct')).status, 404)
    const second = await openGateway({ kv: h.kv, listen: { port: 0 } })
    assert.equal(second.routes().length, 1)
    await second.close()
  })

  it('answers 404, not stale routing, after the last route is deleted', async () => {
    await using h = await openHarness()
    assert.equal(await h.gateway.deleteRoute('shop/order'), true)
    assert.equal((await h.get('/orders')).status, 404)
    assert.equal(await h.gateway.deleteRoute('shop/order'), false)
  })

  it('keeps the last good version of an object that became invalid, and flags it; others still apply', async () => {
    await using h = await openHarness()
    const write = (name: string, value: unknown): Promise<unknown> =>
      h.kv.put(
        `/tidemill/gw/v1/routes/shop/${name}`,
        typeof value === 'string' ? value : JSON.stringify(value),
      )
    await write('order', orderRoute({ matches: [{ path: { value: 'no-slash' } }] }))
    await write('broken', '{"spec":')
    await write('misnamed', orderRoute({}, 'other'))
    await write('huge', JSON.stringify('x'.repeat(70_000)))
    await write('fine', orderRoute({ matches: [{ path: { value: '/fine' } }] }, 'fine'))
    await until(() => h.gateway.routes().length === 5)
    const states = Object.fromEntries(h.gateway.routes().map(({ key, state }) => [key, state]))
    assert.deepEqual(states, {
      'shop/order': 'last-good',
      'shop/broken': 'invalid',
      'shop/misnamed': 'invalid',
      'shop/huge': 'invalid',
      'shop/fine': 'active',
    })
    assert.equal((await h.get('/orders')).status, 200)
    assert.equal((await h.get('/fine')).status, 200)
    const [problem] = h.gateway.routes().find(({ key }) => key === 'shop/order')?.problems ?? []
    assert.equal(problem?.path, '/spec/rules/0/matches/0/path/value')
    await h.gateway.putRoute(orderRoute())
    assert.equal(h.gateway.routes().find(({ key }) => key === 'shop/order')?.state, 'active')
  })

  it('refuses an invalid route or policy before it is stored, with every problem', async () => {
    await using h = await openHarness()
    const { revision } = await h.kv.status()
    const route = orderRoute({
      matches: [{ path: { value: 'x' } }],
      backendRefs: [{ name: 'x', weight: -1 }],
    })
    await assert.rejects(h.gateway.putRoute(route), (error: unknown) => {
      assert.ok(TidemillError.is(error, 'TM_GATEWAY_ROUTE_INVALID'))
      assert.equal((error.details['problems'] as Problem[]).length, 2)
      return true
    })
    const wrong = policy({ breaker: { ratio: 2 }, timeouts: { request: '5' }, failureCodes: [200] })
    await assert.rejects(
      h.gateway.putPolicy({ ...wrong, kind: 'Policy' } as unknown as RoutePolicy),
      (error: unknown) => {
        assert.ok(TidemillError.is(error, 'TM_GATEWAY_POLICY_INVALID'))
        const problems = error.details['problems'] as Problem[]
        assert.deepEqual(
          problems.map((problem) => problem.path),
          ['/kind', '/spec/breaker/ratio', '/spec/failureCodes/0', '/spec/timeouts/request'],
        )
        return true
      },
    )
    assert.equal((await h.kv.status()).revision, revision)
  })

  it('applies policies: rule before route, then the oldest, field by field', async () => {
    await using h = await openHarness()
    await h.gateway.putRoute(orderRoute({ name: 'main' }))
    const [target] = policy({}).spec.targetRefs
    assert.ok(target)
    await h.gateway.putPolicy(policy({ priority: 5, timeouts: { request: '9s' } }, 'older'))
    await h.clock.advance(1000)
    await h.gateway.putPolicy(policy({ priority: 6, maxBodyBytes: 3 }, 'newer'))
    const ofRule = policy({ timeouts: { request: '7s' } }, 'rule')
    await h.gateway.putPolicy({
      ...ofRule,
      spec: { ...ofRule.spec, targetRefs: [{ ...target, sectionName: 'main' }] },
    })
    const { rule } = h.gateway.explain({ host: 'x', path: '/orders' })
    assert.deepEqual(rule?.policies, ['shop/rule', 'shop/older', 'shop/newer'])
    assert.deepEqual([rule?.priority, rule?.timeoutsMs.request], [5, 7000])
    assert.equal((await h.get('/orders', { method: 'POST', body: 'four' })).status, 413)
    for (const name of ['rule', 'older', 'newer']) await h.gateway.deletePolicy(`shop/${name}`)
    assert.deepEqual(h.gateway.explain({ host: 'x', path: '/orders' }).rule?.policies, [])
  })

  it('says when a policy names a route that is not there', async () => {
    await using h = await openHarness()
    await h.gateway.putPolicy(policy({ priority: 1 }))
    assert.deepEqual(h.gateway.policies()[0]?.warnings, [])
    await h.gateway.deleteRoute('shop/order')
    assert.equal(h.gateway.policies()[0]?.warnings.length, 1)
  })
})

describe('gateway: breaker', () => {
  const call = async (h: Harness): Promise<number> => {
    const response = await h.get('/orders')
    await response.arrayBuffer()
    return response.status
  }

  it('opens at 6 failures of 10, answers 503 with Retry-After, probes after 60 s, closes on success', async () => {
    await using h = await openHarness()
    for (let i = 0; i < 4; i++) assert.equal(await call(h), 200)
    h.answer = fails(503)
    for (let i = 0; i < 6; i++) assert.equal(await call(h), 503)
    assert.equal(h.seen.length, 10)
    assert.equal(h.gateway.breakers()[0]?.state, 'open')
    const refused = await h.get('/orders')
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '60'])
    assert.equal(await codeOf(refused), 'TM_GATEWAY_BREAKER_OPEN')
    assert.equal(h.seen.length, 10)
    await h.clock.advance(59_500)
    assert.equal((await h.get('/orders')).headers.get('retry-after'), '1')
    await h.clock.advance(500)
    assert.equal(await call(h), 503)
    assert.equal(h.seen.length, 11)
    await h.clock.advance(60_000)
    h.answer = echo
    assert.equal(await call(h), 200)
    assert.equal(await call(h), 200)
    assert.equal(h.gateway.breakers()[0]?.state, 'closed')
    assert.equal(h.gateway.requests(1)[0]?.flag, '')
  })

  it('does not count 4xx, 404 without a route, or its own refusals', async () => {
    await using h = await openHarness()
    h.answer = fails(404)
    for (let i = 0; i < 12; i++) assert.equal(await call(h), 404)
    for (let i = 0; i < 12; i++) await (await h.get('/nowhere')).arrayBuffer()
    const [breaker] = h.gateway.breakers()
    assert.deepEqual([breaker?.state, breaker?.failures], ['closed', 0])
  })

  it('keeps what a breaker counted when its route changes, and takes new settings live', async () => {
    await using h = await openHarness()
    h.answer = fails(500)
    for (let i = 0; i < 5; i++) await call(h)
    await h.gateway.putRoute(orderRoute({ timeouts: { request: '3s' } }))
    assert.equal(h.gateway.breakers()[0]?.failures, 5)
    await h.gateway.putPolicy(policy({ breaker: { minCalls: 6 } }))
    await call(h)
    assert.equal(h.gateway.breakers()[0]?.state, 'open')
    await h.gateway.putPolicy(policy({ breaker: { mode: 'disabled' } }))
    assert.equal(await call(h), 500)
    await h.gateway.putPolicy(policy({ failureCodes: [418] }))
    for (let i = 0; i < 12; i++) assert.equal(await call(h), 500)
    assert.equal(h.gateway.breakers()[0]?.state, 'closed')
  })

  it('can be held open by hand', async () => {
    await using h = await openHarness()
    const isolation = h.gateway.isolate('shop/order', 'shop/order')
    assert.equal(await call(h), 503)
    isolation?.release()
    assert.equal(await call(h), 200)
    assert.equal(h.gateway.isolate('shop/none', 'shop/order'), undefined)
  })

  it('probes again after a client aborted its probe', async () => {
    await using h = await openHarness()
    h.answer = fails(500)
    for (let i = 0; i < 10; i++) await call(h)
    await h.clock.advance(60_000)
    h.answer = () => undefined
    const abort = new AbortController()
    const probe = h.get('/orders', { signal: abort.signal }).catch(() => undefined)
    await until(() => h.seen.length === 11)
    assert.equal(await call(h), 503)
    assert.equal(h.seen.length, 11)
    abort.abort()
    await probe
    // A client that has gone looks like one that has sent all: it is probed after a while.
    await until(() => h.gateway.breakers()[0]?.probes === 0, h.clock)
    h.answer = echo
    assert.equal(await call(h), 200)
  })
})

describe('gateway: opening and closing', () => {
  it('says that a port is taken', async () => {
    const taken = createTcpServer()
    const url = await listen(taken)
    await using kv = await openKv({ url: 'sqlite::memory:' })
    const port = Number(new URL(url).port)
    await assert.rejects(openGateway({ kv, listen: { port } }), (error: unknown) => {
      assert.ok(TidemillError.is(error, 'TM_GATEWAY_LISTEN'))
      assert.deepEqual(error.details, { host: '127.0.0.1', port, reason: 'EADDRINUSE' })
      return true
    })
    taken.close()
    await once(taken, 'close')
  })

  it('refuses backends that are not plain http addresses, all at once', async () => {
    await using kv = await openKv({ url: 'sqlite::memory:' })
    const backends = {
      order: ['http://127.0.0.1:1'],
      'shop/order': ['https://x', 'http://x/path', 'http://u:p@x', 'x:99999', 'http://127.0.0.1:1'],
    }
    await assert.rejects(openGateway({ kv, listen: { port: 0 }, backends }), (error: unknown) => {
      assert.ok(TidemillError.is(error, 'TM_GATEWAY_BACKENDS_INVALID'))
      const problems = error.details['problems'] as Problem[]
      assert.deepEqual(
        problems.map((problem) => problem.path),
        ['/order', '/shop/order/0', '/shop/order/1', '/shop/order/2', '/shop/order/3'],
      )
      return true
    })
  })

  it('drains: finishes what runs, says Connection: close, takes nothing new', async () => {
    await using h = await openHarness()
    let release: (() => void) | undefined
    h.answer = (_req, res) => {
      release = () => res.end('late')
    }
    const running = h.get('/orders')
    await until(() => release !== undefined)
    const drained = h.gateway.drain({ grace: '0s' })
    await assert.rejects(h.get('/orders'))
    release?.()
    const response = await running
    assert.equal(response.headers.get('connection'), 'close')
    assert.equal(await response.text(), 'late')
    await drained
  })

  it('cuts what is still running when the time to drain is over', async () => {
    await using h = await openHarness()
    h.answer = () => undefined
    const running = h.get('/orders').catch((error: unknown) => error)
    await until(() => h.seen.length === 1)
    const drained = h.gateway.drain({ grace: '0s', timeout: '2s' })
    await h.clock.advance(2000)
    await drained
    assert.ok((await running) instanceof Error)
  })
})

describe('gateway: when kv goes away', () => {
  it('keeps what was in force, says that nothing can be stored, and closes', async () => {
    await using h = await openHarness()
    await h.kv.close()
    assert.equal((await h.get('/orders')).status, 200)
    await assert.rejects(h.gateway.putRoute(orderRoute({}, 'late')))
    assert.equal(h.gateway.routes().length, 1)
    await passing(h.clock, h.gateway.close())
  })

  it('refuses to store when it is closed', async () => {
    await using h = await openHarness()
    await h.gateway.close()
    await assert.rejects(h.gateway.putRoute(orderRoute({}, 'late')), { code: 'TM_GATEWAY_CLOSED' })
  })
})
