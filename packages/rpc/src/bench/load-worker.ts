import type { WheelTimer } from '@tidemill/core'
import { status } from '../status.ts'
import type {
  HeaderList,
  StreamEnd,
  StreamHandler,
  TransportConnection,
  TransportStream,
} from '../transport/transport.ts'
import { CallStatus } from './call-status.ts'
import { FrameCounter } from './frame-counter.ts'
import type { LoadGenerator } from './load-generator.ts'

const resetCancel = 8
/** The words of grpc-go. */
export const deadlineExceeded = 'context deadline exceeded'

/**
 * One place for a call in flight, used for one call after another: the handler of its stream, so that a call allocates
 * nothing here. A worker of ghz's; in an open loop there are as many as calls may be in flight.
 */
export class LoadWorker implements StreamHandler {
  readonly id: string
  readonly connection: number
  /** Time from which the call's latency counts: its start, or in an open loop the time it was due. */
  from: number = 0
  requestNumber: number = 0
  /** False for a call of the warm-up. */
  counted: boolean = true
  busy: boolean = false
  readonly #generator: LoadGenerator
  readonly #status: CallStatus = new CallStatus()
  #stream: TransportStream | undefined = undefined
  #timeout: WheelTimer | undefined = undefined
  #messages: readonly Buffer[] = []
  #sent: number = 0
  #toSend: number = 0
  #ending: boolean = false
  /** The status of a call that we end ourselves; -1 while we do not. */
  #ownStatus: number = -1
  /** The call waits for a free stream; its time runs already. */
  #queued: boolean = false
  #counter: FrameCounter | undefined = undefined
  #interval: WheelTimer | undefined = undefined
  #closing: WheelTimer | undefined = undefined

  constructor(generator: LoadGenerator, id: string, connection: number) {
    this.#generator = generator
    this.id = id
    this.connection = connection
  }

  /** The call waits for a stream: its time runs from now, and it may end before it ever begins. */
  queue(): void {
    this.#ownStatus = -1
    this.#queued = true
    this.#startTimeout()
  }

  /** The call waits no longer, and will not begin. */
  unqueue(): void {
    this.#queued = false
    this.#timeout?.stop()
  }

  #startTimeout(): void {
    const { timeoutMs } = this.#generator.plan
    if (timeoutMs <= 0) return
    this.#timeout ??= this.#generator.wheel.timer(() => this.#expire())
    this.#timeout.start(timeoutMs)
  }

  #expire(): void {
    if (this.#queued) this.#generator.waitedTooLong(this)
    else this.#cancel(status.DEADLINE_EXCEEDED)
  }

  /** Begins a call that sends `count` messages, from the list again when it is shorter. */
  begin(
    connection: TransportConnection,
    headers: HeaderList,
    messages: readonly Buffer[],
    count: number,
  ): void {
    this.#status.reset()
    this.#messages = messages
    this.#toSend = count
    this.#sent = 0
    this.#ending = false
    this.#ownStatus = -1
    const stream = connection.request(headers, false, this)
    this.#stream = stream
    if (this.#queued) this.#queued = false
    else this.#startTimeout()
    if (this.#generator.streams) this.#beginStreams()
    if (count === 1) {
      // The common case costs no loop and no timer.
      this.#sent = 1
      this.#ending = true
      stream.data(messages[0] as Buffer, true)
    } else this.#sendMore()
  }

  #beginStreams(): void {
    const { stream } = this.#generator.plan
    if (stream.durationMs > 0) {
      this.#closing ??= this.#generator.wheel.timer(() => this.#closeAfterDuration())
      this.#closing.start(stream.durationMs)
    }
    // A server's stream is ended after that many messages; one that we send ends by itself.
    if (stream.count > 0 && !this.#generator.sendsStream) {
      this.#counter ??= new FrameCounter()
      this.#counter.reset()
    }
  }

  #sendMore(): void {
    const { intervalMs } = this.#generator.plan.stream
    // A worker that is not busy any more is one whose run is over.
    while (this.busy && this.#stream !== undefined && !this.#ending) {
      const frame = this.#nextMessage()
      if (!this.busy) return
      this.#sent++
      this.#ending = this.#sent >= this.#toSend
      const room = this.#stream.data(frame, this.#ending)
      if (this.#ending || !room) return
      if (intervalMs > 0) {
        this.#interval ??= this.#generator.wheel.timer(() => this.#sendMore())
        this.#interval.start(intervalMs)
        return
      }
    }
  }

  #nextMessage(): Buffer {
    if (this.#generator.plan.stream.dynamic && this.#sent > 0) {
      this.#messages = this.#generator.regenerate(this, this.#messages)
    }
    return this.#messages[this.#sent % this.#messages.length] as Buffer
  }

  onHeaders(_stream: TransportStream, list: HeaderList): void {
    this.#status.read(list)
  }

  onData(stream: TransportStream, chunk: Buffer): void {
    stream.consume(chunk.length)
    if (this.#counter === undefined) return
    if (this.#counter.feed(chunk) >= this.#generator.plan.stream.count) {
      this.#cancel(status.CANCELLED)
    }
  }

  onTrailers(_stream: TransportStream, list: HeaderList): void {
    this.#status.read(list)
  }

  onWritable(): void {
    if (this.#interval?.active !== true) this.#sendMore()
  }

  onClose(_stream: TransportStream, code: number, how: StreamEnd): void {
    this.#stream = undefined
    this.#timeout?.stop()
    this.#interval?.stop()
    this.#closing?.stop()
    if (this.#ownStatus >= 0) {
      const late = this.#ownStatus === status.DEADLINE_EXCEEDED
      this.#generator.ended(this, this.#ownStatus, late ? deadlineExceeded : 'context canceled')
      return
    }
    this.#status.settle(code, how)
    this.#generator.ended(this, this.#status.code, this.#status.message)
  }

  #closeAfterDuration(): void {
    if (!this.#generator.sendsStream) this.#cancel(status.CANCELLED)
    else if (!this.#ending) {
      this.#ending = true
      this.#interval?.stop()
      this.#stream?.data(nothing, true)
    }
  }

  #cancel(own: number): void {
    if (this.#ownStatus < 0) this.#ownStatus = own
    this.#stream?.reset(resetCancel)
  }
}

const nothing: Buffer = Buffer.alloc(0)
