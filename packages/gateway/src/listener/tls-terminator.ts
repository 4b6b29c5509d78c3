import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from 'node:tls'
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

type SniDone = (error: Error | null, context?: SecureContext) => void

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

/** Ends the TLS of connections whose ClientHello may have been read already and given back. */
export class TlsTerminator {
  readonly validation: string
  readonly #server: Server

  /** Throws what OpenSSL says when a certificate and its key do not fit or cannot be read. */
  constructor(options: TerminatorOptions) {
    const { tls } = options
    this.validation = validationKey(tls)
    const validation = tls.clientValidation
    const common: SecureContextOptions & TlsOptions = {
      minVersion: 'TLSv1.2',
      ciphers: h2Ciphers,
      ticketKeys: options.ticketKeys,
      // A session that began under other demands is not resumed under these.
      sessionIdContext: this.validation.slice(0, 32) || 'tidemill',
      ...(validation === undefined ? {} : { ca: [...validation.ca] }),
    }
    const groups = groupCertificates(tls.certificates)
    const [first, ...others] = groups
    const table = new NameTable<SecureContext | undefined>()
    for (const name of first?.names ?? []) table.add(name, undefined)
    for (const group of others) {
      const context = createSecureContext({ ...common, cert: group.certs, key: group.keys })
      for (const name of group.names) table.add(name, context)
    }
    this.#server = createServer({
      ...common,
      cert: first?.certs ?? [],
      key: first?.keys ?? [],
      handshakeTimeout: options.handshakeMs,
      ...(options.alpn.length === 0 ? {} : { ALPNProtocols: [...options.alpn] }),
      ...(validation === undefined
        ? {}
        : { requestCert: true, rejectUnauthorized: validation.mode === 'AllowValidOnly' }),
      ...(others.length === 0
        ? {}
        : {
            SNICallback: (name: string, done: SniDone) =>
              done(null, table.find(name.toLowerCase().replace(/\.$/u, ''))),
          }),
    })
    this.#server.on('secureConnection', (socket) => {
      // Also of a session that was resumed.
      if (
        validation?.mode === 'AllowValidOnly' &&
        (!socket.authorized || socket.getPeerX509Certificate() === undefined)
      ) {
        socket.destroy()
        options.onFailed()
      } else options.onSecure(socket, this)
    })
    this.#server.on('tlsClientError', (_error, socket) => {
      socket.destroy()
      options.onFailed()
    })
  }

  /** Bytes of the connection that were read already must have been put back. */
  handshake(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  setTicketKeys(keys: Buffer): void {
    this.#server.setTicketKeys(keys)
  }
}
