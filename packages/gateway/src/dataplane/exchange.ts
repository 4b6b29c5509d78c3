import type { TidemillError } from '@tidemill/core'
import type { Outcome } from '../breaker/index.ts'
import { gatewayErrors } from '../errors.ts'
import type { ListenerPlan } from '../listener/listener-plan.ts'
import type { RequestFlag } from '../request-log.ts'
import type { UpstreamCall, UpstreamFailure } from '../upstream/upstream-call.ts'
import type { ClientRequest } from './client-request.ts'
import type { ConnectionState } from './connection-state.ts'
import type { Downstream } from './downstream.ts'
import type { Watched } from './exchange-list.ts'
import { fieldValue, modifyFields, removeField } from './field-list.ts'
import { parseGrpcTimeout } from './grpc.ts'
import { Base64Reader, GrpcWebResponse } from './grpc-web.ts'
import { errorAnswer } from './local-answer.ts'
import { startMirrors, type MirrorGroup } from './mirror-group.ts'
import type { ExchangeFacts, Forwarding, Passage } from './passage.ts'
import {
  interimFields,
  passableTrailers,
  responseFields,
  takesTrailers,
} from './response-fields.ts'
import { TunnelExit } from './tunnel-exit.ts'
import { UpstreamHead, upstreamFields } from './upstream-head.ts'
import { upstreamEvents } from './upstream-events.ts'
import { failureFlag, failureOutcome } from './upstream-fault.ts'
import { addHandshake, handshakeFault, websocketAccept } from './websocket.ts'

/** Of a request that nobody reads any more, this much is read to keep the client's connection. */
const drainedBytes = 64 * 1024
/** Seconds before the rate of a request body is looked at. */
const rateGrace = 5

const none: readonly string[] = []

/**
 * One request and its response between a client's side and a call to a cluster. Ends in exactly one way, told to the
 * passage once: the upstream's response passed on whole, an answer of our own, the client gone, or the response broken
 * off because the upstream broke off in the middle of it.
 */
export class Exchange implements ExchangeFacts, Watched {
  readonly request: ClientRequest
  previous: Watched | undefined = undefined
  next: Watched | undefined = undefined
  bytesIn: number = 0
  bytesOut: number = 0
  readonly #connection: ConnectionState
  readonly #client: Downstream
  #passage: Passage | undefined = undefined
  #forward: Forwarding | undefined = undefined
  #call: UpstreamCall | undefined = undefined
  #mirrors: MirrorGroup | undefined = undefined
  /** Body that came while the decision waited. */
  #held: Buffer[] | undefined = undefined
  #requestDone = false
  #requestTrailers: readonly string[] = none
  /** The upstream does not take the body as fast as it comes. */
  #bodyPaused = false
  #base64: Base64Reader | undefined = undefined
  #grpcWeb: GrpcWebResponse | undefined = undefined
  /** Status of the response head that was sent; 0 before. */
  #status = 0
  #outcome: Outcome = 'ok'
  #settled = false
  #bodiless = false
  /** A tunnel was asked for; it stands from 101 on. */
  #upgrade = false
  #tunnel = false
  #exit: TunnelExit | undefined = undefined
  #over = false
  /** Seconds (of the exchange list) since when the body is awaited, the response streams or the tunnel is silent. */
  #since = 0
  #slow = 0

  constructor(connection: ConnectionState, request: ClientRequest, client: Downstream) {
    this.#connection = connection
    this.request = request
    this.#client = client
  }

  get attempts(): number {
    return this.#call?.attempts ?? 0
  }

  get host(): string {
    return this.#call?.host?.key ?? ''
  }

  get over(): boolean {
    return this.#over
  }

  begin(listener: ListenerPlan): void {
    const { plane } = this.#connection
    plane.exchanges.add(this)
    this.#since = plane.exchanges.second
    let passage: Passage
    try {
      passage = plane.traffic.begin(this.request, listener)
    } catch (error) {
      this.#broken(error)
      return
    }
    this.#passage = passage
    if (passage.wait === undefined) this.#decided(passage)
    else {
      passage.wait(() => {
        if (!this.#over) this.#decided(passage)
      })
    }
  }

  // The client's side

  onRequestBody(chunk: Buffer): void {
    if (this.#over) return
    this.bytesIn += chunk.length
    const call = this.#call
    if (this.#tunnel) {
      this.#since = this.#connection.plane.exchanges.second
      if (call?.write(chunk) === false) this.#pauseBody()
      return
    }
    const forward = this.#forward
    if (forward === undefined || call === undefined || this.#upgrade) {
      // The decision is awaited, or a tunnel is not agreed to yet.
      this.#held ??= []
      this.#held.push(chunk)
      this.#client.pauseBody()
    } else this.#sendBody(call, forward, chunk)
  }

  onRequestEnd(trailers: readonly string[]): void {
    if (this.#over) return
    this.#requestDone = true
    this.#requestTrailers = passableTrailers(trailers)
    this.#endRequest()
  }

  onClientWritable(): void {
    if (!this.#over) this.#call?.resumeBody()
  }

  /** The client is gone, or what it sends cannot be read on. */
  onClientGone(): void {
    if (this.#over) return
    this.#giveUp()
    this.#settle('ignore')
    this.#finish(this.#status, 'DC')
  }

  /** What the client sends was refused in the middle of its body; its answer is the refusal's. */
  onClientRefused(error: TidemillError): void {
    if (this.#over) return
    this.#giveUp()
    this.#settle('ignore')
    this.#finish(this.#status === 0 ? error.http : this.#status, 'DPE', error)
  }

  /**
   * The client has ended its side while its response is awaited. That is its right (RFC 9112 9.6), and also what a client
   * that went away looks like: it is probed, and served on when it is there.
   */
  onHalfClose(): void {
    if (!this.#over && this.#status === 0) this.#client.probe()
  }

  // The upstream's side

  onInformational(status: number, headers: readonly string[]): void {
    if (this.#over || this.#status !== 0) return
    try {
      this.#client.informational(status, interimFields(headers))
    } catch {
      this.#onProtocolFault('an interim response has a field that is no field')
    }
  }

  onResponse(status: number, headers: readonly string[], bodyLength: number): void {
    const passage = this.#passage
    const forward = this.#forward
    if (this.#over || passage === undefined || forward === undefined) return
    passage.head(status, headers)
    this.#since = this.#connection.plane.exchanges.second
    if (status === 101) {
      this.#openTunnel(passage, forward, headers)
      return
    }
    // A tunnel that is refused is an ordinary exchange; the cluster ends its request.
    this.#upgrade = false
    this.#outcome = forward.failures[status] === 1 ? 'fail' : 'ok'
    const { request } = this
    const list = responseFields(headers, request, status)
    let length = bodyLength
    if (request.grpc === 'grpc-web' || request.grpc === 'grpc-web-text') {
      const translator = new GrpcWebResponse(request.grpc === 'grpc-web-text')
      if (translator.head(list)) {
        removeField(list, 'content-length')
        this.#grpcWeb = translator
        length = -1
      }
    }
    this.#ownFields(list, passage, forward)
    // RFC 9110 15.3.6: 205 has no content, whatever the upstream sends.
    this.#bodiless = status === 205
    if (this.#bodiless || status === 204) length = 0
    const left = request.bodyLength - this.bytesIn
    if (!this.#requestDone && left > drainedBytes) this.#client.closeAfter()
    try {
      this.#client.writeHead(status, list, length)
    } catch {
      this.#onProtocolFault('its response has a field that is no field')
      return
    }
    this.#status = status
  }

  onBody(chunk: Buffer): void {
    if (this.#over || this.#bodiless) return
    let part = chunk
    if (this.#exit !== undefined) {
      this.#since = this.#connection.plane.exchanges.second
      part = this.#exit.pass(chunk)
    } else if (this.#grpcWeb !== undefined) part = this.#grpcWeb.body(chunk)
    if (part.length === 0) return
    this.bytesOut += part.length
    if (!this.#client.write(part)) this.#call?.pauseBody()
  }

  /** A tunnel does not end by itself: its client is told to go, and its answer ends the upstream's side. */
  goAway(): void {
    const part = this.#exit?.leave()
    if (part !== undefined && part.length > 0) this.#client.write(part)
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#over) return
    if (this.#tunnel) this.#client.end()
    else {
      this.#settle(this.#outcome)
      this.#endResponse(trailers)
    }
    this.#finish(this.#status, '')
  }

  onUpstreamWritable(): void {
    if (!this.#bodyPaused || this.#over) return
    this.#bodyPaused = false
    this.#client.resumeBody()
  }

  onFailure(failure: UpstreamFailure): void {
    const passage = this.#passage
    if (this.#over || passage === undefined) return
    if (this.#status !== 0) {
      if (!this.#tunnel) this.#settle(failureOutcome(failure))
      this.#breakOff(failureFlag(failure))
      return
    }
    if (failure.kind === 'deadline' && !this.#requestDone && !this.#bodyPaused) {
      // A client that is still sending has held the request up itself.
      this.#settle('ignore')
      this.#client.closeAfter()
      this.#fail(gatewayErrors.error('TM_GATEWAY_CLIENT_TIMEOUT'), 'DPE')
      return
    }
    this.#settle(failureOutcome(failure))
    const flag = failureFlag(failure)
    this.#fail(passage.failure(flag, failure.reason), flag)
  }

  /** Once a second. */
  look(second: number): void {
    const { settings } = this.#connection.facts
    const seconds = second - this.#since
    if (this.#tunnel) {
      if (seconds * 1000 > settings.tunnelIdleMs) {
        this.#giveUp()
        this.#breakOff('SI')
      }
      return
    }
    if (this.#status !== 0) {
      // A stream that runs as long as a try may take has shown that the upstream works: it must not hold a probe.
      const { backendMs = 0, idleMs = 0 } = this.#forward ?? {}
      if (seconds * 1000 > Math.min(backendMs, idleMs)) this.#settle(this.#outcome)
      return
    }
    if (this.#requestDone || this.#bodyPaused || this.#call === undefined) return
    // Streams of gRPC are silent as long as they like; a body that was not called for yet is not late.
    if (this.request.grpc !== '' || (this.request.expect !== '' && this.bytesIn === 0)) return
    this.#slow++
    if (this.#slow > rateGrace && this.bytesIn < settings.minBodyRate * this.#slow) {
      this.#giveUp()
      this.#settle('ignore')
      this.#client.closeAfter()
      this.#fail(gatewayErrors.error('TM_GATEWAY_CLIENT_TIMEOUT'), 'DPE')
    }
  }

  #decided(passage: Passage): void {
    const { forward, answer, error } = passage
    if (forward !== undefined) this.#send(forward)
    else if (answer !== undefined) {
      const headers = [...answer.headers, 'x-request-id', this.request.requestId]
      this.#answer(answer.status, headers, answer.body, '')
    } else if (error !== undefined) this.#fail(error, '')
    else this.#broken(new Error('a passage without a decision'))
  }

  #send(forward: Forwarding): void {
    const { request } = this
    const { plane } = this.#connection
    this.#forward = forward
    if (request.bodyLength > forward.maxBodyBytes) {
      this.#bodyTooLarge(forward)
      return
    }
    const upgrade = forward.upgrade ? request.upgrade : ''
    if (request.upgrade !== '' && !this.#mayUpgrade(upgrade)) return
    let { requestMs } = forward
    if (request.grpcTimeout !== '')
      requestMs = Math.min(requestMs, parseGrpcTimeout(request.grpcTimeout))
    try {
      const headers = upstreamFields(this.#connection, request, forward, requestMs)
      if (upgrade !== '') {
        this.#upgrade = true
        addHandshake(headers, request, plane)
      }
      if (request.grpc === 'grpc-web-text') this.#base64 = new Base64Reader()
      const now = requestMs === Infinity ? 0 : plane.clock.monotonic()
      const head = new UpstreamHead(request, forward, headers, { upgrade, requestMs, now })
      if (forward.mirrors.length > 0) this.#mirrors = startMirrors(plane.mirrors, forward, head)
      const call = forward.cluster.send(head, upstreamEvents)
      call.state = this
      this.#call = call
    } catch (error) {
      this.#broken(error)
      return
    }
    if (this.#upgrade) return
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      for (const chunk of held) if (!this.#over) this.#sendBody(this.#call, forward, chunk)
      if (!this.#bodyPaused && !this.#over) this.#client.resumeBody()
    }
    if (this.#requestDone) this.#endRequest()
  }

  /** Whether the request may go on; what asks for something else than a tunnel is answered. */
  #mayUpgrade(upgrade: string): boolean {
    const { request } = this
    if (request.version === 20) {
      // An extended CONNECT cannot go on as anything else (RFC 8441 4).
      if (upgrade !== '') return true
      this.#fail(gatewayErrors.error('TM_GATEWAY_METHOD', { method: 'CONNECT' }), 'DPE')
      return false
    }
    const fault = upgrade === '' ? undefined : handshakeFault(request)
    if (fault === undefined) return true
    this.#fail(gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason: fault }), 'DPE')
    return false
  }

  #sendBody(call: UpstreamCall, forward: Forwarding, chunk: Buffer): void {
    let part = chunk
    if (this.bytesIn > forward.maxBodyBytes) {
      this.#giveUp()
      this.#bodyTooLarge(forward)
      return
    }
    if (this.#base64 !== undefined) {
      const decoded = this.#base64.read(chunk)
      if (decoded === undefined) {
        this.#giveUp()
        this.#refuseBody('its grpc-web-text is no base64')
        return
      }
      part = decoded
      if (part.length === 0) return
    }
    this.#mirrors?.write(part)
    if (!call.write(part)) this.#pauseBody()
  }

  #pauseBody(): void {
    this.#bodyPaused = true
    this.#client.pauseBody()
  }

  #endRequest(): void {
    const call = this.#call
    // A tunnel's own end follows later.
    if (call === undefined || this.#upgrade) return
    if (this.#base64?.complete === false) {
      this.#giveUp()
      this.#refuseBody('its grpc-web-text is cut')
      return
    }
    this.#mirrors?.end()
    call.end(this.#requestTrailers)
  }

  #refuseBody(reason: string): void {
    this.#settle('ignore')
    if (this.#status === 0)
      this.#fail(gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason }), 'DPE')
    else this.#breakOff('DPE')
  }

  #bodyTooLarge(forward: Forwarding): void {
    this.#settle('ignore')
    const error = gatewayErrors.error('TM_GATEWAY_BODY_TOO_LARGE', { limit: forward.maxBodyBytes })
    if (this.#status === 0) this.#fail(error, 'DPE')
    else this.#breakOff('DPE')
  }

  /** The fields that every response of an upstream gets. */
  #ownFields(list: string[], passage: Passage, forward: Forwarding): void {
    if (forward.responseHeaders.length > 0) modifyFields(list, forward.responseHeaders)
    list.push('via', this.#connection.plane.via)
    if (fieldValue(list, 'x-request-id') === undefined)
      list.push('x-request-id', this.request.requestId)
    const added = passage.answerHeaders
    for (let i = 0; i < added.length; i++) list.push(added[i] as string)
  }

  #openTunnel(passage: Passage, forward: Forwarding, headers: readonly string[]): void {
    const { request } = this
    const list = responseFields(headers, request, 101)
    const expected = websocketAccept(request.websocketKey)
    const given = fieldValue(list, 'sec-websocket-accept')
    if (given !== undefined && given !== expected) {
      this.#onProtocolFault('its Sec-WebSocket-Accept does not answer the key')
      return
    }
    // HTTP/2 has neither key nor accept (RFC 8441 5): what one side lacks is added or taken away here.
    if (request.version === 20) removeField(list, 'sec-websocket-accept')
    else if (given === undefined) list.push('sec-websocket-accept', expected)
    this.#ownFields(list, passage, forward)
    this.#settle('ok')
    passage.release()
    this.#tunnel = true
    this.#upgrade = false
    this.#exit = new TunnelExit()
    this.#status = 101
    try {
      this.#client.tunnel(list)
    } catch {
      this.#giveUp()
      this.#breakOff('UPE')
      return
    }
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      this.#client.resumeBody()
      for (const chunk of held) if (this.#call?.write(chunk) === false) this.#pauseBody()
    }
    // Of HTTP/1.1 it was the request that ended, not the tunnel.
    if (request.version === 20 && this.#requestDone) this.#call?.end()
  }

  #endResponse(trailers: readonly string[]): void {
    const grpcWeb = this.#grpcWeb
    if (grpcWeb !== undefined) {
      const part = grpcWeb.end(trailers)
      this.bytesOut += part.length
      this.#client.write(part)
      this.#client.end()
    } else if (trailers.length === 0 || !takesTrailers(this.request) || this.#bodiless) {
      this.#client.end()
    } else this.#client.end(passableTrailers(trailers))
  }

  /** The upstream sent what cannot be passed on. */
  #onProtocolFault(reason: string): void {
    this.#call?.abort()
    this.onFailure({ kind: 'protocol', reason, responded: false, processed: true })
  }

  #fail(error: TidemillError, flag: RequestFlag): void {
    const answer = errorAnswer(error, this.request, this.#passage?.retryAfter ?? 0, flag)
    this.#answer(answer.status, answer.headers, answer.body, flag, error)
  }

  #answer(
    status: number,
    headers: string[],
    body: string,
    flag: RequestFlag,
    error?: TidemillError,
  ): void {
    for (const text of this.#passage?.answerHeaders ?? none) headers.push(text)
    try {
      this.#client.respond(status, headers, body)
    } catch (cause) {
      this.#broken(cause)
      return
    }
    this.bytesOut += body.length
    this.#finish(status, flag, error)
  }

  /** A fault of our own: it ends this request and nothing else. */
  #broken(cause: unknown): void {
    this.#logFault(cause)
    this.#giveUp()
    const error = gatewayErrors.error('TM_GATEWAY_INTERNAL', {}, { cause })
    const answer = errorAnswer(error, this.request, 0)
    try {
      this.#client.respond(answer.status, answer.headers, answer.body)
      this.#finish(answer.status, '', error)
    } catch {
      this.#breakOff('')
    }
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return
    this.#settled = true
    try {
      this.#passage?.settle(outcome)
    } catch (cause) {
      this.#logFault(cause)
    }
  }

  #giveUp(): void {
    this.#call?.abort()
    if (!this.#requestDone) this.#mirrors?.abort()
  }

  /** The response has begun and cannot be completed: the client must not take it for whole. */
  #breakOff(flag: RequestFlag): void {
    this.#finish(this.#status, flag)
    this.#client.abort()
  }

  #finish(status: number, flag: RequestFlag, error?: TidemillError): void {
    if (this.#over) return
    this.#over = true
    this.#connection.plane.exchanges.remove(this)
    try {
      this.#passage?.finish(status, flag, this, error)
    } catch (cause) {
      this.#logFault(cause)
    }
  }

  #logFault(cause: unknown): void {
    this.#connection.plane.logger.log('error', 'a request could not be handled', {
      requestId: this.request.requestId,
      reason: String(cause),
    })
  }
}
