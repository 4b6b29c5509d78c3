/** One request as the access log writes it. One object may be used for every request: it is read during the call only. */
export class AccessRecord {
  /** Wall time of its arrival in milliseconds. */
  at: number = 0
  requestId: string = ''
  method: string = ''
  scheme: string = ''
  /** Host or `:authority`. */
  authority: string = ''
  path: string = ''
  /** Without `?`; whether it is logged is a setting. */
  query: string = ''
  /** 10, 11 or 20. */
  version: number = 11
  /** Of the request, a flat list in lower case; for the operator REQ and the user agent. */
  headers: readonly string[] = []
  /** Of the response, likewise; for the operator RESP. */
  responseHeaders: readonly string[] = []
  clientAddress: string = ''
  remoteAddress: string = ''
  port: number = 0
  /** Server name of the TLS handshake. */
  serverName: string = ''
  /** Who authentication says it was. */
  consumer: string = ''
  /** `namespace/name`. */
  route: string = ''
  /** Index of the rule; -1 for none. */
  rule: number = -1
  /** `namespace/service`. */
  upstream: string = ''
  /** `address:port` that was asked last. */
  host: string = ''
  /** Sent to the client; 0 for nothing. */
  status: number = 0
  flag: string = ''
  /** Code of an answer of the gateway's own. */
  code: string = ''
  bytesIn: number = 0
  bytesOut: number = 0
  attempts: number = 0
  /** Revision of the configuration that decided. */
  revision: number = 0
  /** Milliseconds; below 0 where there was none: waiting for a connection, connecting, until the head, all of it. */
  queueMs: number = -1
  connectMs: number = -1
  firstByteMs: number = -1
  totalMs: number = 0
}
