/** The peer's SETTINGS in force (RFC 9113 6.5.2, RFC 8441 3); what it has not said has the RFC's initial value. */
export interface PeerSettings {
  readonly headerTableSize: number
  readonly enablePush: boolean
  /** 2^32-1 while the peer has not said. */
  readonly maxConcurrentStreams: number
  readonly initialWindowSize: number
  readonly maxFrameSize: number
  /** 2^32-1 while the peer has not said. */
  readonly maxHeaderListSize: number
  readonly enableConnectProtocol: boolean
}
