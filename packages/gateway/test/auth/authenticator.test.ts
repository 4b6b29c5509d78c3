import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { type Problem, TidemillError } from '@tidemill/core'
import {
  type ApiKeySettings,
  forwardedClientCert,
  queryWithout,
  readAuthSpec,
} from '../../src/auth/index.ts'
import type { PeerIdentity } from '../../src/listener/peer-identity.ts'
import { authenticator, bearer, ec, jwk, provider, reason, token, view } from './fixtures.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const apiKeys: ApiKeySettings = {
  keys: [
    { sha256: sha256('key-of-ann'), consumer: 'ann' },
    { sha256: sha256('key-of-bob').toUpperCase(), consumer: 'bob' },
  ],
}
const fingerprint = 'ab'.repeat(32)
const peer: PeerIdentity = {
  serverName: 'shop.example',
  verified: true,
  fingerprint,
  subject: 'CN=client,O="A; B"',
  dnsNames: ['a.clients.example'],
  uris: ['spiffe://example.org/ns/shop/sa/web'],
}

describe('API keys', () => {
  it('name their consumer', () => {
    const auth = authenticator({ apiKeys })
    const result = auth.check(view(['x-api-key', 'key-of-bob']))
    assert.equal(result?.identity.consumer, 'bob')
    assert.deepEqual(result?.identity.headers, ['x-tidemill-consumer', 'bob'])
    assert.equal(reason(auth, view(['x-api-key', 'key-of-bo'])), 'api-key')
    assert.equal(reason(auth, view(['x-api-key', sha256('key-of-bob')])), 'api-key')
    assert.equal(
      reason(auth, view(['x-api-key', 'key-of-ann', 'x-api-key', 'key-of-bob'])),
      'repeated',
    )
    assert.equal(reason(auth, view(['x-api-key', 'k'.repeat(5000)])), 'api-key')
    assert.equal(reason(auth, view()), 'missing')
  })

  it('stand in a header, the query or a bearer token, and do not go upstream', () => {
    const from = [{ query: 'key' }, { header: 'Authorization' }]
    const auth = authenticator({ apiKeys: { ...apiKeys, from } })
    assert.equal(reason(auth, view([], { query: 'a=1&key=key-of-ann' })), '')
    assert.equal(reason(auth, bearer('key-of-ann')), '')
    assert.deepEqual(auth.removeQuery, ['key'])
    assert.equal(queryWithout('a=1&k%65y=x&key&b=key', auth.removeQuery), 'a=1&b=key')
    assert.ok(auth.removeHeaders.includes('authorization'))
    const forwarding = authenticator({ apiKeys: { ...apiKeys, from, forward: true } })
    assert.ok(!forwarding.removeHeaders.includes('authorization'))
  })

  it('are found among a hundred thousand', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => ({
      sha256: sha256(`key-${i}`),
      consumer: `c${i}`,
    }))
    const auth = authenticator({ apiKeys: { keys } })
    for (const i of [0, 4711, 99_999]) {
      assert.equal(auth.check(view(['x-api-key', `key-${i}`]))?.identity.consumer, `c${i}`)
    }
    assert.equal(reason(auth, view(['x-api-key', 'key-100000'])), 'api-key')
  })
})

describe('client certificates', () => {
  it('must be verified and in one of the lists', () => {
    const of = (rule: object, given: PeerIdentity | undefined = peer): string =>
      reason(authenticator({ clientCertificate: rule }), view([], { peer: given }))
    assert.equal(of({}), '')
    assert.equal(reason(authenticator({ clientCertificate: {} }), view()), 'certificate')
    assert.equal(of({}, { ...peer, verified: false }), 'certificate')
    assert.equal(of({}, { ...peer, fingerprint: '' }), 'certificate')
    assert.equal(of({ subjects: [peer.subject] }), '')
    assert.equal(of({ subjects: ['CN=client'] }), 'certificate-name')
    assert.equal(of({ dnsNames: ['*.Clients.example'] }), '')
    assert.equal(of({ dnsNames: ['*.example'] }), 'certificate-name')
    assert.equal(of({ uris: ['spiffe://example.org/ns/shop/*'] }), '')
    assert.equal(of({ uris: ['spiffe://example.org/ns/pay/*'] }), 'certificate-name')
    assert.equal(
      of({ fingerprints: [fingerprint.toUpperCase().replaceAll(/..(?=.)/gu, '$&:')] }),
      '',
    )
    assert.equal(of({ fingerprints: ['00'.repeat(32)], dnsNames: ['a.clients.example'] }), '')
  })

  it('go upstream only as the gateway says it', () => {
    const header = 'x-forwarded-client-cert'
    assert.ok(authenticator({ clientCertificate: {} }).removeHeaders.includes(header))
    const open = authenticator({ clientCertificate: {}, forwardedClientCert: 'forward' })
    assert.ok(!open.removeHeaders.includes(header))
    const auth = authenticator({ clientCertificate: {}, forwardedClientCert: 'set' })
    assert.ok(auth.removeHeaders.includes(header))
    const headers = auth.check(view([], { peer }))?.identity.headers ?? []
    assert.equal(
      headers[headers.indexOf(header) + 1],
      `Hash=${fingerprint};Subject="CN=client,O=\\"A; B\\"";URI=spiffe://example.org/ns/shop/sa/web;DNS=a.clients.example`,
    )
    assert.match(forwardedClientCert({ ...peer, subject: 'a\r\nb' }) ?? '', /Subject=a%0D%0Ab;/u)
  })
})

describe('an authenticator', () => {
  const ip = { allow: ['203.0.113.0/24', '2001:db8::/32'], deny: ['203.0.113.66'] }

  it('lets addresses in that are allowed and not denied', () => {
    const auth = authenticator({ ip })
    const from = (clientAddress: string): string => reason(auth, view([], { clientAddress }))
    assert.equal(from('203.0.113.7'), '')
    assert.equal(from('::ffff:203.0.113.7'), '')
    assert.equal(from('203.0.113.66'), 'address')
    assert.equal(from('::ffff:203.0.113.66'), 'address')
    assert.equal(from('198.51.100.1'), 'address')
    assert.equal(from('2001:db8::1'), '')
    assert.equal(from('unknown'), 'address')
    assert.equal(reason(authenticator({ ip: { deny: ['10.0.0.0/8'] } }), view()), '')
  })

  it('asks for everything that one object names', () => {
    const auth = authenticator({ ip, apiKeys, jwt: [provider()] })
    const good = [
      'x-api-key',
      'key-of-ann',
      'authorization',
      `Bearer ${token({ claims: { sub: 'zoe' } })}`,
    ]
    const result = auth.check(view(good))
    assert.equal(result?.identity.consumer, 'ann')
    assert.equal(result?.identity.claims['sub'], 'zoe')
    assert.deepEqual(result?.identity.headers, ['x-tidemill-consumer', 'ann'])
    assert.equal(reason(auth, view(good.slice(0, 2))), 'missing')
    assert.equal(reason(auth, view(good, { clientAddress: '8.8.8.8' })), 'address')
    const all = authenticator({ allOf: [{ apiKeys }, { jwt: [provider()] }] })
    assert.equal(reason(all, view(good)), '')
    assert.equal(reason(all, view(good.slice(2))), 'missing')
  })

  it('takes any of several, and says what came nearest when none passes', () => {
    const auth = authenticator({
      anyOf: [
        { jwt: [provider({ scopes: ['admin'] })] },
        { apiKeys },
        { clientCertificate: { uris: ['x:y'] } },
      ],
    })
    assert.equal(reason(auth, view(['x-api-key', 'key-of-ann'])), '')
    assert.equal(reason(auth, bearer(token({ claims: { scope: 'admin' } }))), '')
    assert.equal(reason(auth, bearer(token())), 'scope')
    const plain = authenticator({ anyOf: [{ jwt: [provider()] }, { apiKeys }] })
    assert.equal(reason(plain, view()), 'missing')
    assert.equal(reason(plain, bearer('x')), 'malformed')
    assert.equal(reason(plain, view(['x-api-key', 'x'])), 'api-key')
  })

  it('lets requests without credential pass where that is optional, but none with a wrong one', () => {
    const auth = authenticator({ jwt: [provider()], optional: true })
    const result = auth.check(view(['x-tidemill-consumer', 'root']))
    assert.equal(result?.refusal, undefined)
    assert.deepEqual([result?.identity.method, result?.identity.consumer], ['none', ''])
    // What the client wrote there itself never goes upstream.
    assert.ok(auth.removeHeaders.includes('x-tidemill-consumer'))
    assert.equal(reason(auth, bearer('x')), 'malformed')
    assert.equal(reason(auth, bearer(token({ claims: { exp: 1 } }))), 'expired')
    assert.equal(reason(auth, view(['authorization', 'Basic eDp5'])), '')
  })

  it('answers 401 with challenges and 403 without, and never repeats a credential', () => {
    const auth = authenticator({ realm: 'shop', anyOf: [{ jwt: [provider()] }, { apiKeys }] })
    const nothing = auth.check(view())?.refusal
    assert.ok(TidemillError.is(nothing?.error, 'TM_GATEWAY_UNAUTHENTICATED'))
    assert.equal(nothing?.error.http, 401)
    assert.deepEqual(nothing?.headers, [
      'www-authenticate',
      'Bearer realm="shop"',
      'www-authenticate',
      'ApiKey realm="shop"',
    ])
    const expired = token({ claims: { exp: 1 } })
    const refusal = auth.check(bearer(expired))?.refusal
    assert.equal(
      refusal?.headers[1],
      'Bearer realm="shop", error="invalid_token", error_description="the token has expired"',
    )
    assert.ok(!JSON.stringify(refusal).includes(expired.slice(0, 20)))
    const denied = authenticator({ ip: { deny: ['0.0.0.0/0'] } }).check(view())?.refusal
    assert.ok(TidemillError.is(denied?.error, 'TM_GATEWAY_FORBIDDEN'))
    assert.deepEqual(denied?.headers, [])
    const scope = authenticator({ jwt: [provider({ scopes: ['a'] })] }).check(
      bearer(token()),
    )?.refusal
    assert.equal(scope?.error.http, 403)
    assert.match(scope?.headers[1] ?? '', /error="insufficient_scope"/u)
  })
})

describe('authentication settings', () => {
  const problemsOf = (settings: unknown): Problem[] => {
    const problems: Problem[] = []
    assert.equal(readAuthSpec(settings, '/auth', problems), undefined)
    return problems
  }

  it('report every problem at once, each with its path, and no secret', () => {
    const secret = 'hunter2hunter2'
    const problems = problemsOf({
      realm: 'a"b',
      consumerHeader: 'Host',
      forwardedClientCert: 'maybe',
      colour: 1,
      jwt: [
        { name: 'a', issuer: '', jwksUri: 'http://issuer.example/jwks' },
        { name: 'b', issuer: 'b', algorithms: ['none'], jwks: { keys: [jwk(ec.publicKey)] } },
        {
          name: 'c',
          issuer: 'c',
          algorithms: ['HS256'],
          jwks: { keys: [{ kty: 'oct', k: secret }] },
        },
        { name: 'd', issuer: 'd', jwks: { keys: [jwk(ec.privateKey)] } },
        {
          name: 'e',
          issuer: 'e',
          clockSkew: '60',
          from: [{ header: 'a', query: 'b' }],
          jwksUri: 'https://u:p@x/',
        },
        {
          name: 'f',
          issuer: 'c',
          claimsToHeaders: [{ claim: 'x', header: 'X-Forwarded-For' }],
          jwks: {},
        },
      ],
      apiKeys: { keys: [{ sha256: secret, consumer: 'a' }] },
      clientCertificate: { subjects: [], fingerprints: ['zz'] },
      ip: { allow: ['10.0.0.1/8', '300.0.0.1', '::1/129'], deny: 'x' },
      anyOf: [],
      allOf: [{ optional: true }, { apiKeys: {} }],
    })
    assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
      '/auth/allOf/0',
      '/auth/allOf/1/apiKeys/keys',
      '/auth/anyOf',
      '/auth/apiKeys/keys/0/sha256',
      '/auth/clientCertificate/fingerprints/0',
      '/auth/clientCertificate/subjects',
      '/auth/colour',
      '/auth/consumerHeader',
      '/auth/forwardedClientCert',
      '/auth/ip/allow/0',
      '/auth/ip/allow/1',
      '/auth/ip/allow/2',
      '/auth/ip/deny',
      '/auth/jwt/0/issuer',
      '/auth/jwt/0/jwksUri',
      '/auth/jwt/1/algorithms/0',
      '/auth/jwt/1/jwks/keys/0',
      '/auth/jwt/2/jwks/keys/0',
      '/auth/jwt/3/jwks/keys/0',
      '/auth/jwt/4/clockSkew',
      '/auth/jwt/4/from/0',
      '/auth/jwt/4/jwksUri',
      '/auth/jwt/5/claimsToHeaders/0/header',
      '/auth/jwt/5/issuer',
      '/auth/jwt/5/jwks',
      '/auth/realm',
    ])
    const text = JSON.stringify(problems)
    assert.ok(!text.includes(secret) && !text.includes(String(jwk(ec.privateKey)['d'])))
  })

  it('must ask for something', () => {
    assert.deepEqual(
      problemsOf({}).map((problem) => problem.path),
      ['/auth'],
    )
    assert.deepEqual(
      problemsOf({ optional: true }).map((problem) => problem.path),
      ['/auth'],
    )
    assert.equal(problemsOf(7).length, 1)
  })

  it('may fetch keys without TLS from this machine alone', () => {
    const of = (jwksUri: string): number => {
      const problems: Problem[] = []
      readAuthSpec({ jwt: [{ name: 'a', issuer: 'a', jwksUri }] }, '', problems)
      return problems.length
    }
    for (const uri of [
      'https://a.example/x',
      'http://127.0.0.1:9/x',
      'http://[::1]/x',
      'http://localhost/x',
    ]) {
      assert.equal(of(uri), 0, uri)
    }
    for (const uri of [
      'http://a.example',
      'file:///etc/passwd',
      'http://127.0.0.1.example',
      'ftp://127.0.0.1',
      '/x',
    ]) {
      assert.equal(of(uri), 1, uri)
    }
  })
})
