import type {
  Http2Limits,
  HeaderList,
  Http2Stats,
  Http2Stream,
  StreamEnd,
  StreamHandler,
} from '@tidemill/http2'
import type { Clock } from '@tidemill/core'
import type { Connector, ConnectionListener } from '../channel/channel-connection.ts'

export type { HeaderList, StreamEnd, StreamHandler }

/** One request and its response on a connection; the contract is that of `Http2Stream` on every transport. */
export type TransportStream = Http2Stream

/** Who is at the other end of a connection. */
export interface Peer {
  /** `host:port`, `[v6]:port` or `unix:path`. */
  readonly address: string
  readonly encrypted: boolean
  /** The certificate that the peer proved to own (TLS with client certificates), DER; undefined without one. */
  readonly certificate: PeerCertificate | undefined
}

export interface PeerCertificate {
  /** Distinguished name, one attribute a line. */
  readonly subject: string
  /** Subject alternative names as node:crypto prints them, for example `DNS:a.example, URI:spiffe://x/y`. */
  readonly names: string
  readonly fingerprint256: string
  readonly raw: Uint8Array
}

/** Figures of one connection; what a transport cannot know is 0. */
export interface TransportStats {
  readonly streams: number
  readonly rttMs: number
  /** Bandwidth-delay product as last estimated, bytes. */
  readonly bdp: number
  /** Our receive windows. */
  readonly streamWindow: number
  readonly connectionWindow: number
  /** The peer's windows, which limit what we send. */
  readonly peerStreamWindow: number
  readonly peerConnectionWindow: number
  /** Bytes of DATA that left for the socket. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Milliseconds that data waited for a window or for the peer's limit of streams. */
  readonly blockedMs: {
    readonly stream: number
    readonly connection: number
    readonly peerStreams: number
  }
}

/** One HTTP/2 connection, of either side. */
export interface TransportConnection {
  /** Requests that may begin now (client); 0 while the peer's limit is reached and once it drains. */
  readonly slots: number
  readonly streams: number
  /** Grows whenever the peer sent something; for keepalive. */
  readonly bytesReceived: number
  readonly peer: Peer
  /** Begins a request; only while `slots` is above 0. The handler is not called before this returns. */
  request(list: HeaderList, end: boolean, handler: StreamHandler): TransportStream
  /** Sends a PING; `done` when the answer comes, never if it does not. */
  ping(done: () => void): void
  /** Takes no new streams and closes after the last one. */
  drain(): void
  /** Ends it now: GOAWAY with the HTTP/2 error code, open streams end as `lost`. */
  destroy(code: number, reason: string): void
  stats(): TransportStats
}

/** A connection as its server has it. */
export interface ServerTransportConnection extends TransportConnection {
  /** Whether headers or data left since this was asked last; for servers that police pings. */
  takeSent(): boolean
}

/** What a server's connection tells its user. */
export interface ServerConnectionHandler {
  /** The next request; returns who hears the rest of it. */
  onStream(stream: TransportStream, list: HeaderList, end: boolean): StreamHandler
  /** The peer sent a PING of its own. */
  onPing(): void
  /** Something that the handler of a stream threw; the stream is reset. */
  onError(error: unknown): void
  /** Last, once, after `onClose` of all its streams. */
  onClose(reason: string): void
}

/** Receive windows and the memory that they may cost; sizes in bytes. */
export interface FlowSettings {
  readonly streamWindow: number
  readonly connectionWindow: number
  /** Upper bound of the tuned windows; 0 leaves them as they are. */
  readonly autoTuneMax: number
  /** Bytes that all streams of all connections may hold unread. */
  readonly memoryBudget: number
}

/** PEM texts. */
export interface ServerTls {
  readonly key: string
  readonly cert: string
  /** Authorities of client certificates: a client without one of theirs is refused. */
  readonly clientCa?: string
}

export interface ClientTls {
  /** Authorities to trust, PEM; default those of Node. */
  readonly ca?: string
  readonly key?: string
  readonly cert?: string
  /** The name to ask for and to check; default the host of the target. */
  readonly serverName?: string
  /** Takes any certificate: for tools that look at servers, never for services. */
  readonly skipVerify?: boolean
}

export interface ConnectionSettings {
  readonly clock: Clock
  readonly flow: FlowSettings
  readonly maxConcurrentStreams: number
  /** By the measure of RFC 9113 6.5.2. */
  readonly maxHeaderListBytes: number
  readonly limits?: Http2Limits
}

export interface ServerTransportSettings extends ConnectionSettings {
  readonly tls: ServerTls | undefined
  readonly maxConnections: number
  onConnection(connection: ServerTransportConnection): ServerConnectionHandler
}

export interface ClientTransportSettings extends ConnectionSettings {
  readonly tls: ClientTls | undefined
  readonly connectTimeoutMs: number
  /** Stream id from which on a connection takes no new requests; default three quarters of 2^31. */
  readonly drainAtStreamId?: number
}

export type ListenTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** The listening side of a transport. */
export interface ServerTransport {
  /** Resolves with where it listens; rejects with TM_RPC_LISTEN. */
  listen(target: ListenTarget): Promise<ListenTarget>
  /** Stops accepting and drains every connection; after `graceMs` what is left is cut. */
  drain(graceMs: number): Promise<void>
  close(): Promise<void>
}

/** HTTP/2 as the call layer needs it. */
export interface Transport {
  readonly name: TransportName
  server(settings: ServerTransportSettings): ServerTransport
  client(settings: ClientTransportSettings): Connector<TransportConnection>
}

/** `native` is `@tidemill/http2`; `node` is node:http2, kept as fallback and as oracle in tests. */
export type TransportName = 'native' | 'node'

export type TransportListener = ConnectionListener<TransportConnection>
export type { Http2Stats }
