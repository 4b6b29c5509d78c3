import { problemContentType, problemDocument, type TidemillError } from '@tidemill/core'

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
}

export interface LocalAnswer {
  readonly status: number
  /** Name, value, name, value ... with Content-Length, without Connection. */
  readonly fields: string[]
  readonly body: string
}

/** The gateway's own answer for an error: an RFC 9457 problem document. */
export function errorAnswer(
  error: TidemillError,
  requestId: string,
  retryAfter: number,
): LocalAnswer {
  const body = JSON.stringify({ ...problemDocument(error), requestId })
  const fields = [
    'Content-Type',
    problemContentType,
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-Request-Id',
    requestId,
    'Proxy-Status',
    `tidemill; error=${proxyStatus[error.code] ?? 'http_request_error'}`,
  ]
  if (retryAfter > 0) fields.push('Retry-After', String(retryAfter))
  return { status: error.http, fields, body }
}

/** An answer as bytes on a bare socket, after which the connection ends. */
export function answerBytes(answer: LocalAnswer, reason: string): string {
  let head = `HTTP/1.1 ${answer.status} ${reason}\r\n`
  for (let i = 0; i + 1 < answer.fields.length; i += 2) {
    head += `${answer.fields[i]}: ${answer.fields[i + 1]}\r\n`
  }
  return `${head}Connection: close\r\n\r\n${answer.body}`
}
