import type { HostAddress } from '../balance/host.ts'
import type { Cluster } from '../upstream/cluster.ts'

/** What the configuration asks of the registry of clusters. */
export interface ClusterDirectory {
  /** The cluster of that name, made when missing (then not registered, with default settings). */
  open(name: string): Cluster
  /** Brings a cluster to these settings; requests under way go on. */
  configure(name: string, settings: ClusterSettings): void
  /** Gives it its hosts; undefined: nobody knows the service, an empty list: no host is up. */
  setHosts(name: string, hosts: readonly HostAddress[] | undefined): void
  /** Ends a cluster that no route names any more. */
  drop(name: string): void
}

export interface ClusterSettings {
  /** `http1` unless the Service's appProtocol or the kind of route says otherwise; `auto` asks by ALPN. */
  readonly protocol: 'http1' | 'h2' | 'auto'
  readonly tls: BackendTlsPlan | undefined
  /** The `spec` of the BackendPolicy that was found valid, as an object of JSON; undefined: defaults. */
  readonly spec: unknown
}

/** TLS towards a backend (BackendTLSPolicy). */
export interface BackendTlsPlan {
  /** Name sent as SNI, and the one the certificate must be for when `names` is empty. */
  readonly hostname: string
  /** PEM; empty for the system's authorities. */
  readonly ca: readonly string[]
  /** The certificate must carry one of these; empty: `hostname`. */
  readonly names: readonly { readonly type: 'Hostname' | 'URI'; readonly value: string }[]
  /** Certificate by which the gateway identifies itself, PEM. */
  readonly client: { readonly cert: string; readonly key: string } | undefined
}
