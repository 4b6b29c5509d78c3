import type { PeerIdentity } from '../listener/peer-identity.ts'

/**
 * A well-formed request of a client, the same for HTTP/1.1 and HTTP/2. Everything in it was checked and normalised by
 * the codec: what is matched is what is forwarded and what is logged.
 */
export interface RequestView {
  readonly requestId: string
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** The authority: Host of HTTP/1.1, `:authority` of HTTP/2; with its port where the client wrote one. */
  readonly host: string
  /** Normalised path without query. */
  readonly path: string
  /** What follows the first `?`; empty for none. */
  readonly query: string
  /** Path and query as they go upstream when nothing rewrites them. */
  readonly target: string
  /** Name, value, ... in lower case and in the order received, end-to-end fields only, without Host and pseudo-headers. */
  readonly headers: readonly string[]
  /** 10, 11 or 20. */
  readonly version: number
  /** Bytes of the body; -1 when not known before its end; 0 for none. */
  readonly bodyLength: number
  /** The protocol that the client asks to change to: `websocket`, or empty. */
  readonly upgrade: string
  /** The client reads trailers. */
  readonly acceptsTrailers: boolean
  /** `grpc` and the two forms of gRPC-Web by content type, else empty: what errors of our own look like. */
  readonly grpc: '' | 'grpc' | 'grpc-web' | 'grpc-web-text'
  /** Address of the peer of the socket. */
  readonly remoteAddress: string
  /** Address of the client: the peer's, or what trusted hops say. */
  readonly clientAddress: string
  /** Port that the request came to, as the Gateway's listener says it. */
  readonly port: number
  /** TLS facts of the connection; undefined for plain text. */
  readonly peer: PeerIdentity | undefined
}
