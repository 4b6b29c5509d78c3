import type { WheelTimer } from '@tidemill/core'
import { callStorage, type DependentCall, type SurroundingCall } from '../call-context.ts'
import type { CallOutcome } from '../channel/call-outcome.ts'
import type { CallTracker, PendingCall } from '../channel/pending-call.ts'
import type { MethodConfig } from '../channel/service-config.ts'
import { resetCancel, status } from '../status.ts'
import type {
  HeaderList,
  StreamEnd,
  StreamHandler,
  TransportConnection,
  TransportStream,
} from '../transport/transport.ts'
import { MessageReader, type MessageSink } from '../wire/message-reader.ts'
import { frameMessage } from '../wire/message-writer.ts'
import { Metadata } from '../wire/metadata.ts'
import { outcomeError } from './call-error.ts'
import type { CallOptions } from './call-options.ts'
import {
  type ClientCore,
  type ClientMethod,
  callTimeMs,
  extraHeaders,
  usesGzip,
} from './call-setup.ts'
import { decodeCompressed, undecodable, verdictOutcome } from './received-message.ts'
import {
  headersOutcome,
  headerValue,
  isGoodHeaders,
  isInformational,
  localOutcome,
  streamOutcome,
  trailersOutcome,
  unsendable,
  unsentOutcome,
} from './response.ts'

const headerBytes = 5

/**
 * A unary call whose method has no retry or hedging policy: one object, one promise, nothing kept twice. A stream that
 * the server certainly did not look at is repeated once.
 */
export class UnaryCall
  implements PendingCall<TransportConnection>, StreamHandler, MessageSink, DependentCall
{
  readonly path: string
  readonly waitForReady: boolean
  queueIndex: number = -1
  readonly promise: Promise<unknown>
  readonly #core: ClientCore
  readonly #method: ClientMethod
  readonly #request: unknown
  readonly #options: CallOptions | undefined
  readonly #gzip: boolean
  readonly #extra: HeaderList | undefined
  readonly #maxReceive: number
  readonly #maxSend: number
  readonly #parent: SurroundingCall | undefined
  #resolve!: (message: unknown) => void
  #reject!: (error: unknown) => void
  #deadlineAt = Infinity
  #timer: WheelTimer | undefined = undefined
  #abort: (() => void) | undefined = undefined
  #stream: TransportStream | undefined = undefined
  #tracker: CallTracker | undefined = undefined
  #reader: MessageReader | undefined = undefined
  #headers: HeaderList | undefined = undefined
  #message: unknown = undefined
  #messages = 0
  #repeated = false
  #over = false

  constructor(
    core: ClientCore,
    method: ClientMethod,
    request: unknown,
    options: CallOptions | undefined,
  ) {
    this.#core = core
    this.#method = method
    this.#request = request
    this.#options = options
    this.path = method.method.path
    const config = core.provider.config(this.path)
    this.waitForReady = options?.waitForReady ?? config.waitForReady ?? core.waitForReady
    this.#gzip = usesGzip(core, options)
    this.#extra = extraHeaders(options, this.#gzip)
    this.#maxReceive = Math.min(core.maxReceive, config.maxResponseBytes ?? Infinity)
    this.#maxSend = Math.min(core.maxSend, config.maxRequestBytes ?? Infinity)
    this.#parent = options?.detached === true ? undefined : callStorage.getStore()
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    core.callsOpen++
    core.callsStarted++
    if (this.#watch(config)) core.provider.start(this)
  }

  /** Whoever made the surrounding call gave up. */
  parentCancelled(): void {
    this.#giveUp(status.CANCELLED, 'the call that it belongs to was cancelled')
  }

  onConnection(connection: TransportConnection, tracker: CallTracker | undefined): void {
    if (this.#over) return
    this.#tracker = tracker
    const frame = this.#frame()
    if (frame === undefined) return
    const left =
      this.#deadlineAt === Infinity ? Infinity : this.#deadlineAt - this.#core.clock.monotonic()
    try {
      const stream = connection.request(this.#method.headers.list(this.#extra, left), false, this)
      this.#stream = stream
      stream.data(frame, true)
    } catch (error) {
      this.#abandon(unsentOutcome(status.INTERNAL, unsendable(error)))
    }
  }

  onUnavailable(code: number, message: string): void {
    this.#finish(unsentOutcome(code, message))
  }

  onHeaders(stream: TransportStream, list: HeaderList, end: boolean): void {
    if (this.#over) return
    if (!end && isGoodHeaders(list)) {
      this.#headers = list
      if (this.#options?.onHeader !== undefined) this.#tellHeaders(list)
      return
    }
    if (!end && isInformational(list)) return
    this.#finish(headersOutcome(list))
    if (!end || stream.bufferedBytes > 0) stream.reset(resetCancel)
  }

  onData(stream: TransportStream, chunk: Buffer, end: boolean): void {
    if (this.#over) return
    const length = chunk.length - headerBytes
    if (
      this.#reader === undefined &&
      length >= 0 &&
      length <= this.#maxReceive &&
      chunk[0] === 0 &&
      chunk.readUInt32BE(1) === length
    ) {
      this.onMessage(chunk, headerBytes, chunk.length, false)
    } else if (chunk.length > 0) this.#feed(stream, chunk)
    if (this.#over) return
    stream.consume(chunk.length)
    if (end) this.#finish(streamOutcome(0, 'done', true, false))
  }

  onTrailers(stream: TransportStream, list: HeaderList): void {
    if (this.#over) return
    this.#finish(trailersOutcome(list, this.#headers !== undefined))
    if (stream.bufferedBytes > 0) stream.reset(resetCancel)
  }

  onWritable(): void {}

  onClose(_stream: TransportStream, code: number, how: StreamEnd): void {
    if (this.#over) return
    if (how === 'unprocessed' && !this.#repeated && this.#headers === undefined) {
      this.#repeated = true
      this.#stream = undefined
      this.#tracker?.finished(streamOutcome(code, how, false, false))
      this.#tracker = undefined
      // Not inside the connection that is going away.
      queueMicrotask(() => {
        if (!this.#over) this.#core.provider.start(this)
      })
      return
    }
    const expired = this.#core.clock.monotonic() >= this.#deadlineAt
    this.#finish(streamOutcome(code, how, this.#headers !== undefined, expired))
  }

  onMessage(buffer: Buffer, start: number, end: number, compressed: boolean): void {
    if (this.#over) return
    if (++this.#messages > 1) {
      this.#abandon(localOutcome(status.UNIMPLEMENTED, 'the server sent more than one response'))
      return
    }
    const { response } = this.#method.method
    if (!compressed) {
      try {
        this.#message = response.decode(buffer, start, end)
      } catch (error) {
        this.#abandon(undecodable(error))
      }
      return
    }
    const encoding = headerValue(this.#headers ?? [], 'grpc-encoding')
    const decoded = decodeCompressed(
      response,
      buffer.subarray(start, end),
      encoding,
      this.#maxReceive,
    )
    if ('failed' in decoded) this.#abandon(decoded.failed)
    else this.#message = decoded.message
  }

  #feed(stream: TransportStream, chunk: Buffer): void {
    this.#reader ??= new MessageReader(this.#maxReceive)
    const verdict = this.#reader.feed(chunk, this)
    if (verdict !== 0)
      this.#abandon(verdictOutcome(verdict, this.#reader.refused, this.#maxReceive))
    else if (this.#reader.missing > 0) stream.expect(this.#reader.missing)
  }

  /** Deadline, signal and surrounding call; false when the call is over before it began. */
  #watch(config: MethodConfig): boolean {
    const parent = this.#parent
    let time = callTimeMs(this.#core, this.#options, config)
    if (parent !== undefined) {
      if (parent.over) {
        this.parentCancelled()
        return false
      }
      time = Math.min(time, parent.timeLeftMs)
      parent.attach(this)
    }
    if (time !== Infinity) {
      if (time <= 0) {
        this.#finish(unsentOutcome(status.DEADLINE_EXCEEDED, 'the deadline has passed already'))
        return false
      }
      this.#deadlineAt = this.#core.clock.monotonic() + time
      this.#timer = this.#core.wheel.timer(() =>
        this.#giveUp(status.DEADLINE_EXCEEDED, 'the deadline passed'),
      )
      this.#timer.start(time)
    }
    const signal = this.#options?.signal
    if (signal === undefined) return true
    if (signal.aborted) {
      this.#giveUp(status.CANCELLED, 'the signal was aborted')
      return false
    }
    this.#abort = () => this.#giveUp(status.CANCELLED, 'the signal was aborted')
    signal.addEventListener('abort', this.#abort)
    return true
  }

  #frame(): Buffer | undefined {
    try {
      const frame = frameMessage(
        this.#method.method.request,
        this.#request,
        this.#gzip,
        this.#maxSend,
      )
      if (frame === undefined) {
        this.#finish(
          unsentOutcome(
            status.RESOURCE_EXHAUSTED,
            `the request is larger than the ${this.#maxSend} bytes that are sent`,
          ),
        )
      }
      return frame
    } catch (error) {
      // A message that does not fit its type is the caller's mistake, not a status.
      this.#settle(unsentOutcome(status.INTERNAL, ''))
      this.#reject(error)
      return undefined
    }
  }

  #giveUp(code: number, message: string): void {
    if (this.#over) return
    const outcome =
      this.#stream === undefined ? unsentOutcome(code, message) : localOutcome(code, message)
    if (this.#stream === undefined) this.#core.provider.withdraw(this)
    this.#abandon(outcome)
  }

  /** Ends the call from this side. */
  #abandon(outcome: CallOutcome): void {
    this.#finish(outcome)
    this.#stream?.reset(resetCancel)
  }

  #finish(outcome: CallOutcome): void {
    if (this.#over) return
    const checked = outcome.code === status.OK ? this.#complete(outcome) : outcome
    this.#settle(checked)
    try {
      this.#options?.onTrailer?.(Metadata.fromHeaders(checked.trailers))
    } catch (error) {
      this.#reject(error)
      return
    }
    if (checked.code === status.OK) this.#resolve(this.#message)
    else this.#reject(outcomeError(checked))
  }

  /** What a callback of the caller throws is the caller's: the call ends with it. */
  #tellHeaders(list: HeaderList): void {
    try {
      this.#options?.onHeader?.(Metadata.fromHeaders(list))
    } catch (error) {
      if (this.#over) return
      this.#settle(localOutcome(status.CANCELLED, 'onHeader threw'))
      this.#reject(error)
      this.#stream?.reset(resetCancel)
    }
  }

  /** A status of OK needs one whole message. */
  #complete(outcome: CallOutcome): CallOutcome {
    if (this.#reader?.atBoundary === false) {
      return localOutcome(status.INTERNAL, 'the answer ended inside a message')
    }
    return this.#messages === 1
      ? outcome
      : localOutcome(status.UNIMPLEMENTED, 'the server sent no response')
  }

  #settle(outcome: CallOutcome): void {
    this.#over = true
    this.#core.callsOpen--
    if (outcome.code !== status.OK) this.#core.callsFailed++
    this.#timer?.stop()
    this.#parent?.detach(this)
    if (this.#abort !== undefined) this.#options?.signal?.removeEventListener('abort', this.#abort)
    this.#tracker?.finished(outcome)
  }
}
