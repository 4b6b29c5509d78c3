import { problemContentType, problemDocument, type TidemillError } from '@tidemill/core'
import type { Verdict } from '@tidemill/http1'
import { gatewayErrors } from '../errors.ts'
import type { ClientRequest } from './client-request.ts'
import { encodeGrpcMessage, grpcStatusOf } from './grpc.ts'

/** Error tokens of Proxy-Status (RFC 9209 2.3) by our code; others are refusals of the request. */
const proxyStatus: Readonly<Record<string, string>> = {
  TM_GATEWAY_NO_ROUTE: 'destination_not_found',
  TM_GATEWAY_BACKEND_INVALID: 'proxy_configuration_error',
  TM_GATEWAY_UPSTREAM: 'connection_terminated',
  TM_GATEWAY_TIMEOUT: 'http_response_timeout',
  TM_GATEWAY_BREAKER_OPEN: 'destination_unavailable',
  TM_GATEWAY_NO_ENDPOINT: 'destination_unavailable',
  TM_GATEWAY_OVERLOADED: 'connection_limit_reached',
  TM_GATEWAY_LOOP: 'proxy_loop_detected',
  TM_GATEWAY_INTERNAL: 'proxy_internal_error',
}

/** How an upstream failed, where that says more than the code of the error. */
const proxyStatusOfFailure: Readonly<Record<string, string>> = {
  UF: 'connection_refused',
  UPE: 'http_protocol_error',
}

export interface LocalAnswer {
  readonly status: number
  /** Lower case, flat, without framing fields. */
  readonly headers: string[]
  readonly body: string
}

/**
 * The gateway's own answer for an error: an RFC 9457 problem document, or to a gRPC call one of trailers alone (HTTP 200,
 * grpc-status). `flag` is why the upstream failed; empty when it did not.
 */
export function errorAnswer(
  error: TidemillError,
  request: Pick<ClientRequest, 'requestId' | 'grpc'>,
  retryAfter: number,
  flag: string = '',
): LocalAnswer {
  const token = proxyStatusOfFailure[flag] ?? proxyStatus[error.code] ?? tokenOfStatus(error.http)
  const headers = [
    'content-type',
    request.grpc === '' ? problemContentType : grpcContentType(request.grpc),
    'x-request-id',
    request.requestId,
    'proxy-status',
    `tidemill; error=${token}`,
  ]
  if (retryAfter > 0) headers.push('retry-after', String(retryAfter))
  if (request.grpc !== '') {
    headers.push('grpc-status', String(grpcStatusOf(error)))
    headers.push('grpc-message', encodeGrpcMessage(error.message))
    return { status: 200, headers, body: '' }
  }
  const body = JSON.stringify({
    ...problemDocument(error),
    reason: error.details['reason'] ?? token,
    requestId: request.requestId,
  })
  return { status: error.http, headers, body }
}

function tokenOfStatus(status: number): string {
  // Nobody was asked: it was refused here.
  if (status >= 500) return 'proxy_internal_response'
  return status === 401 || status === 403 || status === 429
    ? 'http_request_denied'
    : 'http_request_error'
}

function grpcContentType(kind: 'grpc' | 'grpc-web' | 'grpc-web-text'): string {
  return kind === 'grpc' ? 'application/grpc' : `application/${kind}+proto`
}

/** The error for what the HTTP/1.1 codec refuses. */
export function verdictError(verdict: Verdict, maxBodyBytes: number): TidemillError {
  const { status, reason } = verdict
  switch (status) {
    case 405:
      return gatewayErrors.error('TM_GATEWAY_METHOD', { method: 'TRACE or CONNECT' })
    case 408:
      return gatewayErrors.error('TM_GATEWAY_CLIENT_TIMEOUT', { reason })
    case 413:
      return gatewayErrors.error('TM_GATEWAY_BODY_TOO_LARGE', { limit: maxBodyBytes, reason })
    case 414:
      return gatewayErrors.error('TM_GATEWAY_URI_TOO_LONG', { limit: 8192, reason })
    case 417:
      return gatewayErrors.error('TM_GATEWAY_EXPECTATION', { reason })
    case 431:
      return gatewayErrors.error('TM_GATEWAY_HEADERS_TOO_LARGE', { reason })
    case 501:
      return reason === 'method-unknown'
        ? gatewayErrors.error('TM_GATEWAY_METHOD_UNKNOWN', { reason })
        : gatewayErrors.error('TM_GATEWAY_CODING', { reason })
    case 505:
      return gatewayErrors.error('TM_GATEWAY_VERSION', { version: 'in the request line', reason })
    default:
      return gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason })
  }
}
