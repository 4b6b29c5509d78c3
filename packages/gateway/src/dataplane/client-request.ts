import type { PeerIdentity } from '../listener/peer-identity.ts'
import type { RequestView } from './request-view.ts'

const noFields: readonly string[] = []

/**
 * What a client asks for, filled in by the readers of the two protocols before anybody else sees it, and besides what
 * the control side sees the fields that only forwarding needs.
 */
export class ClientRequest implements RequestView {
  requestId: string = ''
  method: string = ''
  scheme: 'http' | 'https' = 'http'
  host: string = ''
  path: string = ''
  query: string = ''
  target: string = ''
  headers: readonly string[] = noFields
  version: number = 11
  bodyLength: number = 0
  upgrade: string = ''
  acceptsTrailers: boolean = false
  grpc: '' | 'grpc' | 'grpc-web' | 'grpc-web-text' = ''
  remoteAddress: string = ''
  clientAddress: string = ''
  port: number = 0
  peer: PeerIdentity | undefined = undefined

  /** The peer is a proxy whose forwarding fields are believed. */
  trusted: boolean = false
  /** A field is among `headers` that does not go on as it is. */
  replaced: boolean = false
  /** Values of such fields, repeated ones joined; empty for none. */
  via: string = ''
  forwardedFor: string = ''
  forwardedHost: string = ''
  forwardedPort: string = ''
  forwardedProto: string = ''
  forwarded: string = ''
  expect: string = ''
  grpcTimeout: string = ''
  websocketKey: string = ''
  /** -1 for none. */
  maxForwards: number = -1
}
