import type { RequestView } from '../dataplane/request-view.ts'
import type { PeerIdentity } from '../listener/peer-identity.ts'
import type { AuthCheck } from './auth-check.ts'
import { AuthResult, noClaims, type Refusals } from './auth-result.ts'
import type { CertificateRule } from './auth-spec.ts'
import { claimHeader } from './claim.ts'

export const forwardedClientCertHeader = 'x-forwarded-client-cert'

/** A client certificate that the listener verified. Results are kept per connection. */
export class CertificateCheck implements AuthCheck {
  readonly #rule: CertificateRule
  readonly #header: string
  readonly #refusals: Refusals
  readonly #byPeer = new WeakMap<PeerIdentity, AuthResult>()

  constructor(rule: CertificateRule, consumerHeader: string, refusals: Refusals) {
    this.#rule = rule
    this.#header = consumerHeader
    this.#refusals = refusals
  }

  check(view: RequestView): AuthResult {
    const { peer } = view
    // One that was sent but does not chain to an authority of the listener is worth as much as none.
    if (peer === undefined || !peer.verified || peer.fingerprint === '') {
      return this.#refusals.refuse('certificate')
    }
    let result = this.#byPeer.get(peer)
    if (result === undefined) {
      result = this.#accepts(peer) ? this.#accept(peer) : this.#refusals.refuse('certificate-name')
      this.#byPeer.set(peer, result)
    }
    return result
  }

  #accepts(peer: PeerIdentity): boolean {
    const { subjects, dnsNames, uris, fingerprints } = this.#rule
    if (subjects.length + dnsNames.length + uris.length + fingerprints.length === 0) return true
    return (
      subjects.includes(peer.subject) ||
      fingerprints.includes(plainFingerprint(peer.fingerprint)) ||
      peer.uris.some((uri) => uris.some((pattern) => matchesUri(uri, pattern))) ||
      peer.dnsNames.some((name) => dnsNames.some((pattern) => matchesName(name, pattern)))
    )
  }

  #accept(peer: PeerIdentity): AuthResult {
    const consumer = peer.uris[0] ?? peer.dnsNames[0] ?? peer.subject
    const text = claimHeader(consumer)
    const identity = Object.freeze({
      method: 'certificate' as const,
      consumer,
      provider: '',
      claims: noClaims,
      headers: Object.freeze(text === undefined ? [] : [this.#header, text]),
    })
    return new AuthResult(identity, undefined, '')
  }
}

/** Hex digits alone, lower case. */
export function plainFingerprint(text: string): string {
  return text.replaceAll(':', '').toLowerCase()
}

function matchesUri(uri: string, pattern: string): boolean {
  return pattern.endsWith('*') ? uri.startsWith(pattern.slice(0, -1)) : uri === pattern
}

function matchesName(name: string, pattern: string): boolean {
  const lower = name.toLowerCase()
  if (!pattern.startsWith('*.')) return lower === pattern
  const dot = lower.indexOf('.')
  return dot > 0 && lower.slice(dot) === pattern.slice(1)
}

/** The certificate in the form of Envoy's x-forwarded-client-cert; undefined without a verified one. */
export function forwardedClientCert(peer: PeerIdentity | undefined): string | undefined {
  if (peer === undefined || !peer.verified || peer.fingerprint === '') return undefined
  const parts = [`Hash=${plainFingerprint(peer.fingerprint)}`]
  if (peer.subject !== '') parts.push(`Subject=${quoted(peer.subject)}`)
  for (const uri of peer.uris) parts.push(`URI=${quoted(uri)}`)
  for (const name of peer.dnsNames) parts.push(`DNS=${quoted(name)}`)
  return parts.join(';')
}

/** A name in a certificate is what its authority let the client choose: it must not end the element. */
function quoted(text: string): string {
  const safe = text.toWellFormed().replaceAll(/[^\u0020-\u007e]/gu, encodeURIComponent)
  return /[;,="\\ ]/u.test(safe) ? `"${safe.replaceAll(/["\\]/gu, '\\$&')}"` : safe
}
