import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from '../channel/address.ts'
import type { ClientTls } from './transport.ts'

/**
 * Begins to connect: `connect`, with TLS `secureConnect`, says that the socket stands. With `allowHalfOpen`
 * the caller ends its side when the peer has ended its own; node:http2 does not.
 */
export function openSocket(
  address: Address,
  tls: ClientTls | undefined,
  allowHalfOpen: boolean,
): Socket {
  const where =
    address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
  if (tls === undefined) return connectTcp({ ...where, noDelay: true, allowHalfOpen })
  const name = tls.serverName ?? (address.kind === 'tcp' ? address.host : 'localhost')
  const options = {
    ...where,
    allowHalfOpen,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2' as const,
    // An address is no server name (RFC 6066 3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.skipVerify === true ? { rejectUnauthorized: false } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
  }
  return connectTls(options)
}
