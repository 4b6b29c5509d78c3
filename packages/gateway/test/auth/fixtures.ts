import assert from 'node:assert/strict'
import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { createVirtualClock, type Problem, type VirtualClock } from '@tidemill/core'
import {
  type Authenticator,
  type AuthSettings,
  createAuthenticator,
  JwksCache,
  type JwksFetch,
  type JwtProviderSettings,
  readAuthSpec,
} from '../../src/auth/index.ts'
import type { RequestView } from '../../src/dataplane/request-view.ts'

export const issuer = 'https://issuer.example'
/** Seconds of the virtual clock's start. */
export const start = 1_700_000_000

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const ed = generateKeyPairSync('ed25519')
export const hmacKey: Buffer = Buffer.alloc(64, 7)

export function view(
  headers: readonly string[] = [],
  more: Partial<RequestView> = {},
): RequestView {
  return {
    requestId: 'id',
    method: 'GET',
    scheme: 'https',
    host: 'shop.example',
    path: '/',
    query: '',
    target: '/',
    headers,
    version: 11,
    bodyLength: 0,
    upgrade: '',
    acceptsTrailers: false,
    grpc: '',
    remoteAddress: '203.0.113.7',
    clientAddress: '203.0.113.7',
    port: 443,
    peer: undefined,
    ...more,
  }
}

export const bearer = (text: string): RequestView => view(['authorization', `Bearer ${text}`])

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

export function jwk(key: KeyObject, more: object = {}): Record<string, unknown> {
  return { ...(key.export({ format: 'jwk' }) as Record<string, unknown>), ...more }
}

/** Signs what stands before the signature. */
export function signature(alg: string, key: KeyObject | Buffer, signed: string): Buffer {
  const hash = `sha${alg.slice(2)}`
  const bytes = Buffer.from(signed)
  if (Buffer.isBuffer(key)) return createHmac(hash, key).update(bytes).digest()
  if (alg === 'EdDSA') return signBytes(null, bytes, key)
  if (alg.startsWith('ES')) return signBytes(hash, bytes, { key, dsaEncoding: 'ieee-p1363' })
  if (alg.startsWith('RS')) return signBytes(hash, bytes, key)
  const { RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = constants
  return signBytes(hash, bytes, {
    key,
    padding: RSA_PKCS1_PSS_PADDING,
    saltLength: RSA_PSS_SALTLEN_DIGEST,
  })
}

export interface TokenParts {
  readonly alg?: string
  readonly key?: KeyObject | Buffer
  readonly header?: object
  readonly claims?: object
}

/** A good token but for what is given. */
export function token(parts: TokenParts = {}): string {
  const { alg = 'ES256', key = ec.privateKey } = parts
  const header = encode({ alg, ...parts.header })
  const claims = encode({ iss: issuer, sub: 'ann', exp: start + 600, ...parts.claims })
  const signed = `${header}.${claims}`
  return `${signed}.${signature(alg, key, signed).toString('base64url')}`
}

export const provider = (more: Partial<JwtProviderSettings> = {}): JwtProviderSettings => ({
  name: 'main',
  issuer,
  jwks: { keys: [jwk(ec.publicKey)] },
  ...more,
})

const noFetch: JwksFetch = () => {
  throw new Error('nothing is to be fetched here')
}

export function authenticator(
  settings: AuthSettings,
  clock: VirtualClock = createVirtualClock(),
  fetch: JwksFetch = noFetch,
): Authenticator {
  const problems: Problem[] = []
  const spec = readAuthSpec(settings, '/auth', problems)
  assert.deepEqual(problems, [])
  assert.ok(spec !== undefined)
  return createAuthenticator(spec, { clock, jwks: new JwksCache({ clock, fetch }) })
}

/** Why the request is refused; empty when it is not, `wait` when that is not known yet. */
export function reason(auth: Authenticator, request: RequestView): string {
  const result = auth.check(request)
  return result === undefined ? 'wait' : result.reason
}
