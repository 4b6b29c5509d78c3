import type { AttemptFault } from './attempt-fault.ts'
import type { UpstreamRequest } from './upstream-call.ts'

/** Gets what becomes of one attempt: interim heads, the head, body parts, the end; or the fault, and then nothing. */
export interface AttemptSink {
  onAttemptInformational(status: number, headers: readonly string[]): void
  /** 101 where the attempt asked for a tunnel and got it. */
  onAttemptHead(status: number, headers: readonly string[], bodyLength: number): void
  onAttemptBody(chunk: Buffer): void
  onAttemptEnd(trailers: readonly string[]): void
  onAttemptWritable(): void
  onAttemptFault(fault: AttemptFault): void
}

/** One attempt on its connection or stream. After its end, its fault, `abort` or `discard` nothing may be called. */
export interface Attempt {
  /** Whether silence of the peer is watched here; else the sink's call does it. */
  readonly timed: boolean
  write(part: Uint8Array): boolean
  end(trailers: readonly string[]): void
  pauseBody(): void
  resumeBody(): void
  abort(): void
  /** The response's head was enough: its body is read away where that is cheap, so that the connection can go on. */
  discard(bodyLength: number): void
}

/** Who asks a pool for an attempt. */
export interface Applicant extends AttemptSink {
  readonly request: UpstreamRequest
  /** Takes no connection that was used before. */
  readonly fresh: boolean
  /** Milliseconds that the head may take from the end of the request. */
  headMs(): number
  /** It was given a connection; a second time when that has become a tunnel. */
  onAttempt(attempt: Attempt): void
  /** The pool has ended; another host shall take it. */
  onPoolEnded(): void
}
