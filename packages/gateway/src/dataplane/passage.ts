import type { TidemillError } from '@tidemill/core'
import type { Outcome } from '../breaker/index.ts'
import type { RequestFlag } from '../request-log.ts'
import type { HttpHeaderFilter } from '../router/index.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { RetryPlan } from '../upstream/upstream-call.ts'
import type { ListenerPlan } from '../listener/listener-plan.ts'
import type { RequestView } from './request-view.ts'

/** The control side of the data plane. Synchronous: the usual decision never waits. */
export interface Traffic {
  /** Decides about a well-formed request that came to the listener. */
  begin(view: RequestView, listener: ListenerPlan): Passage
  /** A request that was refused before it could be decided about. */
  refuse(head: RefusedHead, error: TidemillError, flag: RequestFlag): void
}

/** As much of a malformed request as is fit for the log. */
export interface RefusedHead {
  readonly requestId: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly remoteAddress: string
}

/** Where one admitted request goes. */
export interface Forwarding {
  readonly cluster: Cluster
  /** Path and query as sent upstream. */
  readonly target: string
  readonly host: string
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  /** Fields that go upstream besides, lower case flat list: identity of the client, and the like. */
  readonly addedHeaders: readonly string[]
  readonly requestMs: number
  readonly backendMs: number
  readonly idleMs: number
  readonly maxBodyBytes: number
  readonly retry: RetryPlan | undefined
  readonly hash: number
  readonly mirrors: readonly Mirror[]
  /** Whether `upgrade` of the request is let through. */
  readonly upgrade: boolean
  /** 1 at each status that counts as a failure of the upstream. */
  readonly failures: Uint8Array
}

/** A copy of the request goes there too; its answer is thrown away. The choice by percent was made already. */
export interface Mirror {
  readonly cluster: Cluster
}

/** An answer that the gateway gives by itself without an error: a redirect, a CORS preflight, a fallback. */
export interface DirectAnswer {
  readonly status: number
  /** Lower case, flat, without framing fields. */
  readonly headers: readonly string[]
  readonly body: string
}

/**
 * One request on its way. Exactly one of `forward`, `answer`, `error` and `wait` is set. The data plane calls `finish`
 * once whatever happens, and `settle` as soon as it is known whether the upstream did its work.
 */
export interface Passage {
  readonly forward: Forwarding | undefined
  readonly answer: DirectAnswer | undefined
  readonly error: TidemillError | undefined
  /** The decision waits for something (keys of a token issuer): calls back once, then one of the others is set. */
  readonly wait: ((decided: () => void) => void) | undefined
  /** Whole seconds for Retry-After, 0 for none. */
  readonly retryAfter: number
  /** Fields for every answer to this request (limits, CORS, cookies of a sticky session), lower case flat list. */
  readonly answerHeaders: readonly string[]
  /** The upstream's response head has come; `headers` as the upstream wrote them, end-to-end, lower case. */
  head(status: number, headers: readonly string[]): void
  /** Whether the upstream did its work, as the breaker shall count it; only the first call counts. */
  settle(outcome: Outcome): void
  /**
   * The request is over. `status` is what the client was sent, 0 for nothing; bytes are of the two bodies. Also frees
   * what the request holds (limits of concurrency); a tunnel calls `release` at its start instead.
   */
  finish(status: number, flag: RequestFlag, facts: ExchangeFacts, error?: TidemillError): void
  /** A tunnel has begun: permits are given back although the request is not over. */
  release(): void
  /** The error of a failed upstream, with this route's name in it. */
  failure(flag: RequestFlag, reason: string): TidemillError
}

/** What the data plane knows of a request that is over. */
export interface ExchangeFacts {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly attempts: number
  /** `address:port` of the host that was asked last; empty for none. */
  readonly host: string
}
