import type { Duration } from '@tidemill/core'
import type { Metadata, MetadataInit } from '../wire/metadata.ts'

/** Options of one call. */
export interface CallOptions {
  readonly metadata?: MetadataInit
  /**
   * Time for the whole call: text with a unit (`'200ms'`) or milliseconds. Without it, and inside a handler of a
   * server, what is left of the incoming call's time; with both, the shorter.
   */
  readonly deadline?: Duration | number
  /** Cancels the call. The call that a handler serves cancels those that it makes anyway. */
  readonly signal?: AbortSignal
  /** Wait for a connection instead of failing while none can be made. */
  readonly waitForReady?: boolean
  /** Encoding of the messages sent; default that of the channel. */
  readonly compression?: 'identity' | 'gzip'
  /** Hears of the response's headers; not called for an answer that has none (Trailers-Only). */
  readonly onHeader?: (headers: Metadata) => void
  /** Hears of the trailers; before the call's promise settles. */
  readonly onTrailer?: (trailers: Metadata) => void
  /** Do not take deadline and cancellation of the surrounding call; default false. */
  readonly detached?: boolean
}
