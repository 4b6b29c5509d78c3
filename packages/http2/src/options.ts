import type { ByteSize, Clock } from '@tidemill/core'
import type { ReceiveBudget } from './flow/receive-budget.ts'

/**
 * What a peer may do before it is told ENHANCE_YOUR_CALM. Counts are per ten seconds; those marked + grow by four for
 * each HEADERS and DATA frame that went either way in that time, because busy peers ping and update windows more.
 */
export interface Http2Limits {
  /**
   * RST_STREAM of a client for requests that were not answered yet, of anybody for streams that are closed, and those
   * that the peer's offences made us send; default 2000, and four more for each request answered in that time.
   */
  readonly resets?: number
  /** Streams refused beyond `maxConcurrentStreams`; default 10,000. */
  readonly refusals?: number
  /** PING, and answers to none of ours +; default 500. */
  readonly pings?: number
  /** SETTINGS and GOAWAY +; default 100. */
  readonly settings?: number
  /** PRIORITY and frames of unknown type +; default 1000. */
  readonly priorities?: number
  /** WINDOW_UPDATE +; default 1000. */
  readonly windowUpdates?: number
  /** DATA without a byte of data that does not end its stream; default 100. */
  readonly emptyData?: number
  /** CONTINUATION frames of one header block; default 64. */
  readonly continuations?: number
  /** Bytes of one header block as sent, before decompression; default twice `maxHeaderListSize`. */
  readonly headerBlock?: ByteSize
  /** Header lists over `maxHeaderListSize`; default 100. */
  readonly largeHeaderLists?: number
  /** DATA and HEADERS for streams that this side has reset or does not take any more +; default 10,000. */
  readonly lateFrames?: number
  /** Bytes of acknowledgements, resets and window updates that wait because the peer does not read; default 128 KiB. */
  readonly controlOutput?: ByteSize
}

/** Options of one connection; sizes are in bytes or text with a unit. */
export interface Http2Options {
  /** Default `realClock`. */
  readonly clock?: Clock
  /** Streams of the peer at a time (SETTINGS_MAX_CONCURRENT_STREAMS); default 500. More are refused: REFUSED_STREAM. */
  readonly maxConcurrentStreams?: number
  /** Receive window of a stream (SETTINGS_INITIAL_WINDOW_SIZE); default 1 MiB. */
  readonly streamWindow?: ByteSize
  /** Receive window of the connection; default 4 MiB, at least 65,535. */
  readonly connectionWindow?: ByteSize
  /**
   * Raises both windows to what the link carries, measured by PINGs sent upon DATA (grpc-go's BDP estimator); default up
   * to 16 MiB. False keeps them as they are.
   */
  readonly autoTune?: false | { readonly max?: ByteSize }
  /**
   * Memory for what was received and not consumed; may be shared by many connections. Default 256 MiB, for a connection
   * or all of a server.
   */
  readonly receiveBudget?: ReceiveBudget
  /** Largest frame taken (SETTINGS_MAX_FRAME_SIZE); default 16 KiB. */
  readonly maxFrameSize?: ByteSize
  /** Largest header list taken, by the measure of RFC 9113 6.5.2; default 16 KiB. A server answers 431 to a larger one. */
  readonly maxHeaderListSize?: ByteSize
  /** HPACK table of the decoder (SETTINGS_HEADER_TABLE_SIZE); default 4096. */
  readonly headerTableSize?: ByteSize
  /** Whether a server takes extended CONNECT (RFC 8441); default false. */
  readonly enableConnectProtocol?: boolean
  /** Waiting bytes of one stream: `data` returns false above `highWater` (64 KiB), throws above `limit` (1 MiB). */
  readonly sendBuffer?: { readonly highWater?: ByteSize; readonly limit?: ByteSize }
  /** Stream id from which on the connection drains; default three quarters of 2^31. */
  readonly drainAtStreamId?: number
  readonly limits?: Http2Limits
}
