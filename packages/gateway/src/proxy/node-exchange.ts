import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from 'node:http'
import type { Clock, TidemillError, Timer } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import type { RequestFlag } from '../request-log.ts'
import { errorAnswer, type LocalAnswer } from './local-answer.ts'
import type { Forwarding, Passage } from './proxy.ts'
import type { RequestHead } from './request-head.ts'
import { modifyFields, responseFields } from './response-head.ts'

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
  readonly onEnd: () => void
}

/** A smaller unread body is read and thrown away to keep the connection; a larger one ends it. */
const drainedBytes = 64 * 1024
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
    const { passage, res, head, clock } = this.#o
    res.on('close', () => this.#onClientClose())
    if (passage.error !== undefined) this.#answer(passage.error, '')
    else if (passage.location !== undefined) {
      const { status, url } = passage.location
      const fields = ['Location', url, 'Content-Length', '0', 'X-Request-Id', head.requestId]
      this.#finish(status, 'RD')
      sendAnswer(res, { status, fields, body: '' }, this.#mustClose(), clock)
    } else if (passage.forward !== undefined) this.#forward(passage.forward)
  }

  #forward(forward: Forwarding): void {
    const { head, req, res, expectsContinue, passage } = this.#o
    if (head.bodyLength > forward.maxBodyBytes) {
      this.#bodyTooLarge(forward)
      return
    }
    modifyFields(head.forward, forward.requestHeaders)
    if (head.bodyLength < 0) head.forward.push('Transfer-Encoding', 'chunked')
    else if (head.bodyLength > 0 || takesBody(head.method)) {
      head.forward.push('Content-Length', String(head.bodyLength))
    }
    this.#connect(forward)
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

  #connect(forward: Forwarding): void {
    const { head, agent } = this.#o
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
    if (status < 200 || status > 599) {
      this.#fail('UPE', `its status is ${status}`)
      return
    }
    const coding = response.headers['transfer-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      this.#fail('UPE', 'its transfer coding is not chunked')
      return
    }
    this.#response = response
    passage.head(status)
    const fields = responseFields(response.rawHeaders, status)
    modifyFields(fields, forward.responseHeaders)
    fields.push('Via', `1.1 ${pseudonym}`)
    if (response.headers['x-request-id'] === undefined) fields.push('X-Request-Id', head.requestId)
    // An answer before the whole request: the rest of the body is not wanted (RFC 9112 9.3).
    if (this.#mustClose()) fields.push('Connection', 'close')
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
      res.end()
      if (!this.#bodySent) this.#upstream?.destroy()
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
      this.#retried = true
      this.#connect(forward)
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
    this.#o.onEnd()
  }
}

const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Methods for which a request without a body says so (RFC 9110 8.6). */
function takesBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}

/** How long a client may go on sending what nobody will read. */
const lingerMs = 1000

/**
 * Sends an answer of our own. With `close` the rest of the request is read and thrown away until the
 * client stops sending or a second is over, because closing at once would reset the connection before
 * the client has read the answer (RFC 9112 9.6).
 */
export function sendAnswer(
  res: ServerResponse,
  answer: LocalAnswer,
  close: boolean,
  clock: Clock,
): void {
  const { req } = res
  const fields = close ? [...answer.fields, 'Connection', 'close'] : answer.fields
  res.writeHead(answer.status, fields)
  if (!close || req.complete) {
    res.end(answer.body)
    return
  }
  res.write(answer.body)
  const linger = clock.timer(lingerMs, () => res.end())
  res.on('close', () => linger.cancel())
  req.removeAllListeners('data')
  req.on('end', () => res.end())
  req.on('error', () => res.destroy())
  req.resume()
}
