import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls'
import { h2Ciphers } from '@tidemill/http2/node'
import { certificateNames } from './certificate-names.ts'
import type { TlsPlan } from './listener-plan.ts'
import { NameTable } from './name-table.ts'

export interface TerminatorOptions {
  readonly tls: TlsPlan
  /** Protocols offered by ALPN; empty: whatever the client offers is not looked at. */
  readonly alpn: readonly string[]
  /** 48 bytes: who has them resumes the sessions of the others. */
  readonly ticketKeys: Buffer
  readonly handshakeMs: number
  /** The handshake is over and the client's certificate is as it must be. No byte has been read. */
  readonly onSecure: (socket: TLSSocket, terminator: TlsTerminator) => void
  readonly onFailed: () => void
}

/** Certificates with the same names and keys of different kinds: OpenSSL takes the one that the client can verify. */
interface CertificateGroup {
  readonly names: readonly string[]
  readonly kinds: Set<string>
  readonly certs: string[]
  readonly keys: string[]
}

function groupCertificates(certificates: TlsPlan['certificates']): CertificateGroup[] {
  const groups: CertificateGroup[] = []
  for (const { cert, key } of certificates) {
    const leaf = new X509Certificate(cert)
    const names = certificateNames(leaf).toSorted()
    const kind = leaf.publicKey.asymmetricKeyType ?? ''
    const same = groups.find(
      (group) => group.names.join() === names.join() && !group.kinds.has(kind),
    )
    if (same === undefined) {
      groups.push({ names, kinds: new Set([kind]), certs: [cert], keys: [key] })
    } else {
      same.kinds.add(kind)
      same.certs.push(cert)
      same.keys.push(key)
    }
  }
  return groups
}

/** What a listener demands of its clients, as a text that is equal exactly when the demands are. */
export function validationKey(tls: TlsPlan | undefined): string {
  const validation = tls?.clientValidation
  if (validation === undefined) return ''
  return createHash('sha256')
    .update(JSON.stringify([validation.mode, validation.ca]))
    .digest('base64url')
}

/**
 * Ends the TLS of connections whose ClientHello was read and put back. Each group of certificates has a server of its
 * own, chosen by the server name: of a context that a SNICallback gives, Node takes one certificate alone.
 */
export class TlsTerminator {
  readonly validation: string
  readonly #servers: readonly Server[]
  readonly #byName = new NameTable<Server>()

  /** Throws what OpenSSL says when a certificate and its key do not fit or cannot be read. */
  constructor(options: TerminatorOptions) {
    const { tls, alpn, ticketKeys, handshakeMs } = options
    this.validation = validationKey(tls)
    const validation = tls.clientValidation
    const common: TlsOptions = {
      minVersion: 'TLSv1.2',
      ciphers: h2Ciphers,
      ticketKeys,
      handshakeTimeout: handshakeMs,
      // A session that began under other demands is not resumed under these.
      sessionIdContext: this.validation.slice(0, 32) || 'tidemill',
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(validation === undefined
        ? {}
        : {
            ca: [...validation.ca],
            requestCert: true,
            rejectUnauthorized: validation.mode === 'AllowValidOnly',
          }),
    }
    this.#servers = groupCertificates(tls.certificates).map(({ names, certs, keys }) => {
      const server = createServer({ ...common, cert: certs, key: keys })
      for (const name of names) this.#byName.add(name, server)
      // The first one where no name fits.
      this.#byName.add('', server)
      this.#listen(server, options)
      return server
    })
  }

  #listen(server: Server, { tls, onSecure, onFailed }: TerminatorOptions): void {
    const certificateNeeded = tls.clientValidation?.mode === 'AllowValidOnly'
    server.on('secureConnection', (socket) => {
      // A session that was resumed is looked at as well.
      const refused = certificateNeeded && socket.getPeerX509Certificate() === undefined
      if (!refused && (socket.authorized || !certificateNeeded)) onSecure(socket, this)
      else {
        socket.destroy()
        onFailed()
      }
    })
    server.on('tlsClientError', (_error, socket) => {
      socket.destroy()
      onFailed()
    })
  }

  /** Bytes of the connection that were read already must have been put back. */
  handshake(socket: Socket, serverName: string): void {
    this.#byName.find(serverName)?.emit('connection', socket)
  }

  setTicketKeys(keys: Buffer): void {
    for (const server of this.#servers) server.setTicketKeys(keys)
  }
}
