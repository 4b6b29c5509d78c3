import type { HeaderList } from '@tidemill/http2'

/** How one attempt of a call ended, as far as retrying and balancing need to know. */
export interface CallOutcome {
  /** gRPC status code. */
  readonly code: number
  readonly message: string
  /** Trailers, or the header block of a Trailers-Only answer; empty when the stream broke. */
  readonly trailers: HeaderList
  /** Whether response headers that were not Trailers-Only had arrived. */
  readonly headersSeen: boolean
  /**
   * `sent`: the server may have run it. `refused`: it was given to a connection, and the server certainly did not look
   * at it (REFUSED_STREAM, or a GOAWAY whose last id is below the stream). `unsent`: the channel had no connection for
   * it.
   */
  readonly processed: 'sent' | 'refused' | 'unsent'
}
