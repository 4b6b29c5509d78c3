import type { ConnectionOptions } from 'node:tls'
import {
  type Clock,
  type Duration,
  parseDuration,
  realClock,
  sharedTimerWheel,
  type TimerWheel,
} from '@tidemill/core'
import type { HeaderList } from '../message-parser.ts'
import { type ResponseHead, type ResponseParserOptions, ResponseRules } from '../response-parser.ts'
import type { ClientExchange } from './client-exchange.ts'

/** Gets the answer to one request. After `onEnd` or `onError` nothing more comes. */
export interface ClientHandler {
  onInformational?(exchange: ClientExchange, head: ResponseHead): void
  onResponse(exchange: ClientExchange, head: ResponseHead): void
  /** A part of the body; valid during the call only. */
  onBody(exchange: ClientExchange, chunk: Buffer): void
  /** The whole response is here; `exchange.reusable` says whether the connection takes another request. */
  onEnd(exchange: ClientExchange, trailers: HeaderList): void
  /** After `write` gave false: write on. */
  onWritable?(exchange: ClientExchange): void
  /**
   * TM_HTTP1_PEER, TM_HTTP1_CLOSED or TM_HTTP1_TIMEOUT. `details.sent` tells whether bytes of the request may have
   * reached the server, `details.started` whether the response had begun, `details.reused` whether the connection had
   * carried another exchange before.
   */
  onError(exchange: ClientExchange, error: Error): void
}

export interface Http1ClientOptions extends ResponseParserOptions {
  readonly host?: string
  readonly port: number
  /** Speaks TLS with these options; `servername` is `host` unless given. */
  readonly tls?: ConnectionOptions
  /** Until the connection, with its handshake, stands; default `5s`. */
  readonly connectTimeout?: Duration
  /** From the end of the request to the whole head of the final response, trickling included; default `60s`. */
  readonly headerTimeout?: Duration
  /** Without a byte of a body that is being read; default `60s`. */
  readonly bodyTimeout?: Duration
  /** Without a byte taken by the server; default `30s`. */
  readonly writeTimeout?: Duration
  /** Called whenever the connection is free for the next request. */
  readonly onIdle?: () => void
  /** Called once, when the connection can carry no more requests. */
  readonly onClose?: () => void
  readonly clock?: Clock
}

/** {@link Http1ClientOptions} read once. */
export interface ClientContext {
  readonly rules: ResponseRules
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly peer: string
  readonly connectMs: number
  readonly headerMs: number
  readonly bodyMs: number
  readonly writeMs: number
  readonly onIdle: () => void
  readonly onClose: () => void
}

function none(): void {
  // Nobody asked to be told.
}

export function clientContext(options: Http1ClientOptions): ClientContext {
  const clock = options.clock ?? realClock
  return {
    rules: new ResponseRules(options),
    clock,
    wheel: sharedTimerWheel(clock),
    peer: `${options.host ?? '127.0.0.1'}:${options.port}`,
    connectMs: parseDuration(options.connectTimeout ?? '5s', '/connectTimeout'),
    headerMs: parseDuration(options.headerTimeout ?? '60s', '/headerTimeout'),
    bodyMs: parseDuration(options.bodyTimeout ?? '60s', '/bodyTimeout'),
    writeMs: parseDuration(options.writeTimeout ?? '30s', '/writeTimeout'),
    onIdle: options.onIdle ?? none,
    onClose: options.onClose ?? none,
  }
}
