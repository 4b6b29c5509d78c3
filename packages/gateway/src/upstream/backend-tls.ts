import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls'
import type { Problem } from '@tidemill/core'
import { SpecFields } from '../balance/spec-fields.ts'
import type { BackendTlsPlan } from '../configuration/cluster-directory.ts'
import { ObjectCheck } from '../object-check.ts'

/** TLS towards a backend as a person writes it. The certificate is always checked. */
export interface BackendTlsSpec {
  /** Sent as SNI, and the name that the certificate must be for unless `subjectAltNames` says which. */
  readonly serverName: string
  /** Authorities, PEM; default those of the system. */
  readonly ca?: readonly string[]
  /** DNS names or URIs, of which the certificate must carry one exactly. */
  readonly subjectAltNames?: readonly string[]
  /** By which the gateway identifies itself, PEM. */
  readonly clientCert?: { readonly cert: string; readonly key: string }
}

/** TLS ready to be used for connections. */
export interface BackendTls {
  readonly serverName: string
  readonly ca: readonly string[]
  readonly subjectAltNames: readonly string[]
  readonly clientCert: { readonly cert: string; readonly key: string } | undefined
}

const nameForm = /^[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*$/iu
const pemForm = /-----BEGIN CERTIFICATE-----/u
const keyForm = /-----BEGIN [A-Z ]*PRIVATE KEY-----/u
const longestPem = 256 * 1024

export function readBackendTlsSpec(value: unknown, path: string, problems: Problem[]): BackendTls {
  const spec = new SpecFields(value, path, problems, [
    'serverName',
    'ca',
    'subjectAltNames',
    'clientCert',
  ])
  const serverName = spec.text('serverName', 253, nameForm, 'a DNS name or an address')
  if (serverName === undefined && !spec.has('serverName')) spec.wrong('serverName', 'given')
  const check = new ObjectCheck(problems)
  const list = (name: string, form: RegExp, longest: number, expected: string): string[] => {
    const found: string[] = []
    check.list(spec.path(name), spec.value(name), 64, (at, item) => {
      check.text(at, item, longest, form, expected)
      if (typeof item === 'string') found.push(item)
    })
    return found
  }
  const before = problems.length
  const tls = {
    serverName: serverName ?? '',
    ca: list('ca', pemForm, longestPem, 'a PEM certificate'),
    subjectAltNames: list('subjectAltNames', /^\S+$/u, 1024, 'a DNS name or a URI'),
    clientCert: readClientCert(spec, problems),
  }
  if (problems.length === before) checkUsable(tls, spec)
  return tls
}

function readClientCert(spec: SpecFields, problems: Problem[]): BackendTls['clientCert'] {
  if (!spec.has('clientCert')) return undefined
  const path = spec.path('clientCert')
  const pair = new SpecFields(spec.value('clientCert'), path, problems, ['cert', 'key'])
  const cert = pair.text('cert', longestPem, pemForm, 'a PEM certificate')
  const key = pair.text('key', longestPem, keyForm, 'a PEM private key')
  for (const name of ['cert', 'key']) if (!pair.has(name)) pair.wrong(name, 'given')
  return cert === undefined || key === undefined ? undefined : { cert, key }
}

/** What looks like PEM may still hold no certificate, or a key of another one. */
function checkUsable(tls: BackendTls, spec: SpecFields): void {
  const { ca, clientCert } = tls
  try {
    for (const pem of ca) void new X509Certificate(pem)
  } catch {
    spec.wrong('ca', 'a list of PEM certificates that can be read')
  }
  try {
    if (clientCert !== undefined) createSecureContext(clientCert)
  } catch {
    spec.wrong('clientCert', 'a certificate and its own key')
  }
}

/** What a BackendTLSPolicy says; its certificates were read when it was checked. */
export function planTls(plan: BackendTlsPlan): BackendTls {
  return {
    serverName: plan.hostname,
    ca: plan.ca,
    subjectAltNames: plan.names.map((name) => name.value),
    clientCert: plan.client,
  }
}

/** What all connections with the same settings share: making it anew for each would read the PEM texts each time. */
export function secureContext(tls: BackendTls): SecureContext {
  const { ca, clientCert } = tls
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca.length === 0 ? {} : { ca: [...ca] }),
    ...clientCert,
  })
}

/** Server name for SNI; an address is none (RFC 6066 3). */
export function sniName(tls: BackendTls): string {
  return isIP(tls.serverName) === 0 ? tls.serverName : ''
}

/** Why a certificate that chains to an authority is not that of the backend; undefined when it is. */
export function identityFault(tls: BackendTls, certificate: PeerCertificate): Error | undefined {
  if (tls.subjectAltNames.length === 0) return checkServerIdentity(tls.serverName, certificate)
  const x509 = new X509Certificate(certificate.raw)
  const uris = subjectUris(x509.subjectAltName ?? '')
  for (const name of tls.subjectAltNames) {
    if (uris.includes(name)) return undefined
    if (x509.checkHost(name, { subject: 'never', wildcards: false }) !== undefined) return undefined
  }
  return Object.assign(new Error('none of the names is in the certificate'), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
}

/** The URIs of a subjectAltName text, in which Node writes what could be mistaken for a separator as a JSON string. */
export function subjectUris(text: string): string[] {
  const uris: string[] = []
  // One entry behind the other from the start: what stands inside the quotes of one is no entry.
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/guy
  for (const [, type, value = ''] of text.matchAll(entry)) {
    if (type === 'URI') uris.push(value.startsWith('"') ? (JSON.parse(value) as string) : value)
  }
  return uris
}
