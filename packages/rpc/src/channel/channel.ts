import type { DescService } from '@bufbuild/protobuf'
import type { ByteSize, Clock, Duration, Random } from '@tidemill/core'
import type { Client } from '../client/client.ts'
import type { FlowOptions } from '../options.ts'
import type { ClientTls, TransportName, TransportStats } from '../transport/transport.ts'
import type { Connectivity } from './connectivity.ts'

/** Options of a channel. Times are text with a unit or milliseconds. */
export interface ChannelOptions {
  /** Which HTTP/2; default `native`, ours. */
  readonly h2?: TransportName
  /** TLS; `true` trusts the authorities of Node. Without it calls go in the clear. */
  readonly tls?: ClientTls | true
  /** `:authority` of calls, and the name that certificates are checked against; default from the target. */
  readonly authority?: string
  /** Receive windows; `auto` is the default: 1 MiB and 4 MiB, growing with the link up to 16 MiB. */
  readonly flow?: FlowOptions | 'auto'
  /** gRPC service config, JSON text or object; then one that a resolver finds is not used. */
  readonly serviceConfig?: string | object
  /** Ask DNS for a service config (TXT records); default false. */
  readonly dnsServiceConfig?: boolean
  /** Connections per address; default 1. */
  readonly connections?: number
  /** Calls that may wait for a connection or a free stream; more fail with RESOURCE_EXHAUSTED. Default 65536. */
  readonly maxQueuedCalls?: number
  /** Without calls for so long the connections are closed; default '30m', Infinity is never. */
  readonly idle?: Duration | number
  /** Wait for a connection instead of failing while none can be made, for calls that do not say; default false. */
  readonly waitForReady?: boolean
  readonly keepalive?: ChannelKeepalive
  /** Largest message taken; default 4 MiB. */
  readonly maxReceive?: ByteSize
  /** Largest message sent; no limit by default. */
  readonly maxSend?: ByteSize
  /** Largest header list taken; default 16 KiB. */
  readonly maxHeaderList?: ByteSize
  /** Encoding of requests, for calls that do not say; default identity. */
  readonly compression?: 'identity' | 'gzip'
  readonly clock?: Clock
  readonly random?: Random
}

/** Notices dead peers (gRFC A8). Off without `time`. A server that finds the pings too many has the time doubled. */
export interface ChannelKeepalive {
  /** Silence of the peer after which it is pinged. */
  readonly time?: Duration | number
  /** How long the answer may take; then the connection is ended and its calls fail with UNAVAILABLE. Default '20s'. */
  readonly timeout?: Duration | number
  /** Also while no call is open; servers allow that only when told to. Default false. */
  readonly permitWithoutCalls?: boolean
}

/** Figures of a channel: sums over its connections where not said otherwise. */
export interface ChannelStats {
  readonly state: Connectivity
  readonly connections: number
  /** Streams that are open. */
  readonly streams: number
  /** Calls that wait for a connection or a free stream. */
  readonly streamsQueued: number
  /** Of the connection that was measured last, as are the next three. */
  readonly rttMs: number
  readonly bdp: number
  readonly streamWindow: number
  readonly connWindow: number
  /** Milliseconds that data waited for a window, or for the peer's limit of streams. */
  readonly sendBlockedMs: {
    readonly stream: number
    readonly conn: number
    readonly peerStreams: number
  }
  /** Counts since the channel was made. */
  readonly attempts: number
  readonly queued: number
  readonly queueOverflows: number
  readonly retries: number
  readonly transparentRetries: number
  readonly hedges: number
  readonly throttled: number
  readonly connects: number
  readonly connectFailures: number
  readonly keepaliveFailures: number
  readonly perConnection: readonly TransportStats[]
}

export interface WaitOptions {
  /** Longest wait; then TM_CORE_DEADLINE. Default: no end. */
  readonly timeout?: Duration | number
  readonly signal?: AbortSignal
}

/**
 * A way to one service by name: it resolves the name, connects when the first call needs it, spreads calls over
 * connections and repeats them as the service config says. Calls made on it fail with `RpcError`.
 */
export interface Channel {
  /** As it was given. */
  readonly target: string
  /** Functions for the methods of a generated service. */
  client<S extends DescService>(service: S): Client<S>
  /** The present state; `connect: true` also leaves IDLE. */
  state(options?: { readonly connect?: boolean }): Connectivity
  /** Resolves with the new state as soon as it is another than `from`. */
  watchState(from: Connectivity, options?: WaitOptions): Promise<Connectivity>
  /** Connects, and resolves when the channel is READY; rejects with TM_CORE_CLOSED when it is closed. */
  ready(options?: WaitOptions): Promise<void>
  stats(): ChannelStats
  /** No new calls; open ones may end within the grace (default '5s'), then they are cancelled. */
  close(options?: { readonly grace?: Duration | number }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
