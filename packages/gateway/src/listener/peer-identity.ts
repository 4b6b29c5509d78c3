/** What TLS says about the client of a connection. */
export interface PeerIdentity {
  /** Server name that the client asked for, lower case; empty for none. */
  readonly serverName: string
  /** Whether the client's certificate chains to the listener's authorities. */
  readonly verified: boolean
  /** SHA-256 of the client's certificate, hex; empty without one. */
  readonly fingerprint: string
  /** Subject of the client's certificate; empty without one. */
  readonly subject: string
  /** Its DNS names and URIs. */
  readonly dnsNames: readonly string[]
  readonly uris: readonly string[]
}
