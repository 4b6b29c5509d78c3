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

  /** Closes the connection without completing the response, so that the client sees that it is cut. */
  abort(): void {
    if (this.#connection.exchange === this) this.#connection.destroy()
  }

  #owner(): ServerConnection {
    if (this.open) return this.#connection
    throw http1Errors.error('TM_HTTP1_STATE', { what: 'a response', state: 'the exchange is over' })
  }
}
