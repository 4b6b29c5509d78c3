import type { ByteSize, Clock, Duration, Logger, Random } from '@tidemill/core'
import type { DescService } from '@bufbuild/protobuf'
import type { Http2Limits } from '@tidemill/http2'
import type { MethodKind } from '../method.ts'
import type { Health } from '../health/health.ts'
import type { FlowOptions } from '../options.ts'
import type { ServerTls, TransportName, TransportStats } from '../transport/transport.ts'
import type { ServerContext } from './context.ts'
import type { Handlers } from './handlers.ts'

/** Runs around a handler. `next` runs the rest; what it returns or throws is the call's answer. */
export type ServerInterceptor = (
  request: unknown,
  ctx: ServerContext,
  next: (request: unknown, ctx: ServerContext) => unknown,
) => unknown

export interface ServerOptions {
  readonly h2?: TransportName
  readonly flow?: FlowOptions
  /** Calls at a time on one connection; default 500. */
  readonly maxConcurrentStreams?: number
  readonly maxConnections?: number
  /** Largest message taken; default 4 MiB. */
  readonly maxReceive?: ByteSize
  /** Largest message sent; no limit by default. */
  readonly maxSend?: ByteSize
  /** Largest header list taken; default 16 KiB. */
  readonly maxHeaderList?: ByteSize
  /** Encoding of responses for clients that accept it; default identity. */
  readonly compression?: 'identity' | 'gzip'
  readonly tls?: ServerTls
  readonly keepalive?: ServerKeepalive
  /** Serves grpc.health.v1, `true` with a health of its own that follows the server. */
  readonly health?: boolean | Health
  /** Serves reflection v1 and v1alpha of the services that are added. */
  readonly reflection?: boolean
  readonly interceptors?: readonly ServerInterceptor[]
  readonly logger?: Logger
  readonly clock?: Clock
  readonly random?: Random
  /** What a peer may do before it is told ENHANCE_YOUR_CALM; `resets` is 20,000 here. The node transport knows no other. */
  readonly limits?: Http2Limits
}

/** What a server asks of and does to silent, idle, old and impatient connections (gRFC A8, A9). */
export interface ServerKeepalive {
  /** A client that pings more often than this is told too_many_pings; default '5m'. */
  readonly minPingInterval?: Duration
  readonly permitWithoutCalls?: boolean
  /** Ends connections without a call since; default never. */
  readonly maxIdle?: Duration
  readonly maxAge?: Duration
  readonly maxAgeGrace?: Duration
  /** Pings a silent client; default '2h', with `timeout` '20s'. */
  readonly time?: Duration
  readonly timeout?: Duration
}

/** A method served as bytes: for proxies, load tools and services known only at run time. */
export interface RawMethod {
  readonly kind: MethodKind
  /**
   * Messages are bytes, without the five-byte prefix; the shapes are those of typed handlers: unary takes and returns
   * one, streaming ones take and return async iterables.
   */
  readonly handler: (request: never, ctx: ServerContext) => unknown
}

export interface ServerStats {
  readonly connections: number
  readonly callsOpen: number
  readonly callsStarted: number
  readonly callsFailed: number
  readonly perConnection: readonly TransportStats[]
}

/** A gRPC server. */
export interface Server {
  /** Serves a service; before or after `listen`. Throws TM_RPC_SERVICE when it is served already. */
  add<S extends DescService>(service: S, handlers: Handlers<S>): Server
  /** Serves one path as bytes; `*` takes every path that nobody else serves. */
  addRaw(path: string, method: RawMethod): Server
  /** `host:port`, `:port`, `unix:path`; port 0 is any free one. May be called for several addresses. */
  listen(address: string): Promise<ListenAddress>
  /** Services added with `add`, for reflection and health. */
  readonly services: readonly DescService[]
  /** Runs before GOAWAY when the server drains: health answers NOT_SERVING from here on. */
  onDrain(run: () => void): void
  /** Takes no new connections, tells clients to go away, waits for running calls. */
  drain(options?: { readonly grace?: Duration; readonly graceMs?: number }): Promise<void>
  /** Cuts everything. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
  stats(): ServerStats
}

export interface ListenAddress {
  /** As a channel takes it: `127.0.0.1:50051`, `unix:/run/x.sock`. */
  readonly target: string
  readonly port: number
}
