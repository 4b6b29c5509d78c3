import type { Socket } from 'node:net'
import { http1Errors } from '../errors.ts'
import type { HeaderList } from '../message-parser.ts'
import { RequestWriter } from '../request-writer.ts'
import { type ResponseHandler, type ResponseHead, ResponseParser } from '../response-parser.ts'
import type { Verdict } from '../verdict.ts'
import { ClientExchange, type ClientRequest, type Http1Client } from './client-exchange.ts'
import type { ClientContext, ClientHandler } from './client-options.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import type { Tunnel } from './server-exchange.ts'
import { type OutputOwner, SocketOutput } from './socket-output.ts'

/** What the connection's deadline is for. */
const waits = { nothing: 0, header: 1, body: 2 } as const

const nothing = Buffer.alloc(0)

/** A connection to a server: one exchange at a time. */
export class ClientConnection implements Http1Client, ResponseHandler, OutputOwner {
  exchange: ClientExchange | undefined = undefined
  readonly #socket: Socket
  readonly #context: ClientContext
  readonly #parser: ResponseParser
  readonly #writer: RequestWriter
  readonly #output: SocketOutput
  readonly #deadline: DeadlineTimer
  #exchanges = 0
  #requestDone = true
  #started = false
  #writtenBefore = 0
  #keepAlive = true
  /** The head that came made this connection a tunnel. */
  #tunnel = false
  #held: Buffer = nothing
  #bodyPaused = false
  #inputEnded = false
  #reading = false
  #over = false
  #given = false
  /** The response ended inside the bytes that are being read: its handler hears of it behind them. */
  #endTrailers: HeaderList | undefined = undefined
  #headerMs = 0
  #bodyMs = 0
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk)
  readonly #onEnd = (): void => this.#receiveEnd()
  readonly #onClose = (): void => this.#lost('the server closed it')
  readonly #onError = (error: Error): void => this.#lost(error.message)

  constructor(socket: Socket, context: ClientContext) {
    this.#socket = socket
    this.#context = context
    this.#parser = new ResponseParser(this, context.rules)
    this.#output = new SocketOutput(socket, this, context.wheel, context.writeMs)
    this.#writer = new RequestWriter(this.#output.slab)
    this.#deadline = new DeadlineTimer(context.clock, context.wheel, (kind) => this.#late(kind))
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('error', this.#onError)
  }

  /** Whether a request can be sent now. */
  get ready(): boolean {
    return !this.#over && this.exchange === undefined && this.#keepAlive
  }

  /** Whether the connection can carry no more requests, now or later. */
  get closed(): boolean {
    return this.#over
  }

  /**
   * Sends a request; a body follows by the exchange's `write` and `end`. Throws TM_HTTP1_STATE while another one is
   * under way, TM_HTTP1_CLOSED when the connection is over, and the writer's errors, each with nothing sent.
   */
  request(request: ClientRequest, handler: ClientHandler): ClientExchange {
    if (this.#over || !this.#keepAlive)
      throw http1Errors.error('TM_HTTP1_CLOSED', {
        peer: this.#context.peer,
        reason: 'it ended before the request',
        sent: false,
        started: false,
        reused: this.#exchanges > 0,
      })
    if (this.exchange !== undefined)
      throw http1Errors.error('TM_HTTP1_STATE', {
        what: 'a request',
        state: 'the connection is busy with another one',
      })
    const { method, target, headers, length = 0, upgrade = '' } = request
    this.#writer.head(method, target, headers, length, request)
    this.#parser.begin(method, upgrade !== '')
    this.#headerMs = request.headerMs ?? this.#context.headerMs
    this.#bodyMs = request.bodyMs ?? this.#context.bodyMs
    const exchange = new ClientExchange(handler, this)
    this.exchange = exchange
    this.#exchanges++
    this.#requestDone = length === 0
    this.#started = false
    this.#writtenBefore = this.#socket.bytesWritten
    if (length === 0) {
      this.#writer.end()
      this.#deadline.arm(waits.header, this.#headerMs)
    }
    this.#output.schedule()
    return exchange
  }

  write(part: Uint8Array): boolean {
    this.#writer.body(part)
    if (this.#output.slab.pending >= 256 * 1024) this.#output.flush()
    else this.#output.schedule()
    return !this.#output.hold()
  }

  end(trailers?: HeaderList): void {
    if (this.#requestDone && trailers === undefined) return
    this.#writer.end(trailers)
    this.#requestDone = true
    this.#output.schedule()
    if (!this.#started) this.#deadline.arm(waits.header, this.#headerMs)
  }

  pauseBody(): void {
    if (this.#bodyPaused) return
    this.#bodyPaused = true
    this.#parser.pause()
    this.#socket.pause()
    this.#deadline.clear()
  }

  resumeBody(): void {
    if (!this.#bodyPaused) return
    this.#bodyPaused = false
    this.#parser.resume()
    this.#socket.resume()
    if (this.#started) this.#deadline.arm(waits.body, this.#bodyMs)
    if (this.#reading) return
    const held = this.#held
    this.#held = nothing
    this.#consume(held)
  }

  tunnel(): Tunnel {
    if (!this.#tunnel)
      throw http1Errors.error('TM_HTTP1_STATE', {
        what: 'a switch of protocols',
        state: 'the server did not agree to one',
      })
    const socket = this.#socket
    this.#parser.pause()
    this.#output.flush()
    this.#given = true
    this.exchange = undefined
    this.#deadline.stop()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('error', this.#onError)
    socket.pause()
    this.#finish()
    // What came behind the head is put back into the socket when the parser returns.
    return { socket, head: nothing }
  }

  /** Closes at once; an exchange under way is given up without a call. */
  destroy(): void {
    this.exchange = undefined
    this.#socket.destroy()
    this.#finish()
  }

  close(): Promise<void> {
    this.destroy()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // Responses

  onInformational(head: ResponseHead): void {
    const exchange = this.exchange as ClientExchange
    exchange.handler.onInformational?.(exchange, head)
  }

  onHead(head: ResponseHead): void {
    const exchange = this.exchange as ClientExchange
    this.#started = true
    this.#keepAlive = head.keepAlive && !head.tunnel
    this.#tunnel = head.tunnel
    this.#deadline.arm(waits.body, this.#bodyMs)
    exchange.handler.onResponse(exchange, head)
  }

  onBody(chunk: Buffer): void {
    const exchange = this.exchange
    if (exchange !== undefined) exchange.handler.onBody(exchange, chunk)
  }

  onEnd(trailers: HeaderList): void {
    if (!this.#reading) this.#complete(trailers)
    else {
      // Whoever sends the next request must not get what came behind this response in the same bytes.
      this.#parser.pause()
      this.#endTrailers = trailers
    }
  }

  #complete(trailers: HeaderList): void {
    const exchange = this.exchange
    if (exchange === undefined) return
    this.exchange = undefined
    this.#deadline.clear()
    // A server that answers before it has read the request does not read the rest of it (RFC 9112 9.3).
    if (!this.#requestDone) this.#keepAlive = false
    exchange.handler.onEnd(exchange, trailers)
    if (!this.#keepAlive) this.#close()
    else if (this.exchange === undefined && !this.#over) this.#context.onIdle()
  }

  onVerdict(verdict: Verdict): void {
    const { reason, position } = verdict
    const silent = reason === 'closed-before-response' || reason === 'truncated'
    const code = silent ? 'TM_HTTP1_CLOSED' : 'TM_HTTP1_PEER'
    this.#fail(
      http1Errors.error(code, { peer: this.#context.peer, reason, position, ...this.#facts() }),
    )
  }

  // Output

  onDrained(): void {
    const exchange = this.exchange
    if (exchange !== undefined && !this.#requestDone) exchange.handler.onWritable?.(exchange)
  }

  onWriteStall(): void {
    this.#timeout('it does not read the request', this.#context.writeMs)
  }

  #facts(): { sent: boolean; started: boolean; reused: boolean } {
    return {
      // Bytes that never left the slab cannot have been seen; all others may have been.
      sent: this.#socket.bytesWritten > this.#writtenBefore,
      started: this.#started,
      reused: this.#exchanges > 1,
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#over) return
    if (this.#parser.paused) {
      this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
      return
    }
    if (this.#deadline.kind === waits.body) this.#deadline.arm(waits.body, this.#bodyMs)
    this.#consume(chunk)
  }

  #consume(chunk: Buffer): void {
    this.#reading = true
    let taken = 0
    try {
      taken = this.#parser.feed(chunk)
    } catch (error) {
      this.destroy()
      throw error
    } finally {
      this.#reading = false
    }
    if (this.#given) {
      if (taken < chunk.length) this.#socket.unshift(chunk.subarray(taken))
      return
    }
    if (this.#over) return
    const trailers = this.#endTrailers
    if (trailers !== undefined) {
      this.#endTrailers = undefined
      this.#parser.resume()
      if (taken < chunk.length) this.#keepAlive = false
      this.#complete(trailers)
      if (this.#over) return
      if (this.#inputEnded) this.#finishInput()
    } else if (taken < chunk.length) {
      if (this.#parser.paused) {
        const rest = chunk.subarray(taken)
        this.#held = this.#held.length === 0 ? rest : Buffer.concat([rest, this.#held])
      }
    } else if (this.#inputEnded) this.#finishInput()
    this.#output.flush()
  }

  #receiveEnd(): void {
    this.#inputEnded = true
    if (!this.#over && !this.#parser.paused) this.#finishInput()
  }

  #finishInput(): void {
    this.#parser.ended()
    this.#close()
  }

  #late(kind: number): void {
    if (kind === waits.header) this.#timeout('no response', this.#headerMs)
    else this.#timeout('the body stands still', this.#bodyMs)
  }

  #timeout(what: string, ms: number): void {
    const { peer } = this.#context
    this.#fail(http1Errors.error('TM_HTTP1_TIMEOUT', { peer, what, ms, ...this.#facts() }))
  }

  #lost(reason: string): void {
    if (this.#given) return
    const { peer } = this.#context
    if (this.exchange === undefined) this.#finish()
    else this.#fail(http1Errors.error('TM_HTTP1_CLOSED', { peer, reason, ...this.#facts() }))
  }

  #fail(error: Error): void {
    const exchange = this.exchange
    this.exchange = undefined
    this.#socket.destroy()
    this.#finish()
    exchange?.handler.onError(exchange, error)
  }

  /** No more requests; what is written is still sent. */
  #close(): void {
    if (this.#over) return
    this.#output.end()
    this.#socket.destroySoon()
    this.#finish()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#parser.pause()
    this.#deadline.stop()
    if (!this.#given) this.#output.close()
    this.#context.onClose()
  }
}
