import { callStorage } from '../call-context.ts'
import { RpcError } from '../rpc-error.ts'
import { status } from '../status.ts'
import type { HeaderList, StreamEnd, TransportStream } from '../transport/transport.ts'
import { MessageQueue, PackedMessage, type QueueSource } from '../wire/message-queue.ts'
import { type CallFacts, type CallHome, ServerCall } from './server-call.ts'

/** A call with a stream of requests, of responses, or of both. */
export class StreamingServerCall extends ServerCall implements QueueSource {
  readonly #queue: MessageQueue<unknown>
  readonly #oneRequest: boolean
  #messages = 0
  #responses: AsyncIterator<unknown> | undefined = undefined
  #stoppedBy: RpcError | undefined = undefined
  /** The pump waits for room. */
  #resume: (() => void) | undefined = undefined

  constructor(home: CallHome, stream: TransportStream, list: HeaderList, facts: CallFacts) {
    super(home, stream, list, facts)
    this.#queue = new MessageQueue(this)
    this.#oneRequest = facts.entry.kind === 'server_streaming'
  }

  /** Begins the handler, for kinds whose requests are a stream. */
  begin(): void {
    if (!this.#oneRequest) this.#run(this.#queue)
  }

  override onWritable(): void {
    super.onWritable()
    this.#wake()
  }

  override onClose(stream: TransportStream, code: number, how: StreamEnd): void {
    super.onClose(stream, code, how)
    this.#wake()
  }

  taken(bytes: number, compressed: boolean): void {
    this.requestCompressed = compressed
    this.stream.consume(bytes)
  }

  awaited(): void {
    const missing = this.reader?.missing ?? 0
    if (missing > 0) this.stream.expect(missing)
  }

  left(): void {}

  unpack(packed: PackedMessage): unknown {
    const message = this.inflate(packed.bytes)
    if (message === undefined)
      throw this.#stoppedBy ?? new RpcError(status.CANCELLED, 'the call is over')
    return message
  }

  override onMessage(buffer: Buffer, start: number, end: number, compressed: boolean): void {
    if (!compressed || this.#oneRequest || this.#queue.wanted) {
      super.onMessage(buffer, start, end, compressed)
    } else if (!this.done) {
      const packed = new PackedMessage(buffer.subarray(start, end))
      this.#queue.push(packed, end - start + 5, true)
    }
  }

  protected override received(message: unknown, frameBytes: number, compressed: boolean): void {
    this.#messages++
    if (this.#oneRequest && this.#messages > 1) {
      this.finish(status.UNIMPLEMENTED, 'the call takes one request, more were sent')
    } else this.#queue.push(message, frameBytes, compressed)
  }

  protected override endOfRequests(): void {
    if (this.done || this.endedInside()) return
    this.#queue.end()
    if (!this.#oneRequest) return
    if (this.#messages === 0)
      this.finish(status.UNIMPLEMENTED, 'the call takes one request, none was sent')
    else void this.#queue.next().then((result) => this.#run(result.value))
  }

  protected override awaitRest(bytes: number): void {
    if (this.#oneRequest || this.#queue.wanted) this.stream.expect(bytes)
  }

  protected override stopped(error: RpcError): void {
    this.#stoppedBy = error
    this.#queue.abort(error)
    const responses = this.#responses
    this.#responses = undefined
    this.#wake()
    // Whatever it holds is released by its own finally blocks.
    if (responses?.return !== undefined) void this.#leave(responses)
  }

  async #leave(responses: AsyncIterator<unknown>): Promise<void> {
    try {
      await responses.return?.()
    } catch (error) {
      this.fail(error)
    }
  }

  #run(request: unknown): void {
    if (this.done) return
    callStorage.run(this, () => void this.#serve(request))
  }

  async #serve(request: unknown): Promise<void> {
    try {
      const result = this.entry.handler(request, this)
      if (this.entry.kind === 'client_streaming') this.reply(await result)
      else await this.#pump(result as AsyncIterable<unknown>)
    } catch (error) {
      this.fail(error)
    }
  }

  async #pump(responses: AsyncIterable<unknown>): Promise<void> {
    const iterator = responses[Symbol.asyncIterator]()
    if (this.done) {
      await iterator.return?.()
      return
    }
    this.#responses = iterator
    for (;;) {
      const result = await iterator.next()
      if (this.done) return
      if (result.done === true) break
      if (!this.write(result.value) && !this.stream.closed) {
        await new Promise<void>((resolve) => {
          this.#resume = resolve
        })
        if (this.done) return
      }
    }
    this.#responses = undefined
    this.finishOk()
  }

  #wake(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }
}
