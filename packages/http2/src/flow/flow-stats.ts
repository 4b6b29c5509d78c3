/** What holds a sender up, and since how long. */
export interface SendBlockedMs {
  /** At least one stream had bytes and no window of its own. */
  readonly stream: number
  /** At least one stream had bytes and the connection no window. */
  readonly connection: number
  /** At least one request waited for the peer's SETTINGS_MAX_CONCURRENT_STREAMS. */
  readonly peerStreams: number
}

/** Flow control of one connection as it is now. */
export interface FlowStats {
  /** Smoothed round trip; 0 while none was measured. */
  readonly rttMs: number
  /** Estimated bandwidth-delay product in bytes; 0 without tuning. */
  readonly bdp: number
  /** Our receive windows, in bytes: the size announced for streams, the size of the connection's. */
  readonly streamWindow: number
  readonly connectionWindow: number
  /** Received and not read. */
  readonly unreadBytes: number
  /** Milliseconds. */
  readonly sendBlockedMs: SendBlockedMs
}
