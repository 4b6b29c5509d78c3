import type { ClientRequest } from './client-request.ts'
import { grpcKind } from './grpc.ts'

const requestIdForm = /^[\w.:=+/-]{1,128}$/u

/**
 * Copies the end-to-end fields of a request (RFC 9110 7.6.1) into its `headers` and notes those that are acted upon.
 * `list` begins its regular fields at `from`; `nominated` are the names that Connection lists. Names with `_` are left out:
 * CGI-style backends read X_User as X-User.
 */
export function scanFields(
  request: ClientRequest,
  list: readonly string[],
  from: number,
  nominated: readonly string[],
): void {
  const headers: string[] = []
  let cookie = -1
  for (let i = from; i + 1 < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    // Most fields are told apart from all that matter by their length.
    switch (name.length) {
      case 2:
        if (name === 'te') continue
        break
      case 3:
        if (name === 'via') {
          request.via = joined(request.via, value)
          request.replaced = true
        }
        break
      case 4:
        if (name === 'host') continue
        break
      case 6:
        if (name === 'expect') {
          request.expect = value.toLowerCase()
          // RFC 9110 10.1.1: a client of HTTP/1.0 cannot mean it.
          if (request.version === 10) continue
        } else if (name === 'cookie') {
          // RFC 9113 8.2.3: HTTP/2 may cut it into crumbs; others want one field.
          if (cookie >= 0) {
            headers[cookie] = `${headers[cookie] as string}; ${value}`
            continue
          }
          cookie = headers.length + 1
        }
        break
      case 7:
        if (name === 'upgrade') continue
        if (name === 'trailer') request.replaced = true
        break
      case 9:
        if (name === 'forwarded') {
          request.forwarded = joined(request.forwarded, value)
          request.replaced = true
        }
        break
      case 10:
        if (name === 'connection' || name === 'keep-alive') continue
        if (name === 'x-grpc-web') request.replaced = true
        break
      case 12:
        noteTwelve(request, name, value)
        break
      case 14:
        if (name === 'content-length' || name === 'http2-settings') continue
        break
      case 15:
        if (name === 'x-forwarded-for') {
          request.forwardedFor = joined(request.forwardedFor, value)
          request.replaced = true
        }
        break
      case 16:
        if (name === 'proxy-connection') continue
        if (name === 'x-forwarded-host') {
          request.forwardedHost = value
          request.replaced = true
        } else if (name === 'x-forwarded-port') {
          request.forwardedPort = value
          request.replaced = true
        }
        break
      case 17:
        if (name === 'transfer-encoding') continue
        if (name === 'x-forwarded-proto') {
          request.forwardedProto = value
          request.replaced = true
        } else if (name === 'sec-websocket-key') {
          request.websocketKey = value
          request.replaced = true
        }
        break
      case 18:
        if (name === 'proxy-authenticate') continue
        break
      case 19:
        if (name === 'proxy-authorization') continue
        break
      case 23:
        if (name === 'x-forwarded-client-cert') request.replaced = true
        break
      case 30:
        if (name === 'x-envoy-expected-rq-timeout-ms') request.replaced = true
        break
    }
    if (nominated.length > 0 && nominated.includes(name)) continue
    // The codec of HTTP/1.1 has left them out.
    if (request.version === 20 && name.includes('_')) continue
    headers.push(name, value)
  }
  request.headers = headers
}

function noteTwelve(request: ClientRequest, name: string, value: string): void {
  switch (name) {
    case 'content-type':
      request.grpc = grpcKind(value)
      break
    case 'x-request-id':
      if (requestIdForm.test(value)) request.requestId = value
      request.replaced = true
      break
    case 'grpc-timeout':
      request.grpcTimeout = value
      request.replaced = true
      break
    case 'max-forwards':
      request.maxForwards = /^\d{1,9}$/u.test(value) ? Number(value) : -1
      request.replaced = true
      break
  }
}

function joined(before: string, value: string): string {
  return before === '' ? value : `${before}, ${value}`
}
