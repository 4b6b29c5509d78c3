import type { CallOutcome } from './call-outcome.ts'
import type { ChannelConnection } from './channel-connection.ts'

/**
 * A call as the channel sees it before it has a stream. The client call of the call layer implements it, so that a
 * call which finds a ready connection costs one pick and no allocation.
 *
 * Life of an attempt: `channel.start(call)` -> (at once, or later when it had to queue)
 * `call.onConnection(connection, tracker)` -> the call opens its stream -> when the stream is closed it tells
 * `tracker?.finished(...)` if it got a tracker. A call that gives up while it waits (deadline, cancellation) calls
 * `channel.withdraw(call)`.
 */
export interface PendingCall<C extends ChannelConnection = ChannelConnection> {
  /** `/package.Service/Method`. */
  readonly path: string
  /** True: wait through TRANSIENT_FAILURE; false: fail with UNAVAILABLE then. */
  readonly waitForReady: boolean
  /** Place in the channel's queue; written by the channel only. Begins as -1, which is: not queued. */
  queueIndex: number
  /**
   * A ready connection with a free stream: open the stream on it now, inside this call. Runs inside `start` when one is
   * ready, later otherwise. `tracker` is only given by balancing policies that want to hear how calls end.
   */
  onConnection(connection: C, tracker: CallTracker | undefined): void
  /** The channel cannot serve the call: `code` is a gRPC status code, nothing was sent. May run inside `start`. */
  onUnavailable(code: number, message: string): void
}

/** Told by the call how it ended; made by a balancing policy that asked for it (for example one that reads ORCA reports). */
export interface CallTracker {
  /** Once. */
  finished(outcome: CallOutcome): void
}
