import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import fc from 'fast-check'
import type { Authenticator } from '../../src/auth/index.ts'
import {
  authenticator,
  bearer,
  ec,
  ed,
  encode,
  hmacKey,
  issuer,
  jwk,
  provider,
  reason,
  rsa,
  signature,
  start,
  token,
  view,
} from './fixtures.ts'

const octet = (more: object = {}): Record<string, unknown> => ({
  kty: 'oct',
  k: hmacKey.toString('base64url'),
  ...more,
})

function withKeys(
  keys: readonly Record<string, unknown>[],
  algorithms?: readonly string[],
): Authenticator {
  const settings = provider({ jwks: { keys } })
  return authenticator({ jwt: [algorithms === undefined ? settings : { ...settings, algorithms }] })
}

describe('a JWT', () => {
  it('of RFC 7515 appendix A.1 (HS256) passes until it expires', async () => {
    const text =
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    const k =
      'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow'
    const clock = createVirtualClock(1_300_819_379_000)
    const jwt = [
      provider({ issuer: 'joe', algorithms: ['HS256'], jwks: { keys: [{ kty: 'oct', k }] } }),
    ]
    const auth = authenticator({ jwt }, clock)
    assert.equal(reason(auth, bearer(text)), '')
    assert.equal(auth.check(bearer(text))?.identity.claims['http://example.com/is_root'], true)
    await clock.advance(60_999)
    assert.equal(reason(auth, bearer(text)), '')
    await clock.advance(1)
    assert.equal(reason(auth, bearer(text)), 'expired')
  })

  it('of RFC 7515 appendix A.3 (ES256) passes', () => {
    const text =
      'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
    const key = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    }
    const clock = createVirtualClock(1_300_000_000_000)
    const auth = authenticator({ jwt: [provider({ issuer: 'joe', jwks: { keys: [key] } })] }, clock)
    assert.equal(reason(auth, bearer(text)), '')
    assert.equal(reason(auth, bearer(text.replace('.DtE', '.DtF'))), 'signature')
  })

  it('passes with every algorithm and the key that belongs to it, and with no other', () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
    const ed448 = generateKeyPairSync('ed448')
    const cases = [
      ...['HS256', 'HS384', 'HS512'].map((alg) => [alg, hmacKey, octet()] as const),
      ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(
        (alg) => [alg, rsa.privateKey, jwk(rsa.publicKey)] as const,
      ),
      ['ES256', ec.privateKey, jwk(ec.publicKey)] as const,
      ['ES384', p384.privateKey, jwk(p384.publicKey)] as const,
      ['ES512', p521.privateKey, jwk(p521.publicKey)] as const,
      ['EdDSA', ed.privateKey, jwk(ed.publicKey)] as const,
      ['EdDSA', ed448.privateKey, jwk(ed448.publicKey)] as const,
    ]
    for (const [alg, key, publicKey] of cases) {
      const good = token({ alg, key })
      assert.equal(reason(withKeys([publicKey], [alg]), bearer(good)), '', alg)
      for (const [other, , otherKey] of cases) {
        if (otherKey['kty'] === publicKey['kty'] && otherKey['crv'] === publicKey['crv']) continue
        const auth = withKeys([otherKey], [alg, other])
        assert.notEqual(reason(auth, bearer(good)), '', `${alg} with a key for ${other}`)
      }
    }
  })

  it('cannot be signed with the public key as the secret of a MAC', () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk(rsa.publicKey))]) {
      const forged = token({ alg: 'HS256', key: Buffer.from(secret) })
      assert.equal(reason(withKeys([jwk(rsa.publicKey)]), bearer(forged)), 'algorithm')
      const both = withKeys([jwk(rsa.publicKey), octet()], ['RS256', 'HS256'])
      assert.equal(reason(both, bearer(forged)), 'signature')
    }
  })

  it('without signature or with a foreign algorithm is refused', () => {
    const auth = withKeys([jwk(ec.publicKey)])
    const claims = encode({ iss: issuer, exp: start + 600 })
    for (const alg of [
      'none',
      'None',
      'NONE',
      'nOnE',
      'HS256',
      'ES256K',
      'es256',
      '__proto__',
      '',
    ]) {
      for (const end of ['', 'AAAA']) {
        assert.equal(reason(auth, bearer(`${encode({ alg })}.${claims}.${end}`)), 'algorithm', alg)
      }
    }
    assert.equal(reason(auth, bearer(`${encode({ alg: 'ES256' })}.${claims}.`)), 'signature')
    assert.equal(reason(auth, bearer(`${encode({ alg: 'ES256' })}.${claims}`)), 'malformed')
  })

  it('is held to the algorithm of its key', () => {
    const key = jwk(rsa.publicKey, { alg: 'RS256' })
    const auth = withKeys([key], ['RS256', 'PS256'])
    assert.equal(reason(auth, bearer(token({ alg: 'RS256', key: rsa.privateKey }))), '')
    assert.equal(reason(auth, bearer(token({ alg: 'PS256', key: rsa.privateKey }))), 'key')
  })

  it('with an ECDSA signature in DER, padded, cut, zero or with r and s out of range is refused', () => {
    const auth = withKeys([jwk(ec.publicKey)])
    const good = token()
    const signed = good.slice(0, good.lastIndexOf('.'))
    const raw = Buffer.from(good.slice(signed.length + 1), 'base64url')
    const order = Buffer.from(
      'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
      'hex',
    )
    const zero = Buffer.alloc(32)
    const bad = [
      sign('sha256', Buffer.from(signed), ec.privateKey),
      Buffer.concat([Buffer.alloc(1), raw.subarray(0, 32), Buffer.alloc(1), raw.subarray(32)]),
      Buffer.concat([raw, Buffer.alloc(1)]),
      raw.subarray(0, 63),
      Buffer.alloc(64),
      Buffer.concat([zero, raw.subarray(32)]),
      Buffer.concat([raw.subarray(0, 32), zero]),
      Buffer.concat([order, raw.subarray(32)]),
      Buffer.concat([raw.subarray(0, 32), order]),
      Buffer.alloc(64, 255),
    ]
    assert.equal(reason(auth, bearer(good)), '')
    for (const [i, bytes] of bad.entries()) {
      assert.equal(
        reason(auth, bearer(`${signed}.${bytes.toString('base64url')}`)),
        'signature',
        `${i}`,
      )
    }
  })

  it('with a truncated MAC is refused', () => {
    const auth = withKeys([octet()], ['HS256'])
    const good = token({ alg: 'HS256', key: hmacKey })
    const dot = good.lastIndexOf('.')
    const raw = Buffer.from(good.slice(dot + 1), 'base64url')
    for (const length of [0, 1, 16, 31]) {
      const cut = `${good.slice(0, dot)}.${raw.toString('base64url', 0, length)}`
      assert.equal(reason(auth, bearer(cut)), 'signature')
    }
    assert.equal(reason(auth, bearer(good)), '')
  })

  it('passes in its one canonical text only', () => {
    const good = token()
    const auth = withKeys([jwk(ec.publicKey)])
    const [header = '', claims = '', end = ''] = good.split('.')
    for (const bad of [
      `${good}=`,
      `${good}==`,
      `${good}\n`,
      `${good}.`,
      `.${good}`,
      `${good}.AAAA.AAAA`,
      `${header}=.${claims}.${end}`,
      `${header}. ${claims}.${end}`,
      // 64 bytes leave four bits of the last character unused: they must be zero.
      `${header}.${claims}.${end.slice(0, -1)}${String.fromCharCode(end.charCodeAt(85) + 1)}`,
      good.replaceAll('.', '..'),
      '',
      '.',
      '..',
      '...',
      'a.b.c',
    ]) {
      assert.notEqual(reason(auth, bearer(bad)), '', bad)
    }
  })

  it('that is changed in any one character is refused', () => {
    const good = token()
    const auth = withKeys([jwk(ec.publicKey)])
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.constantFrom(...'ABCxyz019-_.=+/ '.split('')),
        (at, character) => {
          const changed = good.slice(0, at) + character + good.slice(at + 1)
          assert.equal(reason(auth, bearer(changed)) === '', changed === good)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('made of anything never throws and never passes', () => {
    const auth = withKeys([jwk(ec.publicKey), octet()], ['ES256', 'HS256'])
    const json = fc.json().map(encode)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(json, json, json).map((parts) => parts.join('.')),
        ),
        (text) => {
          assert.notEqual(reason(auth, bearer(text)), '')
        },
      ),
    )
  })

  it('with duplicated members, a byte order mark, a prototype key or no object is refused', () => {
    const auth = withKeys([octet()], ['HS256'])
    const make = (header: string, claims: string): string => {
      const signed = `${encode(header)}.${encode(claims)}`
      return `${signed}.${signature('HS256', hmacKey, signed).toString('base64url')}`
    }
    assert.equal(
      reason(auth, bearer(make('{"alg":"HS256"}', JSON.stringify({ iss: issuer, exp: start })))),
      '',
    )
    const claims = JSON.stringify({ iss: issuer, exp: start + 600 })
    for (const [header, body] of [
      ['{"alg":"HS256","alg":"HS256"}', claims],
      ['{"alg":"HS256"}', `{"iss":"x","iss":"${issuer}"}`],
      ['{"alg":"HS256","a\\u006cg":"none"}', claims],
      ['\ufeff{"alg":"HS256"}', claims],
      ['{"alg":"HS256","__proto__":{}}', claims],
      ['["HS256"]', claims],
      ['{"alg":"HS256"}', '[]'],
      ['{"alg":"HS256"}', 'null'],
      ['{"alg":["HS256"]}', claims],
      ['{"alg":"HS256","kid":7}', claims],
    ] as const) {
      assert.equal(reason(auth, bearer(make(header, body))), 'malformed', header)
    }
  })

  it('with critical extensions is refused, and keys that it brings along are not looked at', () => {
    const auth = withKeys([jwk(ec.publicKey)])
    assert.equal(reason(auth, bearer(token({ header: { crit: ['exp'] } }))), 'critical')
    assert.equal(reason(auth, bearer(token({ header: { crit: [] } }))), 'critical')
    assert.equal(reason(auth, bearer(token({ header: { b64: false } }))), 'critical')
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const header = {
      jwk: jwk(own.publicKey),
      jku: 'https://evil.example/jwks',
      x5u: 'https://evil.example',
    }
    assert.equal(reason(auth, bearer(token({ key: own.privateKey, header }))), 'signature')
  })

  it('longer than 8 KiB is refused', () => {
    const auth = withKeys([jwk(ec.publicKey)])
    assert.equal(reason(auth, bearer(token({ claims: { x: 'a'.repeat(9000) } }))), 'long')
  })

  it('counts from nbf and iat until exp, each with 60 s of tolerance', () => {
    const auth = withKeys([jwk(ec.publicKey)])
    const of = (claims: object): string => reason(auth, bearer(token({ claims })))
    assert.equal(of({ exp: start - 59 }), '')
    assert.equal(of({ exp: start - 60 }), 'expired')
    assert.equal(of({ nbf: start + 60 }), '')
    assert.equal(of({ nbf: start + 60.5 }), 'early')
    assert.equal(of({ iat: start + 60 }), '')
    assert.equal(of({ iat: start + 61 }), 'early')
    assert.equal(of({ exp: undefined }), 'expiry')
    for (const time of ['exp', 'nbf', 'iat']) {
      for (const value of [String(start), null, true, [start], {}]) {
        assert.equal(of({ [time]: value }), 'malformed', `${time} ${JSON.stringify(value)}`)
      }
    }
  })

  it('must be for one of the audiences, of the type, with the scopes and claims that are asked for', () => {
    const settings = provider({
      audiences: ['shop', 'pay'],
      type: 'at+jwt',
      scopes: ['read', 'write'],
      requiredClaims: { tenant: true, 'realm.roles': ['admin', 'clerk'], 'https://x.example/n': 5 },
    })
    const auth = authenticator({ jwt: [settings] })
    const good = {
      aud: ['other', 'pay'],
      scope: 'write read more',
      tenant: 't1',
      realm: { roles: ['guest', 'clerk'] },
      'https://x.example/n': 5,
    }
    const of = (claims: object, typ = 'AT+JWT'): string =>
      reason(auth, bearer(token({ header: { typ }, claims: { ...good, ...claims } })))
    assert.equal(of({}), '')
    assert.equal(of({ aud: 'shop' }), '')
    assert.equal(of({}, 'application/at+jwt'), '')
    assert.equal(of({}, 'JWT'), 'type')
    assert.equal(of({ aud: 'shopping' }), 'audience')
    assert.equal(of({ aud: [] }), 'audience')
    assert.equal(of({ aud: { shop: 1 } }), 'audience')
    assert.equal(of({ aud: undefined }), 'audience')
    assert.equal(of({ scope: 'readwrite' }), 'scope')
    assert.equal(of({ scope: undefined, scp: ['read', 'write'] }), '')
    assert.equal(of({ tenant: null }), 'claims')
    assert.equal(of({ realm: { roles: 'clerk' } }), '')
    assert.equal(of({ realm: { roles: ['guest'] } }), 'claims')
    assert.equal(of({ realm: undefined, 'realm.roles': 'admin' }), '')
    assert.equal(of({ 'https://x.example/n': '5' }), 'claims')
    assert.equal(auth.check(bearer(token({ claims: {} })))?.refusal?.error.http, 401)
    const lacks = auth.check(
      bearer(token({ header: { typ: 'at+jwt' }, claims: { ...good, tenant: null } })),
    )
    assert.ok(TidemillError.is(lacks?.refusal?.error, 'TM_GATEWAY_FORBIDDEN'))
  })

  it('chooses its provider by its issuer', () => {
    const other = provider({
      name: 'other',
      issuer: 'https://b.example',
      jwks: { keys: [jwk(ed.publicKey)] },
    })
    const auth = authenticator({ jwt: [provider(), other] })
    const second = token({ alg: 'EdDSA', key: ed.privateKey, claims: { iss: other.issuer } })
    for (let i = 0; i < 2; i++) {
      assert.equal(auth.check(bearer(token()))?.identity.provider, 'main')
      assert.equal(auth.check(bearer(second))?.identity.provider, 'other')
      assert.equal(reason(auth, bearer(token({ claims: { iss: 'https://c.example' } }))), 'issuer')
      // Signed with the key of one for the other.
      assert.notEqual(reason(auth, bearer(token({ claims: { iss: other.issuer } }))), '')
    }
  })

  it('is found in headers, cookies and the query, and refused when it is there twice', () => {
    const from = [{ header: 'X-Token' }, { cookie: 'jwt' }, { query: 'jwt' }]
    const auth = authenticator({ jwt: [provider({ from })] })
    const good = token()
    assert.equal(reason(auth, view(['x-token', good])), '')
    assert.equal(reason(auth, view(['cookie', `a=b; jwt=${good}; c=d`])), '')
    assert.equal(reason(auth, view([], { query: `a=b&jwt=${good}` })), '')
    assert.equal(reason(auth, view(['x-token', good, 'x-token', good])), 'repeated')
    assert.equal(reason(auth, view(['cookie', `jwt=${good}`, 'cookie', 'jwt=x'])), 'repeated')
    assert.equal(reason(auth, view([], { query: `jwt=${good}&j%77t=x` })), 'repeated')
    assert.equal(reason(auth, bearer(good)), 'missing')
    assert.deepEqual(auth.removeQuery, ['jwt'])
    assert.ok(auth.removeHeaders.includes('x-token'))
    const twice = ['authorization', `Bearer ${good}`, 'authorization', `bearer ${good}`]
    assert.equal(reason(withKeys([jwk(ec.publicKey)]), view(twice)), 'repeated')
  })

  it('becomes header fields that no claim can break out of', () => {
    const claimsToHeaders = [
      { claim: 'name', header: 'X-Name' },
      { claim: 'roles', header: 'x-roles' },
      { claim: 'deep.n', header: 'x-n' },
      { claim: 'deep', header: 'x-deep' },
    ]
    const auth = authenticator({ jwt: [provider({ claimsToHeaders })] })
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.array(fc.string(), { minLength: 1 }),
        (name, roles) => {
          const text = name.toWellFormed()
          const result = auth.check(
            bearer(token({ claims: { sub: 'a\r\nb', name: text, roles, deep: { n: 1.5 } } })),
          )
          const headers = result?.identity.headers ?? []
          for (const value of headers)
            assert.match(value, /^[\u0021-\u007e](?:[\u0020-\u007e]*[\u0021-\u007e])?$/u)
          const value = (header: string): string | undefined => headers[headers.indexOf(header) + 1]
          assert.equal(value('x-tidemill-consumer'), 'a%0D%0Ab')
          if (text !== '') assert.equal(decodeURIComponent(value('x-name') ?? ''), text)
          if (!roles.includes('')) {
            assert.deepEqual(value('x-roles')?.split(',').map(decodeURIComponent), roles)
          }
          assert.equal(value('x-n'), '1.5')
          assert.ok(!headers.includes('x-deep'))
        },
      ),
      { numRuns: 50 },
    )
    for (const name of [
      'x-name',
      'x-roles',
      'x-n',
      'x-deep',
      'x-tidemill-consumer',
      'authorization',
    ]) {
      assert.ok(auth.removeHeaders.includes(name), name)
    }
  })

  it('is verified once: the second time gives the same frozen result', () => {
    const auth = withKeys([jwk(ec.publicKey)])
    const good = token({ claims: { deep: { list: [1] } } })
    const first = auth.check(bearer(good))
    assert.equal(auth.check(bearer(good)), first)
    const claims = first?.identity.claims
    assert.ok(Object.isFrozen(claims))
    const deep = claims?.['deep'] as { list: unknown } | undefined
    assert.ok(Object.isFrozen(deep?.list) && Array.isArray(deep?.list))
  })
})
