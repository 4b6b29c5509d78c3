import type { TLSSocket } from 'node:tls'
import { parseAlternativeNames } from './certificate-names.ts'
import type { PeerIdentity } from './peer-identity.ts'

const nothing: readonly string[] = []

export function anonymousPeer(serverName: string): PeerIdentity {
  return {
    serverName,
    verified: false,
    fingerprint: '',
    subject: '',
    dnsNames: nothing,
    uris: nothing,
  }
}

/** Who the client of a finished handshake is, by the certificate that it was asked for. */
export function peerIdentity(socket: TLSSocket, serverName: string): PeerIdentity {
  const certificate = socket.getPeerX509Certificate()
  // Whatever is said of a session that was resumed: without a certificate nobody is verified.
  if (certificate === undefined) return anonymousPeer(serverName)
  const names = parseAlternativeNames(certificate.subjectAltName)
  return {
    serverName,
    verified: socket.authorized,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: certificate.subject.replaceAll('\n', ','),
    dnsNames: names.filter(({ type }) => type === 'DNS').map(({ value }) => value),
    uris: names.filter(({ type }) => type === 'URI').map(({ value }) => value),
  }
}
