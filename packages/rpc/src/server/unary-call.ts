import { callStorage } from '../call-context.ts'
import { status } from '../status.ts'
import type { TransportStream } from '../transport/transport.ts'
import { ServerCall } from './server-call.ts'

const headerBytes = 5

/** One request, one response. The usual case, a request that is whole in one DATA frame, copies and queues nothing. */
export class UnaryServerCall extends ServerCall {
  #request: unknown = undefined
  #messages = 0

  override onData(stream: TransportStream, chunk: Buffer, end: boolean): void {
    if (end && !this.done && this.#messages === 0 && this.reader === undefined) {
      const length = chunk.length - headerBytes
      if (
        length >= 0 &&
        length <= this.core.maxReceive &&
        chunk[0] === 0 &&
        chunk.readUInt32BE(1) === length
      ) {
        this.requestEnded = true
        this.onMessage(chunk, headerBytes, chunk.length, false)
        if (!this.done) this.#run()
        return
      }
    }
    super.onData(stream, chunk, end)
  }

  protected override received(message: unknown, _frameBytes: number, compressed: boolean): void {
    this.requestCompressed = compressed
    this.#messages++
    if (this.#messages === 1) this.#request = message
    else this.finish(status.UNIMPLEMENTED, 'the call takes one request, more were sent')
  }

  protected override endOfRequests(): void {
    if (this.done || this.endedInside()) return
    if (this.#messages === 0)
      this.finish(status.UNIMPLEMENTED, 'the call takes one request, none was sent')
    else this.#run()
  }

  protected override awaitRest(bytes: number): void {
    this.stream.expect(bytes)
  }

  protected override stopped(): void {}

  #run(): void {
    let result: unknown
    try {
      result = callStorage.run(this, invoke, this)
    } catch (error) {
      this.fail(error)
      return
    }
    if (isThenable(result)) {
      result.then(
        (message) => this.reply(message),
        (error: unknown) => this.fail(error),
      )
    } else this.reply(result)
  }

  /** Called by `invoke` alone. */
  call(): unknown {
    const request = this.#request
    this.#request = undefined
    return this.entry.handler(request, this)
  }
}

/** Promises of any make: handlers may come from another realm or library. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' &&
      value !== null &&
      'then' in value &&
      typeof value.then === 'function')
  )
}

function invoke(call: UnaryServerCall): unknown {
  return call.call()
}
