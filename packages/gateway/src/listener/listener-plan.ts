import type { Router } from '../router/index.ts'
import type { RulePlan } from '../rule-plan.ts'
import type { Cluster } from '../upstream/cluster.ts'

/** One listener of a Gateway object, ready to serve. Several share a socket; SNI and Host choose among them. */
export interface ListenerPlan {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string
  readonly name: string
  readonly protocol: 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP'
  /** Port as the Gateway says it: what redirects and X-Forwarded-Port name. */
  readonly port: number
  /** Lower case, may begin with `*.`; empty takes every name. */
  readonly hostname: string
  readonly tls: TlsPlan | undefined
  /** Routes of HTTP and HTTPS listeners. */
  readonly router: Router<RulePlan>
  /** Routes of TLS, TCP and UDP listeners; TCP and UDP have at most one that counts. */
  readonly streams: readonly StreamPlan[]
  /** What a GatewayPolicy says; limits of connections, trusted hops. */
  readonly settings: ListenerSettings
  /** Whether a client's address may come in (`ipAllow` and `ipDeny` of a GatewayPolicy); undefined: everybody may. */
  readonly admits?: ((clientAddress: string) => boolean) | undefined
}

export interface TlsPlan {
  readonly mode: 'Terminate' | 'Passthrough'
  /** PEM chains with their keys; the first is the default where no name fits. */
  readonly certificates: readonly { readonly cert: string; readonly key: string }[]
  /** Checks client certificates; undefined asks for none. */
  readonly clientValidation:
    | {
        readonly ca: readonly string[]
        /** `AllowInsecureFallback` lets clients in whose certificate is missing or not valid. */
        readonly mode: 'AllowValidOnly' | 'AllowInsecureFallback'
      }
    | undefined
  /** In the order of preference; default h2, http/1.1. */
  readonly alpn: readonly string[]
}

/** One route of bytes: where connections (or datagrams) of those names go, by weight. */
export interface StreamPlan {
  readonly route: string
  /** Of a TLSRoute, lower case; empty list for any. */
  readonly hostnames: readonly string[]
  readonly backends: readonly {
    readonly cluster: Cluster
    readonly weight: number
    credit: number
  }[]
  readonly totalWeight: number
}

/** Limits of a listener's clients; every field has its default in `defaultListenerSettings`. */
export interface ListenerSettings {
  /** Connections of one client address (IPv6 by /64) at a time. */
  readonly maxConnectionsPerAddress: number
  readonly maxConnections: number
  /** Proxies in front of us whose forwarding fields are believed: how many, counted from the nearest. */
  readonly trustedHops: number
  /** Networks whose forwarding fields are believed. */
  readonly trustedNetworks: readonly string[]
  /** Milliseconds: whole head of a request; between requests; a body without a byte; a reader without a byte taken. */
  readonly headerMs: number
  readonly idleMs: number
  readonly bodyMs: number
  readonly writeMs: number
  /** Lowest rate of a request body in bytes a second, after 5 s; 0 is off. */
  readonly minBodyRate: number
  readonly maxHeaderBytes: number
  readonly maxHeaders: number
  /** Streams of one HTTP/2 connection. */
  readonly maxConcurrentStreams: number
  /** Tunnels and streams without a byte. */
  readonly tunnelIdleMs: number
}

export const defaultListenerSettings: ListenerSettings = {
  maxConnectionsPerAddress: 1024,
  maxConnections: 10_000,
  trustedHops: 0,
  trustedNetworks: [],
  headerMs: 10_000,
  idleMs: 65_000,
  bodyMs: 30_000,
  writeMs: 30_000,
  minBodyRate: 240,
  maxHeaderBytes: 16 * 1024,
  maxHeaders: 100,
  maxConcurrentStreams: 100,
  tunnelIdleMs: 300_000,
}

/** All listeners that share one socket. */
export interface SocketPlan {
  /** `tcp` or `udp`, address and port where it is bound: `tcp:127.0.0.1:8080`. */
  readonly key: string
  readonly transport: 'tcp' | 'udp'
  readonly address: string
  /** Port to bind; 0 is any free one. */
  readonly port: number
  readonly listeners: readonly ListenerPlan[]
}
