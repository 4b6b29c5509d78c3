import type { Problem } from '@tidemill/core'
import { type Fields, ObjectCheck } from '../object-check.ts'
import type { ApiKeyTable, AuthRule, AuthSpec, CertificateRule } from './auth-spec.ts'
import { plainFingerprint } from './certificate-check.ts'
import { type IpNetwork, IpMatcher, parseNetwork } from './ip-matcher.ts'
import { readJwtProvider } from './jwt-provider-reader.ts'
import {
  plainText,
  readFlag,
  readIdentityField,
  readPlaces,
  readText,
  readTexts,
} from './settings-reader.ts'

const ruleFields: readonly string[] = [
  'jwt',
  'apiKeys',
  'clientCertificate',
  'ip',
  'anyOf',
  'allOf',
  'optional',
]
const deepest = 4

/**
 * Reads {@link AuthSettings} from outside; undefined when anything is wrong, with a problem for each thing, its path
 * below `path`. Keys and secrets are never repeated in problems.
 */
export function readAuthSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): AuthSpec | undefined {
  const before = problems.length
  const check = new ObjectCheck(problems)
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  check.known(path, spec, [...ruleFields, 'realm', 'consumerHeader', 'forwardedClientCert'])
  const forwarded = spec['forwardedClientCert'] ?? 'sanitize'
  check.oneOf(`${path}/forwardedClientCert`, forwarded, ['sanitize', 'set', 'forward'])
  const header = spec['consumerHeader'] ?? 'x-tidemill-consumer'
  const read: AuthSpec = {
    ...readRule(check, path, spec, 0),
    realm: readText(check, `${path}/realm`, spec['realm'] ?? 'tidemill', plainText),
    consumerHeader: readIdentityField(check, `${path}/consumerHeader`, header),
    forwardedClientCert: forwarded as AuthSpec['forwardedClientCert'],
  }
  return problems.length === before ? read : undefined
}

function readRule(check: ObjectCheck, path: string, spec: Fields, depth: number): AuthRule {
  if (!ruleFields.some((name) => name !== 'optional' && spec[name] !== undefined)) {
    check.wrong(path, Object.keys(spec), `an object with ${ruleFields.slice(0, -1).join(', ')}`)
  }
  const jwt: AuthRule['jwt'][number][] = []
  check.list(`${path}/jwt`, spec['jwt'], 16, (at, item) => {
    const provider = readJwtProvider(check, at, item)
    if (provider === undefined) return
    if (jwt.some((other) => other.issuer === provider.issuer)) {
      check.wrong(`${at}/issuer`, provider.issuer, 'the issuer of no other provider')
    }
    jwt.push(provider)
  })
  if (Array.isArray(spec['jwt']) && spec['jwt'].length === 0) {
    check.wrong(`${path}/jwt`, [], 'a list of 1 to 16 providers')
  }
  const ip = spec['ip'] === undefined ? undefined : check.object(`${path}/ip`, spec['ip'])
  if (ip !== undefined) check.known(`${path}/ip`, ip, ['allow', 'deny'])
  return {
    jwt,
    apiKeys:
      spec['apiKeys'] === undefined
        ? undefined
        : readApiKeys(check, `${path}/apiKeys`, spec['apiKeys']),
    clientCertificate:
      spec['clientCertificate'] === undefined
        ? undefined
        : readCertificate(check, `${path}/clientCertificate`, spec['clientCertificate']),
    allow: readNetworks(check, `${path}/ip/allow`, ip?.['allow']),
    deny: readNetworks(check, `${path}/ip/deny`, ip?.['deny']),
    anyOf: readRules(check, `${path}/anyOf`, spec['anyOf'], depth),
    allOf: readRules(check, `${path}/allOf`, spec['allOf'], depth),
    optional: readFlag(check, `${path}/optional`, spec['optional']),
  }
}

function readRules(check: ObjectCheck, path: string, value: unknown, depth: number): AuthRule[] {
  const rules: AuthRule[] = []
  if (value === undefined) return rules
  if (depth === deepest || (Array.isArray(value) && value.length === 0)) {
    check.wrong(path, value, `a list of 1 to 16 rules, nested at most ${deepest} deep`)
    return rules
  }
  check.list(path, value, 16, (at, item) => {
    const rule = check.object(at, item)
    if (rule === undefined) return
    check.known(at, rule, ruleFields)
    rules.push(readRule(check, at, rule, depth + 1))
  })
  return rules
}

const digestForm = /^[0-9a-f]{64}$/iu

function readApiKeys(check: ObjectCheck, path: string, value: unknown): ApiKeyTable | undefined {
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  check.known(path, spec, ['from', 'keys', 'forward'])
  const consumers: string[] = []
  const digests: Buffer[] = []
  const byStart = new Map<string, number[]>()
  check.list(`${path}/keys`, spec['keys'], 100_000, (at, item) => {
    const entry = check.object(at, item)
    if (entry === undefined) return
    check.known(at, entry, ['sha256', 'consumer'])
    check.text(`${at}/consumer`, entry['consumer'], 256)
    const { sha256 } = entry
    if (typeof sha256 !== 'string' || !digestForm.test(sha256)) {
      // Whoever wrote the key itself there must not find it in a log.
      check.wrong(`${at}/sha256`, 'another text', 'the SHA-256 of the key, 64 hexadecimal digits')
      return
    }
    const digest = Buffer.from(sha256, 'hex')
    const start = sha256.slice(0, 16).toLowerCase()
    const positions = byStart.get(start) ?? []
    if (positions.some((position) => digests[position]?.equals(digest))) {
      check.wrong(`${at}/sha256`, 'a digest', 'another digest than the keys before it have')
    }
    byStart.set(start, [...positions, consumers.length])
    consumers.push(String(entry['consumer']))
    digests.push(digest)
  })
  if (spec['keys'] === undefined || (Array.isArray(spec['keys']) && spec['keys'].length === 0)) {
    check.wrong(`${path}/keys`, spec['keys'], 'a list of 1 to 100000 keys')
  }
  return {
    from: readPlaces(check, `${path}/from`, spec['from'], {
      kind: 'header',
      name: 'x-api-key',
      scheme: '',
    }),
    consumers,
    digests: Buffer.concat(digests),
    byStart,
    forward: readFlag(check, `${path}/forward`, spec['forward']),
  }
}

function readCertificate(
  check: ObjectCheck,
  path: string,
  value: unknown,
): CertificateRule | undefined {
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  const names = ['subjects', 'dnsNames', 'uris', 'fingerprints']
  check.known(path, spec, names)
  const [subjects = [], dnsNames = [], uris = [], given = []] = names.map((name) =>
    readTexts(check, `${path}/${name}`, spec[name], 1000),
  )
  const fingerprints = given.map(plainFingerprint)
  for (const [i, fingerprint] of fingerprints.entries()) {
    if (!digestForm.test(fingerprint)) {
      check.wrong(`${path}/fingerprints/${i}`, given[i], 'a SHA-256, 64 hexadecimal digits')
    }
  }
  for (const name of names) {
    // An empty list would take every certificate where its author meant none.
    if (Array.isArray(spec[name]) && spec[name].length === 0) {
      check.wrong(`${path}/${name}`, [], 'absent, or a list that is not empty')
    }
  }
  return { subjects, dnsNames: dnsNames.map((name) => name.toLowerCase()), uris, fingerprints }
}

function readNetworks(check: ObjectCheck, path: string, value: unknown): IpMatcher | undefined {
  if (value === undefined) return undefined
  const networks: IpNetwork[] = []
  check.list(path, value, 100_000, (at, item) => {
    const network = typeof item === 'string' ? parseNetwork(item) : 'an address or a network'
    if (typeof network === 'string') check.wrong(at, item, network)
    else networks.push(network)
  })
  return new IpMatcher(networks)
}
