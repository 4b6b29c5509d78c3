import type { ChannelConnection } from './channel-connection.ts'
import type { CallTracker, PendingCall } from './pending-call.ts'

/** Why calls that do not wait for ready fail now. */
export interface PickFailure {
  /** gRPC status code. */
  readonly code: number
  readonly message: string
}

/**
 * The present choice of a balancing policy; a policy makes a new one whenever its choice changes. `pick` is on the path
 * of every call: it must not allocate.
 */
export interface Picker<C extends ChannelConnection = ChannelConnection> {
  /** Set: calls that do not wait for ready fail with it. The others wait for another picker. */
  readonly failure: PickFailure | undefined
  /** A connection with a free slot for the next call; undefined when the call has to wait (or to fail, see `failure`). */
  pick(): C | undefined
  /** Called for each call that was given a connection: what is to hear how it ends. */
  track?(connection: C, call: PendingCall<C>): CallTracker | undefined
}

class EmptyPicker implements Picker<never> {
  readonly failure: PickFailure | undefined

  constructor(failure: PickFailure | undefined) {
    this.failure = failure
  }

  pick(): undefined {
    return undefined
  }
}

/** Calls wait. */
export const waitingPicker: Picker<never> = new EmptyPicker(undefined)

/** Calls fail with UNAVAILABLE, or wait when they are to wait for ready. */
export function failingPicker(message: string): Picker<never> {
  return new EmptyPicker({ code: 14, message })
}
