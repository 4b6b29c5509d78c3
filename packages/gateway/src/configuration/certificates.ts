import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { readCertificates, type SecretObject, secretValue } from '../objects/core-objects.ts'
import type { ObjectStore } from './object-store.ts'
import { coreGroup, permitted } from './reference-grants.ts'

/** A certificate chain with its key, PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
  /** DNS names of the certificate, for overlap checks. */
  readonly names: readonly string[]
}

/** What a reference led to, or why it led nowhere. */
export type Resolved<T> =
  | { readonly value: T; readonly reason?: undefined; readonly message?: undefined }
  | { readonly value?: undefined; readonly reason: string; readonly message: string }

export interface Referrer {
  readonly group: string
  readonly kind: string
  readonly namespace: string
}

interface Reference {
  readonly group?: string
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
}

/** Reads pairs once per version of their Secret: parsing a key takes about 100 us. */
const pairs = new WeakMap<SecretObject, Resolved<KeyPair>>()

/** The certificate that a listener or a gateway names (SecretObjectReference). */
export function resolveKeyPair(
  store: ObjectStore,
  from: Referrer,
  ref: Reference,
  invalid: string,
): Resolved<KeyPair> {
  const kind = ref.kind ?? 'Secret'
  const group = coreGroup(ref.group)
  if (group !== '' || kind !== 'Secret') {
    return { reason: invalid, message: `a certificate of kind ${group}/${kind} is not served` }
  }
  const namespace = ref.namespace ?? from.namespace
  const key = `${namespace}/${ref.name}`
  if (!allowed(store, from, '', 'Secret', namespace, ref.name)) {
    const message = `no ReferenceGrant in ${namespace} lets ${from.kind} of ${from.namespace} use the Secret ${key}`
    return { reason: 'RefNotPermitted', message }
  }
  const secret = store.get('Secret', key)
  if (secret === undefined) return { reason: invalid, message: `there is no Secret ${key}` }
  let pair = pairs.get(secret)
  if (pair === undefined) {
    pair = readPair(key, secret, invalid)
    pairs.set(secret, pair)
  }
  return pair
}

function readPair(key: string, secret: SecretObject, invalid: string): Resolved<KeyPair> {
  const fail = (what: string): Resolved<KeyPair> => ({
    reason: invalid,
    message: `the Secret ${key} ${what}`,
  })
  const cert = secretValue(secret, 'tls.crt')
  const privateKey = secretValue(secret, 'tls.key')
  if (cert === undefined || privateKey === undefined) return fail('has no tls.crt and tls.key')
  const chain = readCertificates(cert)
  const leaf = chain?.[0]
  if (leaf === undefined) return fail('has a tls.crt that is no PEM certificate')
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) {
      return fail('has a tls.key that does not belong to its tls.crt')
    }
  } catch {
    return fail('has a tls.key that is no PEM private key')
  }
  return { value: { cert, key: privateKey, names: dnsNames(leaf) } }
}

/** The DNS names of a certificate in lower case. */
function dnsNames(certificate: X509Certificate): readonly string[] {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((part) => part.startsWith('DNS:'))
    .map((part) => part.slice(4).toLowerCase())
  if (names.length > 0) return names
  const common = /^CN=(.+)$/mu.exec(certificate.subject)?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}

/** The authorities in a ConfigMap or Secret, under `ca.crt` (shared_types.go, caCertificateRefs). */
export function resolveAuthority(
  store: ObjectStore,
  from: Referrer,
  ref: Reference,
): Resolved<string> {
  const kind = ref.kind ?? 'ConfigMap'
  const group = coreGroup(ref.group)
  if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret')) {
    const message = `authorities of kind ${group}/${kind} are not served, but ConfigMap and Secret`
    return { reason: 'InvalidCACertificateKind', message }
  }
  const namespace = ref.namespace ?? from.namespace
  const key = `${namespace}/${ref.name}`
  if (!allowed(store, from, '', kind, namespace, ref.name)) {
    const message = `no ReferenceGrant in ${namespace} lets ${from.kind} of ${from.namespace} use the ${kind} ${key}`
    return { reason: 'RefNotPermitted', message }
  }
  const pem =
    kind === 'Secret'
      ? optional(store.get('Secret', key), (secret) => secretValue(secret, 'ca.crt'))
      : store.get('ConfigMap', key)?.data?.['ca.crt']
  if (pem === undefined) {
    const message = `there is no ${kind} ${key} with ca.crt`
    return { reason: 'InvalidCACertificateRef', message }
  }
  if (readCertificates(pem) === undefined) {
    const message = `ca.crt of the ${kind} ${key} is no PEM certificate`
    return { reason: 'InvalidCACertificateRef', message }
  }
  return { value: pem }
}

function optional<T, R>(value: T | undefined, read: (value: T) => R | undefined): R | undefined {
  return value === undefined ? undefined : read(value)
}

function allowed(
  store: ObjectStore,
  from: Referrer,
  toGroup: string,
  toKind: string,
  toNamespace: string,
  toName: string,
): boolean {
  return permitted(store, {
    fromGroup: from.group,
    fromKind: from.kind,
    fromNamespace: from.namespace,
    toGroup,
    toKind,
    toNamespace,
    toName,
  })
}
