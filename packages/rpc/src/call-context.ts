import { AsyncLocalStorage } from 'node:async_hooks'

/** The call that a handler serves, as calls made inside it see it. */
export interface SurroundingCall {
  /** Monotonic time of its server's clock at which it is over; Infinity without a deadline. */
  readonly deadlineAt: number
  /** Over already: calls made now fail at once. */
  readonly over: boolean
  /** Adds a call that is cancelled with this one; `detach` it when it is done. */
  attach(call: DependentCall): void
  detach(call: DependentCall): void
  /** Milliseconds left; Infinity without a deadline. */
  readonly timeLeftMs: number
}

/** A call made inside a handler. */
export interface DependentCall {
  /** The call that it belongs to was cancelled; not told when that one's deadline passes, which is this one's too. */
  parentCancelled(): void
}

/**
 * Runs something outside of every call: what a channel keeps (sockets, timers, resolvers) begins with some call, and must
 * neither hold that call nor hand its deadline to the callbacks of others.
 */
export const outsideCalls: <R>(run: () => R) => R = AsyncLocalStorage.snapshot()

/** Carries deadline and cancellation from an incoming call to the outgoing ones. */
export const callStorage: AsyncLocalStorage<SurroundingCall> = new AsyncLocalStorage()
