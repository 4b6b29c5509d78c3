import type { DescMethod } from '@bufbuild/protobuf'
import type { Duration } from '@tidemill/core'
import type {
  Channel as BaseChannel,
  ChannelOptions as BaseOptions,
  ChannelStats as BaseStats,
} from '../channel/channel.ts'
import type { MethodInputInit, MethodKind, MethodOutput } from '../method.ts'
import type { CallOptions } from './call-options.ts'
import type { Call } from './client.ts'

/**
 * Runs around a call. `next` makes the call; for unary and client-streaming methods it gives a promise, for the others
 * the responses. `request` is the message, or the iterable of messages.
 */
export type ClientInterceptor = (
  call: ClientCallInfo,
  next: (call: ClientCallInfo) => unknown,
) => unknown

export interface ClientCallInfo {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly kind: MethodKind
  readonly request: unknown
  readonly options: CallOptions | undefined
}

export interface ChannelOptions extends BaseOptions {
  /** Time for calls that say none; default none. */
  readonly deadline?: Duration | number
  /** Longest until a connection with TLS and SETTINGS stands; default '20s'. */
  readonly connectTimeout?: Duration | number
  readonly userAgent?: string
  /** The first is the outermost. */
  readonly interceptors?: readonly ClientInterceptor[]
}

export interface ChannelStats extends BaseStats {
  readonly callsOpen: number
  readonly callsStarted: number
  readonly callsFailed: number
}

/** A method without a descriptor. */
export interface RawMethodInfo {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly kind: MethodKind
}

export interface Channel extends BaseChannel {
  /** A call that both sides drive message by message. */
  open<M extends DescMethod>(
    method: M,
    options?: CallOptions,
  ): Call<MethodInputInit<M>, MethodOutput<M>>
  /** The same with bytes for messages. */
  openRaw(method: RawMethodInfo, options?: CallOptions): Call<Uint8Array, Uint8Array>
  /** A unary call with bytes for messages. */
  unaryRaw(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>
  stats(): ChannelStats
}
