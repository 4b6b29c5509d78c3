import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'

/** Name and value; binary ones end in `-bin`. */
export type Pairs = readonly (readonly [name: string, value: string | Uint8Array])[]

export interface CallOptions {
  readonly metadata?: Pairs
  readonly timeoutMs?: number
  /** The call says gzip in its headers; each message is compressed when `send` asks for it. */
  readonly gzip?: boolean
  /** {@link Received.compressed} is asked for; without it a caller may use its simplest interface. */
  readonly tellCompressed?: boolean
}

export interface Received<O> {
  readonly message: O
  /** Whether it came compressed; undefined where the implementation does not tell. */
  readonly compressed: boolean | undefined
}

/** A call of any of the four kinds, message by message. */
export interface OpenCall<I, O> {
  send(message: I, options?: { readonly compressed?: boolean }): Promise<void>
  /** No more requests. */
  end(): void
  cancel(): void
  /** The next response, or undefined after a status of OK; throws {@link CallFailed} for any other. */
  receive(): Promise<Received<O> | undefined>
  /** All values of a name in the response's headers and trailers, once they are there. */
  header(name: string): Promise<Pairs[number][1][]>
  trailer(name: string): Promise<Pairs[number][1][]>
}

/** One channel of the implementation under test. */
export interface Caller {
  open<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { readonly input: I; readonly output: O },
    options?: CallOptions,
  ): OpenCall<MessageInitShape<I>, MessageShape<O>>
  close(): Promise<void>
}

/** A status that is not OK. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'
  readonly code: number
  readonly details: string

  constructor(code: number, details: string) {
    super(`status ${code}: ${details}`)
    this.code = code
    this.details = details
  }
}
