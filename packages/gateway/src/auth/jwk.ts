import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { isFields } from '../object-check.ts'

/** An algorithm of RFC 7518 or RFC 8037 with everything that its verification must agree with. */
export interface JwtAlgorithm {
  readonly name: string
  readonly kind: 'hmac' | 'rsa' | 'pss' | 'ecdsa' | 'eddsa'
  /** Empty for EdDSA. */
  readonly hash: string
  /** Key type and curves of the JWK. */
  readonly keyType: 'oct' | 'RSA' | 'EC' | 'OKP'
  readonly curves: readonly string[]
  /** Bytes of a signature; 0 when the key decides. */
  readonly signatureBytes: number
}

function row(
  name: string,
  kind: JwtAlgorithm['kind'],
  keyType: JwtAlgorithm['keyType'],
  more: Partial<JwtAlgorithm> = {},
): [string, JwtAlgorithm] {
  const hash = kind === 'eddsa' ? '' : `sha${name.slice(2)}`
  return [name, { name, kind, hash, keyType, curves: [], signatureBytes: 0, ...more }]
}

/** There is no entry `none`: an unsigned token has no algorithm that could be found. */
export const jwtAlgorithms: ReadonlyMap<string, JwtAlgorithm> = new Map([
  row('HS256', 'hmac', 'oct', { signatureBytes: 32 }),
  row('HS384', 'hmac', 'oct', { signatureBytes: 48 }),
  row('HS512', 'hmac', 'oct', { signatureBytes: 64 }),
  row('RS256', 'rsa', 'RSA'),
  row('RS384', 'rsa', 'RSA'),
  row('RS512', 'rsa', 'RSA'),
  row('PS256', 'pss', 'RSA'),
  row('PS384', 'pss', 'RSA'),
  row('PS512', 'pss', 'RSA'),
  row('ES256', 'ecdsa', 'EC', { curves: ['P-256'], signatureBytes: 64 }),
  row('ES384', 'ecdsa', 'EC', { curves: ['P-384'], signatureBytes: 96 }),
  row('ES512', 'ecdsa', 'EC', { curves: ['P-521'], signatureBytes: 132 }),
  row('EdDSA', 'eddsa', 'OKP', { curves: ['Ed25519', 'Ed448'] }),
])

export const asymmetricAlgorithms: readonly string[] = [...jwtAlgorithms.values()]
  .filter((algorithm) => algorithm.kind !== 'hmac')
  .map((algorithm) => algorithm.name)

/** A key of an issuer, fit for some algorithms only: what its type, curve, size and own `alg` allow. */
export interface VerificationKey {
  /** Empty when the set does not name it. */
  readonly kid: string
  readonly key: KeyObject
  readonly algorithms: readonly string[]
  /** Bytes of a signature by this key; 0 when the algorithm decides. */
  readonly signatureBytes: number
}

/**
 * The key of a JWK, or why it is none that serves. Symmetric keys are taken only where `secret` says that the set
 * is not public (RFC 8725 section 3.5 asks for their length). A private key is refused: it has no business here.
 */
export function readJwk(
  value: unknown,
  accepted: readonly string[],
  secret: boolean,
): VerificationKey | string {
  if (!isFields(value)) return 'a JSON Web Key'
  const { kty, kid = '', use = 'sig', key_ops: operations, alg, crv } = value
  if (typeof kid !== 'string' || kid.length > 256) return 'a key whose kid is a text'
  if (use !== 'sig') return 'a key for signatures (use: sig)'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'a key for verifying (key_ops: verify)'
  }
  if (kty === 'oct' && !secret) return 'an asymmetric key: what is fetched is public'
  if (kty === 'oct' && typeof value['k'] !== 'string') return 'a key with its member k'
  if (kty !== 'oct' && 'd' in value) return 'a public key, without its private part'
  let key: KeyObject
  try {
    key =
      kty === 'oct'
        ? createSecretKey(Buffer.from(value['k'] as string, 'base64url'))
        : createPublicKey({ key: value, format: 'jwk' })
  } catch {
    return 'a key of type oct, RSA, EC or OKP with all its members'
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (kty === 'RSA' && (bits < 2048 || bits > 8192)) return 'an RSA key of 2048 to 8192 bits'
  const algorithms = accepted.filter((name) => {
    const algorithm = jwtAlgorithms.get(name)
    if (algorithm === undefined || algorithm.keyType !== kty) return false
    if (alg !== undefined && alg !== name) return false
    if (kty === 'oct') return (key.symmetricKeySize ?? 0) >= algorithm.signatureBytes
    return algorithm.curves.length === 0 || algorithm.curves.includes(crv as string)
  })
  if (algorithms.length === 0) return `a key long enough for one of ${accepted.join(', ')}`
  const signatureBytes =
    kty === 'RSA' ? Math.ceil(bits / 8) : crv === 'Ed448' ? 114 : kty === 'OKP' ? 64 : 0
  return { kid, key, algorithms, signatureBytes }
}

/** Keys of one set that are looked at; more are of no use to anybody. */
export const mostKeys = 64

/** The usable keys of a fetched set; undefined when it is no JWK set at all. Unknown kinds of keys are passed over (RFC 7517 section 5). */
export function readJwks(
  value: unknown,
  accepted: readonly string[],
): VerificationKey[] | undefined {
  const list = isFields(value) ? value['keys'] : undefined
  if (!Array.isArray(list)) return undefined
  return list
    .slice(0, mostKeys)
    .map((item) => readJwk(item, accepted, false))
    .filter((key) => typeof key !== 'string')
}
