import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Peer, PeerCertificate } from './transport.ts'

/** Who is at the other end of a socket; the certificate is read when it is asked for. */
export class SocketPeer implements Peer {
  readonly address: string
  readonly encrypted: boolean
  readonly #socket: Socket
  #certificate: PeerCertificate | undefined = undefined

  constructor(socket: Socket) {
    this.#socket = socket
    this.encrypted = socket instanceof TLSSocket
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined) this.address = 'unix:'
    else
      this.address = remoteAddress.includes(':')
        ? `[${remoteAddress}]:${remotePort}`
        : `${remoteAddress}:${remotePort}`
  }

  get certificate(): PeerCertificate | undefined {
    if (this.#certificate === undefined && this.#socket instanceof TLSSocket) {
      const x509 = this.#socket.getPeerX509Certificate()
      if (x509 === undefined) return undefined
      this.#certificate = {
        subject: x509.subject,
        names: x509.subjectAltName ?? '',
        fingerprint256: x509.fingerprint256,
        raw: x509.raw,
      }
    }
    return this.#certificate
  }
}
