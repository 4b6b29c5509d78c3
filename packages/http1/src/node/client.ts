import { connect, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Closable } from '@tidemill/core'
import { http1Errors } from '../errors.ts'
import { ClientConnection } from './client-connection.ts'
import type { ClientExchange, ClientRequest } from './client-exchange.ts'
import { clientContext, type ClientHandler, type Http1ClientOptions } from './client-options.ts'

/** A connection that carries one exchange at a time; pooling is the caller's. */
export interface Http1Client extends Closable {
  /** Whether a request can be sent now. */
  readonly ready: boolean
  /** Whether it can carry no more requests, now or later. */
  readonly closed: boolean
  /**
   * Sends a request; a body follows by the exchange's `write` and `end`. Throws TM_HTTP1_STATE while another one is
   * under way, TM_HTTP1_CLOSED when the connection is over.
   */
  request(request: ClientRequest, handler: ClientHandler): ClientExchange
  /** Closes at once; an exchange under way is given up without a call. */
  close(): Promise<void>
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
      const connection = new ClientConnection(socket, context)
      const client: Http1Client = {
        get ready() {
          return connection.ready
        },
        get closed() {
          return connection.over
        },
        request: (request, handler) => connection.request(request, handler),
        close() {
          connection.destroy()
          return Promise.resolve()
        },
        [Symbol.asyncDispose]: () => client.close(),
      }
      resolve(client)
    })
  })
}
