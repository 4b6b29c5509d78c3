import type { Metadata } from '../wire/metadata.ts'
import type { Responses } from './client.ts'
import type { StreamCall } from './stream-call.ts'

const finished: IteratorResult<unknown, undefined> = { done: true, value: undefined }

/** The responses of a call as its caller iterates them. */
export class CallResponses implements Responses<unknown>, AsyncIterator<unknown, undefined> {
  readonly #call: StreamCall

  constructor(call: StreamCall) {
    this.#call = call
  }

  get headers(): Promise<Metadata> {
    return this.#call.headers
  }

  get trailers(): Promise<Metadata> {
    return this.#call.trailers
  }

  cancel(reason?: string): void {
    this.#call.cancel(reason)
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    const message = await this.#call.receive()
    return message === undefined ? finished : { done: false, value: message }
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#call.cancel('the caller wants no more responses')
    return Promise.resolve(finished)
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** Sends what the caller's iterable gives; when the call ends first, the iterable is told to stop. */
export async function sendAll(
  call: StreamCall,
  requests: AsyncIterable<unknown> | Iterable<unknown>,
): Promise<void> {
  try {
    for await (const request of requests) await call.send(request)
    call.end()
  } catch (error) {
    // The call's own failure is told where its responses are read; one of the iterable cancels the call.
    call.cancel(error instanceof Error ? error.message : String(error))
  }
}
