import type { TidemillError } from '@tidemill/core'
import { isAuthority, isTargetProblem, normalizeTarget, type TargetOptions } from '@tidemill/http1'
import { gatewayErrors } from '../errors.ts'
import { ClientRequest } from './client-request.ts'
import type { ConnectionState } from './connection-state.ts'
import { scanFields } from './field-scan.ts'

const none: readonly string[] = []
const methodForm = /^(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS)$/u

const targets: Readonly<Record<'http' | 'https', TargetOptions>> = {
  http: { scheme: 'http' },
  https: { scheme: 'https' },
}

/** A request that is answered at once, and why. */
export interface RefusedRequest {
  readonly request: ClientRequest
  readonly error: TidemillError
}

/**
 * Reads a header list of HTTP/2 that the codec has found well formed, by the rules of HTTP/1.1: what goes on as a request
 * line and a Host field must be fit for them (RFC 9113 10.3).
 */
export function readHttp2Request(
  list: readonly string[],
  end: boolean,
  connection: ConnectionState,
): ClientRequest | RefusedRequest {
  const request = new ClientRequest()
  request.version = 20
  request.acceptsTrailers = true
  let path = ''
  let protocol = ''
  let scheme = ''
  let at = 0
  for (; at + 1 < list.length && (list[at] as string).charCodeAt(0) === 0x3a; at += 2) {
    const value = list[at + 1] as string
    switch (list[at] as string) {
      case ':method':
        request.method = value
        break
      case ':path':
        path = value
        break
      case ':authority':
        request.host = value
        break
      case ':scheme':
        scheme = value
        break
      case ':protocol':
        protocol = value
        break
    }
  }
  let length = end ? 0 : -1
  for (let i = at; i + 1 < list.length; i += 2) {
    const name = list[i]
    if (name === 'content-length' && !end) length = Number(list[i + 1])
    else if (name === 'host' && request.host === '') request.host = list[i + 1] as string
  }
  request.bodyLength = length
  scanFields(request, list, at, none)
  connection.describe(request)
  const error = readLine(request, path, scheme, protocol, connection)
  if (error !== undefined) return { request, error }
  const { maxHeaders } = connection.facts.settings
  if (list.length - at > 2 * maxHeaders)
    return { request, error: gatewayErrors.error('TM_GATEWAY_HEADERS_TOO_LARGE') }
  if (request.expect !== '' && request.expect !== '100-continue')
    return { request, error: gatewayErrors.error('TM_GATEWAY_EXPECTATION') }
  return request
}

/** Method, path and authority; gives what is wrong with them. */
function readLine(
  request: ClientRequest,
  path: string,
  scheme: string,
  protocol: string,
  connection: ConnectionState,
): TidemillError | undefined {
  const { method } = request
  if (method === 'CONNECT') {
    if (protocol !== 'websocket') return gatewayErrors.error('TM_GATEWAY_METHOD', { method })
    // RFC 8441 5: it is what HTTP/1.1 says with a GET.
    request.method = 'GET'
    request.upgrade = 'websocket'
    request.bodyLength = 0
  } else if (method === 'TRACE') return gatewayErrors.error('TM_GATEWAY_METHOD', { method })
  else if (!methodForm.test(method)) return gatewayErrors.error('TM_GATEWAY_METHOD_UNKNOWN')
  if (path.length > 8192) return gatewayErrors.error('TM_GATEWAY_URI_TOO_LONG', { limit: 8192 })
  if (scheme !== connection.scheme) return bad('target-scheme')
  if (!isAuthority(request.host)) return bad('host-syntax')
  const asterisk = path === '*' && method === 'OPTIONS'
  if (!asterisk && path.charCodeAt(0) !== 0x2f) return bad('target-form')
  const target = normalizeTarget(request.method, path, targets[connection.scheme])
  if (isTargetProblem(target)) return bad(target.reason)
  request.path = target.path
  request.query = target.query
  request.target = target.uri
  return undefined
}

function bad(reason: string): TidemillError {
  return gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason })
}
