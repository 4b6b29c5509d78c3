import { isAuthority } from './authority.ts'
import {
  latin1Text,
  targetByte,
  targetDot,
  targetPlain,
  targetQuery,
  targetStop,
  tokenLower,
} from './bytes.ts'
import {
  ConnectionOptions,
  parseContentLength,
  parseTransferEncoding,
  type TransferEncoding,
  trimSpace,
} from './field-rules.ts'
import { nameId } from './header-name.ts'
import { type LimitOptions, Limits } from './limits.ts'
import { type HeaderList, MessageParser, phase } from './message-parser.ts'
import { isTargetProblem, normalizeTarget, type TargetOptions } from './target.ts'
import { type RequestReason, requestVerdict, type ResponseReason, type Verdict } from './verdict.ts'

/** A request's head, one object a request; nothing in it changes afterwards. */
export interface RequestHead {
  readonly method: string
  /** The target as received. */
  readonly target: string
  /** Normalised path, `*` for the server itself, empty for CONNECT; route by it. */
  readonly path: string
  /** What follows the first `?`, as received. */
  readonly query: string
  /** Normalised path and query; forward it, so that both see what was routed. */
  readonly uri: string
  /** The target's authority where it has one, else the Host field; empty only in HTTP/1.0. */
  readonly authority: string
  /** 0 or 1 of HTTP/1.x. */
  readonly minor: number
  /** Without dropped names; the Host entry equals `authority`. */
  readonly headers: HeaderList
  /** Whether the client lets the connection go on after this exchange. */
  readonly keepAlive: boolean
  /** Bytes of the body; -1 when it comes in chunks; 0 without one. */
  readonly bodyLength: number
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectContinue: boolean
  /** The allowed protocol that the client wants to change to, lower case; empty for none. */
  readonly upgrade: string
  /** Names that the Connection field nominates besides close, keep-alive and upgrade: strip them when forwarding. */
  readonly nominated: readonly string[]
  /** The client reads trailers (`TE: trailers`). */
  readonly acceptsTrailers: boolean
}

/** Gets what a {@link RequestParser} reads. Calls for one request: a head or a refusal, body parts, the end. */
export interface RequestHandler {
  onHead(head: RequestHead): void
  /** The request must be answered with the verdict's status; its body and end follow as for any other. */
  onRefused(head: RequestHead, verdict: Verdict): void
  /** A part of the body; valid during the call only. */
  onBody(chunk: Buffer): void
  onEnd(trailers: HeaderList): void
  /** The connection must be closed, after an answer with the verdict's status. */
  onVerdict(verdict: Verdict): void
}

export interface RequestParserOptions extends LimitOptions, TargetOptions {
  /** Methods besides GET HEAD POST PUT DELETE PATCH OPTIONS TRACE CONNECT; any other is 501. */
  readonly extraMethods?: readonly string[]
  /** Lets TRACE through; default false, which is 405. */
  readonly trace?: boolean
  /** Lets CONNECT through; default false, which is 405 and closes. */
  readonly connect?: boolean
  /** A body on GET and HEAD: framed like any other (default), or refused with 400. */
  readonly bodyOnGet?: 'keep' | 'reject'
  /** Protocols that a client may upgrade to, for example `websocket`; default none. `h2c` is never one. */
  readonly upgrades?: readonly string[]
}

interface Method {
  readonly name: string
  readonly bytes: Uint8Array
}

const knownMethods = 'GET POST HEAD PUT DELETE PATCH OPTIONS TRACE CONNECT'.split(' ')

/** {@link RequestParserOptions} read once; one serves all connections of a listener. */
export class RequestRules {
  readonly limits: Limits
  readonly target: TargetOptions
  readonly methods: readonly Method[]
  readonly trace: boolean
  readonly connect: boolean
  readonly rejectBodyOnGet: boolean
  readonly upgrades: ReadonlySet<string>

  constructor(options: RequestParserOptions = {}) {
    this.limits = new Limits(options, 10 * 1024 * 1024)
    this.target = {
      scheme: options.scheme ?? 'http',
      encodedSlash: options.encodedSlash ?? 'keep',
    }
    this.methods = [...knownMethods, ...(options.extraMethods ?? [])].map((name) => ({
      name,
      bytes: Buffer.from(name, 'latin1'),
    }))
    this.trace = options.trace ?? false
    this.connect = options.connect ?? false
    this.rejectBodyOnGet = options.bodyOnGet === 'reject'
    this.upgrades = new Set(options.upgrades?.map((name) => name.toLowerCase()))
  }
}

const version = Buffer.from('HTTP/')
const incomplete = -1

/**
 * Reads the requests of one connection, each in turn. `pause` in `onEnd` keeps the next request of a pipeline back. A
 * request that asks for an upgrade must be answered before more is fed; `stop` then leaves the bytes to the tunnel.
 */
export class RequestParser extends MessageParser {
  readonly #handler: RequestHandler
  readonly #rules: RequestRules
  #emptyLine = false
  #method = ''
  #target = ''
  #path = ''
  #query = ''
  #uri = ''
  #authority = ''
  #minor = 1
  #host = ''
  #hostAt = -1
  #contentLength = -1
  #transferEncoding: TransferEncoding | undefined = undefined
  #expect: string | undefined = undefined
  #upgrade = ''
  #acceptsTrailers = false
  #keepAlive = true
  readonly #connection = new ConnectionOptions()

  constructor(handler: RequestHandler, rules: RequestRules = new RequestRules()) {
    super(rules.limits)
    this.#handler = handler
    this.#rules = rules
  }

  /** Takes no more bytes: what follows belongs to a tunnel, or nobody reads it. */
  stop(): void {
    this.phase = phase.stopped
  }

  protected override makeVerdict(reason: ResponseReason, position: number): Verdict {
    return requestVerdict(reason, position)
  }

  protected override deliverVerdict(verdict: Verdict): void {
    this.#handler.onVerdict(verdict)
  }

  protected override onBody(chunk: Buffer): void {
    this.#handler.onBody(chunk)
  }

  protected override scanStartLine(buffer: Buffer, start: number, end: number): number {
    const first = buffer[start] as number
    if (first === 13 || first === 10) return this.#leadingEmptyLine(buffer, start, end)
    let at = start
    while (at < end && tokenLower[buffer[at] as number] !== 0) at++
    if (at === end) return incomplete
    if (at === start || buffer[at] !== 32) return this.refuseAt('method-syntax', at, start)
    const method = this.#findMethod(buffer, start, at)
    if (method === undefined) return this.refuseAt('method-unknown', start, start)
    const targetStart = ++at
    let query = -1
    let special = buffer[targetStart] !== 0x2f || method === 'CONNECT'
    while (at < end) {
      const kind = targetByte[buffer[at] as number] as number
      if (kind !== targetPlain) {
        if (kind === targetStop) break
        if (kind === targetQuery) {
          if (query < 0) query = at
        } else if (kind !== targetDot || buffer[at - 1] === 0x2f) special = true
      }
      at++
    }
    if (at === end) return incomplete
    const targetEnd = at
    if (buffer[at] !== 32 || at === targetStart) {
      const misplaced = at === targetStart || buffer[at] === 13 || buffer[at] === 10
      return this.refuseAt(misplaced ? 'request-line' : 'target-byte', at, start)
    }
    const next = this.#scanVersion(buffer, at + 1, start, end)
    if (next < 0) return next
    this.#method = method
    const target = latin1Text(buffer, targetStart, targetEnd)
    this.#target = target
    if (special) {
      if (!this.#setTarget(target, targetStart - start)) return -2
    } else {
      this.#uri = target
      this.#authority = ''
      this.#path = query < 0 ? target : target.slice(0, query - targetStart)
      this.#query = query < 0 ? '' : target.slice(query - targetStart + 1)
    }
    this.blockBytes = start - next
    this.phase = phase.header
    return next
  }

  #leadingEmptyLine(buffer: Buffer, start: number, end: number): number {
    // RFC 9112 2.2: old clients send a CRLF behind a body; one is forgiven.
    if (this.#emptyLine) return this.refuseAt('leading-empty-line', start, start)
    const next = this.lineEnd(buffer, start, start, end)
    if (next >= 0) {
      this.#emptyLine = true
      // It belongs to no message: the caller adds it, and the connection stays idle.
      this.offset = start - next
    }
    return next
  }

  #findMethod(buffer: Buffer, start: number, end: number): string | undefined {
    const size = end - start
    const methods = this.#rules.methods
    for (let m = 0; m < methods.length; m++) {
      const { bytes, name } = methods[m] as Method
      if (bytes.length !== size) continue
      let i = 0
      while (i < size && bytes[i] === buffer[start + i]) i++
      if (i === size) return name
    }
    return undefined
  }

  #scanVersion(buffer: Buffer, from: number, start: number, end: number): number {
    let at = from
    for (let i = 0; i < 5; i++, at++) {
      if (at === end) return incomplete
      if (buffer[at] !== version[i]) return this.refuseAt('version-syntax', at, start)
    }
    // Byte by byte: a check that waited for more would judge a cut line later than a whole one.
    if (at === end) return incomplete
    const major = (buffer[at] as number) - 48
    if (major < 0 || major > 9) return this.refuseAt('version-syntax', at, start)
    if (at + 1 === end) return incomplete
    if (buffer[at + 1] !== 0x2e) return this.refuseAt('version-syntax', at + 1, start)
    if (at + 2 === end) return incomplete
    const minor = (buffer[at + 2] as number) - 48
    if (minor < 0 || minor > 9) return this.refuseAt('version-syntax', at + 2, start)
    if (at + 3 === end) return incomplete
    const after = buffer[at + 3] as number
    if (after !== 13 && after !== 10) return this.refuseAt('version-syntax', at + 3, start)
    if (major !== 1 || minor > 1) return this.refuseAt('version-unsupported', at, start)
    this.#minor = minor
    return this.lineEnd(buffer, at + 3, start, end)
  }

  #setTarget(target: string, at: number): boolean {
    const result = normalizeTarget(this.#method, target, this.#rules.target)
    if (isTargetProblem(result)) {
      this.refuse(result.reason, this.offset + at + result.at)
      return false
    }
    this.#path = result.path
    this.#query = result.query
    this.#uri = result.uri
    this.#authority = result.authority
    return true
  }

  protected override special(id: number, value: string, position: number): boolean {
    const reason = this.#specialReason(id, value)
    if (reason === undefined) return true
    this.refuse(reason, position)
    return false
  }

  #specialReason(id: number, value: string): RequestReason | undefined {
    switch (id) {
      case nameId.host:
        if (this.#hostAt >= 0) return 'host-repeated'
        this.#hostAt = this.headers.length
        // A connection nearly always asks for one host; what passed once needs no second look.
        if ((value !== this.#host || value === '') && !isAuthority(value)) return 'host-syntax'
        this.#host = value
        return undefined
      case nameId.contentLength:
        if (this.#contentLength >= 0) return 'content-length-repeated'
        this.#contentLength = parseContentLength(value)
        return this.#contentLength < 0 ? 'content-length-syntax' : undefined
      case nameId.transferEncoding:
        if (this.#transferEncoding !== undefined) return 'transfer-encoding-repeated'
        this.#transferEncoding = parseTransferEncoding(value)
        return undefined
      case nameId.connection:
        return this.#connection.add(value)
      case nameId.expect:
        // A second Expect makes the whole something else than exactly 100-continue.
        this.#expect = this.#expect === undefined ? value.toLowerCase() : `${this.#expect},${value}`
        return undefined
      case nameId.upgrade:
        this.#upgrade = this.#upgrade === '' ? value : `${this.#upgrade},${value}`
        return undefined
      default:
        if (value.toLowerCase().includes('trailers'))
          this.#acceptsTrailers = value.split(',').some(isTrailers)
        return undefined
    }
  }

  protected override finishHead(): void {
    const reason = this.#framingReason()
    if (reason !== undefined) {
      this.refuse(reason, this.offset)
      return
    }
    const bodyLength = this.#transferEncoding === undefined ? Math.max(0, this.#contentLength) : -1
    const head = this.#makeHead(bodyLength)
    this.#keepAlive = head.keepAlive
    const refusal = this.#refusal(head)
    if (refusal === undefined) {
      this.#handler.onHead(head)
    } else if (refusal.close) {
      this.refuse(refusal.reason, refusal.position)
      return
    } else this.#handler.onRefused(head, refusal)
    // The handler may have stopped the parser.
    if (this.phase === phase.headDone) this.beginBody(bodyLength)
  }

  /** What makes the length of the message, or whom it is for, uncertain: always 400 or 501, always closed. */
  #framingReason(): RequestReason | undefined {
    const encoding = this.#transferEncoding
    if (encoding !== undefined) {
      if (this.#contentLength >= 0) return 'transfer-encoding-and-length'
      if (this.#minor === 0) return 'transfer-encoding-in-1.0'
      if (encoding === 'malformed') return 'transfer-encoding-syntax'
      if (encoding === 'unknown') return 'transfer-encoding-unknown'
    }
    if (this.#minor === 1 && this.#hostAt < 0) return 'host-missing'
    return undefined
  }

  /** What the framing allows but the rules do not. */
  #refusal(head: RequestHead): Verdict | undefined {
    const { method, bodyLength } = head
    const rules = this.#rules
    const at = this.offset
    // After the head of a CONNECT nobody can say what the bytes are.
    if (method === 'CONNECT' && !rules.connect) return requestVerdict('method-not-allowed', at)
    if (method === 'CONNECT' && bodyLength !== 0) return requestVerdict('body-not-allowed', at)
    // The client may keep its body back: then the next request would be taken for it.
    const close = head.expectContinue
    if (method === 'TRACE') {
      if (!rules.trace) return requestVerdict('method-not-allowed', at, close)
      if (bodyLength !== 0) return requestVerdict('body-not-allowed', at, close)
    }
    if (this.#minor === 1 && this.#expect !== undefined && this.#expect !== '100-continue')
      return requestVerdict('expectation-failed', at, bodyLength !== 0)
    if (bodyLength > rules.limits.body) return requestVerdict('body-too-large', at, close)
    if (rules.rejectBodyOnGet && bodyLength !== 0 && (method === 'GET' || method === 'HEAD'))
      return requestVerdict('body-not-allowed', at, close)
    return undefined
  }

  #makeHead(bodyLength: number): RequestHead {
    const connection = this.#connection
    const minor = this.#minor
    const hostAt = this.#hostAt
    const headers = this.takeHeaders()
    let authority = hostAt < 0 ? '' : this.#host
    if (this.#authority !== '') {
      authority = this.#authority
      if (hostAt < 0) headers.unshift('host', authority)
      else headers[hostAt + 1] = authority
    }
    return {
      method: this.#method,
      target: this.#target,
      path: this.#path,
      query: this.#query,
      uri: this.#uri,
      authority,
      minor,
      headers,
      keepAlive: !connection.close && (minor === 1 || connection.keepAlive),
      bodyLength,
      expectContinue: minor === 1 && this.#expect === '100-continue' && bodyLength !== 0,
      upgrade: connection.upgrade && minor === 1 ? this.#allowedUpgrade() : '',
      nominated: connection.nominated,
      acceptsTrailers: this.#acceptsTrailers,
    }
  }

  #allowedUpgrade(): string {
    for (const part of this.#upgrade.split(',')) {
      const protocol = trimSpace(part).toLowerCase()
      if (protocol !== 'h2c' && this.#rules.upgrades.has(protocol)) return protocol
    }
    return ''
  }

  protected override finishMessage(): void {
    const trailers = this.takeTrailers()
    const tunnel = this.#method === 'CONNECT'
    const last = !this.#keepAlive
    this.resetMessage()
    this.#emptyLine = false
    this.#hostAt = -1
    this.#contentLength = -1
    this.#transferEncoding = undefined
    this.#expect = undefined
    this.#upgrade = ''
    this.#acceptsTrailers = false
    this.#connection.reset()
    this.phase = last || tunnel ? phase.stopped : phase.startLine
    this.#handler.onEnd(trailers)
  }

  protected override finishEnd(position: number): void {
    if (!this.idle) this.refuse('truncated', position)
  }
}

function isTrailers(part: string): boolean {
  return trimSpace(part).toLowerCase() === 'trailers'
}
