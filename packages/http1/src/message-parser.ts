import { fieldByte, hexValue, latin1Text, tokenLower } from './bytes.ts'
import { isForbiddenTrailer } from './field-rules.ts'
import { hashStep, type HeaderName, internName, nameId } from './header-name.ts'
import type { Limits } from './limits.ts'
import type { ResponseReason, Verdict } from './verdict.ts'

/** `[name, value, name, value, ...]` in the order received: names in lower case, values as latin1 text. */
export type HeaderList = readonly string[]

const noHeaders: HeaderList = []

/** What a parser waits for. Lines first: `kept` bytes belong to one of them. */
export const phase = {
  startLine: 0,
  header: 1,
  chunkSize: 2,
  trailer: 3,
  headDone: 4,
  body: 5,
  chunkBody: 6,
  chunkEnd: 7,
  untilClose: 8,
  messageDone: 9,
  /** Takes no more bytes: they belong to a tunnel, or to nobody. */
  stopped: 10,
} as const

/** Results of a line's scan besides the index behind it. */
const incomplete = -1
const refused = -2

const carriageReturn = 13
const lineFeed = 10

/** Longest chunk size in hexadecimal digits; leading zeros count. */
const maxSizeDigits = 16

/**
 * What request and response parsing share: lines over any split of the bytes, fields, bodies, trailers. A line that is
 * whole in a chunk is read in place; only a cut line is copied, and it is read again once, when its end is there, so
 * the cost is linear for one byte at a time too. All verdicts depend on the bytes alone, never on their split: each
 * scan goes from left to right and the first wrong byte decides.
 */
export abstract class MessageParser {
  /** Why the message was refused; then the parser takes no more bytes. */
  verdict: Verdict | undefined = undefined
  protected readonly limits: Limits
  protected phase: number = phase.startLine
  protected headers: string[] = []
  protected headerCount = 0
  /** Bytes of this message before the line or body part that is being read. */
  protected offset = 0
  /** Bytes of this header block or trailer section so far. */
  protected blockBytes = 0
  /** Bytes of the body or chunk still to come. */
  protected left = 0
  protected bodyBytes = 0
  protected extensionBytes = 0
  protected chunkEndSeen = 0
  #kept: Buffer | undefined = undefined
  #keptBytes = 0
  #paused = false

  protected constructor(limits: Limits) {
    this.limits = limits
  }

  /** True between messages: nothing of the next one has come. */
  get idle(): boolean {
    return this.phase === phase.startLine && this.offset === 0 && this.#keptBytes === 0
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Stops `feed` behind the event that is being delivered; what follows stays with the caller. */
  pause(): void {
    this.#paused = true
  }

  /** Lets `feed` go on; the caller feeds what it holds, an empty buffer if nothing. */
  resume(): void {
    this.#paused = false
  }

  /**
   * Reads on and calls the handler; buffers it gets are valid during the call only. Returns how many bytes were taken:
   * fewer than given after a pause, a tunnel or a verdict, and the rest stays with the caller.
   */
  feed(chunk: Buffer): number {
    const end = chunk.length
    let at = 0
    while (!this.#paused) {
      switch (this.phase) {
        case phase.startLine:
        case phase.header:
        case phase.chunkSize:
        case phase.trailer:
          if (at === end) return at
          at = this.#line(chunk, at, end)
          if (at === refused) return 0
          break
        case phase.headDone:
          this.finishHead()
          break
        case phase.body:
        case phase.chunkBody:
          if (this.left === 0) {
            this.phase = this.phase === phase.body ? phase.messageDone : phase.chunkEnd
            break
          }
          if (at === end) return at
          at = this.#bodyPart(chunk, at, end)
          break
        case phase.chunkEnd:
          if (at === end) return at
          if (!this.#chunkEndByte(chunk[at] as number)) return at
          at++
          break
        case phase.untilClose:
          if (at === end) return at
          this.left = end - at
          at = this.#bodyPart(chunk, at, end)
          break
        case phase.messageDone:
          this.finishMessage()
          break
        default:
          return at
      }
    }
    return at
  }

  /** The peer sends no more. In the middle of a message that is a verdict, which is also returned. */
  ended(): Verdict | undefined {
    if (this.verdict !== undefined || this.phase === phase.stopped) return this.verdict
    if (this.phase === phase.untilClose) {
      this.phase = phase.messageDone
      this.finishMessage()
      this.phase = phase.stopped
      return undefined
    }
    // A cut line may hold an error that whole bytes would have shown: the same bytes get the same verdict.
    const kept = this.#kept
    if (kept !== undefined && this.#keptBytes > 0) {
      if (this.#scanLine(kept, 0, this.#keptBytes) === refused) return this.verdict
    }
    this.finishEnd(this.offset + this.#keptBytes)
    this.phase = phase.stopped
    return this.verdict
  }

  /** Reads the start line; returns the index behind it, `incomplete` or `refused`. */
  protected abstract scanStartLine(buffer: Buffer, start: number, end: number): number
  /** A field that frames or routes the message, in a header block; false after a verdict. */
  protected abstract special(id: number, value: string, position: number): boolean
  /** The empty line came: judge the head, deliver it, choose the body's phase. */
  protected abstract finishHead(): void
  /** Delivers the end and makes ready for the next message. */
  protected abstract finishMessage(): void
  /** The stream ended in the middle of a message or between two. */
  protected abstract finishEnd(position: number): void
  protected abstract onBody(chunk: Buffer): void
  protected abstract makeVerdict(reason: ResponseReason, position: number): Verdict
  protected abstract deliverVerdict(verdict: Verdict): void

  /** Ends the parsing with a verdict. */
  protected refuse(reason: ResponseReason, position: number): number {
    if (this.verdict === undefined) {
      this.phase = phase.stopped
      this.verdict = this.makeVerdict(reason, position)
      this.#kept = undefined
      this.#keptBytes = 0
      this.deliverVerdict(this.verdict)
    }
    return refused
  }

  /** `refuse` for a place inside the line that is being scanned. */
  protected refuseAt(reason: ResponseReason, at: number, lineStart: number): number {
    return this.refuse(reason, this.offset + at - lineStart)
  }

  protected resetMessage(): void {
    if (this.headers.length > 0) this.headers = []
    this.headerCount = 0
    this.offset = 0
    this.blockBytes = 0
    this.left = 0
    this.bodyBytes = 0
    this.extensionBytes = 0
  }

  /** The end of a line must be CR LF; `at` is the first byte that cannot belong to the line's content. */
  protected lineEnd(buffer: Buffer, at: number, lineStart: number, end: number): number {
    const byte = buffer[at] as number
    if (byte === lineFeed) return this.refuseAt('bare-lf', at, lineStart)
    if (byte !== carriageReturn) return incomplete
    if (at + 1 >= end) return incomplete
    if (buffer[at + 1] !== lineFeed) return this.refuseAt('bare-cr', at, lineStart)
    return at + 2
  }

  /** Chooses the phase behind a head. */
  protected beginBody(length: number): void {
    if (length === 0) this.phase = phase.messageDone
    else if (length > 0) {
      this.left = length
      this.phase = phase.body
    } else this.phase = phase.chunkSize
  }

  /** Takes the header list of this message; the next one gets a new one. */
  protected takeHeaders(): string[] {
    const list = this.headers
    this.headers = []
    this.headerCount = 0
    this.blockBytes = 0
    return list
  }

  /** The trailers that came, or the shared empty list. */
  protected takeTrailers(): HeaderList {
    return this.headers.length === 0 ? noHeaders : this.takeHeaders()
  }

  #line(chunk: Buffer, at: number, end: number): number {
    const room = this.#lineRoom()
    if (this.#keptBytes > 0) return this.#cutLine(chunk, at, end, room)
    const bound = end - at > room ? at + room : end
    const next = this.#scanLine(chunk, at, bound)
    if (next >= 0) {
      this.#advance(next - at)
      return next
    }
    if (next === refused) return refused
    if (end - at >= room) return this.refuse(this.#roomReason(), this.offset + room)
    this.#keep(chunk, at, end)
    return end
  }

  #cutLine(chunk: Buffer, at: number, end: number, room: number): number {
    const found = chunk.indexOf(lineFeed, at)
    const stop = Math.min(found < 0 ? end : found + 1, at + room - this.#keptBytes)
    this.#keep(chunk, at, stop)
    const size = this.#keptBytes
    if (size < room && stop !== found + 1) return stop
    const line = this.#kept as Buffer
    const next = this.#scanLine(line, 0, size)
    if (next === refused) return refused
    if (next < 0) return this.refuse(this.#roomReason(), this.offset + room)
    this.#keptBytes = 0
    if (line.length > 1024) this.#kept = undefined
    this.#advance(size)
    return stop
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const size = this.#keptBytes + end - start
    let kept = this.#kept
    if (kept === undefined || kept.length < size) {
      const grown = Buffer.allocUnsafeSlow(Math.max(256, size * 2))
      if (kept !== undefined) kept.copy(grown, 0, 0, this.#keptBytes)
      kept = grown
      this.#kept = grown
    }
    chunk.copy(kept, this.#keptBytes, start, end)
    this.#keptBytes = size
  }

  #advance(bytes: number): void {
    this.offset += bytes
    this.blockBytes += bytes
  }

  /** Bytes that the line may still have. */
  #lineRoom(): number {
    switch (this.phase) {
      case phase.startLine:
        return this.limits.startLine
      case phase.header:
        return this.limits.headerBytes - this.blockBytes
      case phase.trailer:
        return this.limits.trailerBytes - this.blockBytes
      default:
        return maxSizeDigits + 2 + this.limits.chunkExtensions - this.extensionBytes
    }
  }

  #roomReason(): ResponseReason {
    switch (this.phase) {
      case phase.startLine:
        return 'start-line-too-long'
      case phase.header:
        return 'headers-too-large'
      case phase.trailer:
        return 'trailers-too-large'
      default:
        return 'chunk-extensions-too-large'
    }
  }

  #scanLine(buffer: Buffer, start: number, end: number): number {
    switch (this.phase) {
      case phase.startLine:
        return this.scanStartLine(buffer, start, end)
      case phase.chunkSize:
        return this.#scanChunkSize(buffer, start, end)
      default:
        return this.#scanField(buffer, start, end)
    }
  }

  /** A field line (RFC 9112 5), or the empty line behind the last one. */
  #scanField(buffer: Buffer, start: number, end: number): number {
    let at = start
    let hash = 0
    let lower = 0
    while (at < end) {
      lower = tokenLower[buffer[at] as number] as number
      if (lower === 0) break
      hash = hashStep(hash, lower)
      at++
    }
    if (at === end) return incomplete
    if (buffer[at] !== 0x3a) return this.#fieldWithoutName(buffer, at, start, end)
    if (at === start) return this.refuseAt('header-name', at, start)
    const nameEnd = at
    at++
    while (at < end && (buffer[at] === 32 || buffer[at] === 9)) at++
    const valueStart = at
    while (at < end && fieldByte[buffer[at] as number] === 1) at++
    if (at === end) return incomplete
    const next = this.lineEnd(buffer, at, start, end)
    if (next < 0) {
      if (next === incomplete && buffer[at] !== carriageReturn)
        return this.refuseAt('header-value', at, start)
      return next
    }
    let valueEnd = at
    while (valueEnd > valueStart && (buffer[valueEnd - 1] === 32 || buffer[valueEnd - 1] === 9))
      valueEnd--
    const name = internName(buffer, start, nameEnd, hash)
    const value = valueEnd === valueStart ? '' : latin1Text(buffer, valueStart, valueEnd)
    return this.#field(name, value) ? next : refused
  }

  #fieldWithoutName(buffer: Buffer, at: number, start: number, end: number): number {
    const byte = buffer[at] as number
    if (at === start) {
      if (byte === 32 || byte === 9) return this.refuseAt('header-fold', at, start)
      if (byte !== carriageReturn && byte !== lineFeed)
        return this.refuseAt('header-name', at, start)
      const next = this.lineEnd(buffer, at, start, end)
      if (next >= 0) this.phase = this.phase === phase.header ? phase.headDone : phase.messageDone
      return next
    }
    const space = byte === 32 || byte === 9
    return this.refuseAt(space ? 'header-name-space' : 'header-name', at, start)
  }

  #field(name: HeaderName, value: string): boolean {
    const limits = this.limits
    if (++this.headerCount > limits.headers) {
      this.refuse('headers-too-many', this.offset)
      return false
    }
    if (name.underscore && limits.underscore !== 'keep') {
      if (limits.underscore === 'drop') return true
      this.refuse('header-name-underscore', this.offset)
      return false
    }
    if (this.phase === phase.trailer) {
      if (isForbiddenTrailer(name.name)) {
        this.refuse('trailer-forbidden', this.offset)
        return false
      }
    } else if (name.id !== nameId.other && !this.special(name.id, value, this.offset)) return false
    this.headers.push(name.name, value)
    return true
  }

  #bodyPart(chunk: Buffer, at: number, end: number): number {
    const size = Math.min(this.left, end - at)
    this.left -= size
    this.offset += size
    if (this.phase === phase.untilClose) {
      this.bodyBytes += size
      if (this.bodyBytes > this.limits.body) {
        this.refuse('body-too-large', this.offset)
        return at
      }
    }
    this.onBody(at === 0 && size === chunk.length ? chunk : chunk.subarray(at, at + size))
    return at + size
  }

  /** The CRLF behind a chunk. */
  #chunkEndByte(byte: number): boolean {
    if (byte !== (this.chunkEndSeen === 0 ? carriageReturn : lineFeed)) {
      this.refuse('chunk-end', this.offset)
      return false
    }
    this.offset++
    this.chunkEndSeen ^= 1
    if (this.chunkEndSeen === 0) this.phase = phase.chunkSize
    return true
  }

  /** `1*HEXDIG [ chunk-ext ] CRLF` (RFC 9112 7.1), without the white space that the grammar calls bad. */
  #scanChunkSize(buffer: Buffer, start: number, end: number): number {
    let at = start
    let size = 0
    while (at < end) {
      const digit = hexValue[buffer[at] as number] as number
      if (digit > 15) break
      if (at - start >= maxSizeDigits) return this.refuseAt('chunk-size', at, start)
      size = size * 16 + digit
      at++
    }
    if (at === end) return incomplete
    if (at === start || size > Number.MAX_SAFE_INTEGER)
      return this.refuseAt('chunk-size', at, start)
    const sizeEnd = at
    if (buffer[at] === 0x3b) {
      at = this.#scanExtensions(buffer, at, start, end)
      if (at < 0) return at
    }
    const next = this.lineEnd(buffer, at, start, end)
    if (next < 0) {
      if (next === incomplete && buffer[at] !== carriageReturn)
        return this.refuseAt(at === sizeEnd ? 'chunk-size' : 'chunk-extension', at, start)
      return next
    }
    this.extensionBytes += at - sizeEnd
    this.bodyBytes += size
    if (this.extensionBytes > this.limits.chunkExtensions)
      return this.refuse('chunk-extensions-too-large', this.offset)
    if (this.bodyBytes > this.limits.body) return this.refuse('body-too-large', this.offset)
    if (size === 0) {
      // The caller adds this line, which is not one of the trailers.
      this.blockBytes = start - next
      this.phase = phase.trailer
    } else {
      this.left = size
      this.phase = phase.chunkBody
    }
    return next
  }

  /** `*( ";" token [ "=" ( token / quoted-string ) ] )`; the index behind, `incomplete` or `refused`. */
  #scanExtensions(buffer: Buffer, from: number, start: number, end: number): number {
    let at = from
    while (at < end && buffer[at] === 0x3b) {
      const nameStart = ++at
      while (at < end && tokenLower[buffer[at] as number] !== 0) at++
      if (at === end) return incomplete
      if (at === nameStart) return this.refuseAt('chunk-extension', at, start)
      if (buffer[at] !== 0x3d) continue
      const valueStart = ++at
      if (at < end && buffer[at] === 0x22) {
        at = scanQuoted(buffer, at + 1, end)
        if (at < 0)
          return at === incomplete
            ? incomplete
            : this.refuseAt('chunk-extension', valueStart, start)
        continue
      }
      while (at < end && tokenLower[buffer[at] as number] !== 0) at++
      if (at === end) return incomplete
      if (at === valueStart) return this.refuseAt('chunk-extension', at, start)
    }
    return at === end ? incomplete : at
  }
}

/** The rest of a quoted-string (RFC 9110 5.6.4); the index behind its closing quote. */
function scanQuoted(buffer: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = buffer[at] as number
    if (byte === 0x22) return at + 1
    if (byte === 0x5c) at++
    if (at < end && fieldByte[buffer[at] as number] === 0) return refused
  }
  return incomplete
}
