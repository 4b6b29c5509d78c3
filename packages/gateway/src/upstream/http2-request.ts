import type { HeaderList } from '@tidemill/http2'
import type { UpstreamRequest } from './upstream-call.ts'

/** The header list of a request; a WebSocket handshake becomes an extended CONNECT (RFC 8441 4-5). */
export function requestList(request: UpstreamRequest): HeaderList {
  const { method, scheme, target, host, headers, bodyLength, upgrade } = request
  const tunnel = upgrade !== ''
  const list = [':method', tunnel ? 'CONNECT' : method]
  if (tunnel) list.push(':protocol', upgrade)
  list.push(':scheme', scheme, ':authority', host, ':path', target)
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string
    if (tunnel && (name === 'sec-websocket-key' || name === 'sec-websocket-accept')) continue
    if (name === 'content-length') continue
    list.push(name, headers[i + 1] as string)
  }
  if (bodyLength > 0) list.push('content-length', String(bodyLength))
  else if (bodyLength === 0 && (method === 'POST' || method === 'PUT' || method === 'PATCH'))
    list.push('content-length', '0')
  if (request.acceptsTrailers) list.push('te', 'trailers')
  return list
}
