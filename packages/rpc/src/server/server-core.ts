import type { Clock, Logger, TimerWheel } from '@tidemill/core'
import { channel } from 'node:diagnostics_channel'
import type { MessageCodec, MethodKind } from '../method.ts'
import type { ServerContext } from './context.ts'

/** A method as it is served. */
export interface MethodEntry {
  readonly path: string
  readonly kind: MethodKind
  readonly request: MessageCodec<unknown, unknown>
  readonly response: MessageCodec<unknown, unknown>
  /** With the interceptors around it. */
  readonly handler: (request: unknown, ctx: ServerContext) => unknown
  /** Takes every content subtype of gRPC, not only proto. */
  readonly raw: boolean
}

/** What all calls of a server share. */
export interface ServerCore {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly logger: Logger
  readonly maxReceive: number
  readonly maxSend: number
  readonly compress: boolean
  readonly entries: Map<string, MethodEntry>
  /** Serves paths that nobody else serves; its `path` is `*`. */
  fallback: MethodEntry | undefined
  callsOpen: number
  callsStarted: number
  callsFailed: number
}

/** What a handler threw that is no RpcError: `{ method, error }`. */
export const handlerErrorChannel: ReturnType<typeof channel> = channel('tidemill:rpc:handler-error')
