import { isFields, type Fields, type ObjectCheck } from '../object-check.ts'
import type { ClaimTest } from './auth-settings.ts'
import type { JwtProvider } from './auth-spec.ts'
import type { CredentialPlace } from './credential-source.ts'
import { IpMatcher, parseNetwork } from './ip-matcher.ts'
import {
  asymmetricAlgorithms,
  jwtAlgorithms,
  mostKeys,
  readJwk,
  type VerificationKey,
} from './jwk.ts'
import {
  plainText,
  readFlag,
  readIdentityField,
  readMs,
  readPlaces,
  readText,
  readTexts,
} from './settings-reader.ts'

const fields: readonly string[] = [
  'name',
  'issuer',
  'audiences',
  'algorithms',
  'jwks',
  'jwksUri',
  'refresh',
  'staleFor',
  'from',
  'clockSkew',
  'allowNoExpiry',
  'type',
  'requiredClaims',
  'scopes',
  'consumerClaim',
  'claimsToHeaders',
  'forward',
]

const bearer: CredentialPlace = { kind: 'header', name: 'authorization', scheme: 'bearer ' }
const day = 86_400_000

export function readJwtProvider(
  check: ObjectCheck,
  path: string,
  value: unknown,
): JwtProvider | undefined {
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  check.known(path, spec, fields)
  check.text(`${path}/name`, spec['name'], 128, plainText, 'a name')
  check.text(`${path}/issuer`, spec['issuer'], 1024)
  const type =
    spec['type'] === undefined ? '' : readText(check, `${path}/type`, spec['type'], plainText)
  const algorithms = readAlgorithms(check, `${path}/algorithms`, spec['algorithms'])
  return {
    name: String(spec['name']),
    issuer: String(spec['issuer']),
    audiences: readTexts(check, `${path}/audiences`, spec['audiences'], 64),
    algorithms,
    ...readKeys(check, path, spec, algorithms),
    refreshMs: readMs(check, `${path}/refresh`, spec['refresh'] ?? '10m', 10_000, day),
    staleMs: readMs(check, `${path}/staleFor`, spec['staleFor'] ?? '24h', 0, 30 * day),
    from: readPlaces(check, `${path}/from`, spec['from'], bearer),
    skewMs: readMs(check, `${path}/clockSkew`, spec['clockSkew'] ?? '60s', 0, 600_000),
    allowNoExpiry: readFlag(check, `${path}/allowNoExpiry`, spec['allowNoExpiry']),
    type: type.toLowerCase().replace(/^application\//u, ''),
    requiredClaims: readClaimTests(check, `${path}/requiredClaims`, spec['requiredClaims']),
    scopes: readTexts(check, `${path}/scopes`, spec['scopes'], 64),
    consumerClaim: readText(check, `${path}/consumerClaim`, spec['consumerClaim'] ?? 'sub'),
    claimsToHeaders: readClaimHeaders(check, `${path}/claimsToHeaders`, spec['claimsToHeaders']),
    forward: readFlag(check, `${path}/forward`, spec['forward']),
  }
}

function readAlgorithms(check: ObjectCheck, path: string, value: unknown): readonly string[] {
  if (value === undefined) return asymmetricAlgorithms
  const names: string[] = []
  check.list(path, value, 16, (at, item) => {
    check.oneOf(at, item, [...jwtAlgorithms.keys()])
    names.push(String(item))
  })
  if (Array.isArray(value) && value.length === 0) check.wrong(path, value, 'a list of algorithms')
  return names
}

function readKeys(
  check: ObjectCheck,
  path: string,
  spec: Fields,
  algorithms: readonly string[],
): { readonly keys: readonly VerificationKey[]; readonly jwksUri: string } {
  const { jwks, jwksUri } = spec
  if ((jwks === undefined) === (jwksUri === undefined)) {
    check.wrong(path, spec['name'], 'a provider with either jwks or jwksUri')
    return { keys: [], jwksUri: '' }
  }
  if (jwks === undefined) {
    if (isKeySetUri(jwksUri)) return { keys: [], jwksUri }
    check.wrong(`${path}/jwksUri`, jwksUri, 'an https URL, or http on the loopback, without user')
    return { keys: [], jwksUri: '' }
  }
  const keys: VerificationKey[] = []
  const list = isFields(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(list) || list.length === 0) {
    // What is said here may hold a secret, so it is not repeated.
    check.wrong(`${path}/jwks`, typeof jwks, 'a JSON Web Key Set with at least one key')
  } else {
    check.list(`${path}/jwks/keys`, list, mostKeys, (at, item) => {
      const key = readJwk(item, algorithms, true)
      if (typeof key === 'string') check.wrong(at, 'a key that cannot be used', key)
      else keys.push(key)
    })
  }
  return { keys, jwksUri: '' }
}

const loopback = new IpMatcher(
  ['127.0.0.0/8', '::1'].map(parseNetwork).filter((network) => typeof network !== 'string'),
)

function isKeySetUri(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 2048 || !URL.canParse(value)) return false
  const url = new URL(value)
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false
  if (url.protocol === 'https:') return true
  const host = url.hostname.replace(/^\[(.*)\]$/u, '$1')
  return url.protocol === 'http:' && (host === 'localhost' || loopback.has(host))
}

function readClaimTests(
  check: ObjectCheck,
  path: string,
  value: unknown,
): readonly { readonly claim: string; readonly test: ClaimTest }[] {
  if (value === undefined) return []
  const tests: { readonly claim: string; readonly test: ClaimTest }[] = []
  for (const [claim, test] of Object.entries(check.object(path, value) ?? {})) {
    const values: readonly unknown[] = Array.isArray(test) ? test : [test]
    const scalar = values.every((item) => ['string', 'number', 'boolean'].includes(typeof item))
    if (!scalar || values.length === 0 || values.length > 64) {
      check.wrong(`${path}/${claim}`, test, 'true, a value, or a list of 1 to 64 values')
    } else tests.push({ claim, test: test as ClaimTest })
  }
  return tests
}

function readClaimHeaders(
  check: ObjectCheck,
  path: string,
  value: unknown,
): readonly { readonly claim: string; readonly header: string }[] {
  const list: { readonly claim: string; readonly header: string }[] = []
  check.list(path, value, 32, (at, item) => {
    const entry = check.object(at, item)
    if (entry === undefined) return
    check.known(at, entry, ['claim', 'header'])
    check.text(`${at}/claim`, entry['claim'], 256)
    const header = readIdentityField(check, `${at}/header`, entry['header'])
    if (list.some((other) => other.header === header)) {
      check.wrong(`${at}/header`, header, 'a field that no other claim is written to')
    }
    list.push({ claim: String(entry['claim']), header })
  })
  return list
}
