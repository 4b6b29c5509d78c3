import type { Closable, TidemillError } from '@tidemill/core'
import type { Endpoint } from '../backend.ts'
import type { Outcome } from '../breaker/index.ts'
import type { RequestFlag } from '../request-log.ts'
import type { HttpHeaderFilter } from '../router/index.ts'
import type { RequestHead } from './request-head.ts'

/**
 * The data plane: owns the sockets, moves bytes and keeps time. What becomes of a request it asks
 * {@link Traffic}. Everything above this interface stays when the data plane is replaced.
 */
export interface Proxy extends Closable {
  readonly host: string
  readonly port: number
  /**
   * Stops taking connections and says `Connection: close` on what is still answered. After `graceMs`
   * idle connections end as soon as no answer is under way, after another `timeoutMs` all. Resolves when
   * none is left.
   */
  drain(graceMs: number, timeoutMs: number): Promise<void>
}

/** The control side of the data plane. Synchronous: a decision never waits. */
export interface Traffic {
  /** Decides about a well-formed request. */
  begin(head: RequestHead): Passage
  /** A request that was refused before it could be decided about. */
  refuse(head: RefusedHead, error: TidemillError, flag: RequestFlag): void
}

/** As much of a malformed request as is fit for the log. */
export interface RefusedHead {
  readonly requestId: string
  readonly method: string
  readonly host: string
  readonly path: string
}

/** Where one admitted request goes. */
export interface Forwarding {
  readonly endpoint: Endpoint
  /** Path and query as sent upstream. */
  readonly target: string
  readonly host: string
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  /** Milliseconds, Infinity is off; the meaning is that of `PolicyTimeouts`. */
  readonly requestMs: number
  readonly backendMs: number
  readonly idleMs: number
  readonly maxBodyBytes: number
  /** 1 at each status that counts as a failure of the upstream. */
  readonly failures: Uint8Array
}

/**
 * One request on its way. Exactly one of `forward`, `location` and `error` is set. The data plane calls
 * `finish` once whatever happens, and `settle` as soon as it is known whether the upstream did its work.
 */
export interface Passage {
  readonly forward: Forwarding | undefined
  /** A redirect to answer with. */
  readonly location: { readonly status: number; readonly url: string } | undefined
  readonly error: TidemillError | undefined
  /** Whole seconds for Retry-After, 0 for none. */
  readonly retryAfter: number
  /** The upstream's response head has come. */
  head(status: number): void
  /** Whether the upstream did its work, as the breaker shall count it; only the first call counts. */
  settle(outcome: Outcome): void
  /** The request is over. `status` is what the client was sent, 0 for nothing. */
  finish(status: number, flag: RequestFlag, error?: TidemillError): void
  /** The error of a failed upstream, with this route's name in it. */
  failure(flag: RequestFlag, reason: string): TidemillError
}
