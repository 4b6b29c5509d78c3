import { STATUS_CODES } from 'node:http'
import type { TlsOptions } from 'node:tls'
import {
  type Clock,
  type Duration,
  parseDuration,
  realClock,
  sharedTimerWheel,
  type TimerWheel,
} from '@tidemill/core'
import { type HeaderList } from '../message-parser.ts'
import { type RequestParserOptions, RequestRules } from '../request-parser.ts'
import type { Verdict } from '../verdict.ts'
import { DateLine } from './date-line.ts'
import type { ServerExchange } from './server-exchange.ts'

/**
 * Gets the requests of a server, every call with its exchange. Only `onRequest` is needed; without `onBody` bodies are
 * read and dropped. An exception that a call throws closes its connection and is thrown on.
 */
export interface ServerHandler {
  onRequest(exchange: ServerExchange): void
  /** A part of the request's body. The bytes stay unchanged for good, but hold the memory they were read into. */
  onBody?(exchange: ServerExchange, chunk: Buffer): void
  /** The whole request is here. */
  onEnd?(exchange: ServerExchange, trailers: HeaderList): void
  /** After `write` gave false: write on. */
  onWritable?(exchange: ServerExchange): void
  /**
   * The client ended its side while its response was awaited: it may still read, or be gone. Without this call the
   * response is sent all the same; `exchange.abort()` gives it up.
   */
  onHalfClose?(exchange: ServerExchange): void
  /** The client went away, or was too slow, before the response was complete. */
  onAbort?(exchange: ServerExchange, reason: string): void
  /** A message was refused and answered by the server itself. */
  onRefused?(verdict: Verdict, remoteAddress: string): void
  /**
   * What the answer to a refused message says besides its status; without this call a problem document (RFC 9457).
   * `exchange` is undefined when the message has no whole head; when its response was awaited, `onAbort` follows.
   */
  refusal?(
    verdict: Verdict,
    exchange: ServerExchange | undefined,
    connection: RefusedConnection,
  ): Refusal
}

/** On which connection a message was refused. */
export interface RefusedConnection {
  readonly remoteAddress: string
  /** What `Http1Server.accept` was given. */
  readonly state: unknown
}

/** An answer to a refused message. */
export interface Refusal {
  readonly headers: HeaderList
  readonly body: string
}

export interface Http1ServerOptions extends RequestParserOptions {
  readonly handler: ServerHandler
  /** Serves TLS with these options; ALPN is the caller's. */
  readonly tls?: TlsOptions
  /** From the first byte (or the start of the connection) to the whole head, trickling included; default `10s`, then 408. */
  readonly headerTimeout?: Duration
  /** Without a request on a kept connection; default `65s`. */
  readonly idleTimeout?: Duration
  /** Without a byte of a body that is being read; default `30s`, then 408. */
  readonly bodyTimeout?: Duration
  /** Without a byte taken by a client that should read; default `30s`, then the connection is closed. */
  readonly writeTimeout?: Duration
  /** While draining: how long an idle connection is left to learn of it by `Connection: close`; default `1s`. */
  readonly drainIdle?: Duration
  /** While draining: when what is left is cut off; default `30s`. */
  readonly drainTimeout?: Duration
  /** Connections at a time; the next ones are closed at once. Default 10,000. */
  readonly maxConnections?: number
  /** Answers `Expect: 100-continue` before `onRequest`; default true. */
  readonly autoContinue?: boolean
  readonly clock?: Clock
}

type Complete<T> = { readonly [Key in keyof T]-?: T[Key] }

/** {@link Http1ServerOptions} read once, shared by the connections of the server. */
export interface ServerContext {
  readonly handler: Complete<ServerHandler>
  readonly rules: RequestRules
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly date: DateLine
  readonly headerMs: number
  readonly idleMs: number
  readonly bodyMs: number
  readonly writeMs: number
  readonly drainIdleMs: number
  readonly drainMs: number
  readonly autoContinue: boolean
}

export function serverContext(options: Http1ServerOptions): ServerContext {
  const { handler } = options
  const clock = options.clock ?? realClock
  return {
    handler: {
      onRequest: (exchange) => handler.onRequest(exchange),
      onBody: (exchange, chunk) => handler.onBody?.(exchange, chunk),
      onEnd: (exchange, trailers) => handler.onEnd?.(exchange, trailers),
      onWritable: (exchange) => handler.onWritable?.(exchange),
      onHalfClose: (exchange) => handler.onHalfClose?.(exchange),
      onAbort: (exchange, reason) => handler.onAbort?.(exchange, reason),
      onRefused: (verdict, remote) => handler.onRefused?.(verdict, remote),
      refusal: (verdict, exchange, connection) =>
        handler.refusal?.(verdict, exchange, connection) ?? problem(verdict),
    },
    rules: new RequestRules({
      scheme: options.tls === undefined ? 'http' : 'https',
      ...options,
    }),
    clock,
    wheel: sharedTimerWheel(clock),
    date: new DateLine(clock),
    headerMs: parseDuration(options.headerTimeout ?? '10s', '/headerTimeout'),
    idleMs: parseDuration(options.idleTimeout ?? '65s', '/idleTimeout'),
    bodyMs: parseDuration(options.bodyTimeout ?? '30s', '/bodyTimeout'),
    writeMs: parseDuration(options.writeTimeout ?? '30s', '/writeTimeout'),
    drainIdleMs: parseDuration(options.drainIdle ?? '1s', '/drainIdle'),
    drainMs: parseDuration(options.drainTimeout ?? '30s', '/drainTimeout'),
    autoContinue: options.autoContinue ?? true,
  }
}

const problemHeaders: HeaderList = ['content-type', 'application/problem+json']

/** RFC 9457, with the stable token of the verdict. */
function problem(verdict: Verdict): Refusal {
  const { status, reason } = verdict
  const title = STATUS_CODES[status] ?? ''
  const body = JSON.stringify({ type: 'about:blank', title, status, reason })
  return { headers: problemHeaders, body }
}
