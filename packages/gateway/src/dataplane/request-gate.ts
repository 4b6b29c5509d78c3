import type { TidemillError } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import type { RequestFlag } from '../request-log.ts'
import { ClientRequest } from './client-request.ts'
import type { ConnectionState } from './connection-state.ts'
import type { Downstream } from './downstream.ts'
import { Exchange } from './exchange.ts'
import { errorAnswer } from './local-answer.ts'

const allowed = 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS'

/**
 * What is decided about a well-formed request before its route is: loops, hops that are used up, and the listener. Gives
 * the exchange that has begun; undefined when the request was answered here.
 */
export function admit(
  connection: ConnectionState,
  request: ClientRequest,
  client: Downstream,
): Exchange | undefined {
  const { plane } = connection
  if (request.host === '') {
    // HTTP/1.0 allows it; nothing that we forward does.
    const error = gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason: 'host-missing' })
    refuse(connection, request, client, error, 'DPE')
    return undefined
  }
  if (request.via !== '' && request.via.includes(plane.pseudonym)) {
    refuse(connection, request, client, gatewayErrors.error('TM_GATEWAY_LOOP'), 'LH')
    return undefined
  }
  // RFC 9110 7.6.2: who is asked last answers.
  if (request.maxForwards === 0 && request.method === 'OPTIONS') {
    client.respond(204, ['allow', allowed, 'x-request-id', request.requestId])
    return undefined
  }
  const listener = connection.listener(request.host)
  if (listener === undefined) {
    const { method, path } = request
    const error = gatewayErrors.error('TM_GATEWAY_NO_ROUTE', { method, path })
    refuse(connection, request, client, error, 'NR')
    return undefined
  }
  if (listener === 'misdirected') {
    const error = gatewayErrors.error('TM_GATEWAY_MISDIRECTED', { host: request.host })
    refuse(connection, request, client, error, 'NR')
    return undefined
  }
  const exchange = new Exchange(connection, request, client)
  exchange.begin(listener)
  return exchange
}

/** Logs a connection on which something else than HTTP is spoken. */
export function refuseConnection(connection: ConnectionState): void {
  const request = new ClientRequest()
  connection.describe(request)
  const error = gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason: 'not-http' })
  connection.plane.traffic.refuse(request, error, 'DPE')
}

/** Answers a request that goes nowhere, and logs it. */
export function refuse(
  connection: ConnectionState,
  request: ClientRequest,
  client: Downstream,
  error: TidemillError,
  flag: RequestFlag,
): void {
  connection.plane.traffic.refuse(request, error, flag)
  const { status, headers, body } = errorAnswer(error, request, 0)
  client.respond(status, headers, body)
}
