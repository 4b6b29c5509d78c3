import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Problem, TidemillError } from '@tidemill/core'
import {
  compilePattern,
  createRouter,
  type HttpRoute,
  validateHttpRoute,
} from '@tidemill/gateway/router'
import { request, route, rule } from './fixtures.ts'

const base = '/spec/rules/0'

function paths(value: unknown): string[] {
  return validateHttpRoute(value).map((problem) => problem.path)
}

/** The paths of the problems of a route whose first rule is `first`. */
function ruleProblems(first: unknown): string[] {
  return paths(route('r', [first as never]))
}

describe('HTTPRoute validation', () => {
  it('accepts a manifest as Kubernetes has it', () => {
    const manifest = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'http-app-1', labels: { app: 'foo' }, uid: 'x', resourceVersion: '12' },
      spec: {
        parentRefs: [{ name: 'my-gateway', sectionName: 'http' }],
        hostnames: ['foo.com', '*.foo.com'],
        rules: [
          {
            matches: [
              { path: { type: 'PathPrefix', value: '/bar' } },
              { headers: [{ type: 'Exact', name: 'magic', value: 'foo' }], method: 'GET' },
            ],
            filters: [
              {
                type: 'RequestHeaderModifier',
                requestHeaderModifier: { add: [{ name: 'a', value: 'b' }] },
              },
            ],
            timeouts: { request: '10s', backendRequest: '2s' },
            backendRefs: [{ name: 'svc', port: 8080, weight: 90 }],
          },
        ],
      },
      status: { parents: [] },
    }
    assert.deepEqual(validateHttpRoute(manifest), [])
  })

  it('refuses header filters on what frames a message', () => {
    const modifier = {
      set: [{ name: 'Content-Length', value: '5' }],
      add: [{ name: 'transfer-encoding', value: 'chunked' }],
      remove: ['Host', 'x-fine'],
    }
    const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: modifier }]
    const at = `${base}/filters/0/requestHeaderModifier`
    assert.deepEqual(ruleProblems({ filters }), [
      `${at}/set/0/name`,
      `${at}/add/0/name`,
      `${at}/remove/0`,
    ])
  })

  it('reports all problems of an object at once, each with its path', () => {
    const broken = {
      apiVersion: 'v2',
      kind: 'Ingress',
      metadata: { name: 'No', namespace: 'a.b', creationTimestamp: 'yesterday' },
      spec: {
        hostnames: ['10.0.0.1', 'UPPER.com', '*'],
        rules: [
          {
            matches: [
              { path: { type: 'Prefix', value: '/x' }, method: 'get' },
              { path: { type: 'RegularExpression', value: '(' }, header: [] },
              { headers: [{ name: 'a b', value: '' }] },
            ],
            backendRefs: [{ name: 'x', weight: -1, port: 70_000 }],
            timeouts: { request: '5', backendRequest: '1s' },
          },
        ],
      },
    }
    assert.deepEqual(paths(broken).toSorted(), [
      '/apiVersion',
      '/kind',
      '/metadata/creationTimestamp',
      '/metadata/name',
      '/metadata/namespace',
      '/spec/hostnames/0',
      '/spec/hostnames/1',
      '/spec/hostnames/2',
      `${base}/backendRefs/0/port`,
      `${base}/backendRefs/0/weight`,
      `${base}/matches/0/method`,
      `${base}/matches/0/path/type`,
      `${base}/matches/1/header`,
      `${base}/matches/1/path/value`,
      `${base}/matches/2/headers/0/name`,
      `${base}/matches/2/headers/0/value`,
      `${base}/timeouts/request`,
    ])
  })

  it('refuses what is not an object of the right shape', () => {
    for (const value of [null, 3, 'x', [], {}, { spec: [] }, { spec: { rules: {} } }]) {
      assert.notDeepEqual(paths(value), [])
    }
  })

  for (const value of [
    'x',
    '',
    '/a//b',
    '/a/./b',
    '/a/../b',
    '/a%2Fb',
    '/a#b',
    '/a/.',
    '/a/..',
    '/a b',
    '/%zz',
    `/${'a'.repeat(1024)}`,
  ]) {
    it(`refuses the path ${value.slice(0, 20)}`, () => {
      for (const type of ['Exact', 'PathPrefix']) {
        assert.deepEqual(ruleProblems({ matches: [{ path: { type, value } }] }), [
          `${base}/matches/0/path/value`,
        ])
      }
    })
  }

  it('refuses expressions that cannot run in linear time, with their path', () => {
    for (const value of [
      '(a)\\1',
      'a(?=b)',
      'a(?!b)',
      '(?<=a)b',
      '(?<!a)b',
      '(?i:a)',
      'a{1,1000}',
      'a)(b',
      '[',
    ]) {
      const headers = [{ type: 'RegularExpression', name: 'x', value }]
      const [problem, ...more] = validateHttpRoute(route('r', [rule({ headers } as never)]))
      assert.equal(problem?.path, `${base}/matches/0/headers/0/value`)
      assert.match(problem?.expected ?? '', /linear time/u)
      assert.deepEqual(more, [])
    }
  })

  it('keeps a bracket inside a class from being read as lookbehind', () => {
    assert.equal(compilePattern('[(?<=]x').regexp?.test('<x'), true)
  })

  it('holds the limits of the standard', () => {
    const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
    const value = { name: 'a', value: '1' }
    assert.deepEqual(paths(route('r', many(17, rule({})))), ['/spec/rules'])
    assert.deepEqual(paths(route('r', [])), ['/spec/rules'])
    assert.deepEqual(ruleProblems({ matches: many(65, {}) }), [`${base}/matches`])
    assert.deepEqual(paths(route('r', many(3, { matches: many(43, {}) }))), ['/spec/rules'])
    assert.deepEqual(ruleProblems({ matches: [{ headers: many(17, value) }] }), [
      `${base}/matches/0/headers`,
    ])
    assert.deepEqual(ruleProblems({ matches: [{ queryParams: many(17, value) }] }), [
      `${base}/matches/0/queryParams`,
    ])
    assert.deepEqual(ruleProblems({ backendRefs: [{ name: 'x', weight: 1_000_001 }] }), [
      `${base}/backendRefs/0/weight`,
    ])
    assert.deepEqual(ruleProblems({ timeouts: { request: '1s', backendRequest: '2s' } }), [
      `${base}/timeouts/backendRequest`,
    ])
    assert.deepEqual(ruleProblems({ timeouts: { request: '0s', backendRequest: '2s' } }), [])
  })

  it('refuses filters that contradict each other', () => {
    const redirect = { type: 'RequestRedirect', requestRedirect: {} }
    const rewrite = { type: 'URLRewrite', urlRewrite: { hostname: 'x.org' } }
    const prefix = {
      type: 'URLRewrite',
      urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' } },
    }
    assert.deepEqual(ruleProblems({ filters: [redirect, rewrite] }), [`${base}/filters`])
    assert.deepEqual(ruleProblems({ filters: [redirect], backendRefs: [{ name: 'x' }] }), [
      `${base}/backendRefs`,
    ])
    assert.deepEqual(ruleProblems({ filters: [rewrite, rewrite] }), [`${base}/filters/1/type`])
    assert.deepEqual(ruleProblems({ filters: [{ type: 'URLRewrite' }] }), [
      `${base}/filters/0/urlRewrite`,
    ])
    assert.deepEqual(ruleProblems({ filters: [{ type: 'Teleport' }] }), [`${base}/filters/0/type`])
    assert.deepEqual(ruleProblems({ filters: [prefix] }), [])
    assert.deepEqual(
      ruleProblems({ filters: [prefix], matches: [{ path: { type: 'Exact', value: '/a' } }] }),
      [`${base}/filters/0/urlRewrite/path/type`],
    )
  })

  it('leaves the old route in place when the new one is refused', () => {
    const router = createRouter()
    router.put(route('r', [rule({})]))
    const broken = route('r', [rule({ path: { value: 'x' } })])
    assert.throws(
      () => router.put(broken),
      (error: unknown) => {
        assert.ok(TidemillError.is(error, 'TM_GATEWAY_ROUTE_INVALID'))
        assert.equal((error.details['problems'] as Problem[])[0]?.received, '"x"')
        return true
      },
    )
    assert.equal(router.match(request('/'))?.route, 'test/r')
    assert.throws(() => router.put(null as unknown as HttpRoute), /TM_GATEWAY_ROUTE_INVALID/u)
  })
})
