import type { Host } from '../balance/host.ts'

/** A request on its way to a cluster. Everything in it is checked; the cluster frames it for HTTP/1.1 or HTTP/2. */
export interface UpstreamRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Path and query. */
  readonly target: string
  /** The authority that the upstream is told. */
  readonly host: string
  /** Name, value, ... in lower case, end-to-end, without Host; not changed afterwards by anybody. */
  readonly headers: readonly string[]
  /** Bytes of the body, -1 when not known, 0 for none. */
  readonly bodyLength: number
  /** `websocket` asks for a tunnel; empty for an ordinary exchange. */
  readonly upgrade: string
  /** Whether to tell the upstream that trailers are read (`te: trailers`). */
  readonly acceptsTrailers: boolean
  /** Chooses the host of hash balancers and of sticky sessions; -1 when nothing does. */
  readonly hash: number
  /** Milliseconds for one attempt, from the end of the request to the response head; Infinity is off. */
  readonly attemptMs: number
  /** Monotonic time at which everything ends, retries included; Infinity is off. */
  readonly deadline: number
  /** Longest silence of the upstream while its response streams, in milliseconds. */
  readonly idleMs: number
  /** Undefined: only the attempts that are proven not to have been processed are repeated, once. */
  readonly retry: RetryPlan | undefined
}

/** When a request is sent again. Budget, backoff and host exclusion are the cluster's. */
export interface RetryPlan {
  /** Further tries after the first. */
  readonly attempts: number
  /** 1 at each status that is retried. */
  readonly codes: Uint8Array
  /** Least wait before a try in milliseconds; the real one is drawn from a range that grows. */
  readonly backoffMs: number
  /** Retries requests whose method is not idempotent too, and requests that may have been processed. */
  readonly evenUnsafe: boolean
  /** Bytes of a request body kept for another try; a longer one is sent once. */
  readonly bufferBytes: number
}

/** Why a cluster has no response to give, or could not complete it. */
export interface UpstreamFailure {
  readonly kind: /** No host could take it: none is known, or all are unhealthy and panic is off. */
    | 'no-host'
    /** A limit of the cluster was reached: connections, pending or active requests. */
    | 'overflow'
    /** No connection could be made (refused, timed out, TLS not valid). */
    | 'connect'
    /** The connection broke before the response was complete. */
    | 'reset'
    /** What the upstream sent is no HTTP, or breaks its rules. */
    | 'protocol'
    /** The attempt's time was over. */
    | 'attempt-timeout'
    /** The request's deadline was over. */
    | 'deadline'
    /** The response fell silent for `idleMs`. */
    | 'idle'
  /** In English, for logs and problem documents; holds nothing that the upstream sent. */
  readonly reason: string
  /** Whether the response head had already been given to the handler. */
  readonly responded: boolean
  /** Whether the upstream may have processed the request. */
  readonly processed: boolean
}

/**
 * Gets what becomes of a call. Order: `onInformational` any number of times, then `onResponse` once, `onBody` any number
 * of times, and `onEnd` once; or `onFailure` once at any point, after which nothing comes. After a response with status
 * 101 (to `upgrade`) body parts are the tunnel's bytes in both directions, whatever the two protocols are.
 * Calls are made in later turns or inside `write`, `end`, `resumeBody` - never inside `Cluster.send`.
 */
export interface UpstreamHandler {
  onInformational(call: UpstreamCall, status: number, headers: readonly string[]): void
  /** `headers`: lower case, end-to-end; `bodyLength` -1 when not known. 101 to an upgrade, also where HTTP/2 said 200. */
  onResponse(
    call: UpstreamCall,
    status: number,
    headers: readonly string[],
    bodyLength: number,
  ): void
  /** The bytes stay unchanged for good, they may be kept. */
  onBody(call: UpstreamCall, chunk: Buffer): void
  onEnd(call: UpstreamCall, trailers: readonly string[]): void
  /** After `write` gave false: write on. */
  onWritable(call: UpstreamCall): void
  onFailure(call: UpstreamCall, failure: UpstreamFailure): void
}

/** One call, over all its attempts. After `onEnd`, `onFailure` or `abort` its methods do nothing. */
export interface UpstreamCall {
  /** The caller's own. */
  state: unknown
  /** Host of the last attempt; undefined before the first. */
  readonly host: Host | undefined
  /** Attempts so far. */
  readonly attempts: number
  /** Adds to the request's body (or the tunnel); false: wait for `onWritable`. The bytes must not change afterwards. */
  write(part: Uint8Array): boolean
  /** Completes the request (or ends this direction of the tunnel). */
  end(trailers?: readonly string[]): void
  /** Stops reading the response's body. */
  pauseBody(): void
  resumeBody(): void
  /** Gives up: the connection is closed (HTTP/1.1) or the stream reset with CANCEL (HTTP/2); no call follows. */
  abort(): void
}
