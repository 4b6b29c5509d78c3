import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, TidemillError, Timer } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import type { RequestFlag } from '../request-log.ts'
import { errorAnswer, type LocalAnswer } from './local-answer.ts'
import type { Forwarding, Passage } from './proxy.ts'
import type { RequestHead } from './request-head.ts'
import { modifyFields, responseFields, trailerFields } from './response-head.ts'

export interface ExchangeOptions {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly head: RequestHead
  readonly passage: Passage
  readonly agent: Agent
  readonly clock: Clock
  readonly pseudonym: string
  readonly expectsContinue: boolean
  /** True when the connection shall end after this answer. */
  readonly closing: () => boolean
  /** Called once, when the last byte of the answer has left or the connection is gone. */
  readonly onEnd: () => void
}

/** A smaller unread body is read and thrown away to keep the connection; a larger one ends it. */
const drainedBytes = 64 * 1024
const timeoutField = 'X-Envoy-Expected-Rq-Timeout-Ms'
/** A server may say 100, 102, 103; one that says so without end is broken. */
const mostInterim = 10

/**
 * One request and its answer over node:http. Ends in exactly one way: the upstream's answer passed on
 * whole, an answer of our own, the client gone, or the connection broken off because the upstream broke
 * off in the middle of its body.
 */
export class NodeExchange {
  readonly #o: ExchangeOptions
  #upstream: ClientRequest | undefined
  #response: IncomingMessage | undefined
  #timer: Timer | undefined
  #interim = 0
  #received = 0
  #bodySent = false
  #retried = false
  #over = false
  #lastByteAt = 0

  constructor(options: ExchangeOptions) {
    this.#o = options
  }

  start(): void {
    const { passage, res, head, clock, onEnd } = this.#o
    res.on('close', () => {
      this.#onClientClose()
      onEnd()
    })
    if (passage.error !== undefined) this.#answer(passage.error, '')
    else if (passage.location !== undefined) {
      const { status, url } = passage.location
      const fields = ['Location', url, 'Content-Length', '0', 'X-Request-Id', head.requestId]
      this.#finish(status, 'RD')
      sendAnswer(res, { status, fields, body: '' }, this.#mustClose(), clock)
    } else if (passage.forward !== undefined) this.#forward(passage.forward)
  }

  get socket(): Socket {
    return this.#o.req.socket
  }

  /** What the client sends is no HTTP any more, and its connection can only be ended. */
  clientBroke(error: TidemillError): void {
    const { req, res } = this.#o
    if (!this.#over && !req.complete && !res.headersSent) {
      this.#upstream?.destroy()
      this.#answer(error, 'DPE', true)
      // Nothing more can be read, so there is nothing to wait for.
      res.end()
    } else if (this.#over) res.destroy()
    else this.#breakOff('DPE')
  }

  #forward(forward: Forwarding): void {
    const { head, req, res, expectsContinue, passage, agent } = this.#o
    if (head.bodyLength > forward.maxBodyBytes) {
      this.#bodyTooLarge(forward)
      return
    }
    modifyFields(head.forward, forward.requestHeaders)
    // Envoy's name: how long we shall wait, so that nobody works on an answer that comes too late.
    const waitMs = Math.min(forward.requestMs, forward.backendMs)
    if (waitMs < Infinity) head.forward.push(timeoutField, String(Math.ceil(waitMs)))
    if (head.bodyLength < 0) head.forward.push('Transfer-Encoding', 'chunked')
    else if (head.bodyLength > 0 || takesBody(head.method)) {
      head.forward.push('Content-Length', String(head.bodyLength))
    }
    this.#connect(forward, agent)
    if (head.bodyLength === 0) {
      this.#bodySent = true
      this.#upstream?.end()
      this.#arm(Math.min(forward.requestMs, forward.backendMs), () => this.#onTimeout())
      return
    }
    this.#arm(forward.requestMs, () => this.#onTimeout())
    if (expectsContinue) res.writeContinue()
    req.on('data', (chunk: Buffer) => this.#onRequestData(chunk, forward))
    req.on('end', () => {
      if (this.#over) return
      this.#bodySent = true
      this.#upstream?.end()
      if (this.#response === undefined) {
        this.#arm(Math.min(forward.requestMs, forward.backendMs), () => this.#onTimeout())
      }
    })
    req.on('error', () => passage.settle('ignore'))
  }

  /** `agent` false is a connection of its own. */
  #connect(forward: Forwarding, agent: Agent | false): void {
    const { head } = this.#o
    const upstream = openRequest({
      host: forward.endpoint.host,
      port: forward.endpoint.port,
      method: head.method,
      path: forward.target,
      headers: ['Host', forward.host, ...head.forward],
      agent,
    })
    this.#upstream = upstream
    upstream.on('information', () => {
      this.#interim++
      if (this.#interim > mostInterim) this.#fail('UPE', 'it sends interim answers without end')
    })
    upstream.on('response', (response) => this.#onResponse(response, forward))
    upstream.on('upgrade', (_response, socket) => {
      socket.destroy()
      this.#fail('UPE', 'it switched protocols unasked')
    })
    upstream.on('drain', () => this.#o.req.resume())
    upstream.on('error', (error: NodeJS.ErrnoException) => this.#onUpstreamError(error, forward))
  }

  #onRequestData(chunk: Buffer, forward: Forwarding): void {
    if (this.#over) return
    this.#received += chunk.length
    if (this.#received > forward.maxBodyBytes) {
      this.#upstream?.destroy()
      this.#bodyTooLarge(forward)
    } else if (this.#upstream?.write(chunk) === false) this.#o.req.pause()
  }

  #bodyTooLarge(forward: Forwarding): void {
    const error = gatewayErrors.error('TM_GATEWAY_BODY_TOO_LARGE', { limit: forward.maxBodyBytes })
    if (this.#response === undefined) this.#answer(error, 'DPE')
    else this.#breakOff('DPE')
  }

  #onResponse(response: IncomingMessage, forward: Forwarding): void {
    const { passage, res, clock, pseudonym, head } = this.#o
    if (this.#over) {
      response.destroy()
      return
    }
    const status = response.statusCode ?? 0
    const fault = headFault(response)
    if (fault !== undefined) {
      this.#fail('UPE', fault)
      return
    }
    this.#response = response
    passage.head(status)
    const fields = responseFields(response.rawHeaders, status)
    modifyFields(fields, forward.responseHeaders)
    fields.push('Via', `1.1 ${pseudonym}`)
    if (response.headers['x-request-id'] === undefined) fields.push('X-Request-Id', head.requestId)
    // An answer before the whole request: the rest of the body is not wanted (RFC 9112 9.3).
    const close = this.#mustClose()
    if (close) fields.push('Connection', 'close')
    res.writeHead(status, response.statusMessage, fields)
    this.#lastByteAt = clock.monotonic()
    const outcome = forward.failures[status] === 1 ? 'fail' : 'ok'
    this.#watchStream(forward, outcome)
    response.on('data', (chunk: Buffer) => {
      this.#lastByteAt = clock.monotonic()
      if (!res.write(chunk)) response.pause()
    })
    res.on('drain', () => {
      this.#lastByteAt = clock.monotonic()
      response.resume()
    })
    response.on('end', () => {
      if (this.#over || !response.complete) return
      passage.settle(outcome)
      this.#finish(status, '')
      if (head.trailers) res.addTrailers(trailerFields(response.rawTrailers))
      if (!this.#bodySent) this.#upstream?.destroy()
      endAnswer(res, '', close, clock)
    })
    response.on('error', () => this.#onCutBody())
    response.on('close', () => {
      if (!response.complete) this.#onCutBody()
    })
  }

  #onCutBody(): void {
    if (this.#over) return
    this.#o.passage.settle('fail')
    this.#breakOff('UC')
  }

  /**
   * While the body streams only silence is limited. A stream that runs as long as a try may take has
   * shown that the upstream works: it is counted then, so that it does not hold a breaker's probe.
   */
  #watchStream(forward: Forwarding, outcome: 'ok' | 'fail'): void {
    const { clock, passage } = this.#o
    const check = (): void => {
      const left = forward.idleMs - (clock.monotonic() - this.#lastByteAt)
      if (left <= 0) {
        passage.settle('fail')
        this.#breakOff('SI')
      } else this.#arm(left, check)
    }
    this.#arm(Math.min(forward.backendMs, forward.idleMs), () => {
      passage.settle(outcome)
      check()
    })
  }

  #onUpstreamError(error: NodeJS.ErrnoException, forward: Forwarding): void {
    if (this.#over) return
    if (this.#response !== undefined) {
      this.#onCutBody()
      return
    }
    const code = error.code ?? error.message
    if (this.#mayRetry(code)) {
      // The server closed the idle connection while we sent on it; nothing of it was handled (RFC 9112 9.3.1).
      // The other idle ones may be as dead: when a server restarts all of them are.
      this.#retried = true
      this.#connect(forward, false)
      this.#upstream?.end()
      return
    }
    if (code.startsWith('HPE_')) this.#fail('UPE', code)
    else
      this.#fail(error.syscall === 'connect' || error.syscall === 'getaddrinfo' ? 'UF' : 'UC', code)
  }

  #mayRetry(code: string): boolean {
    const { head } = this.#o
    return (
      !this.#retried &&
      this.#upstream?.reusedSocket === true &&
      head.bodyLength === 0 &&
      idempotent.has(head.method) &&
      (code === 'ECONNRESET' || code === 'EPIPE')
    )
  }

  #onTimeout(): void {
    if (this.#over) return
    // A client that is still sending holds the request up itself, unless it is held up by the upstream.
    if (!this.#bodySent && this.#upstream?.writableNeedDrain !== true) {
      this.#upstream?.destroy()
      this.#answer(gatewayErrors.error('TM_GATEWAY_CLIENT_TIMEOUT'), 'DPE', true)
    } else this.#fail('UT', 'timeout')
  }

  /** The upstream failed before its answer began. */
  #fail(flag: RequestFlag, reason: string): void {
    if (this.#over) return
    const { passage } = this.#o
    passage.settle('fail')
    this.#answer(passage.failure(flag, reason), flag)
    this.#upstream?.destroy()
  }

  #answer(error: TidemillError, flag: RequestFlag, close = this.#mustClose()): void {
    const { res, head, passage, clock } = this.#o
    this.#finish(error.http, flag, error)
    const answer = errorAnswer(error, head.requestId, passage.retryAfter)
    sendAnswer(res, answer, close, clock)
  }

  /** True when the client's connection cannot be used for another request after this answer. */
  #mustClose(): boolean {
    const { head, closing } = this.#o
    if (closing()) return true
    if (this.#bodySent || head.bodyLength === 0) return false
    return head.bodyLength < 0 || head.bodyLength - this.#received > drainedBytes
  }

  /** The answer has begun and cannot be completed: the client must not take it for whole. */
  #breakOff(flag: RequestFlag): void {
    const { res } = this.#o
    this.#finish(res.statusCode, flag)
    this.#upstream?.destroy()
    res.destroy()
  }

  #onClientClose(): void {
    if (this.#over) return
    this.#finish(this.#response === undefined ? 0 : this.#o.res.statusCode, 'DC')
    this.#upstream?.destroy()
  }

  #arm(ms: number, run: () => void): void {
    this.#timer?.cancel()
    this.#timer = ms === Number.POSITIVE_INFINITY ? undefined : this.#o.clock.timer(ms, run)
  }

  #finish(status: number, flag: RequestFlag, error?: TidemillError): void {
    this.#over = true
    this.#timer?.cancel()
    this.#o.passage.finish(status, flag, error)
  }
}

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Methods for which a request without a body says so (RFC 9110 8.6). */
function takesBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}

/** Why a response head that node's parser took is not to be passed on; undefined when it is. */
function headFault(response: IncomingMessage): string | undefined {
  const { statusCode = 0, statusMessage = '', headers, httpVersion } = response
  if (statusCode < 200 || statusCode > 599) return `its status is ${statusCode}`
  if (/[^\t\x20-\x7e\x80-\xff]/u.test(statusMessage)) return 'its reason has control characters'
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (httpVersion === '1.0') return 'HTTP/1.0 has no Transfer-Encoding'
  return coding.toLowerCase() === 'chunked' ? undefined : 'its transfer coding is not chunked'
}

/** How long a client may go on sending what nobody will read. */
export const lingerMs = 1000

/** Sends an answer of our own; with `close` the connection ends after it. */
export function sendAnswer(
  res: ServerResponse,
  answer: LocalAnswer,
  close: boolean,
  clock: Clock,
): void {
  res.writeHead(answer.status, close ? [...answer.fields, 'Connection', 'close'] : answer.fields)
  endAnswer(res, answer.body, close, clock)
}

/**
 * Writes the last of an answer and lets what is left of the request go unread. With `close` the answer
 * ends when the client stops sending or a second is over, because closing at once would reset the
 * connection before the client has read the answer (RFC 9112 9.6).
 */
function endAnswer(res: ServerResponse, last: string, close: boolean, clock: Clock): void {
  const { req } = res
  if (req.complete) {
    res.end(last)
    return
  }
  req.removeAllListeners('data')
  req.resume()
  if (!close) {
    res.end(last)
    return
  }
  res.write(last)
  const linger = clock.timer(lingerMs, () => res.end())
  res.on('close', () => linger.cancel())
  req.on('end', () => res.end())
  req.on('error', () => res.destroy())
}
