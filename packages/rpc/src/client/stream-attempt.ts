import type { Clock } from '@tidemill/core'
import type { CallOutcome } from '../channel/call-outcome.ts'
import type { CallTracker, PendingCall } from '../channel/pending-call.ts'
import { resetCancel, status } from '../status.ts'
import type {
  HeaderList,
  StreamEnd,
  StreamHandler,
  TransportConnection,
  TransportStream,
} from '../transport/transport.ts'
import type {
  AttemptListener,
  AttemptStart,
  CallAttempt,
  CallTransportProvider,
} from './attempt.ts'
import { RequestHeaders } from './request-headers.ts'
import {
  headersOutcome,
  isGoodHeaders,
  isInformational,
  streamOutcome,
  trailersOutcome,
  unsendable,
  unsentOutcome,
} from './response.ts'

/** Bytes that may wait for a stream before the sender is told to stop. */
const waitingBytes = 64 * 1024

export interface AttemptHome {
  readonly provider: Pick<CallTransportProvider, 'start' | 'withdraw' | 'authority' | 'scheme'>
  readonly clock: Clock
  readonly userAgent: string
}

/** One attempt of a call on one stream. */
export class StreamAttempt implements CallAttempt, PendingCall<TransportConnection>, StreamHandler {
  readonly path: string
  readonly waitForReady: boolean
  queueIndex: number = -1
  readonly #home: AttemptHome
  readonly #start: AttemptStart
  readonly #listener: AttemptListener
  #stream: TransportStream | undefined = undefined
  #tracker: CallTracker | undefined = undefined
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #endWaiting = false
  #blocked = false
  #sentEnd = false
  #headersSeen = false
  #over = false

  constructor(home: AttemptHome, start: AttemptStart, listener: AttemptListener) {
    this.#home = home
    this.#start = start
    this.#listener = listener
    this.path = start.path
    this.waitForReady = start.waitForReady
    home.provider.start(this)
  }

  get unsent(): boolean {
    return this.#stream === undefined
  }

  onConnection(connection: TransportConnection, tracker: CallTracker | undefined): void {
    this.#tracker = tracker
    const { provider, clock, userAgent } = this.#home
    const { deadlineAt, headers } = this.#start
    const left = deadlineAt === Infinity ? Infinity : deadlineAt - clock.monotonic()
    const list = new RequestHeaders(this.path, provider.authority, provider.scheme, userAgent).list(
      headers,
      left,
    )
    const empty = this.#waiting.length === 0
    const end = this.#endWaiting && empty
    let stream: TransportStream
    try {
      stream = connection.request(list, end, this)
    } catch (error) {
      this.onUnavailable(status.INTERNAL, unsendable(error))
      return
    }
    this.#stream = stream
    this.#sentEnd = end
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const [index, frames] of waiting.entries()) {
      this.#put(frames, this.#endWaiting && index === waiting.length - 1)
    }
    if (this.#blocked && !stream.closed && stream.bufferedBytes < waitingBytes) {
      this.#blocked = false
      queueMicrotask(() => {
        if (!this.#over) this.#listener.onWritable()
      })
    }
  }

  onUnavailable(code: number, message: string): void {
    // May run inside the constructor: nobody holds this attempt yet.
    queueMicrotask(() => this.#finish(unsentOutcome(code, message)))
  }

  send(frames: Uint8Array, end: boolean): boolean {
    if (this.#over) return true
    if (this.#stream !== undefined) return this.#put(frames, end)
    if (frames.length > 0) {
      this.#waiting.push(Uint8Array.prototype.slice.call(frames))
      this.#waitingBytes += frames.length
    }
    if (end) this.#endWaiting = true
    this.#blocked = this.#waitingBytes > waitingBytes
    return !this.#blocked
  }

  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#home.provider.withdraw(this)
    this.#stream?.reset(resetCancel)
    this.#tracker?.finished({
      ...streamOutcome(resetCancel, 'local', this.#headersSeen, false),
      code: status.CANCELLED,
    })
  }

  consume(bytes: number): void {
    this.#stream?.consume(bytes)
  }

  expect(bytes: number): void {
    this.#stream?.expect(bytes)
  }

  onHeaders(stream: TransportStream, list: HeaderList, end: boolean): void {
    if (this.#over) return
    if (!end && isInformational(list)) return
    if (end || !isGoodHeaders(list)) {
      this.#answered(headersOutcome(list), stream, end)
      return
    }
    this.#headersSeen = true
    this.#listener.onHeaders(list)
  }

  onData(_stream: TransportStream, chunk: Buffer, end: boolean): void {
    if (this.#over) return
    if (chunk.length > 0) this.#listener.onData(chunk)
    if (end && !this.#over) this.#finish(streamOutcome(0, 'done', true, false))
  }

  onTrailers(stream: TransportStream, list: HeaderList): void {
    if (!this.#over) this.#answered(trailersOutcome(list, this.#headersSeen), stream, true)
  }

  onWritable(): void {
    if (!this.#over) this.#listener.onWritable()
  }

  onClose(_stream: TransportStream, code: number, how: StreamEnd): void {
    if (this.#over) return
    const expired = this.#home.clock.monotonic() >= this.#start.deadlineAt
    this.#finish(streamOutcome(code, how, this.#headersSeen, expired))
  }

  #put(frames: Uint8Array, end: boolean): boolean {
    const stream = this.#stream as TransportStream
    if (this.#sentEnd || stream.closed) return true
    if (end) this.#sentEnd = true
    return stream.data(frames, end)
  }

  /** The server has said how it ended: what still goes either way interests nobody. */
  #answered(outcome: CallOutcome, stream: TransportStream, remoteEnded: boolean): void {
    const halfOpen = !remoteEnded || !this.#sentEnd || stream.bufferedBytes > 0
    this.#finish(outcome)
    if (halfOpen) stream.reset(resetCancel)
  }

  #finish(outcome: CallOutcome): void {
    if (this.#over) return
    this.#over = true
    this.#tracker?.finished(outcome)
    this.#listener.onEnd(outcome)
  }
}
