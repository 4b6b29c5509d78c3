import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import { type AuthResult, JwksCache, type JwksFetch } from '../../src/auth/index.ts'
import { authenticator, bearer, ec, ed, hmacKey, jwk, provider, reason, token } from './fixtures.ts'

/** An issuer whose answers a test gives. */
class Issuer {
  asked = 0
  cancelled = 0
  /** Undefined leaves the question open. */
  answer: unknown = undefined
  #done: ((error: unknown, body: string | undefined) => void) | undefined = undefined

  readonly fetch: JwksFetch = (_, done) => {
    this.asked++
    this.#done = done
    this.reply()
    return () => {
      this.cancelled++
    }
  }

  reply(): void {
    if (this.answer instanceof Error) this.#done?.(this.answer, undefined)
    else if (typeof this.answer === 'string') this.#done?.(undefined, this.answer)
    else if (this.answer !== undefined) this.#done?.(undefined, JSON.stringify(this.answer))
  }
}

const uri = 'https://issuer.example/jwks'
const remote = provider({ jwksUri: uri })
const settings = {
  jwt: [
    Object.fromEntries(Object.entries(remote).filter(([name]) => name !== 'jwks')) as typeof remote,
  ],
}
const first = { keys: [jwk(ec.publicKey, { kid: 'a' })] }
const both = { keys: [...first.keys, jwk(ed.publicKey, { kid: 'b' })] }
const byA = token({ header: { kid: 'a' }, claims: { exp: 2e9 } })
const byB = token({ alg: 'EdDSA', key: ed.privateKey, header: { kid: 'b' }, claims: { exp: 2e9 } })

describe('the keys of an issuer', () => {
  it('are fetched before the first request, which then need not wait', () => {
    const issuer = new Issuer()
    issuer.answer = first
    const auth = authenticator(settings, createVirtualClock(), issuer.fetch)
    assert.equal(issuer.asked, 1)
    assert.equal(reason(auth, bearer(byA)), '')
    assert.equal(issuer.asked, 1)
  })

  it('let requests wait until they are there, once each', () => {
    const issuer = new Issuer()
    const auth = authenticator(settings, createVirtualClock(), issuer.fetch)
    assert.equal(reason(auth, bearer(byA)), 'wait')
    const decided: AuthResult[] = []
    auth.wait(bearer(byA), (result) => decided.push(result))
    auth.wait(bearer(byB), (result) => decided.push(result))
    assert.equal(decided.length, 0)
    issuer.answer = both
    issuer.reply()
    issuer.reply()
    assert.deepEqual(
      decided.map((result) => result.reason),
      ['', ''],
    )
    assert.equal(issuer.asked, 1)
  })

  it('that cannot be had refuse requests with 503, at the latest after 5 s, and are asked for again', async () => {
    const clock = createVirtualClock()
    const issuer = new Issuer()
    const auth = authenticator(settings, clock, issuer.fetch)
    const decided: AuthResult[] = []
    auth.check(bearer(byA))
    auth.wait(bearer(byA), (result) => decided.push(result))
    await clock.advance(4999)
    assert.equal(decided.length, 0)
    await clock.advance(1)
    assert.ok(TidemillError.is(decided[0]?.refusal?.error, 'TM_GATEWAY_AUTH_UNAVAILABLE'))
    assert.equal(issuer.cancelled, 1)
    assert.equal(reason(auth, bearer(byA)), 'keys')
    assert.equal(issuer.asked, 1)
    await clock.advance(1000)
    issuer.answer = new Error('refused')
    assert.equal(reason(auth, bearer(byA)), 'keys')
    assert.equal(issuer.asked, 2)
    assert.equal(reason(auth, bearer(byA)), 'keys')
    assert.equal(issuer.asked, 2)
    await clock.advance(2000)
    issuer.answer = first
    assert.equal(reason(auth, bearer(byA)), '')
    assert.equal(issuer.asked, 3)
  })

  it('are asked for again when a token names an unknown one, at most every 30 s', async () => {
    const clock = createVirtualClock()
    const issuer = new Issuer()
    issuer.answer = first
    const auth = authenticator(settings, clock, issuer.fetch)
    for (let i = 0; i < 100; i++) assert.equal(reason(auth, bearer(byB)), 'key')
    assert.equal(issuer.asked, 1)
    await clock.advance(30_000)
    issuer.answer = undefined
    assert.equal(reason(auth, bearer(byB)), 'wait')
    // Whoever has a known key is not held up.
    assert.equal(reason(auth, bearer(byA)), '')
    let decided = ''
    auth.wait(bearer(byB), (result) => (decided = result.identity.consumer))
    issuer.answer = both
    issuer.reply()
    assert.equal(decided, 'ann')
    const other = token({ header: { kid: 'c' } })
    for (let i = 0; i < 100; i++) assert.equal(reason(auth, bearer(other)), 'key')
    assert.equal(issuer.asked, 2)
  })

  it('are refreshed in the background, and tokens of a key that went are refused though they were verified', async () => {
    const clock = createVirtualClock()
    const issuer = new Issuer()
    issuer.answer = both
    const auth = authenticator(settings, clock, issuer.fetch)
    assert.equal(reason(auth, bearer(byB)), '')
    await clock.advance(600_000)
    issuer.answer = first
    assert.equal(issuer.asked, 1)
    assert.equal(reason(auth, bearer(byB)), 'key')
    assert.equal(issuer.asked, 2)
    assert.equal(reason(auth, bearer(byA)), '')
  })

  it('serve on while the issuer is away, for a day', async () => {
    const clock = createVirtualClock()
    const issuer = new Issuer()
    issuer.answer = first
    const auth = authenticator(settings, clock, issuer.fetch)
    assert.equal(reason(auth, bearer(byA)), '')
    for (const bad of [
      new Error('away'),
      'not json',
      '{}',
      { keys: [] },
      '{"keys":[{"kty":"zz"}]}',
    ]) {
      issuer.answer = bad
      await clock.advance(3_600_000)
      assert.equal(reason(auth, bearer(byA)), '')
    }
    assert.equal(issuer.asked, 6)
    await clock.advance(19 * 3_600_000)
    assert.equal(reason(auth, bearer(byA)), '')
    await clock.advance(3_600_000)
    assert.equal(reason(auth, bearer(byA)), 'keys')
    await clock.advance(30_000)
    issuer.answer = first
    auth.check(bearer(byA))
    assert.equal(reason(auth, bearer(byA)), '')
  })

  it('are not counted by wall time', async () => {
    const clock = createVirtualClock()
    const issuer = new Issuer()
    issuer.answer = first
    const auth = authenticator(settings, clock, issuer.fetch)
    clock.step(3_600_000)
    assert.equal(reason(auth, bearer(byA)), '')
    clock.step(-7_200_000)
    assert.equal(reason(auth, bearer(byA)), '')
    assert.equal(issuer.asked, 1)
  })

  it('that are secret or private, for encryption or short are not taken from the outside', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const keys = [
      { kty: 'oct', kid: 'h', k: hmacKey.toString('base64url') },
      jwk(ec.privateKey, { kid: 'a' }),
      jwk(ec.publicKey, { kid: 'a', use: 'enc' }),
      jwk(ec.publicKey, { kid: 'a', key_ops: ['sign'] }),
      jwk(weak.publicKey, { kid: 'w' }),
    ]
    const issuer = new Issuer()
    issuer.answer = { keys: [...keys, jwk(ed.publicKey, { kid: 'b' })] }
    const algorithms = ['HS256', 'ES256', 'RS256', 'EdDSA']
    const auth = authenticator(
      { jwt: settings.jwt.map((one) => ({ ...one, algorithms })) },
      createVirtualClock(),
      issuer.fetch,
    )
    assert.equal(reason(auth, bearer(byB)), '')
    assert.equal(reason(auth, bearer(byA)), 'key')
    assert.equal(
      reason(auth, bearer(token({ alg: 'RS256', key: weak.privateKey, header: { kid: 'w' } }))),
      'key',
    )
    assert.equal(
      reason(auth, bearer(token({ alg: 'HS256', key: hmacKey, header: { kid: 'h' } }))),
      'key',
    )
  })

  it('hold a bounded number of waiting requests', () => {
    const issuer = new Issuer()
    const auth = authenticator(settings, createVirtualClock(), issuer.fetch)
    let refused = 0
    let passed = 0
    for (let i = 0; i < 1034; i++) {
      auth.wait(bearer(byA), (result) => {
        if (result.refusal === undefined) passed++
        else refused++
      })
    }
    assert.deepEqual([refused, passed], [10, 0])
    issuer.answer = first
    issuer.reply()
    assert.deepEqual([refused, passed], [10, 1024])
  })

  it('are fetched once for all who use them, and given up when nobody does', () => {
    const clock = createVirtualClock()
    const issuer = new Issuer()
    const cache = new JwksCache({ clock, fetch: issuer.fetch })
    const options = { uri, refreshMs: 1000, staleMs: 1000, algorithms: ['ES256'] }
    const set = cache.open(options)
    assert.equal(cache.open(options), set)
    assert.equal(issuer.asked, 1)
    cache.release(set)
    assert.equal(cache.status().length, 1)
    cache.release(set)
    assert.deepEqual([cache.status().length, issuer.cancelled, clock.pending], [0, 1, 0])
    cache.close()
  })
})
