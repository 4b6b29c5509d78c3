import type { RequestHead, Verdict } from '@tidemill/http1'
import {
  createHttp1Server,
  type Http1Server,
  type Refusal,
  type ServerExchange,
  type ServerHandler,
} from '@tidemill/http1/node'
import type { ListenerSettings } from '../listener/listener-plan.ts'
import { ClientRequest } from './client-request.ts'
import type { ConnectionState } from './connection-state.ts'
import type { Exchange } from './exchange.ts'
import { scanFields } from './field-scan.ts'
import { errorAnswer, verdictError } from './local-answer.ts'
import type { PlaneContext } from './plane-context.ts'
import { admit } from './request-gate.ts'

/** Serves HTTP/1.1 connections that have the same settings and scheme. */
export function openHttp1Side(
  plane: PlaneContext,
  settings: ListenerSettings,
  scheme: 'http' | 'https',
  maxBodyBytes: number,
): Http1Server {
  return createHttp1Server({
    handler: new Http1Side(maxBodyBytes),
    scheme,
    clock: plane.clock,
    maxBody: maxBodyBytes,
    maxHeaderBytes: settings.maxHeaderBytes,
    maxHeaders: settings.maxHeaders,
    headerTimeout: `${settings.headerMs}ms`,
    idleTimeout: `${settings.idleMs}ms`,
    bodyTimeout: `${settings.bodyMs}ms`,
    writeTimeout: `${settings.writeMs}ms`,
    // Who accepts sockets counts them.
    maxConnections: Number.MAX_SAFE_INTEGER,
    autoContinue: false,
    upgrades: ['websocket'],
  })
}

/** Reads what is forwarded from the head of an HTTP/1.1 request. */
export function readHttp1Request(head: RequestHead, connection: ConnectionState): ClientRequest {
  const request = new ClientRequest()
  request.version = head.minor === 0 ? 10 : 11
  request.method = head.method
  request.host = head.authority
  request.path = head.path
  request.query = head.query
  request.target = head.uri
  request.bodyLength = head.bodyLength
  request.upgrade = head.upgrade
  request.acceptsTrailers = head.acceptsTrailers
  scanFields(request, head.headers, 0, head.nominated)
  connection.describe(request)
  return request
}

class Http1Side implements ServerHandler {
  readonly #maxBodyBytes: number

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes
  }

  onRequest(client: ServerExchange): void {
    const connection = client.connectionState as ConnectionState
    const request = readHttp1Request(client.head, connection)
    client.state = admit(connection, request, client)
  }

  onBody(client: ServerExchange, chunk: Buffer): void {
    ;(client.state as Exchange | undefined)?.onRequestBody(chunk)
  }

  onEnd(client: ServerExchange, trailers: readonly string[]): void {
    ;(client.state as Exchange | undefined)?.onRequestEnd(trailers)
  }

  onWritable(client: ServerExchange): void {
    ;(client.state as Exchange | undefined)?.onClientWritable()
  }

  onHalfClose(client: ServerExchange): void {
    ;(client.state as Exchange | undefined)?.onHalfClose()
  }

  onAbort(client: ServerExchange): void {
    ;(client.state as Exchange | undefined)?.onClientGone()
  }

  refusal(
    verdict: Verdict,
    client: ServerExchange | undefined,
    on: { readonly state: unknown },
  ): Refusal {
    const connection = on.state as ConnectionState
    const error = verdictError(verdict, this.#maxBodyBytes)
    const exchange = client?.state as Exchange | undefined
    let request = exchange?.request
    if (exchange !== undefined) exchange.onClientRefused(error)
    else {
      request = client === undefined ? undefined : readHttp1Request(client.head, connection)
      if (request === undefined) {
        request = new ClientRequest()
        connection.describe(request)
      }
      connection.plane.traffic.refuse(request, error, 'DPE')
    }
    // The status is the codec's to say, so it is no answer in the way of gRPC.
    return errorAnswer(error, { requestId: request?.requestId ?? '', grpc: '' }, 0)
  }
}
