import {
  constants,
  createHmac,
  type KeyObject,
  timingSafeEqual,
  verify as verifySignature,
} from 'node:crypto'
import { parseJson } from '@tidemill/core'
import { isFields } from '../object-check.ts'
import type { Claims } from './auth-result.ts'
import { type JwtAlgorithm, jwtAlgorithms, type VerificationKey } from './jwk.ts'

/** Longest token that is looked at. */
export const longestToken = 8192

/** A token in compact form (RFC 7515 section 3.1) that is well formed; nothing of it is verified. */
export interface DecodedJwt {
  readonly algorithm: JwtAlgorithm
  readonly kid: string
  readonly type: string
  /** The claims, not yet to be believed. */
  readonly claims: Claims
  /** What was signed. */
  readonly signed: string
  readonly signature: Buffer
}

export type JwtProblem = 'long' | 'malformed' | 'algorithm' | 'critical'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a token apart. Strict: base64url without padding, foreign characters or stray bits, JSON objects that name
 * no member twice (RFC 7515 section 4, RFC 7519 section 4), no critical extensions, a known algorithm. Members that
 * would bring a key along (jwk, jku, x5c, x5u) are never read.
 */
export function decodeJwt(token: string): DecodedJwt | JwtProblem {
  if (token.length > longestToken) return 'long'
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first <= 0 || second < 0 || token.includes('.', second + 1)) return 'malformed'
  const header = decodeObject(token.slice(0, first))
  const claims = decodeObject(token.slice(first + 1, second))
  const signature = decodeBase64Url(token.slice(second + 1))
  if (header === undefined || claims === undefined || signature === undefined) return 'malformed'
  const { alg, kid = '', typ = '' } = header
  if (typeof alg !== 'string' || typeof kid !== 'string' || typeof typ !== 'string') {
    return 'malformed'
  }
  if ('crit' in header || 'b64' in header) return 'critical'
  const algorithm = jwtAlgorithms.get(alg)
  if (algorithm === undefined) return 'algorithm'
  return { algorithm, kid, type: typ, claims, signed: token.slice(0, second), signature }
}

function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // Node skips what it does not know; only the one canonical text may stand for the bytes.
  return bytes.toString('base64url') === text ? bytes : undefined
}

function decodeObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = decodeBase64Url(text)
  if (bytes === undefined) return undefined
  try {
    const value = parseJson(utf8.decode(bytes), { maxDepth: 32, uniqueKeys: true })
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether the key made the signature; false also when key and algorithm do not belong together. */
export function verifyJwt(jwt: DecodedJwt, key: VerificationKey): boolean {
  const { algorithm, signature } = jwt
  if (!key.algorithms.includes(algorithm.name)) return false
  const length = algorithm.signatureBytes || key.signatureBytes
  // Refuses truncated MACs, and ECDSA signatures in DER, which has another length than RFC 7518 section 3.4.
  if (signature.length !== length) return false
  const signed = Buffer.from(jwt.signed, 'latin1')
  if (algorithm.kind === 'hmac') {
    return timingSafeEqual(createHmac(algorithm.hash, key.key).update(signed).digest(), signature)
  }
  try {
    return verifySignature(
      algorithm.hash || null,
      signed,
      parameters(algorithm, key.key),
      signature,
    )
  } catch {
    return false
  }
}

function parameters(
  algorithm: JwtAlgorithm,
  key: KeyObject,
): Parameters<typeof verifySignature>[2] {
  if (algorithm.kind === 'ecdsa') return { key, dsaEncoding: 'ieee-p1363' }
  if (algorithm.kind !== 'pss') return key
  return {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }
}
