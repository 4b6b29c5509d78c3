import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { type Closable, type Duration, parseDuration } from '@tidemill/core'
import { ServerConnection } from './server-connection.ts'
import { type Http1ServerOptions, serverContext } from './server-options.ts'

export interface Http1Server extends Closable {
  /** Resolves once connections are accepted; the default host is 127.0.0.1, the default port any free one. */
  listen(options?: { readonly port?: number; readonly host?: string }): Promise<AddressInfo>
  /** Serves a connection that somebody else accepted; `state` is the `connectionState` of its exchanges. */
  accept(socket: Socket, state?: unknown): void
  /** Connections open now. */
  readonly connections: number
  /**
   * Accepts no more, answers what was asked with `Connection: close`, leaves idle connections `drainIdle` to learn of
   * it, and cuts off what is left after `drainTimeout`.
   */
  close(): Promise<void>
  /** Closes every connection at once; accepts no more. */
  cut(): void
  /** As `close`, with other times; connections given to `accept` meanwhile are served, with the same leave. */
  drain(times: { readonly idle: Duration; readonly timeout: Duration }): Promise<void>
}

/** A strict HTTP/1.1 server on TCP or TLS. */
export function createHttp1Server(options: Http1ServerOptions): Http1Server {
  const context = serverContext(options)
  const maxConnections = options.maxConnections ?? 10_000
  const connections = new Set<ServerConnection>()
  let closing: Promise<void> | undefined
  const waiting = new Set<() => void>()
  /** Of a drain under way; negative for none. */
  let drainIdleMs = -1

  const closed = (connection: ServerConnection): void => {
    connections.delete(connection)
    if (connections.size > 0) return
    for (const resolve of waiting) resolve()
    waiting.clear()
  }
  const accept = (socket: Socket, state?: unknown): void => {
    if (connections.size >= maxConnections || closing !== undefined) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    const connection = new ServerConnection(socket, context, closed, state)
    connections.add(connection)
    if (drainIdleMs >= 0) connection.drain(drainIdleMs)
  }
  const listener: Server =
    options.tls === undefined
      ? createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket))
      : createTlsServer(
          { handshakeTimeout: context.headerMs, ...options.tls, allowHalfOpen: true },
          (socket) => accept(socket),
        )
  // A failed handshake is the client's matter; the socket is closed by the server itself.
  listener.on('tlsClientError', () => undefined)
  // Accepting failed (no descriptor is left, say): those that are connected are served on, the next one is tried anew.
  listener.on('error', () => undefined)

  const drain = async (idleMs: number, timeoutMs: number): Promise<void> => {
    // Its callback would also wait for tunnels, which are no longer ours.
    listener.close()
    if (connections.size === 0) return
    const gone = new Promise<void>((resolve) => {
      waiting.add(resolve)
    })
    for (const connection of connections) connection.drain(idleMs)
    const hard = context.clock.timer(timeoutMs, () => {
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
    close: () => (closing ??= drain(context.drainIdleMs, context.drainMs)),
    cut() {
      closing ??= Promise.resolve()
      listener.close()
      for (const connection of connections) connection.destroy()
    },
    drain({ idle, timeout }) {
      drainIdleMs = parseDuration(idle, '/idle')
      return drain(drainIdleMs, parseDuration(timeout, '/timeout'))
    },
    [Symbol.asyncDispose]: () => server.close(),
  }
  return server
}
