/** Counts of one channel since it was made; all only grow. Written by the channel, read by `stats()`. */
export class ChannelStatistics {
  /** Calls that asked for a connection, every attempt of one counting. */
  attempts: number = 0
  /** Attempts that had to wait for a connection or a free stream. */
  queued: number = 0
  /** Attempts refused because the queue was full. */
  queueOverflows: number = 0
  /** Attempts repeated by a retry policy. */
  retries: number = 0
  /** Attempts repeated because the server certainly had not looked at them. */
  transparentRetries: number = 0
  /** Attempts beyond the first that a hedging policy sent. */
  hedges: number = 0
  /** Retries and hedges that the throttle stopped. */
  throttled: number = 0
  /** Attempts to connect. */
  connects: number = 0
  /** Attempts to connect that failed. */
  connectFailures: number = 0
  /** Connections ended because the peer did not answer a keepalive PING. */
  keepaliveFailures: number = 0
}
