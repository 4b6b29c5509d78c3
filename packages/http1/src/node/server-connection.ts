import type { Socket } from 'node:net'
import type { HeaderList } from '../message-parser.ts'
import { type RequestHandler, type RequestHead, RequestParser } from '../request-parser.ts'
import { ResponseWriter } from '../response-writer.ts'
import { http1Errors } from '../errors.ts'
import { requestVerdict, type Verdict } from '../verdict.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { ServerExchange, type Tunnel } from './server-exchange.ts'
import type { ServerContext } from './server-options.ts'
import { type OutputOwner, SocketOutput } from './socket-output.ts'

/** What the connection's deadline is for. */
const waits = { nothing: 0, header: 1, idle: 2, body: 3, linger: 4, probe: 5, echo: 6 } as const

/** Of a body that nobody reads, this much is read to keep the connection; more of it closes. */
const drainBytes = 64 * 1024
/** Of the next requests of a pipeline, this much is held while one is answered; then the socket is not read. */
const pipelineBytes = 64 * 1024
/** After the last response: how long the rest of what the client sends is read, lest a reset destroys the response. */
const lingerMs = 1000

/** How long a response may take before a client that ended its side is probed, and the probe's echo after that. */
const probeMs = 100
const echoMs = 50

const nothing = Buffer.alloc(0)

/** One connection of a server: requests are answered one after another, the next one is read when the last is done. */
export class ServerConnection implements RequestHandler, OutputOwner {
  readonly writer: ResponseWriter
  readonly remoteAddress: string
  /** What `accept` was given. */
  readonly state: unknown
  exchange: ServerExchange | undefined = undefined
  responseDone = true
  readonly #socket: Socket
  readonly #context: ServerContext
  readonly #parser: RequestParser
  readonly #output: SocketOutput
  readonly #deadline: DeadlineTimer
  readonly #closed: (connection: ServerConnection) => void
  #requestDone = true
  #refused = false
  /** The next bytes, while the parser is paused. */
  #held: Buffer = nothing
  #bodyPaused = false
  #discarded = 0
  #continued = true
  #inputEnded = false
  #reading = false
  #draining = false
  #drainIdleMs = 0
  #closing = false
  #given = false
  /** The exchange whose bytes both ways the connection carries since 101 or a CONNECT. */
  #tunnel: ServerExchange | undefined = undefined
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk)
  readonly #onEnd = (): void => this.#receiveEnd()
  readonly #onClose = (): void => this.#release('closed')
  readonly #onError = (): void => undefined

  constructor(
    socket: Socket,
    context: ServerContext,
    closed: (connection: ServerConnection) => void,
    state?: unknown,
  ) {
    this.#socket = socket
    this.#context = context
    this.#closed = closed
    this.state = state
    this.remoteAddress = socket.remoteAddress ?? ''
    this.#parser = new RequestParser(this, context.rules)
    this.#output = new SocketOutput(socket, this, context.wheel, context.writeMs)
    this.writer = new ResponseWriter(this.#output.slab)
    this.#deadline = new DeadlineTimer(context.clock, context.wheel, (kind) => this.#late(kind))
    this.#deadline.arm(waits.header, context.headerMs)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    // Always followed by close, which says all there is to say.
    socket.on('error', this.#onError)
  }

  /** The next response says `Connection: close`; an idle connection is closed after a while. */
  drain(idleMs: number = this.#context.drainIdleMs): void {
    this.#draining = true
    this.#drainIdleMs = idleMs
    if (this.exchange === undefined && !this.#closing && this.#parser.idle)
      this.#deadline.arm(waits.idle, idleMs)
  }

  destroy(): void {
    // Only a reset tells a client of HTTP/1.0 that its response is not whole.
    if (this.writer.untilClose && !this.responseDone && this.#tunnel === undefined)
      this.#socket.resetAndDestroy()
    else this.#socket.destroy()
    this.#release('aborted')
  }

  // Requests

  onHead(head: RequestHead): void {
    const exchange = this.#begin(head)
    this.#continued = !head.expectContinue
    if (head.expectContinue && this.#context.autoContinue) this.informational(100)
    this.#context.handler.onRequest(exchange)
  }

  onRefused(head: RequestHead, verdict: Verdict): void {
    this.#begin(head)
    this.#refused = true
    this.#context.handler.onRefused(verdict, this.remoteAddress)
    const { headers, body } = this.#context.handler.refusal(verdict, this.exchange, this)
    this.respond(verdict.status, headers, Buffer.from(body))
  }

  onBody(chunk: Buffer): void {
    const exchange = this.exchange
    if (exchange === undefined || this.#refused || this.responseDone) {
      this.#discarded += chunk.length
      if (this.#discarded > drainBytes) this.#close()
      return
    }
    this.#context.handler.onBody(exchange, chunk)
  }

  onEnd(trailers: HeaderList): void {
    this.#requestDone = true
    const exchange = this.exchange
    if (exchange !== undefined && !this.#refused && !this.responseDone)
      this.#context.handler.onEnd(exchange, trailers)
    if (this.#given) return
    if (this.responseDone) this.#next()
    else {
      // The next request waits until this one is answered; so do the bytes of a tunnel.
      this.#parser.pause()
      this.#deadline.clear()
    }
  }

  onVerdict(verdict: Verdict): void {
    this.#context.handler.onRefused(verdict, this.remoteAddress)
    this.#answerVerdict(verdict)
  }

  // Responses, called by the exchange

  respond(status: number, headers: HeaderList, body: Uint8Array = nothing): void {
    const { writer } = this
    if (!this.#requestDone && this.#willNotDrain()) writer.close()
    this.writeHead(status, headers, body.length)
    if (body.length > 0) writer.body(body)
    this.end()
  }

  writeHead(status: number, headers: HeaderList, length: number, reason?: string): void {
    const { writer } = this
    if (this.#draining || !this.#continued) writer.close()
    writer.date = this.#context.date.get()
    writer.head(status, headers, length, reason)
    this.#wrote()
  }

  write(part: Uint8Array): boolean {
    if (this.#tunnel === undefined) this.writer.body(part)
    else this.#output.slab.append(part)
    // What was handed over must not grow without bound before the turn ends.
    if (this.#output.slab.pending >= 256 * 1024) this.#output.flush()
    else this.#wrote()
    return !this.#output.hold()
  }

  end(trailers?: HeaderList): void {
    if (this.#tunnel !== undefined) {
      this.responseDone = true
      this.#close()
      return
    }
    this.writer.end(trailers)
    this.responseDone = true
    this.#wrote()
    if (this.#requestDone) {
      // Inside the parser's own call the loop goes on by itself.
      if (!this.#reading) this.#resumeAfterResponse()
    } else if (!this.writer.keepAlive) this.#close()
    else if (this.#bodyPaused) this.resumeBody()
  }

  informational(status: number, headers?: HeaderList): boolean {
    const sent = this.writer.informational(status, headers)
    if (status === 100) this.#continued = true
    this.#wrote()
    return sent
  }

  probe(): void {
    if (this.#inputEnded && this.#requestDone) this.#deadline.arm(waits.probe, probeMs)
  }

  pauseBody(): void {
    if (this.#tunnel !== undefined) {
      this.#socket.pause()
      return
    }
    // What comes behind the response is dropped as it comes: nobody would resume it.
    if (this.#requestDone || this.responseDone || this.#bodyPaused) return
    this.#bodyPaused = true
    this.#parser.pause()
    this.#socket.pause()
    this.#deadline.clear()
  }

  resumeBody(): void {
    if (this.#tunnel !== undefined) {
      this.#socket.resume()
      return
    }
    if (!this.#bodyPaused) return
    this.#bodyPaused = false
    this.#parser.resume()
    this.#socket.resume()
    this.#deadline.arm(waits.body, this.#context.bodyMs)
    if (!this.#reading) this.#consumeHeld()
  }

  upgrade(headers: HeaderList): Tunnel {
    this.#switch(headers)
    return this.#giveAway()
  }

  tunnel(headers: HeaderList): void {
    this.#switch(headers)
    this.#parser.stop()
    this.#deadline.clear()
    this.#tunnel = this.exchange
    this.#wrote()
    // Inside the parser's own call the loop hands on what it did not take.
    if (this.#reading) return
    const held = this.#held
    this.#held = nothing
    this.#socket.resume()
    if (held.length > 0) this.#tunnelBytes(held)
    if (this.#inputEnded) this.#tunnelEnd()
  }

  /** Answers 101, or 200 to CONNECT. */
  #switch(headers: HeaderList): void {
    const head = this.exchange?.head as RequestHead
    if (!this.#requestDone && head.bodyLength !== 0)
      throw http1Errors.error('TM_HTTP1_STATE', {
        what: 'a switch of protocols',
        state: 'the request is not read to its end',
      })
    this.writer.date = this.#context.date.get()
    if (head.method === 'CONNECT') {
      this.writer.head(200, headers, 0)
      this.writer.end()
    } else if (head.upgrade === '') {
      throw http1Errors.error('TM_HTTP1_STATE', {
        what: 'a switch of protocols',
        state: 'the request did not ask for one',
      })
    } else this.writer.upgrade(head.upgrade, headers)
  }

  #tunnelBytes(chunk: Buffer): void {
    const exchange = this.#tunnel
    if (exchange !== undefined && !this.responseDone) this.#context.handler.onBody(exchange, chunk)
  }

  #tunnelEnd(): void {
    const exchange = this.#tunnel
    if (exchange !== undefined && !this.responseDone) this.#context.handler.onEnd(exchange, [])
  }

  // Output

  onDrained(): void {
    const exchange = this.exchange
    if (exchange !== undefined && !this.responseDone) this.#context.handler.onWritable(exchange)
  }

  onWriteStall(): void {
    this.#socket.destroy()
    this.#release('write timeout')
  }

  #begin(head: RequestHead): ServerExchange {
    const exchange = new ServerExchange(head, this)
    this.exchange = exchange
    this.responseDone = false
    this.#requestDone = false
    this.#refused = false
    this.#discarded = 0
    this.#continued = true
    this.writer.begin(head.method, head.minor, head.keepAlive)
    if (head.bodyLength === 0) this.#deadline.clear()
    else this.#deadline.arm(waits.body, this.#context.bodyMs)
    return exchange
  }

  /** Whether the rest of the body is more than is read for nothing, or may never come. */
  #willNotDrain(): boolean {
    const head = this.exchange?.head
    return !this.#continued || (head !== undefined && head.bodyLength > drainBytes)
  }

  #wrote(): void {
    if (!this.#reading) this.#output.schedule()
  }

  #receive(chunk: Buffer): void {
    if (this.#closing) {
      this.#discarded += chunk.length
      // A client that goes on sending without reading has had its chance.
      if (this.#discarded > 16 * drainBytes) this.destroy()
      return
    }
    if (this.#tunnel !== undefined) {
      this.#tunnelBytes(chunk)
      return
    }
    if (this.#parser.paused) {
      this.#hold(chunk)
      return
    }
    if (this.#deadline.kind === waits.body) this.#deadline.arm(waits.body, this.#context.bodyMs)
    this.#consume(chunk)
  }

  #hold(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (this.#held.length >= pipelineBytes) this.#socket.pause()
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
      // Given away while these bytes were being read: what follows is the tunnel's.
      if (taken < chunk.length && !this.#closing) this.#socket.unshift(chunk.subarray(taken))
      return
    }
    if (this.#tunnel !== undefined) {
      this.#output.flush()
      if (taken < chunk.length) this.#tunnelBytes(chunk.subarray(taken))
      if (this.#inputEnded) this.#tunnelEnd()
      return
    }
    if (taken < chunk.length && this.#parser.paused) {
      const rest = chunk.subarray(taken)
      this.#held = this.#held.length === 0 ? rest : Buffer.concat([rest, this.#held])
    }
    this.#output.flush()
    if (this.#closing) return
    // The response came while the parser was being paused for it.
    if (this.#parser.paused && this.#requestDone && this.responseDone) this.#resumeAfterResponse()
    else if (this.#inputEnded && !this.#parser.paused) this.#finishInput()
    else if (this.#deadline.kind === waits.idle && !this.#parser.idle)
      this.#deadline.arm(waits.header, this.#context.headerMs)
  }

  #consumeHeld(): void {
    const held = this.#held
    this.#held = nothing
    if (!this.#bodyPaused) this.#socket.resume()
    this.#consume(held)
  }

  #resumeAfterResponse(): void {
    this.#next()
    if (this.#closing) return
    this.#parser.resume()
    if (this.#held.length > 0 || this.#inputEnded) this.#consumeHeld()
    else this.#output.schedule()
  }

  /** Request and response are done. */
  #next(): void {
    this.exchange = undefined
    if (!this.writer.keepAlive) {
      this.#close()
      return
    }
    this.#deadline.arm(waits.idle, this.#draining ? this.#drainIdleMs : this.#context.idleMs)
  }

  #receiveEnd(): void {
    this.#inputEnded = true
    if (this.#closing) {
      this.#socket.destroySoon()
      return
    }
    if (this.#tunnel !== undefined) {
      this.#tunnelEnd()
      return
    }
    if (!this.#parser.paused) {
      this.#finishInput()
      return
    }
    const exchange = this.exchange
    if (exchange !== undefined && this.#requestDone && !this.responseDone)
      this.#context.handler.onHalfClose(exchange)
  }

  /** The client sends no more; what it asked before is still answered. */
  #finishInput(): void {
    this.#parser.ended()
    if (!this.#closing && this.exchange === undefined) this.#close()
  }

  #answerVerdict(verdict: Verdict): void {
    const { writer, exchange } = this
    const answered = exchange !== undefined && this.responseDone
    if (writer.open) {
      // The head is out: only a cut connection tells the client that the response is not complete.
      this.#socket.destroy()
      this.#release(verdict.reason)
      return
    }
    this.exchange = undefined
    this.responseDone = true
    if (!answered) {
      const { headers, body } = this.#context.handler.refusal(verdict, exchange, this)
      if (exchange !== undefined) this.#context.handler.onAbort(exchange, verdict.reason)
      const bytes = Buffer.from(body)
      writer.begin('GET', 1, false)
      writer.date = this.#context.date.get()
      writer.head(verdict.status, headers, bytes.length)
      writer.body(bytes)
      writer.end()
    }
    this.#close()
  }

  #late(kind: number): void {
    switch (kind) {
      case waits.header:
        // A connection that never sent a byte gets no answer to a request it did not make.
        if (this.#parser.idle) this.#close()
        else this.onVerdict(requestVerdict('header-timeout', 0))
        break
      case waits.body:
        this.onVerdict(requestVerdict('body-timeout', 0))
        break
      case waits.idle:
        this.#close()
        break
      case waits.probe:
        // A response that has begun finds out by itself.
        if (this.exchange === undefined || this.writer.open || !this.informational(100)) break
        this.#deadline.arm(waits.echo, echoMs)
        break
      case waits.echo:
        // The input has ended, so the system tells of a reset only upon a write, if one of nothing.
        this.#socket.write(nothing)
        break
      default:
        this.destroy()
    }
  }

  /** Sends what is written and the end of the stream, and reads on for a while without listening. */
  #close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#parser.stop()
    this.#held = nothing
    this.#discarded = 0
    this.#deadline.clear()
    this.#output.end()
    if (this.#inputEnded) {
      this.#socket.destroySoon()
      return
    }
    this.#socket.resume()
    this.#socket.once('finish', () => {
      if (!this.#given) this.#deadline.arm(waits.linger, lingerMs)
    })
  }

  #giveAway(): Tunnel {
    const socket = this.#socket
    this.#parser.stop()
    this.#output.giveAway()
    this.#given = true
    this.responseDone = true
    this.exchange = undefined
    this.#deadline.stop()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('error', this.#onError)
    socket.pause()
    this.#closed(this)
    const head = this.#held
    this.#held = nothing
    return { socket, head }
  }

  /** The socket is gone. */
  #release(reason: string): void {
    if (this.#given) return
    this.#given = true
    this.#closing = true
    this.#tunnel = undefined
    this.#parser.stop()
    this.#deadline.stop()
    this.#output.close()
    this.#closed(this)
    const exchange = this.exchange
    this.exchange = undefined
    const aborted = exchange !== undefined && !this.responseDone && !this.#refused
    this.responseDone = true
    if (!aborted) return
    try {
      this.#context.handler.onAbort(exchange, reason)
    } catch (error) {
      // It is uncaught all the same, but must not keep the connections after this one from being released.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
