import type { Socket } from 'node:net'
import { http1Errors } from '../errors.ts'
import type { HeaderList } from '../message-parser.ts'
import type { RequestHead } from '../request-parser.ts'
import type { ServerConnection } from './server-connection.ts'

/** A connection that is no longer HTTP. */
export interface Tunnel {
  /** Without listeners of ours, not even for errors, and paused: the new owner listens, resumes, writes and closes. */
  readonly socket: Socket
  /** Bytes that were held behind the request: the first of the tunnel, before those that the socket gives. */
  readonly head: Buffer
}

/**
 * One request and its response. Once the response is complete, or the client is gone, every call that writes throws
 * TM_HTTP1_STATE; keep no reference.
 */
export class ServerExchange {
  readonly head: RequestHead
  /** The caller's own. */
  state: unknown = undefined
  readonly #connection: ServerConnection

  constructor(head: RequestHead, connection: ServerConnection) {
    this.head = head
    this.#connection = connection
  }

  /** What `Http1Server.accept` was given with the connection. */
  get connectionState(): unknown {
    return this.#connection.state
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress
  }

  /** True until the response is complete or the client is gone. */
  get open(): boolean {
    return this.#connection.exchange === this && !this.#connection.responseDone
  }

  /** Sends a whole response. Text is sent as UTF-8; a body of 16 KiB or more must stay unchanged until it is written. */
  respond(status: number, headers: HeaderList, body?: Uint8Array | string): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    this.#owner().respond(status, headers, bytes)
  }

  /** Begins a response; `length` is the number of body bytes, -1 when it is not known. */
  writeHead(status: number, headers: HeaderList, length: number, reason?: string): void {
    this.#owner().writeHead(status, headers, length, reason)
  }

  /** Adds to the body; false: wait for `onWritable`. What is written nevertheless is kept, so do wait. */
  write(part: Uint8Array): boolean {
    return this.#owner().write(part)
  }

  /** Completes the response. */
  end(trailers?: HeaderList): void {
    this.#owner().end(trailers)
  }

  /** Sends 100, 102 or 103; false to a client of HTTP/1.0, which knows none. */
  informational(status: number, headers?: HeaderList): boolean {
    return this.#owner().informational(status, headers)
  }

  /**
   * Finds out whether a client that ended its side while its response is awaited is gone: `onAbort` follows if it is. One
   * that reads is sent `100 Continue`, which it passes over (RFC 9110 15.2); one that is gone answers with a reset. Does
   * nothing for HTTP/1.0.
   */
  probe(): void {
    if (this.open) this.#connection.probe()
  }

  /** Makes this the last exchange of the connection; before the head is written. */
  closeAfter(): void {
    this.#owner().writer.close()
  }

  /** Stops reading the request's body; one chunk that was already read may still come. */
  pauseBody(): void {
    if (this.#connection.exchange === this) this.#connection.pauseBody()
  }

  resumeBody(): void {
    if (this.#connection.exchange === this) this.#connection.resumeBody()
  }

  /** Answers an upgrade with 101, a CONNECT with 200, and gives the connection away; after the request's whole body. */
  upgrade(headers: HeaderList): Tunnel {
    return this.#owner().upgrade(headers)
  }

  /**
   * Answers an upgrade with 101, a CONNECT with 200, and keeps the connection: from now on `onBody`, `write` and
   * `pauseBody` are about the tunnel's bytes, `onEnd` is the end of the client's side and `end` that of ours, after
   * which nothing more is heard. After the request's whole body.
   */
  tunnel(headers: HeaderList): void {
    this.#owner().tunnel(headers)
  }

  /** Closes the connection without completing the response, so that the client sees that it is cut. */
  abort(): void {
    if (this.#connection.exchange === this) this.#connection.destroy()
  }

  #owner(): ServerConnection {
    if (this.open) return this.#connection
    throw http1Errors.error('TM_HTTP1_STATE', { what: 'a response', state: 'the exchange is over' })
  }
}
