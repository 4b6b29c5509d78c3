import { parseDuration, realClock } from '@tidemill/core'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { createHttp2Connection, type Http2Connection } from '../connection.ts'
import { http2Errors } from '../errors.ts'
import type { ConnectionHandler } from '../handler.ts'
import { SocketBinding } from './binding.ts'
import { h2Ciphers } from './ciphers.ts'
import type { Http2ClientOptions, Http2SocketOptions } from './types.ts'

/**
 * Joins a connected socket and a connection: both end together, `connection.onWake` belongs to the binding, and what
 * the socket does wrong is an end of the connection, never an unhandled error.
 */
export function bindHttp2(
  socket: Socket | TLSSocket,
  connection: Http2Connection,
  options: Http2SocketOptions = {},
): { close(): void } {
  return new SocketBinding(socket, connection, options)
}

function openSocket(options: Http2ClientOptions): { socket: Socket | TLSSocket; ready: string } {
  const { host = '127.0.0.1', path, tls } = options
  const target = path === undefined ? { host, port: options.port ?? 0 } : { path }
  if (tls === undefined) {
    return {
      socket: connectTcp({ ...target, allowHalfOpen: true, noDelay: true }),
      ready: 'connect',
    }
  }
  const name = tls.serverName ?? (path === undefined ? host : 'localhost')
  const settings: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
    ...target,
    allowHalfOpen: true,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    ciphers: h2Ciphers,
    // An address is no server name (RFC 6066 3); the certificate is checked against it all the same.
    ...(isIP(name) === 0 ? { servername: name } : { servername: '' }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
  }
  return { socket: connectTls(settings), ready: 'secureConnect' }
}

/**
 * Opens a connection; resolves when the socket (with TLS) stands, the preface is then on its way. Rejects with
 * TM_HTTP2_CONNECT; closing the connection (`goaway`, `drain`) closes the socket.
 */
export function connectHttp2(
  handler: ConnectionHandler,
  options: Http2ClientOptions,
): Promise<Http2Connection> {
  const { host = '127.0.0.1', port = 0, path } = options
  const authority = path ?? `${host}:${port}`
  const { socket, ready } = openSocket(options)
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown): void => {
      settle()
      socket.on('error', () => undefined)
      socket.destroy()
      reject(http2Errors.error('TM_HTTP2_CONNECT', { authority, reason }, { cause }))
    }
    const onError = (error: Error): void => fail(error.message, error)
    const onClose = (): void => fail('the socket has closed')
    const onAbort = (): void => fail('given up by the caller', options.signal?.reason)
    const timeout = options.connectTimeout ?? '10s'
    const timer = (options.clock ?? realClock).timer(parseDuration(timeout, 'connectTimeout'), () =>
      fail(`nothing within ${timeout}`),
    )
    const settle = (): void => {
      timer.cancel()
      socket.off('error', onError)
      socket.off('close', onClose)
      options.signal?.removeEventListener('abort', onAbort)
    }
    socket.on('error', onError)
    socket.on('close', onClose)
    socket.once(ready, () => {
      if (options.tls !== undefined && (socket as TLSSocket).alpnProtocol !== 'h2') {
        return fail('the server does not speak h2 by ALPN')
      }
      settle()
      const connection = createHttp2Connection('client', handler, options)
      bindHttp2(socket, connection, options)
      resolve(connection)
    })
    if (options.signal?.aborted === true) onAbort()
    else options.signal?.addEventListener('abort', onAbort, { once: true })
  })
}
