import type { Duration } from '@tidemill/core'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Http2Connection } from '../connection.ts'
import type { ConnectionHandler } from '../handler.ts'
import type { Http2Options } from '../options.ts'

/** What both ends of a socket may be told. */
export interface Http2SocketOptions extends Http2Options {
  /** Longest without an open stream, then a graceful end; default '30m', '0s' is for ever. */
  readonly idle?: Duration
  /**
   * Longest that output waits without the socket taking a byte, and that a client which has ended its side waits for an
   * answer; then the connection is lost; default '60s'.
   */
  readonly progress?: Duration
  /**
   * Longest until the peer's preface, SETTINGS and acknowledgement of ours are here, until later SETTINGS of ours are
   * acknowledged (within twice that), and until an idle peer answers that it is told to go; default '10s'.
   */
  readonly handshake?: Duration
}

/** PEM texts of a server. */
export interface Http2ServerTls {
  readonly key: string
  readonly cert: string
  /** Authorities of client certificates; with it a client without a certificate of theirs is refused. */
  readonly clientCa?: string
}

export interface Http2ServerOptions extends Http2SocketOptions {
  /** Called for each accepted connection (after the TLS handshake); returns who gets its events. */
  onConnection(connection: Http2Connection, socket: Socket | TLSSocket): ConnectionHandler
  /** With it only TLS with ALPN h2 is spoken, without it only h2c by prior knowledge. */
  readonly tls?: Http2ServerTls
  /** Connections at a time; more are closed at once. Default 10,000. */
  readonly maxConnections?: number
}

export interface Http2Server {
  /**
   * Starts accepting; `host` is 127.0.0.1 and `port` 0 (any free one) unless said. With `path` a unix socket there,
   * which is told as `{ address: path, family: 'unix', port: 0 }`; a file that exists is never replaced.
   */
  listen(options?: {
    readonly host?: string
    readonly port?: number
    readonly path?: string
  }): Promise<AddressInfo>
  /** Connections open now. */
  readonly connections: number
  /** Stops accepting, drains every connection, resolves when the last has ended; what is left after `grace` is cut. */
  drain(options?: { readonly grace?: Duration }): Promise<void>
  /** Stops accepting and cuts every connection. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface Http2ClientTls {
  /** Authorities to trust, PEM; default those of Node. */
  readonly ca?: string
  readonly key?: string
  readonly cert?: string
  /** The name to ask for and check; default the host, `localhost` for a unix socket. */
  readonly serverName?: string
}

export interface Http2ClientOptions extends Http2SocketOptions {
  /** Where to connect: `host` (default 127.0.0.1) and `port`, or the `path` of a unix socket. */
  readonly host?: string
  readonly port?: number
  readonly path?: string
  /** TLS with ALPN h2; without it h2c by prior knowledge. */
  readonly tls?: Http2ClientTls
  /** Gives up connecting; later it does nothing. */
  readonly signal?: AbortSignal
  /** Longest until the connection (with TLS) stands; default '10s'. */
  readonly connectTimeout?: Duration
}
