import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { http1Errors } from '../errors.ts'
import { ClientConnection } from './client-connection.ts'
import type { Http1Client } from './client-exchange.ts'
import { clientContext, type Http1ClientOptions } from './client-options.ts'

/**
 * Speaks HTTP/1.1 on a socket that is connected (with TLS: whose handshake is done); of the options the timeouts and
 * limits count. The socket belongs to the client from now on.
 */
export function bindHttp1Client(socket: Socket, options: Http1ClientOptions): Http1Client {
  return new ClientConnection(socket, clientContext(options))
}

/** Connects to a server; rejects with TM_HTTP1_CLOSED or, after `connectTimeout`, TM_HTTP1_TIMEOUT. */
export function connectHttp1(options: Http1ClientOptions): Promise<Http1Client> {
  const context = clientContext(options)
  const { host = '127.0.0.1', port, tls } = options
  const socket =
    tls === undefined
      ? connect({ host, port, noDelay: true })
      : // RFC 6066: an address is no server name.
        connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls })
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      limit.stop()
      socket.destroy()
      const details = { peer: context.peer, sent: false, started: false, reused: false }
      const reason = error.message
      reject(http1Errors.error('TM_HTTP1_CLOSED', { ...details, reason }, { cause: error }))
    }
    const limit = context.wheel.timer(() => {
      socket.off('error', failed)
      socket.on('error', () => undefined)
      socket.destroy()
      const details = { peer: context.peer, ms: context.connectMs, what: 'no connection' }
      reject(http1Errors.error('TM_HTTP1_TIMEOUT', { ...details, sent: false, started: false }))
    })
    limit.start(context.connectMs)
    socket.once('error', failed)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      limit.stop()
      socket.off('error', failed)
      if (tls !== undefined) socket.setNoDelay(true)
      resolve(new ClientConnection(socket, context))
    })
  })
}
