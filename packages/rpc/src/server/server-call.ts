import type { WheelTimer } from '@tidemill/core'
import type { DependentCall, SurroundingCall } from '../call-context.ts'
import { isRpcError, RpcError } from '../rpc-error.ts'
import { resetInternal, resetNoError, status } from '../status.ts'
import type {
  HeaderList,
  Peer,
  StreamEnd,
  StreamHandler,
  TransportConnection,
  TransportStream,
} from '../transport/transport.ts'
import { gunzip } from '../wire/compression.ts'
import { badFlag, MessageReader, type MessageSink } from '../wire/message-reader.ts'
import { frameMessage } from '../wire/message-writer.ts'
import { encodeBinary, Metadata } from '../wire/metadata.ts'
import { encodeMessage } from '../wire/percent.ts'
import type { CancelReason, ServerContext } from './context.ts'
import { handlerErrorChannel, type MethodEntry, type ServerCore } from './server-core.ts'

// HTTP/2 checks a frozen list once and keeps its bytes.
const plainHeaders: HeaderList = Object.freeze([
  ':status',
  '200',
  'content-type',
  'application/grpc',
])
const gzipHeaders: HeaderList = Object.freeze([
  ...plainHeaders,
  'grpc-encoding',
  'gzip',
  'grpc-accept-encoding',
  'identity,gzip',
])
const okTrailers: HeaderList = Object.freeze(['grpc-status', '0'])

/** Characters of a message whose status was too large to be sent. */
const keptMessage = 256

/** What the connection gives each of its calls. */
export interface CallHome {
  readonly core: ServerCore
  readonly connection: TransportConnection
}

/** What the request's headers said. */
export interface CallFacts {
  readonly entry: MethodEntry
  /** Milliseconds; -1 without a deadline. */
  readonly timeoutMs: number
  /** Requests may be compressed. */
  readonly gzipRequest: boolean
  readonly acceptsGzip: boolean
}

/** One call on the server: the handler of its stream and the context of its handler. */
export abstract class ServerCall
  implements StreamHandler, ServerContext, MessageSink, SurroundingCall
{
  readonly requestHeaders: HeaderList
  readonly deadlineAt: number
  compress: boolean
  cancelled: CancelReason | undefined = undefined
  requestCompressed: boolean = false
  protected readonly entry: MethodEntry
  protected readonly core: ServerCore
  protected readonly home: CallHome
  protected readonly stream: TransportStream
  protected reader: MessageReader | undefined = undefined
  /** The status was sent, or nobody is there to hear it. */
  protected done: boolean = false
  protected requestEnded: boolean = false
  readonly #acceptsGzip: boolean
  readonly #gzipRequest: boolean
  #headersSent = false
  #timer: WheelTimer | undefined = undefined
  #controller: AbortController | undefined = undefined
  /** Calls that its handler made and that still run. */
  #dependents: Set<DependentCall> | undefined = undefined
  #metadata: Metadata | undefined = undefined
  #headers: Metadata | undefined = undefined
  #trailers: Metadata | undefined = undefined

  constructor(home: CallHome, stream: TransportStream, list: HeaderList, facts: CallFacts) {
    const { core } = home
    this.home = home
    this.core = core
    this.stream = stream
    this.requestHeaders = list
    this.entry = facts.entry
    this.#acceptsGzip = facts.acceptsGzip
    this.#gzipRequest = facts.gzipRequest
    this.compress = core.compress
    if (facts.timeoutMs < 0) this.deadlineAt = Infinity
    else {
      this.deadlineAt = core.clock.monotonic() + facts.timeoutMs
      this.#timer = core.wheel.timer(() => this.#expire())
      this.#timer.start(facts.timeoutMs)
    }
    core.callsOpen++
    core.callsStarted++
  }

  get method(): string {
    return this.entry.path
  }

  get metadata(): Metadata {
    return (this.#metadata ??= Metadata.fromHeaders(this.requestHeaders))
  }

  get headers(): Metadata {
    return (this.#headers ??= new Metadata())
  }

  get trailers(): Metadata {
    return (this.#trailers ??= new Metadata())
  }

  get peer(): Peer {
    return this.home.connection.peer
  }

  get timeLeftMs(): number {
    return this.deadlineAt === Infinity
      ? Infinity
      : Math.max(0, this.deadlineAt - this.core.clock.monotonic())
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.cancelled !== undefined) this.#controller.abort(this.#cancelError())
    }
    return this.#controller.signal
  }

  get over(): boolean {
    return this.cancelled !== undefined
  }

  attach(call: DependentCall): void {
    this.#dependents ??= new Set()
    this.#dependents.add(call)
  }

  detach(call: DependentCall): void {
    this.#dependents?.delete(call)
  }

  sendHeaders(): void {
    if (this.done || this.#headersSent) return
    this.#headersSent = true
    const gzip = this.#acceptsGzip && this.compress
    const base = gzip ? gzipHeaders : plainHeaders
    if (this.#headers === undefined) this.stream.headers(base, false)
    else {
      const list = [...base]
      this.#headers.appendTo(list)
      this.stream.headers(list, false)
    }
    this.#gzipSaid = gzip
  }

  /** The headers name gzip: only then may messages be compressed. */
  #gzipSaid = false

  onHeaders(): void {}

  onData(_stream: TransportStream, chunk: Buffer, end: boolean): void {
    if (end) this.requestEnded = true
    if (this.done) {
      this.discard(chunk.length)
      return
    }
    this.reader ??= new MessageReader(this.core.maxReceive)
    const verdict = this.reader.feed(chunk, this)
    if (verdict !== 0) this.refuse(verdict, this.reader.refused)
    else if (end) this.endOfRequests()
    else if (this.reader.missing > 0) this.awaitRest(this.reader.missing)
  }

  onTrailers(): void {
    this.requestEnded = true
    if (!this.done) this.endOfRequests()
  }

  onWritable(): void {
    if (this.done) this.#resetWhenSent()
  }

  onClose(_stream: TransportStream, _code: number, how: StreamEnd): void {
    this.core.callsOpen--
    this.#timer?.stop()
    if (this.done) return
    this.done = true
    this.core.callsFailed++
    this.cancel(how === 'lost' ? 'connection' : how === 'local' ? 'server' : 'client')
  }

  onMessage(buffer: Buffer, start: number, end: number, compressed: boolean): void {
    if (this.done) return
    const message = compressed
      ? this.inflate(buffer.subarray(start, end))
      : this.#decode(buffer, start, end)
    // What cannot be decoded has ended the call.
    if (message !== undefined) this.received(message, end - start + 5, compressed)
  }

  #decode(buffer: Buffer, start: number, end: number): unknown {
    try {
      return this.entry.request.decode(buffer, start, end)
    } catch (error) {
      this.finish(status.INTERNAL, `the request cannot be decoded: ${errorText(error)}`)
      return undefined
    }
  }

  /** The message of compressed bytes; undefined when there is none: then the call has been answered. */
  protected inflate(bytes: Buffer): unknown {
    const plain = this.#gunzip(bytes)
    return plain === undefined ? undefined : this.#decode(plain, 0, plain.length)
  }

  #gunzip(bytes: Buffer): Buffer | undefined {
    if (!this.#gzipRequest) {
      this.finish(
        status.INTERNAL,
        'a message has the compressed flag, and the call names no encoding',
      )
      return undefined
    }
    try {
      const plain = gunzip(bytes, this.core.maxReceive)
      if (plain === undefined) {
        this.finish(
          status.RESOURCE_EXHAUSTED,
          `a message has more than ${this.core.maxReceive} bytes uncompressed`,
        )
      }
      return plain
    } catch (error) {
      this.finish(status.INTERNAL, `a message cannot be decompressed: ${errorText(error)}`)
      return undefined
    }
  }

  /** A message, decoded, whose frame had so many bytes; sets `requestCompressed` when the handler is given it. */
  protected abstract received(message: unknown, frameBytes: number, compressed: boolean): void
  /** No more messages come; the last one is whole unless `atBoundary` of the reader says otherwise. */
  protected abstract endOfRequests(): void
  /** A message is begun of which so many bytes are to come. */
  protected abstract awaitRest(bytes: number): void
  /** The call is over although its handler is not. */
  protected abstract stopped(error: RpcError): void

  /** Whether the request's bytes ended inside a message; then the call has been answered. */
  protected endedInside(): boolean {
    if (this.reader === undefined || this.reader.atBoundary) return false
    this.finish(status.INTERNAL, 'the stream ended inside a message')
    return true
  }

  protected refuse(verdict: number, length: number): void {
    if (verdict === badFlag)
      this.finish(status.INTERNAL, 'a message has an invalid compressed flag')
    else {
      this.finish(
        status.RESOURCE_EXHAUSTED,
        `a message of ${length} bytes is larger than the ${this.core.maxReceive} that are accepted`,
      )
    }
  }

  /** Sends a message; false: wait until `onWritable`. Ends the call when the message cannot be sent. */
  protected write(message: unknown): boolean {
    if (!this.#headersSent) this.sendHeaders()
    let frame: Buffer | undefined
    try {
      frame = frameMessage(
        this.entry.response,
        message,
        this.#gzipSaid && this.compress,
        this.core.maxSend,
      )
    } catch (error) {
      this.#report(error)
      this.finish(status.INTERNAL, `the response cannot be encoded: ${errorText(error)}`)
      return true
    }
    if (frame === undefined) {
      this.finish(
        status.RESOURCE_EXHAUSTED,
        `the response is larger than the ${this.core.maxSend} bytes that are sent`,
      )
      return true
    }
    return this.stream.data(frame, false)
  }

  /** The one response of the call, and OK. */
  protected reply(message: unknown): void {
    if (this.done) return
    try {
      this.write(message)
      this.finishOk()
    } catch (error) {
      this.#unsendable(error)
    }
  }

  /** The transport refuses what is to be sent; runs where nobody else would hear of it. */
  #unsendable(error: unknown): void {
    this.done = true
    this.#report(error)
    this.stream.reset(resetInternal)
  }

  protected finishOk(): void {
    if (this.done) return
    if (this.#trailers !== undefined) {
      this.finish(status.OK, '')
      return
    }
    if (!this.#headersSent) this.sendHeaders()
    this.done = true
    this.stream.trailers(okTrailers)
    this.#ended()
  }

  /** What a handler threw becomes a status: its own, or UNKNOWN that says nothing. */
  protected fail(error: unknown): void {
    if (this.done) {
      // Cancelled handlers throw what cancelled them; anything else is worth knowing.
      if (this.cancelled === undefined) this.#report(error)
      return
    }
    try {
      if (isRpcError(error)) {
        // A handler that throws has not succeeded, whatever the number says.
        const code = error.status === status.OK ? status.UNKNOWN : error.status
        this.finish(code, error.statusMessage, error.metadata, error.statusDetails)
      } else {
        this.#report(error)
        this.finish(status.UNKNOWN, 'the handler failed')
      }
    } catch (cause) {
      this.#unsendable(cause)
    }
  }

  protected finish(code: number, message: string, metadata?: Metadata, details?: Uint8Array): void {
    if (this.done) return
    this.done = true
    if (code !== 0) this.core.callsFailed++
    const list: string[] = []
    if (!this.#headersSent) this.#headers?.appendTo(list)
    if (message !== '') list.push('grpc-message', encodeMessage(message))
    if (details !== undefined) list.push('grpc-status-details-bin', encodeBinary(details))
    if (code === status.UNIMPLEMENTED) list.push('grpc-accept-encoding', 'identity,gzip')
    this.#trailers?.appendTo(list)
    metadata?.appendTo(list)
    try {
      this.#sendStatus(code, list)
    } catch (error) {
      // More than the peer takes, or what it sent us and may not be sent on: the status itself must still get there.
      this.#report(error)
      this.#sendStatus(code, ['grpc-message', encodeMessage(message.slice(0, keptMessage))])
    }
    this.#ended()
    if (code !== 0) this.stopped(new RpcError(status.CANCELLED, message))
  }

  #sendStatus(code: number, rest: readonly string[]): void {
    const answer = ['grpc-status', String(code), ...rest]
    if (this.#headersSent) this.stream.trailers(answer)
    else this.stream.headers([...plainHeaders, ...answer], true)
  }

  /** Credit for bytes that nobody reads any more. */
  protected discard(bytes: number): void {
    this.stream.consume(bytes)
    this.#resetWhenSent()
  }

  #ended(): void {
    this.#timer?.stop()
    if (!this.requestEnded) this.#resetWhenSent()
  }

  /** The response is complete: tells a client that still sends to stop (RFC 9113 8.1). */
  #resetWhenSent(): void {
    if (!this.requestEnded && !this.stream.closed && this.stream.bufferedBytes === 0) {
      this.stream.reset(resetNoError)
    }
  }

  #expire(): void {
    if (this.done) return
    this.cancelled = 'deadline'
    this.#controller?.abort(this.#cancelError())
    this.#cancelDependents()
    this.finish(status.DEADLINE_EXCEEDED, 'the deadline passed on the server')
  }

  protected cancel(reason: CancelReason): void {
    if (this.cancelled !== undefined) return
    this.cancelled = reason
    const error = this.#cancelError()
    this.#controller?.abort(error)
    this.#cancelDependents()
    this.stopped(error)
  }

  #cancelDependents(): void {
    const dependents = this.#dependents
    this.#dependents = undefined
    if (dependents !== undefined) for (const call of dependents) call.parentCancelled()
  }

  #cancelError(): RpcError {
    return this.cancelled === 'deadline'
      ? new RpcError(status.DEADLINE_EXCEEDED, 'the deadline passed on the server')
      : new RpcError(status.CANCELLED, cancelTexts[this.cancelled ?? 'client'])
  }

  #report(error: unknown): void {
    const { path } = this.entry
    if (handlerErrorChannel.hasSubscribers) handlerErrorChannel.publish({ method: path, error })
    this.core.logger.log('error', 'a handler failed', { method: path, error })
  }
}

const cancelTexts = {
  client: 'the client cancelled the call',
  connection: 'the connection of the client is lost',
  server: 'the server ended the call',
  deadline: 'the deadline passed on the server',
} as const

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
