import type {
  DescMessage,
  DescMethod,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'

export type MethodKind = 'unary' | 'server_streaming' | 'client_streaming' | 'bidi_streaming'

/** How messages of one type become bytes. `decode` must copy what it keeps of the buffer. */
export interface MessageCodec<In, Out> {
  /**
   * Writes the message to `buffer` from `offset` and returns where it ends; -1 when it does not fit (nothing is meant by
   * what was written then).
   */
  encodeInto(message: In, buffer: Buffer, offset: number): number
  encode(message: In): Uint8Array
  /** Throws for bytes that are no such message. */
  decode(buffer: Buffer, start: number, end: number): Out
}

/** A method with its messages' codecs: what both sides need to make or serve a call. */
export interface Method<I = unknown, O = unknown, II = I, OO = O> {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly kind: MethodKind
  readonly request: MessageCodec<II, I>
  readonly response: MessageCodec<OO, O>
}

export type MethodInput<M extends DescMethod> = M extends {
  readonly input: infer I extends DescMessage
}
  ? MessageShape<I>
  : never
export type MethodOutput<M extends DescMethod> = M extends {
  readonly output: infer O extends DescMessage
}
  ? MessageShape<O>
  : never
export type MethodInputInit<M extends DescMethod> = M extends {
  readonly input: infer I extends DescMessage
}
  ? MessageInitShape<I>
  : never
export type MethodOutputInit<M extends DescMethod> = M extends {
  readonly output: infer O extends DescMessage
}
  ? MessageInitShape<O>
  : never

export type { DescMethod, DescService }
