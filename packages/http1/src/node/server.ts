import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Closable } from '@tidemill/core'
import { ServerConnection } from './server-connection.ts'
import { type Http1ServerOptions, serverContext } from './server-options.ts'

export interface Http1Server extends Closable {
  /** Resolves once connections are accepted; the default host is 127.0.0.1, the default port any free one. */
  listen(options?: { readonly port?: number; readonly host?: string }): Promise<AddressInfo>
  /** Serves a connection that somebody else accepted. */
  accept(socket: Socket): void
  /** Connections open now. */
  readonly connections: number
  /**
   * Accepts no more, answers what was asked with `Connection: close`, leaves idle connections `drainIdle` to learn of
   * it, and cuts off what is left after `drainTimeout`.
   */
  close(): Promise<void>
}

/** A strict HTTP/1.1 server on TCP or TLS. */
export function createHttp1Server(options: Http1ServerOptions): Http1Server {
  const context = serverContext(options)
  const maxConnections = options.maxConnections ?? 10_000
  const connections = new Set<ServerConnection>()
  let closing: Promise<void> | undefined
  let allGone: (() => void) | undefined

  const closed = (connection: ServerConnection): void => {
    connections.delete(connection)
    if (connections.size === 0) allGone?.()
  }
  const accept = (socket: Socket): void => {
    if (connections.size >= maxConnections || closing !== undefined) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    connections.add(new ServerConnection(socket, context, closed))
  }
  const listener: Server =
    options.tls === undefined
      ? createServer({ allowHalfOpen: true, noDelay: true }, accept)
      : createTlsServer(
          { handshakeTimeout: context.headerMs, ...options.tls, allowHalfOpen: true },
          accept,
        )
  // A failed handshake is the client's matter; the socket is closed by the server itself.
  listener.on('tlsClientError', () => undefined)
  // Accepting failed (no descriptor is left, say): those that are connected are served on, the next one is tried anew.
  listener.on('error', () => undefined)

  const drain = async (): Promise<void> => {
    // Its callback would also wait for tunnels, which are no longer ours.
    listener.close()
    if (connections.size === 0) return
    const gone = new Promise<void>((resolve) => {
      allGone = resolve
    })
    for (const connection of connections) connection.drain()
    const hard = context.clock.timer(context.drainMs, () => {
      for (const connection of connections) connection.destroy()
    })
    await gone
    hard.cancel()
  }

  const server: Http1Server = {
    listen: ({ port = 0, host = '127.0.0.1' } = {}) =>
      new Promise((resolve, reject) => {
        listener.once('error', reject)
        listener.listen({ port, host }, () => {
          listener.off('error', reject)
          resolve(listener.address() as AddressInfo)
        })
      }),
    accept,
    get connections() {
      return connections.size
    },
    close: () => (closing ??= drain()),
    [Symbol.asyncDispose]: () => server.close(),
  }
  return server
}
