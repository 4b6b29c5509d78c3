import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { MethodInputInit, MethodOutput } from '../method.ts'
import type { Metadata } from '../wire/metadata.ts'
import type { CallOptions } from './call-options.ts'

/** Responses of a streaming call, in order. Leaving the loop early cancels the call; an error status is thrown. */
export interface Responses<O> extends AsyncIterable<O> {
  /** Resolves with the response's headers (empty for Trailers-Only); rejects when the call fails first. */
  readonly headers: Promise<Metadata>
  /** Resolves with the trailers, whatever the status. */
  readonly trailers: Promise<Metadata>
  cancel(reason?: string): void
}

type MethodOf<M extends DescMethod> = M['methodKind'] extends 'unary'
  ? (request: MethodInputInit<M>, options?: CallOptions) => Promise<MethodOutput<M>>
  : M['methodKind'] extends 'server_streaming'
    ? (request: MethodInputInit<M>, options?: CallOptions) => Responses<MethodOutput<M>>
    : M['methodKind'] extends 'client_streaming'
      ? (
          requests: AsyncIterable<MethodInputInit<M>> | Iterable<MethodInputInit<M>>,
          options?: CallOptions,
        ) => Promise<MethodOutput<M>>
      : (
          requests: AsyncIterable<MethodInputInit<M>> | Iterable<MethodInputInit<M>>,
          options?: CallOptions,
        ) => Responses<MethodOutput<M>>

/** One function per method of a service, named as in the generated code. */
export type Client<S extends DescService> = {
  readonly [K in keyof S['method']]: MethodOf<S['method'][K]>
}

/** A call of any kind, message by message, for code that is driven by both sides at once. */
export interface Call<In, Out> {
  /**
   * Resolves when the next message may be sent; rejects with the call's status when that is not OK. `compress: false`
   * sends this message as it is although the call says gzip.
   */
  send(message: In, options?: { readonly compress?: boolean }): Promise<void>
  /** No more messages from this side. */
  end(): void
  /** The next message, or undefined after the last one and a status of OK; throws `RpcError` for any other. */
  receive(): Promise<Out | undefined>
  /** Whether the message that `receive` gave last came compressed. */
  readonly compressed: boolean
  cancel(reason?: string): void
  readonly headers: Promise<Metadata>
  readonly trailers: Promise<Metadata>
}
