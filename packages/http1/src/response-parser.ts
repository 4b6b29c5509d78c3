import { fieldByte, latin1Text } from './bytes.ts'
import {
  ConnectionOptions,
  parseContentLength,
  parseTransferEncoding,
  type TransferEncoding,
} from './field-rules.ts'
import { nameId } from './header-name.ts'
import { type LimitOptions, Limits } from './limits.ts'
import { type HeaderList, MessageParser, phase } from './message-parser.ts'
import { type ResponseReason, responseVerdict, type Verdict } from './verdict.ts'

/** A response's head, one object a response; nothing in it changes afterwards. */
export interface ResponseHead {
  readonly status: number
  /** Reason phrase as received; do not show it to anybody without escaping. */
  readonly reason: string
  /** 0 or 1 of HTTP/1.x. */
  readonly minor: number
  /** Without dropped names; without Content-Length where the status has no body by definition (1xx, 204). */
  readonly headers: HeaderList
  /** Whether the server lets the connection go on after this exchange. */
  readonly keepAlive: boolean
  /** Bytes of the body; 0 without one; -1 in chunks; -2 until the connection closes. */
  readonly bodyLength: number
  /** Names that the Connection field nominates besides close, keep-alive and upgrade: strip them when forwarding. */
  readonly nominated: readonly string[]
  /** After this head the connection is a tunnel: 101 that was asked for, or 2xx to CONNECT. */
  readonly tunnel: boolean
}

/** Gets what a {@link ResponseParser} reads: any number of interim heads, the head, body parts, the end. */
export interface ResponseHandler {
  /** A 1xx response except 101. */
  onInformational(head: ResponseHead): void
  onHead(head: ResponseHead): void
  /** A part of the body; valid during the call only. */
  onBody(chunk: Buffer): void
  onEnd(trailers: HeaderList): void
  /** The response cannot be trusted (502 for a gateway); the connection must be closed. */
  onVerdict(verdict: Verdict): void
}

export interface ResponseParserOptions extends LimitOptions {
  /** Interim responses before the final one; default 10. */
  readonly maxInformational?: number
}

/** {@link ResponseParserOptions} read once; one serves all connections of a client. */
export class ResponseRules {
  readonly limits: Limits
  readonly informational: number

  constructor(options: ResponseParserOptions = {}) {
    this.limits = new Limits({ underscoreNames: 'keep', ...options }, Number.POSITIVE_INFINITY)
    this.informational = options.maxInformational ?? 10
  }
}

const version = Buffer.from('HTTP/1.')
const incomplete = -1

/**
 * Reads the responses of one connection. `begin` says which request the next one answers; bytes that come without one
 * are a verdict, because whoever reused the connection would take them for its own answer.
 */
export class ResponseParser extends MessageParser {
  readonly #handler: ResponseHandler
  readonly #rules: ResponseRules
  #method = ''
  #upgrade = false
  #awaiting = false
  #informational = 0
  #status = 0
  #reason = ''
  #minor = 1
  #contentLength = -1
  #lengthAt = -1
  #transferEncoding: TransferEncoding | undefined = undefined
  readonly #connection = new ConnectionOptions()
  #last = false

  constructor(handler: ResponseHandler, rules: ResponseRules = new ResponseRules()) {
    super(rules.limits)
    this.#handler = handler
    this.#rules = rules
  }

  /** The next response answers a request with this method; `upgrade` when it asked to change the protocol. */
  begin(method: string, upgrade: boolean = false): void {
    this.#method = method
    this.#upgrade = upgrade
    this.#awaiting = true
    this.#informational = 0
  }

  /** True from `begin` to the end of the response. */
  get awaiting(): boolean {
    return this.#awaiting
  }

  protected override makeVerdict(reason: ResponseReason, position: number): Verdict {
    return responseVerdict(reason, position)
  }

  protected override deliverVerdict(verdict: Verdict): void {
    this.#handler.onVerdict(verdict)
  }

  protected override onBody(chunk: Buffer): void {
    this.#handler.onBody(chunk)
  }

  protected override scanStartLine(buffer: Buffer, start: number, end: number): number {
    if (!this.#awaiting) return this.refuseAt('response-unasked', start, start)
    let at = start
    for (let i = 0; i < version.length; i++, at++) {
      if (at === end) return incomplete
      if (buffer[at] !== version[i]) return this.refuseAt('status-line', at, start)
    }
    // Byte by byte: a check that waited for more would judge a cut line later than a whole one.
    if (at === end) return incomplete
    const minor = (buffer[at] as number) - 48
    if (minor !== 0 && minor !== 1) return this.refuseAt('status-line', at, start)
    if (at + 1 === end) return incomplete
    if (buffer[at + 1] !== 32) return this.refuseAt('status-line', at + 1, start)
    at += 2
    let status = 0
    for (let i = 0; i < 3; i++, at++) {
      if (at === end) return incomplete
      const digit = (buffer[at] as number) - 48
      if (digit < 0 || digit > 9) return this.refuseAt('status-code', at, start)
      status = status * 10 + digit
    }
    if (at === end) return incomplete
    if (status < 100 || status > 599) return this.refuseAt('status-code', at - 3, start)
    const reasonStart = buffer[at] === 32 ? at + 1 : at
    if (reasonStart > at) {
      at++
      while (at < end && fieldByte[buffer[at] as number] === 1) at++
      if (at === end) return incomplete
      // Without a reason phrase many servers leave the space before it out, too.
    } else if (buffer[at] !== 13 && buffer[at] !== 10)
      return this.refuseAt('status-code', at, start)
    const next = this.lineEnd(buffer, at, start, end)
    if (next < 0)
      return next === incomplete && buffer[at] !== 13
        ? this.refuseAt('status-line', at, start)
        : next
    this.#status = status
    this.#minor = minor
    this.#reason =
      at - reasonStart === 2 && buffer[reasonStart] === 0x4f && buffer[reasonStart + 1] === 0x4b
        ? 'OK'
        : latin1Text(buffer, reasonStart, at)
    this.blockBytes = start - next
    this.phase = phase.header
    return next
  }

  protected override special(id: number, value: string, position: number): boolean {
    const reason = this.#specialReason(id, value)
    if (reason === undefined) return true
    this.refuse(reason, position)
    return false
  }

  #specialReason(id: number, value: string): ResponseReason | undefined {
    switch (id) {
      case nameId.contentLength:
        if (this.#contentLength >= 0) return 'content-length-repeated'
        this.#lengthAt = this.headers.length
        this.#contentLength = parseContentLength(value)
        return this.#contentLength < 0 ? 'content-length-syntax' : undefined
      case nameId.transferEncoding:
        if (this.#transferEncoding !== undefined) return 'transfer-encoding-repeated'
        this.#transferEncoding = parseTransferEncoding(value)
        return undefined
      case nameId.connection:
        return this.#connection.add(value)
      default:
        return undefined
    }
  }

  protected override finishHead(): void {
    const reason = this.#framingReason()
    if (reason !== undefined) {
      this.refuse(reason, this.offset)
      return
    }
    const status = this.#status
    const tunnel = status === 101 || (this.#method === 'CONNECT' && status >= 200 && status < 300)
    const bodyLength = tunnel ? 0 : this.#bodyLength()
    const head = this.#makeHead(bodyLength, tunnel)
    if (status < 200 && !tunnel) {
      this.phase = phase.startLine
      this.#handler.onInformational(head)
      return
    }
    this.#last = tunnel || !head.keepAlive
    this.#handler.onHead(head)
    if (this.phase !== phase.headDone) return
    if (bodyLength === -2) this.phase = phase.untilClose
    else this.beginBody(bodyLength)
  }

  #framingReason(): ResponseReason | undefined {
    const status = this.#status
    const encoding = this.#transferEncoding
    if (encoding !== undefined) {
      if (this.#contentLength >= 0) return 'transfer-encoding-and-length'
      if (this.#minor === 0) return 'transfer-encoding-in-1.0'
      if (encoding === 'malformed') return 'transfer-encoding-syntax'
      if (encoding === 'unknown') return 'transfer-encoding-unknown'
      // RFC 9112 6.1: a server must not send it here, and a body might follow.
      if (status < 200 || status === 204) return 'body-not-allowed'
    }
    if (status === 101) return this.#upgrade ? undefined : 'upgrade-unasked'
    if (status < 200 && ++this.#informational > this.#rules.informational)
      return 'informational-limit'
    // What is longer than the limit need not be begun.
    return this.#bodyLength() > this.limits.body ? 'body-too-large' : undefined
  }

  /** RFC 9112 6.3. */
  #bodyLength(): number {
    const status = this.#status
    if (this.#method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
    if (this.#transferEncoding !== undefined) return -1
    return this.#contentLength >= 0 ? this.#contentLength : -2
  }

  #makeHead(bodyLength: number, tunnel: boolean): ResponseHead {
    const connection = this.#connection
    const minor = this.#minor
    const status = this.#status
    const headers = this.takeHeaders()
    // RFC 9110 8.6: these never have one; whoever forwards it would announce a body.
    if (this.#lengthAt >= 0 && (tunnel || status < 200 || status === 204))
      headers.splice(this.#lengthAt, 2)
    const head = {
      status,
      reason: this.#reason,
      minor,
      headers,
      keepAlive: bodyLength !== -2 && !connection.close && (minor === 1 || connection.keepAlive),
      bodyLength,
      nominated: connection.nominated,
      tunnel,
    }
    this.#contentLength = -1
    this.#lengthAt = -1
    this.#transferEncoding = undefined
    connection.reset()
    return head
  }

  protected override finishMessage(): void {
    const trailers = this.takeTrailers()
    this.resetMessage()
    this.#awaiting = false
    this.phase = this.#last ? phase.stopped : phase.startLine
    this.#handler.onEnd(trailers)
  }

  protected override finishEnd(position: number): void {
    if (!this.idle) this.refuse('truncated', position)
    else if (this.#awaiting) this.refuse('closed-before-response', 0)
  }
}
