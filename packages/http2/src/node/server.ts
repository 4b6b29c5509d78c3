import { type Clock, parseDuration, realClock } from '@tidemill/core'
import { once } from 'node:events'
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { createHttp2Connection } from '../connection.ts'
import { http2Errors } from '../errors.ts'
import { ReceiveBudget } from '../flow/receive-budget.ts'
import type { ConnectionHandler, StreamHandler } from '../handler.ts'
import { SocketBinding } from './binding.ts'
import { h2Ciphers } from './ciphers.ts'
import type { Http2Server, Http2ServerOptions } from './types.ts'

/** Stands in until `onConnection` has said who gets the events. */
const nobody: ConnectionHandler = {
  onStream: () => ({}) as StreamHandler,
  onClose: () => undefined,
}

class SocketServer implements Http2Server {
  readonly #options: Http2ServerOptions
  readonly #clock: Clock
  readonly #server: Server
  readonly #bindings = new Set<SocketBinding>()
  /** Sockets in the TLS handshake have no binding yet. */
  readonly #sockets = new Set<Socket>()
  #emptied: (() => void) | undefined = undefined

  constructor(options: Http2ServerOptions) {
    const receiveBudget = options.receiveBudget ?? new ReceiveBudget(256 * 1024 * 1024)
    this.#options = { ...options, receiveBudget }
    this.#clock = options.clock ?? realClock
    const { tls } = options
    if (tls === undefined) {
      this.#server = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        this.#accept(socket),
      )
    } else {
      const server = createTlsServer(
        {
          allowHalfOpen: true,
          key: tls.key,
          cert: tls.cert,
          minVersion: 'TLSv1.2',
          ciphers: h2Ciphers,
          ALPNProtocols: ['h2'],
          handshakeTimeout: parseDuration(options.handshake ?? '10s', 'handshake'),
          ...(tls.clientCa === undefined
            ? {}
            : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
        },
        (socket) => {
          // A client that does not negotiate is not told in HTTP/1.1 that this is HTTP/2.
          if (socket.alpnProtocol === 'h2') this.#accept(socket)
          else socket.destroy()
        },
      )
      server.on('tlsClientError', (_error, socket) => socket.destroy())
      this.#server = server
    }
    this.#server.on('connection', (socket: Socket) => this.#count(socket))
  }

  get connections(): number {
    return this.#bindings.size
  }

  async listen(
    options: { readonly host?: string; readonly port?: number; readonly path?: string } = {},
  ): Promise<AddressInfo> {
    const { host = '127.0.0.1', port = 0, path } = options
    if (path === undefined) this.#server.listen(port, host)
    else this.#server.listen({ path })
    try {
      await once(this.#server, 'listening')
    } catch (error) {
      const details = { address: path ?? `${host}:${port}`, reason: (error as Error).message }
      throw http2Errors.error('TM_HTTP2_LISTEN', details, { cause: error })
    }
    // An accept that fails (out of descriptors) is the system's state, not this server's end.
    this.#server.on('error', () => undefined)
    if (path !== undefined) return { address: path, family: 'unix', port: 0 }
    return this.#server.address() as AddressInfo
  }

  #count(socket: Socket): void {
    if (this.#sockets.size >= (this.#options.maxConnections ?? 10_000)) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
  }

  #accept(socket: Socket | TLSSocket): void {
    if (socket.destroyed) return
    const connection = createHttp2Connection('server', nobody, this.#options)
    const binding = new SocketBinding(socket, connection, this.#options)
    this.#bindings.add(binding)
    socket.on('close', () => {
      this.#bindings.delete(binding)
      if (this.#bindings.size === 0) this.#emptied?.()
    })
    try {
      connection.handler = this.#options.onConnection(connection, socket)
    } catch {
      // Who cannot say what to do with a connection does not want it.
      binding.close()
    }
  }

  async drain(options: { readonly grace?: string } = {}): Promise<void> {
    const graceMs = parseDuration(options.grace ?? '10s', 'grace')
    this.#server.close()
    for (const { connection } of this.#bindings) connection.drain()
    if (this.#bindings.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.timer(graceMs, resolve)
        this.#emptied = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    await this.close()
  }

  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined
    this.#server.close()
    for (const binding of this.#bindings) binding.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** A server of HTTP/2 alone: h2c by prior knowledge, or TLS with ALPN h2. */
export function createHttp2Server(options: Http2ServerOptions): Http2Server {
  return new SocketServer(options)
}
