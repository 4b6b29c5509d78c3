import type { CallOutcome } from '../channel/call-outcome.ts'
import type { PendingCall } from '../channel/pending-call.ts'
import type { MethodConfig } from '../channel/service-config.ts'
import type { HeaderList, TransportConnection } from '../transport/transport.ts'

/** A call as frames: one attempt on one stream, or several that look like one (retry, hedging). */
export interface CallAttempt {
  /** Nothing of it can have reached a handler so far. */
  readonly unsent: boolean
  /**
   * Sends bytes of framed messages, before there is a stream too (they wait). The bytes may be reused when it returns.
   * False: stop until `onWritable`.
   */
  send(frames: Uint8Array, end: boolean): boolean
  /** Gives it up: RST_STREAM(CANCEL), or out of the queue. No `onEnd` follows. */
  cancel(): void
  /** The application has taken so many bytes of what `onData` brought. */
  consume(bytes: number): void
  /** A message of which so many more bytes are to come is awaited. */
  expect(bytes: number): void
}

/** Who hears of a {@link CallAttempt}; nothing is called inside the function that begins it. */
export interface AttemptListener {
  /** Response headers that are not Trailers-Only, with `:status` 200 and a content type of gRPC; at most once. */
  onHeaders(list: HeaderList): void
  /** A view, valid only during the call. */
  onData(chunk: Buffer): void
  onWritable(): void
  /** Last, once; code 0 is success. */
  onEnd(outcome: CallOutcome): void
}

/** What a call is begun with. */
export interface AttemptStart {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly waitForReady: boolean
  /** Metadata and the call's own grpc-* headers as they are sent, without pseudo-headers, te and content-type. */
  readonly headers: HeaderList
  /** Monotonic time at which the call's deadline passes; Infinity without. `grpc-timeout` is computed per attempt. */
  readonly deadlineAt: number
}

/** The channel as the call layer sees it. */
export interface CallTransportProvider {
  /** See {@link PendingCall}. */
  start(call: PendingCall<TransportConnection>): void
  withdraw(call: PendingCall<TransportConnection>): void
  /** What the service config says of a method; the same object until the config changes. */
  config(path: string): MethodConfig
  /** `:authority` of the calls. */
  readonly authority: string
  readonly scheme: 'http' | 'https'
  /**
   * Runs a call whose method has a retry or hedging policy as several `StreamAttempt`s; undefined when this provider
   * never repeats: then the call layer makes one attempt.
   */
  readonly begin:
    | ((start: AttemptStart, config: MethodConfig, listener: AttemptListener) => CallAttempt)
    | undefined
  stats(): ProviderStats
  close(): Promise<void>
}

export interface ProviderStats {
  /** Connections that stand. */
  readonly connections: readonly TransportConnection[]
  /** Calls that wait for a connection or a free stream. */
  readonly streamsQueued: number
}
