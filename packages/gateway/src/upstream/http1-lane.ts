import type { Socket } from 'node:net'
import { isForbiddenTrailer, type HeaderList, type ResponseHead } from '@tidemill/http1'
import {
  bindHttp1Client,
  type ClientExchange,
  type ClientHandler,
  type Http1Client,
} from '@tidemill/http1/node'
import type { Applicant, Attempt } from './attempt.ts'
import { fault, http1Fault } from './attempt-fault.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { Http1Tunnel } from './http1-tunnel.ts'
import { keptMs, plainIdleMs, stripConnectionFields } from './response-fields.ts'
import type { UpstreamRequest } from './upstream-call.ts'

/** Of a response that nobody wants, this much is read to keep the connection, and for no longer than this. */
const drainBytes = 64 * 1024
const drainMs = 1000

const noFields: readonly string[] = []

/** Read by the client during the call only: one serves all. */
const scratch = {
  method: '',
  target: '',
  headers: noFields,
  length: 0,
  upgrade: '',
  host: '',
  trailers: false,
  headerMs: 0,
  bodyMs: 0,
}

/** An HTTP/1.1 connection of a pool; carries one attempt at a time and lives through many. */
export class Http1Lane implements Attempt, ClientHandler {
  readonly timed: boolean = true
  readonly #pool: ConnectionPool
  readonly #client: Http1Client
  #sink: Applicant | undefined = undefined
  #exchange: ClientExchange | undefined = undefined
  #bodyLength = 0
  #tunnelAsked = false
  /** Bytes of a discarded body that may still come. */
  #drainLeft = 0
  #keepAlive = ''
  /** Requests so far. */
  uses: number = 0
  /** How long it may be unused, and, while it is, until when. */
  idleMs: number = plainIdleMs
  idleUntil: number = 0

  constructor(socket: Socket, pool: ConnectionPool) {
    this.#pool = pool
    const { address, port } = pool.host
    this.#client = bindHttp1Client(socket, {
      host: address,
      port,
      clock: pool.owner.clock,
      onClose: () => pool.laneClosed(this),
    })
  }

  get ready(): boolean {
    return this.#client.ready
  }

  /** Sends a request (its body follows); throws what the writer refuses, with nothing sent. */
  begin(sink: Applicant, request: UpstreamRequest, headerMs: number): Attempt {
    scratch.method = request.method
    scratch.target = request.target
    scratch.headers = request.headers
    scratch.length = request.bodyLength
    scratch.upgrade = request.upgrade
    scratch.host = request.host
    scratch.trailers = request.acceptsTrailers
    scratch.headerMs = headerMs
    scratch.bodyMs = request.idleMs
    this.#exchange = this.#client.request(scratch, this)
    this.#sink = sink
    this.#bodyLength = request.bodyLength
    this.#tunnelAsked = request.upgrade !== ''
    this.uses++
    return this
  }

  /** Of an unused connection. */
  close(): void {
    void this.#client.close()
  }

  /** The attempt under way fails. */
  cut(): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#exchange = undefined
    void this.#client.close()
    sink?.onAttemptFault(fault('reset', 'the connection was closed by the gateway'))
  }

  // The attempt

  write(part: Uint8Array): boolean {
    return this.#exchange?.write(part) ?? true
  }

  end(trailers: readonly string[]): void {
    if (this.#bodyLength === 0) return
    const passable = this.#bodyLength < 0 && trailers.length > 0
    this.#exchange?.end(passable ? sendable(trailers) : noFields)
  }

  pauseBody(): void {
    this.#exchange?.pauseBody()
  }

  resumeBody(): void {
    this.#exchange?.resumeBody()
  }

  abort(): void {
    this.#sink = undefined
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.abort()
  }

  discard(bodyLength: number): void {
    if (bodyLength > drainBytes) {
      this.abort()
      return
    }
    this.#sink = undefined
    this.#drainLeft = drainBytes
    const exchange = this.#exchange
    this.#pool.owner.wheel
      .timer(() => {
        if (this.#exchange === exchange) this.abort()
      })
      .start(drainMs)
  }

  // The response

  onInformational(_exchange: ClientExchange, head: ResponseHead): void {
    const headers = head.headers as string[]
    stripConnectionFields(headers, head.nominated)
    this.#sink?.onAttemptInformational(head.status, headers)
  }

  onResponse(exchange: ClientExchange, head: ResponseHead): void {
    const sink = this.#sink
    if (sink === undefined) return
    // The list was made for this head, and nobody else holds it.
    const headers = head.headers as string[]
    const keepAlive = stripConnectionFields(headers, head.nominated)
    if (keepAlive !== this.#keepAlive) {
      this.#keepAlive = keepAlive
      this.idleMs = keptMs(keepAlive)
    }
    if (head.tunnel) this.#openTunnel(exchange, sink, headers)
    else sink.onAttemptHead(head.status, headers, Math.max(-1, head.bodyLength))
  }

  #openTunnel(exchange: ClientExchange, sink: Applicant, headers: string[]): void {
    if (!this.#tunnelAsked) {
      this.abort()
      sink.onAttemptFault(fault('protocol', 'it switched protocols unasked'))
      return
    }
    this.#sink = undefined
    this.#exchange = undefined
    const pool = this.#pool
    // Before the lane ends: one connection stays one.
    pool.owner.opened()
    const { socket } = exchange.tunnel()
    const tunnel = new Http1Tunnel(socket, sink, pool)
    pool.tunnelOpened(tunnel)
    sink.onAttempt(tunnel)
    sink.onAttemptHead(101, headers, -1)
  }

  onBody(_exchange: ClientExchange, chunk: Buffer): void {
    const sink = this.#sink
    if (sink !== undefined) sink.onAttemptBody(chunk)
    else {
      this.#drainLeft -= chunk.length
      if (this.#drainLeft < 0) this.abort()
    }
  }

  onEnd(exchange: ClientExchange, trailers: HeaderList): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#exchange = undefined
    // First, so that what the end brings about finds it.
    if (exchange.reusable) this.#pool.laneIdle(this)
    sink?.onAttemptEnd(trailers)
  }

  onWritable(): void {
    this.#sink?.onAttemptWritable()
  }

  onError(_exchange: ClientExchange, error: Error): void {
    const sink = this.#sink
    this.#sink = undefined
    this.#exchange = undefined
    sink?.onAttemptFault(http1Fault(error))
  }
}

/** Trailers without those that would be refused (RFC 9110 6.5.1). */
function sendable(trailers: readonly string[]): readonly string[] {
  const list: string[] = []
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    const name = trailers[i] as string
    if (!isForbiddenTrailer(name)) list.push(name, trailers[i + 1] as string)
  }
  return list
}
