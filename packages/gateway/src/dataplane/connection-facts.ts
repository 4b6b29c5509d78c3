import type { ListenerPlan, ListenerSettings } from '../listener/listener-plan.ts'
import type { PeerIdentity } from '../listener/peer-identity.ts'

/** What a socket knows besides its bytes, for all requests on it; given by who accepted it. */
export interface ConnectionFacts {
  /** `sniff`: plain text whose first bytes tell HTTP/2 by prior knowledge from HTTP/1.1. */
  readonly protocol: 'http/1.1' | 'h2' | 'sniff'
  /** What TLS says about the client; undefined for plain text. */
  readonly peer: PeerIdentity | undefined
  /** Port that the requests come to, as the Gateway's listeners name it. */
  readonly port: number
  /** Limits and times of the connection; those of a listener that it was accepted for. */
  readonly settings: ListenerSettings
  /** Asked for every request, so that a change of the configuration reaches open connections. */
  readonly listeners: ListenerResolver
}

/** The listeners that share one socket. */
export interface ListenerResolver {
  /**
   * The listener for a request. `host` is that of the request in lower case without its port; `serverName` the name of
   * the TLS handshake, empty for plain text or a client that sent none. `misdirected` (421): the connection's certificate
   * does not answer for that host. Undefined: no listener takes the host (404).
   */
  resolve(host: string, serverName: string): ListenerPlan | 'misdirected' | undefined
}
