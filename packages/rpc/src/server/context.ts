import type { HeaderList, Peer } from '../transport/transport.ts'
import type { Metadata } from '../wire/metadata.ts'

/** Why a call ended before its handler was done. */
export type CancelReason = 'deadline' | 'client' | 'connection' | 'server'

/** A call as its handler sees it. */
export interface ServerContext {
  /** `/package.Service/Method`. */
  readonly method: string
  /** What the client sent with the call. */
  readonly metadata: Metadata
  /** The same as it came, flat, with pseudo-headers. */
  readonly requestHeaders: HeaderList
  /** Sent before the first message, or by `sendHeaders`; changes after that have no effect. */
  readonly headers: Metadata
  /** Sent with the status. */
  readonly trailers: Metadata
  /** Milliseconds left until the client's deadline; Infinity without one. */
  readonly timeLeftMs: number
  /** Aborts when the call is cancelled or its deadline passes. */
  readonly signal: AbortSignal
  readonly cancelled: CancelReason | undefined
  readonly peer: Peer
  /** Whether the message that came last was compressed. */
  readonly requestCompressed: boolean
  /** Whether responses are compressed, if the client accepts it; default as the server's `compression` says. */
  compress: boolean
  sendHeaders(): void
}
