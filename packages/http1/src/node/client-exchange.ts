import type { Closable } from '@tidemill/core'
import { http1Errors } from '../errors.ts'
import type { HeaderList } from '../message-parser.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ClientHandler } from './client-options.ts'
import type { Tunnel } from './server-exchange.ts'

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

/** What to ask for; read during the call, so that one object may serve many requests. */
export interface ClientRequest {
  readonly method: string
  readonly target: string
  /** With Host unless `host` says it; without Connection, Transfer-Encoding and the like, which are the writer's. */
  readonly headers: HeaderList
  /** Body bytes; -1 when not known; default 0. Parts follow by `write`, the end by `end`. */
  readonly length?: number
  /** Asks to change to this protocol. */
  readonly upgrade?: string
  /** Value of Host when it is not among `headers`. */
  readonly host?: string
  /** Says that trailers are read (`te: trailers`). */
  readonly trailers?: boolean
  /** Milliseconds instead of the connection's `headerTimeout` and `bodyTimeout`; Infinity is off. */
  readonly headerMs?: number
  readonly bodyMs?: number
}

/** One request on a client connection. */
export class ClientExchange {
  /** The caller's own. */
  state: unknown = undefined
  readonly handler: ClientHandler
  readonly #connection: ClientConnection

  constructor(handler: ClientHandler, connection: ClientConnection) {
    this.handler = handler
    this.#connection = connection
  }

  /** Whether the connection takes another request now. */
  get reusable(): boolean {
    return this.#connection.ready
  }

  /** Adds to the request's body; false: wait for `onWritable`. */
  write(part: Uint8Array): boolean {
    return this.#owner().write(part)
  }

  /** Completes the request; one without a body is complete from the start. */
  end(trailers?: HeaderList): void {
    this.#owner().end(trailers)
  }

  /** Stops reading the response's body. */
  pauseBody(): void {
    if (this.#connection.exchange === this) this.#connection.pauseBody()
  }

  resumeBody(): void {
    if (this.#connection.exchange === this) this.#connection.resumeBody()
  }

  /** Takes the connection after a head whose `tunnel` is true; call it in `onResponse`. */
  tunnel(): Tunnel {
    return this.#owner().tunnel()
  }

  /** Gives the exchange up and closes the connection; no call of the handler follows. */
  abort(): void {
    if (this.#connection.exchange === this) this.#connection.destroy()
  }

  #owner(): ClientConnection {
    if (this.#connection.exchange === this) return this.#connection
    throw http1Errors.error('TM_HTTP1_STATE', { what: 'a request', state: 'the exchange is over' })
  }
}
