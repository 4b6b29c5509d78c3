import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import type { RequestView } from '../../src/dataplane/request-view.ts'
import {
  addressNetwork,
  limitConfig,
  type LimitDescriptor,
  type LimitIdentity,
  LimitKey,
  type LimitSpec,
  RequestLimit,
} from '../../src/limit/index.ts'

const nobody: LimitIdentity = { method: 'none', consumer: '', claims: {} }
const rate = { requests: 2, per: '1m' }

function view(fields: Partial<RequestView> = {}): RequestView {
  return {
    requestId: 'r',
    method: 'GET',
    scheme: 'http',
    host: 'a.example',
    path: '/',
    query: '',
    target: '/',
    headers: [],
    version: 11,
    bodyLength: 0,
    upgrade: '',
    acceptsTrailers: false,
    grpc: '',
    remoteAddress: '192.0.2.1',
    clientAddress: '192.0.2.1',
    port: 80,
    peer: undefined,
    ...fields,
  }
}

function limit(spec: Partial<LimitSpec>): RequestLimit {
  return new RequestLimit({ name: 'l', rate, ...spec }, { clock: createVirtualClock() })
}

function keyOf(
  key: readonly LimitDescriptor[],
  request: RequestView,
  identity: LimitIdentity = nobody,
): string | undefined {
  const keys = new LimitKey(limitConfig({ name: 'l', rate, key }))
  return keys.read(request, identity) ? keys.value : undefined
}

describe('keys by address', () => {
  it('puts the addresses of an IPv6 /64 into one bucket', () => {
    const limited = limit({ key: [{ type: 'clientAddress' }] })
    const from = (clientAddress: string): boolean => limited.check(view({ clientAddress }), nobody)
    assert.ok(from('2001:db8:1:2::1'))
    assert.ok(from('2001:db8:1:2:ffff:ffff:ffff:ffff'))
    assert.equal(from('2001:0DB8:1:2:3::'), false)
    assert.ok(from('2001:db8:1:3::1'))
  })

  it('takes an IPv4 address mapped into IPv6 for the same client', () => {
    assert.equal(addressNetwork('::ffff:192.0.2.7'), '192.0.2.7')
    assert.equal(addressNetwork('192.0.2.7'), '192.0.2.7')
    assert.equal(addressNetwork('192.0.2.7', 24), '192.0.2.0/24')
    assert.equal(addressNetwork('192.0.2.200', 24), '192.0.2.0/24')
    assert.equal(addressNetwork('2001:db8:aaaa:bbff::1', 32, 56), '20010db8:aaaabb00:/56')
  })

  it('does not look at forwarding fields of the request, only at the address that the listener found', () => {
    const limited = limit({ key: [{ type: 'clientAddress' }] })
    const spoofed = (n: number): RequestView =>
      view({
        headers: [
          'x-forwarded-for',
          `10.0.0.${n}`,
          'forwarded',
          `for=10.0.0.${n}`,
          'x-real-ip',
          `10.0.0.${n}`,
        ],
      })
    assert.deepEqual(
      [1, 2, 3, 4].map((n) => limited.check(spoofed(n), nobody)),
      [true, true, false, false],
    )
  })
})

describe('keys of requests', () => {
  it('reads every kind of descriptor', () => {
    const request = view({
      method: 'POST',
      path: '/api/orders',
      query: 'user=%61nn&user=bob',
      headers: ['x-team', 'red', 'cookie', 'a=1; sid=xyz', 'x-team', 'blue'],
    })
    const identity: LimitIdentity = {
      method: 'api-key',
      consumer: 'shop',
      claims: { sub: 'u1', org: { id: 7 } },
    }
    const wanted: readonly (readonly [LimitDescriptor, string | undefined])[] = [
      [{ type: 'header', name: 'X-Team' }, 'red, blue'],
      [{ type: 'query', name: 'user' }, 'ann'],
      [{ type: 'query', name: 'USER' }, undefined],
      [{ type: 'cookie', name: 'sid' }, 'xyz'],
      [{ type: 'claim', name: 'sub' }, 'u1'],
      [{ type: 'claim', name: 'org.id' }, '7'],
      [{ type: 'claim', name: '__proto__' }, undefined],
      [{ type: 'consumer' }, 'shop'],
      [{ type: 'apiKey' }, 'shop'],
      [{ type: 'method' }, 'POST'],
      [{ type: 'host' }, 'a.example'],
      [{ type: 'pathPrefix', value: '/api' }, '/api'],
      [{ type: 'pathPrefix', value: '/api/' }, '/api/'],
      [{ type: 'pathPrefix', value: '/ap' }, undefined],
      [{ type: 'pathPrefix', value: '/' }, '/'],
      [{ type: 'constant', value: 'all' }, 'all'],
    ]
    for (const [descriptor, value] of wanted) {
      assert.equal(keyOf([descriptor], request, identity), value, JSON.stringify(descriptor))
    }
    assert.equal(keyOf([{ type: 'apiKey' }], request, nobody), undefined)
    assert.equal(keyOf([{ type: 'consumer' }], request, nobody), undefined)
  })

  it('never makes one key of two lists of values', () => {
    const key: LimitDescriptor[] = [
      { type: 'header', name: 'a' },
      { type: 'header', name: 'b' },
    ]
    const of = (a: string, b: string): string | undefined =>
      keyOf(key, view({ headers: ['a', a, 'b', b] }))
    const keys = [of('x', 'yz'), of('xy', 'z'), of('x1:', 'y'), of('x', '1:y'), of('', 'x')]
    assert.equal(new Set(keys).size, keys.length)
  })

  it('keeps long values apart without keeping them', () => {
    const key: LimitDescriptor[] = [{ type: 'header', name: 'a' }]
    const of = (a: string): string => keyOf(key, view({ headers: ['a', a] })) as string
    const long = 'x'.repeat(8000)
    assert.notEqual(of(`${long}1`), of(`${long}2`))
    assert.ok(of(`${long}1`).length < 100)
  })
})

describe('a request without the descriptor', () => {
  const key: LimitDescriptor[] = [{ type: 'header', name: 'x-user' }]
  const three = (limited: RequestLimit): boolean[] =>
    [1, 2, 3].map(() => limited.check(view(), nobody))

  it('is not limited by default', () => {
    const limited = limit({ key })
    assert.deepEqual(three(limited), [true, true, true])
    assert.equal(limited.counts.skipped, 3)
    const headers: string[] = []
    limited.writeHeaders(headers)
    assert.deepEqual(headers, [])
  })

  it('shares one bucket with its like on demand', () => {
    assert.deepEqual(three(limit({ key, onMissing: 'bucket' })), [true, true, false])
  })

  it('is refused on demand', () => {
    const limited = limit({ key, onMissing: 'deny' })
    assert.deepEqual(three(limited), [false, false, false])
    assert.equal(limited.counts.refused, 3)
  })
})

describe('rates for some', () => {
  it('uses the first override whose conditions all hold', () => {
    const limited = limit({
      key: [{ type: 'consumer' }],
      overrides: [
        {
          when: [
            { type: 'claim', name: 'plan', values: ['gold'] },
            { type: 'method', values: ['GET', 'HEAD'] },
          ],
          rate: { requests: 5, per: '1m' },
        },
        { when: [{ type: 'method', values: ['GET'] }], rate: { requests: 3, per: '1m' } },
      ],
    })
    const passing = (consumer: string, plan: string, method: string): number => {
      let passed = 0
      const identity: LimitIdentity = { method: 'jwt', consumer, claims: { plan } }
      while (limited.check(view({ method }), identity)) passed++
      return passed
    }
    assert.equal(passing('a', 'gold', 'GET'), 5)
    assert.equal(passing('b', 'none', 'GET'), 3)
    assert.equal(passing('c', 'gold', 'POST'), 2)
  })
})

describe('cost of requests', () => {
  it('comes from a field of the request, at least 1, at most the bound, the default when it is no number', () => {
    const prices = {
      '5': 5,
      '0': 1,
      '-3': 2,
      '1e3': 2,
      '': 2,
      '99999999999999999999': 2,
      '5000': 9,
    }
    for (const [text, tokens] of Object.entries(prices)) {
      const limited = limit({
        rate: { requests: 100, per: '1m' },
        cost: { requestHeader: 'X-Cost', default: 2, max: 9 },
      })
      assert.ok(limited.check(view({ headers: ['x-cost', text] }), nobody))
      assert.equal(limited.limiter.remaining, 100 - tokens, text)
    }
  })

  it('comes from a field of the answer, taken when it is there', () => {
    const limited = limit({
      rate: { requests: 100, per: '1m' },
      cost: { responseHeader: 'x-tokens', max: 100 },
    })
    assert.ok(limited.chargesResponse)
    assert.ok(limited.check(view(), nobody))
    const { key, tier } = limited
    limited.charge(key, tier, ['x-tokens', '60'])
    assert.ok(limited.check(view(), nobody))
    assert.equal(limited.limiter.remaining, 39)
    limited.charge(key, tier, ['x-tokens', '60'])
    assert.equal(limited.check(view(), nobody), false)
  })
})

describe('what clients are told', () => {
  it('writes RateLimit fields as structured fields', () => {
    const limited = limit({ name: 'per-user', rate: { requests: 100, per: '1m' } })
    limited.check(view(), nobody)
    const headers = ['x', 'y']
    limited.writeHeaders(headers)
    assert.deepEqual(headers, [
      'x',
      'y',
      'ratelimit-policy',
      '"per-user";q=100;w=60',
      'ratelimit',
      '"per-user";r=99;t=1',
    ])
  })

  it('tells r=0 and the seconds to a full bucket of a refused request, and when to come back', () => {
    const limited = limit({ name: 'name', rate: { requests: 1, per: '12s' } })
    limited.check(view(), nobody)
    assert.equal(limited.check(view(), nobody), false)
    const headers: string[] = []
    limited.writeHeaders(headers)
    assert.deepEqual(headers.slice(2), ['ratelimit', '"name";r=0;t=12'])
    assert.equal(limited.retryAfterSeconds, 12)
    assert.ok(TidemillError.is(limited.error, 'TM_GATEWAY_LIMITED'))
    assert.equal(limited.error.http, 429)
  })

  it('scales periods that are not whole seconds', () => {
    const limited = limit({ rate: { requests: 10, per: '100ms' } })
    limited.check(view(), nobody)
    const headers: string[] = []
    limited.writeHeaders(headers)
    assert.equal(headers[1], '"l";q=100;w=1')
  })

  it('lists several limits and keeps the X-RateLimit fields of the one with least left', () => {
    const told: string[] = []
    for (const requests of [50, 5, 500]) {
      const limited = limit({
        name: `n${requests}`,
        rate: { requests, per: '1m' },
        responseHeaders: { legacy: true },
      })
      limited.check(view(), nobody)
      limited.writeHeaders(told)
    }
    assert.equal(told.filter((name) => name === 'ratelimit').length, 3)
    const at = told.indexOf('x-ratelimit-limit')
    assert.equal(at, told.lastIndexOf('x-ratelimit-limit'))
    assert.deepEqual(told.slice(at, at + 6), [
      'x-ratelimit-limit',
      '5',
      'x-ratelimit-remaining',
      '4',
      'x-ratelimit-reset',
      '12',
    ])
  })
})

describe('a shadow limit', () => {
  it('counts what it would refuse, passes it, and tells nobody', () => {
    const limited = limit({ shadow: true })
    const passed = [1, 2, 3, 4].map(() => limited.check(view(), nobody))
    assert.deepEqual(passed, [true, true, true, true])
    assert.deepEqual({ ...limited.counts }, { allowed: 2, refused: 0, shadowed: 2, skipped: 0 })
    const headers: string[] = []
    limited.writeHeaders(headers)
    assert.deepEqual(headers, [])
  })
})

describe('a live change of a request limit', () => {
  it('takes new descriptors and rates at once', () => {
    const limited = limit({})
    assert.ok(limited.check(view(), nobody))
    assert.ok(limited.check(view(), nobody))
    assert.equal(limited.check(view(), nobody), false)
    limited.configure({
      name: 'other',
      rate: { requests: 1, per: '1s' },
      key: [{ type: 'method' }],
    })
    assert.ok(limited.check(view(), nobody))
    assert.equal(limited.check(view(), nobody), false)
    assert.match(limited.error.message, /other/u)
    limited.close()
    assert.ok(limited.check(view(), nobody))
  })
})
