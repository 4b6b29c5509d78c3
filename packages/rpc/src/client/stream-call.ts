import type { WheelTimer } from '@tidemill/core'
import { callStorage, type DependentCall, type SurroundingCall } from '../call-context.ts'
import type { CallOutcome } from '../channel/call-outcome.ts'
import type { MethodConfig } from '../channel/service-config.ts'
import { rpcErrors } from '../errors.ts'
import { status } from '../status.ts'
import type { HeaderList } from '../transport/transport.ts'
import { MessageQueue, PackedMessage, type QueueSource } from '../wire/message-queue.ts'
import { MessageReader, type MessageSink } from '../wire/message-reader.ts'
import { frameMessage } from '../wire/message-writer.ts'
import { Metadata } from '../wire/metadata.ts'
import type { AttemptListener, AttemptStart, CallAttempt } from './attempt.ts'
import { outcomeError } from './call-error.ts'
import type { CallOptions } from './call-options.ts'
import {
  type ClientCore,
  type ClientMethod,
  callTimeMs,
  extraHeaders,
  usesGzip,
} from './call-setup.ts'
import type { Call } from './client.ts'
import { decodeCompressed, undecodable, verdictOutcome } from './received-message.ts'
import { headerValue, localOutcome, unsentOutcome } from './response.ts'
import { StreamAttempt } from './stream-attempt.ts'

const nothing = new Uint8Array(0)

interface Received {
  readonly message: unknown
  readonly compressed: boolean
}

/** A call of any kind, message by message, over one attempt or several. */
export class StreamCall
  implements Call<unknown, unknown>, AttemptListener, MessageSink, DependentCall, QueueSource
{
  compressed: boolean = false
  readonly #core: ClientCore
  readonly #method: ClientMethod
  readonly #options: CallOptions | undefined
  readonly #gzip: boolean
  readonly #maxReceive: number
  readonly #maxSend: number
  readonly #parent: SurroundingCall | undefined
  readonly #reader: MessageReader
  readonly #queue: MessageQueue<Received>
  readonly #oneResponse: boolean
  #attempt: CallAttempt | undefined = undefined
  #start: AttemptStart | undefined = undefined
  /** A policy has repeated it, or this call itself has: what is refused now is the caller's. */
  #repeats = false
  /** The only request, while it may have to be sent again. */
  #request: unknown = undefined
  #deadlineAt = Infinity
  #timer: WheelTimer | undefined = undefined
  #abort: (() => void) | undefined = undefined
  #headers: HeaderList | undefined = undefined
  #messages = 0
  #requestsEnded = false
  #outcome: CallOutcome | undefined = undefined
  /** What the caller is told: an RpcError, or what one of its callbacks threw. */
  #error: Error | undefined = undefined
  #blocked = false
  /** Senders that wait for room. */
  #room: (() => void)[] = []
  #headersWaiters: ((list: HeaderList | undefined) => void)[] = []
  #trailersWaiters: ((outcome: CallOutcome) => void)[] = []

  constructor(core: ClientCore, method: ClientMethod, options: CallOptions | undefined) {
    this.#core = core
    this.#method = method
    this.#options = options
    const { kind, path } = method.method
    const { provider } = core
    const config = provider.config(path)
    this.#gzip = usesGzip(core, options)
    this.#maxReceive = Math.min(core.maxReceive, config.maxResponseBytes ?? Infinity)
    this.#maxSend = Math.min(core.maxSend, config.maxRequestBytes ?? Infinity)
    this.#parent = options?.detached === true ? undefined : callStorage.getStore()
    this.#reader = new MessageReader(this.#maxReceive)
    this.#queue = new MessageQueue(this)
    this.#oneResponse = kind === 'unary' || kind === 'client_streaming'
    const headers = extraHeaders(options, this.#gzip) ?? []
    core.callsOpen++
    core.callsStarted++
    if (!this.#watch(config)) return
    this.#start = {
      path,
      waitForReady: options?.waitForReady ?? config.waitForReady ?? core.waitForReady,
      headers,
      deadlineAt: this.#deadlineAt,
    }
    this.#repeats = config.retry !== undefined || config.hedging !== undefined
    this.#attempt =
      provider.begin !== undefined && this.#repeats
        ? provider.begin(this.#start, config, this)
        : new StreamAttempt(core, this.#start, this)
  }

  get headers(): Promise<Metadata> {
    return new Promise((resolve, reject) => {
      const settle = (list: HeaderList | undefined): void => {
        if (list !== undefined) resolve(Metadata.fromHeaders(list))
        else if (this.#error === undefined) resolve(new Metadata())
        else reject(this.#error)
      }
      if (this.#headers !== undefined || this.#outcome !== undefined) settle(this.#headers)
      else this.#headersWaiters.push(settle)
    })
  }

  get trailers(): Promise<Metadata> {
    return new Promise((resolve) => {
      const settle = (outcome: CallOutcome): void => resolve(Metadata.fromHeaders(outcome.trailers))
      if (this.#outcome === undefined) this.#trailersWaiters.push(settle)
      else settle(this.#outcome)
    })
  }

  async send(message: unknown, options?: { readonly compress?: boolean }): Promise<void> {
    this.#checkOpen()
    const frame = frameMessage(
      this.#method.method.request,
      message,
      this.#gzip && options?.compress !== false,
      this.#maxSend,
    )
    if (frame === undefined) {
      this.#tooLarge()
      this.#checkOpen()
      return
    }
    this.#blocked = this.#attempt?.send(frame, false) === false
    while (this.#blocked && this.#outcome === undefined) {
      await new Promise<void>((resolve) => {
        this.#room.push(resolve)
      })
    }
    if (this.#error !== undefined) throw this.#error
  }

  /** The only request, and the end of this side in one frame. Throws for what is no such message; then it is over. */
  sendLast(message: unknown): void {
    if (this.#outcome !== undefined) return
    try {
      const frame = frameMessage(this.#method.method.request, message, this.#gzip, this.#maxSend)
      if (frame === undefined) this.#tooLarge()
      else {
        this.#requestsEnded = true
        if (!this.#repeats) this.#request = message
        this.#attempt?.send(frame, true)
      }
    } catch (error) {
      this.cancel('the request is no message of its type')
      throw error
    }
  }

  end(): void {
    if (this.#requestsEnded || this.#outcome !== undefined) return
    this.#requestsEnded = true
    this.#attempt?.send(nothing, true)
  }

  async receive(): Promise<unknown> {
    const result = await this.#queue.next()
    if (result.done === true) {
      if (this.#error !== undefined) throw this.#error
      return undefined
    }
    this.compressed = result.value.compressed
    return result.value.message
  }

  cancel(reason = 'cancelled by the caller'): void {
    this.#giveUp(status.CANCELLED, reason)
  }

  parentCancelled(): void {
    this.#giveUp(status.CANCELLED, 'the call that it belongs to was cancelled')
  }

  onHeaders(list: HeaderList): void {
    if (this.#outcome !== undefined) return
    this.#headers = list
    this.#request = undefined
    try {
      this.#options?.onHeader?.(Metadata.fromHeaders(list))
    } catch (error) {
      this.#abandon(localOutcome(status.CANCELLED, 'onHeader threw'), asError(error))
    }
    for (const settle of this.#headersWaiters.splice(0)) settle(list)
  }

  onData(chunk: Buffer): void {
    if (this.#outcome !== undefined) return
    const verdict = this.#reader.feed(chunk, this)
    if (verdict !== 0)
      this.#abandon(verdictOutcome(verdict, this.#reader.refused, this.#maxReceive))
    else if (this.#queue.wanted || this.#oneResponse) this.awaited()
  }

  onMessage(buffer: Buffer, start: number, end: number, compressed: boolean): void {
    if (this.#outcome !== undefined) return
    if (++this.#messages > 1 && this.#oneResponse) {
      this.#abandon(localOutcome(status.UNIMPLEMENTED, 'the server sent more than one response'))
      return
    }
    const { response } = this.#method.method
    const bytes = end - start + 5
    if (compressed) {
      const part = buffer.subarray(start, end)
      if (!this.#queue.wanted) this.#queue.push(new PackedMessage(part), bytes)
      else {
        const received = this.#inflate(part)
        if (!(received instanceof Error)) this.#queue.push(received, bytes)
      }
      return
    }
    try {
      this.#queue.push({ message: response.decode(buffer, start, end), compressed }, bytes)
    } catch (error) {
      this.#abandon(undecodable(error))
    }
  }

  unpack(packed: PackedMessage): Received {
    const received = this.#inflate(packed.bytes)
    if (received instanceof Error) throw received
    return received
  }

  /** An error when there is no message in it: then the call is over. */
  #inflate(bytes: Buffer): Received | Error {
    const encoding = headerValue(this.#headers ?? [], 'grpc-encoding')
    const { response } = this.#method.method
    const decoded = decodeCompressed(response, bytes, encoding, this.#maxReceive)
    if (!('failed' in decoded)) return { message: decoded.message, compressed: true }
    this.#abandon(decoded.failed)
    // Its status may have come already; what it said is worth nothing without the message.
    this.#error ??= outcomeError(decoded.failed)
    return this.#error
  }

  onWritable(): void {
    this.#blocked = false
    this.#wake()
  }

  onEnd(outcome: CallOutcome): void {
    if (this.#outcome !== undefined) return
    if (outcome.processed === 'refused' && this.#request !== undefined) {
      this.#repeat()
      return
    }
    let checked = outcome
    if (outcome.code === status.OK) {
      if (!this.#reader.atBoundary)
        checked = localOutcome(status.INTERNAL, 'the answer ended inside a message')
      else if (this.#oneResponse && this.#messages === 0) {
        checked = localOutcome(status.UNIMPLEMENTED, 'the server sent no response')
      }
    }
    this.#finish(checked)
  }

  taken(bytes: number): void {
    this.#attempt?.consume(bytes)
  }

  awaited(): void {
    const { missing } = this.#reader
    if (missing > 0) this.#attempt?.expect(missing)
  }

  left(): void {
    this.cancel('the caller wants no more responses')
  }

  #checkOpen(): void {
    if (this.#error !== undefined) throw this.#error
    if (this.#outcome !== undefined || this.#requestsEnded) {
      const state = this.#requestsEnded ? 'its requests have ended' : 'it is over'
      throw rpcErrors.error('TM_RPC_STATE', { what: 'send', state })
    }
  }

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
    if (time <= 0) {
      this.#finish(unsentOutcome(status.DEADLINE_EXCEEDED, 'the deadline has passed already'))
      return false
    }
    if (time !== Infinity) {
      this.#deadlineAt = this.#core.clock.monotonic() + time
      this.#timer = this.#core.wheel.timer(() =>
        this.#giveUp(status.DEADLINE_EXCEEDED, 'the deadline passed'),
      )
      this.#timer.start(time)
    }
    const signal = this.#options?.signal
    if (signal === undefined) return true
    this.#abort = () => this.#giveUp(status.CANCELLED, 'the signal was aborted')
    if (signal.aborted) {
      this.#abort()
      return false
    }
    signal.addEventListener('abort', this.#abort)
    return true
  }

  #giveUp(code: number, message: string): void {
    if (this.#outcome !== undefined) return
    this.#abandon(this.#unsent ? unsentOutcome(code, message) : localOutcome(code, message))
  }

  get #unsent(): boolean {
    return this.#attempt === undefined || this.#attempt.unsent
  }

  #tooLarge(): void {
    this.#giveUp(
      status.RESOURCE_EXHAUSTED,
      `the request is larger than the ${this.#maxSend} bytes that are sent`,
    )
  }

  /** The server certainly did not look at it: once more, on another stream. */
  #repeat(): void {
    const request = this.#request
    this.#request = undefined
    this.#repeats = true
    this.#attempt = undefined
    // Not inside the connection that is going away.
    queueMicrotask(() => {
      if (this.#outcome !== undefined) return
      this.#attempt = new StreamAttempt(this.#core, this.#start as AttemptStart, this)
      try {
        this.sendLast(request)
      } catch {
        // It was a message before: its owner has changed it meanwhile. The call is over and says so.
      }
    })
  }

  #abandon(outcome: CallOutcome, thrown?: Error): void {
    if (this.#outcome !== undefined) return
    this.#finish(outcome, thrown)
    this.#attempt?.cancel()
  }

  #finish(outcome: CallOutcome, thrown?: Error): void {
    this.#outcome = outcome
    this.#request = undefined
    this.#core.callsOpen--
    this.#timer?.stop()
    this.#parent?.detach(this)
    if (this.#abort !== undefined) this.#options?.signal?.removeEventListener('abort', this.#abort)
    let error = thrown
    try {
      this.#options?.onTrailer?.(Metadata.fromHeaders(outcome.trailers))
    } catch (own) {
      error ??= asError(own)
    }
    if (outcome.code !== status.OK) this.#core.callsFailed++
    if (outcome.code === status.OK && error === undefined) this.#queue.end()
    else {
      this.#error = error ?? outcomeError(outcome)
      // What came before the error is still the caller's; after a cancellation nobody wants it.
      if (outcome.code === status.CANCELLED) this.#queue.abort(this.#error)
      else this.#queue.end(this.#error)
    }
    for (const settle of this.#headersWaiters.splice(0)) settle(this.#headers)
    for (const settle of this.#trailersWaiters.splice(0)) settle(outcome)
    this.#wake()
  }

  #wake(): void {
    for (const resume of this.#room.splice(0)) resume()
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
