import type { Windows } from './verdict.ts'

/** Receive windows of a connection, in bytes; `auto` lets the transport tune them to bandwidth and round trip. */
export type WindowSetting = 'auto' | Windows

/** Certificates of a TLS connection as PEM text. */
export interface LoadTls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name to ask for and to check; default the host. */
  readonly serverName?: string | undefined
  /** Takes any certificate. */
  readonly skipVerify: boolean
}
