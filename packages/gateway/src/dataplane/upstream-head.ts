import type { UpstreamRequest } from '../upstream/upstream-call.ts'
import type { RetryPlan } from '../upstream/upstream-call.ts'
import type { ClientRequest } from './client-request.ts'
import type { ConnectionState } from './connection-state.ts'
import { modifyFields, setField } from './field-list.ts'
import { formatGrpcTimeout } from './grpc.ts'
import { upstreamContentType } from './grpc-web.ts'
import type { Forwarding } from './passage.ts'

/** Envoy's name: how long we shall wait, so that nobody works on an answer that comes too late. */
const timeoutField = 'x-envoy-expected-rq-timeout-ms'

/** The request as the upstream gets it. */
export class UpstreamHead implements UpstreamRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly target: string
  readonly host: string
  readonly headers: readonly string[]
  readonly bodyLength: number
  readonly upgrade: string
  readonly acceptsTrailers: boolean
  readonly hash: number
  readonly attemptMs: number
  readonly deadline: number
  readonly idleMs: number
  readonly retry: RetryPlan | undefined

  constructor(
    request: ClientRequest,
    forward: Forwarding,
    headers: readonly string[],
    facts: { readonly upgrade: string; readonly requestMs: number; readonly now: number },
  ) {
    this.method = request.method
    this.scheme = request.scheme
    this.target = forward.target
    this.host = forward.host
    this.headers = headers
    // The text of gRPC-Web grows shorter when it is decoded.
    this.bodyLength = request.grpc === 'grpc-web-text' ? -1 : request.bodyLength
    this.upgrade = facts.upgrade
    this.acceptsTrailers = request.acceptsTrailers || request.grpc !== ''
    this.hash = forward.hash
    this.attemptMs = forward.backendMs
    this.deadline = facts.now + facts.requestMs
    // A tunnel's silence is ours to watch, in both directions.
    this.idleMs = facts.upgrade === '' ? forward.idleMs : Infinity
    this.retry = forward.retry
  }
}

/** The fields that go upstream: those of the client, changed as the route says, and ours about the way they came. */
export function upstreamFields(
  connection: ConnectionState,
  request: ClientRequest,
  forward: Forwarding,
  requestMs: number,
): string[] {
  const list = request.replaced ? keptFields(request) : request.headers.slice()
  const { plane } = connection
  list.push('x-request-id', request.requestId)
  addForwarded(list, connection, request)
  const hop = `${versionText(request.version)} ${plane.pseudonym}`
  list.push('via', request.via === '' ? hop : `${request.via}, ${hop}`)
  if (request.maxForwards > 0) list.push('max-forwards', String(request.maxForwards - 1))
  if (request.grpc !== '') addGrpc(list, request, requestMs)
  if (forward.requestHeaders.length > 0) modifyFields(list, forward.requestHeaders)
  const added = forward.addedHeaders
  for (let i = 0; i + 1 < added.length; i += 2)
    setField(list, added[i] as string, added[i + 1] as string)
  const waitMs = Math.min(requestMs, forward.backendMs)
  if (waitMs < Infinity) list.push(timeoutField, waitText(waitMs))
  return list
}

let lastWait = 0
let lastWaitText = '0'

/** Most requests wait equally long. */
function waitText(ms: number): string {
  if (ms !== lastWait) {
    lastWait = ms
    lastWaitText = String(Math.ceil(ms))
  }
  return lastWaitText
}

function versionText(version: number): string {
  if (version === 11) return '1.1'
  return version === 10 ? '1.0' : '2.0'
}

/** The client's fields without those that are said anew. */
function keptFields(request: ClientRequest): string[] {
  const { headers } = request
  const list: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string
    if (!isReplaced(name, request)) list.push(name, headers[i + 1] as string)
  }
  return list
}

function isReplaced(name: string, request: ClientRequest): boolean {
  switch (name) {
    case 'via':
    case 'forwarded':
    case 'max-forwards':
    case 'grpc-timeout':
    case 'x-request-id':
    case 'x-forwarded-for':
    case 'x-forwarded-host':
    case 'x-forwarded-port':
    case 'x-forwarded-proto':
    case timeoutField:
      return true
    case 'x-grpc-web':
      return request.grpc !== 'grpc'
    case 'x-forwarded-client-cert':
      return !request.trusted
    case 'trailer':
      // Only a body of unknown length can be followed by trailers.
      return request.bodyLength >= 0
    case 'sec-websocket-key':
      return request.upgrade === ''
    default:
      return false
  }
}

function addForwarded(list: string[], connection: ConnectionState, request: ClientRequest): void {
  const { remoteAddress, scheme, host } = request
  if (!request.trusted) {
    list.push('x-forwarded-for', remoteAddress, 'x-forwarded-proto', scheme)
    list.push('x-forwarded-host', host, 'x-forwarded-port', connection.portText)
    return
  }
  const { forwardedFor, forwarded } = request
  const chain = forwardedFor === '' ? remoteAddress : `${forwardedFor}, ${remoteAddress}`
  list.push('x-forwarded-for', chain)
  list.push('x-forwarded-proto', request.forwardedProto || scheme)
  list.push('x-forwarded-host', request.forwardedHost || host)
  list.push('x-forwarded-port', request.forwardedPort || connection.portText)
  if (forwarded === '') return
  // RFC 7239: an IPv6 address stands in brackets and quotes.
  const address = remoteAddress.includes(':') ? `"[${remoteAddress}]"` : remoteAddress
  list.push('forwarded', `${forwarded}, for=${address};host="${host}";proto=${scheme}`)
}

function addGrpc(list: string[], request: ClientRequest, requestMs: number): void {
  if (request.grpcTimeout !== '' && requestMs < Infinity)
    list.push('grpc-timeout', formatGrpcTimeout(requestMs))
  if (request.grpc !== 'grpc') setField(list, 'content-type', upstreamContentType(list))
}
