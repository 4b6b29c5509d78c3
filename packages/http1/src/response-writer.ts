import { STATUS_CODES } from 'node:http'
import { fieldByte } from './bytes.ts'
import { bodyMode, BodyWriter } from './body-writer.ts'
import { http1Errors } from './errors.ts'
import { isToken } from './bytes.ts'
import {
  connectionField,
  connectionFieldOf,
  fieldsLength,
  writeBytes,
  writeDecimal,
  writeField,
  writeText,
} from './field-writer.ts'
import type { HeaderList } from './message-parser.ts'
import { parseContentLength } from './field-rules.ts'

const statusLines: readonly (Buffer | undefined)[] = Array.from({ length: 600 }, (_, status) =>
  status < 100 ? undefined : Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`),
)
const connectionClose = Buffer.from('connection: close\r\n')
const connectionKeepAlive = Buffer.from('connection: keep-alive\r\n')
const connectionUpgrade = Buffer.from('connection: upgrade\r\nupgrade: ')
const contentLengthName = Buffer.from('content-length: ')
const chunkedLine = Buffer.from('transfer-encoding: chunked\r\n')
const noDate = Buffer.alloc(0)

/** Room for everything that is not a field of the caller. */
const ownBytes = 256

/**
 * Writes the responses of one connection into its slab. `begin` says which request is answered; framing, Connection and
 * Date are the writer's own, all other fields the caller's. What could break out of its place throws and writes nothing.
 */
export class ResponseWriter extends BodyWriter {
  /** `date: ... CRLF`, added where the caller gives no Date; set by the binding once a second. */
  date: Buffer = noDate
  #method = 'GET'
  #minor = 1
  #keepAlive = true
  #begun = false

  /** After this response: false when the connection must be closed. Final once the head is written. */
  get keepAlive(): boolean {
    return this.#keepAlive
  }

  /** The next response answers this request. */
  begin(method: string, minor: number, keepAlive: boolean): void {
    this.#method = method
    this.#minor = minor
    this.#keepAlive = keepAlive
    this.#begun = true
  }

  /** Makes this response the last one of the connection; before `head`. */
  close(): void {
    this.#keepAlive = false
  }

  /**
   * Writes a final head. `length` is the number of body bytes, -1 when it is not known (chunked, or until the
   * connection closes for HTTP/1.0). A Content-Length in the list must agree with it; where there is no body to send
   * (HEAD, 304) it stands for the body that GET would have.
   */
  head(status: number, headers: HeaderList, length: number, reason?: string): void {
    if (!this.#begun) throw stateError('a response', 'no request waits for one')
    const statusLine = status >= 200 ? statusLines[status] : undefined
    if (statusLine === undefined) throw http1Errors.error('TM_HTTP1_STATUS', { status })
    const head = this.#method === 'HEAD'
    const bodyless = status === 204 || status === 304 || this.#isTunnel(status)
    const announced = this.#announcedLength(status, headers, length, bodyless)
    let chunked = false
    if (length < 0 && !bodyless && !head) {
      chunked = this.#minor === 1
      if (!chunked) this.#keepAlive = false
    }
    let at = this.slab.reserve(
      ownBytes + (reason?.length ?? 0) + this.date.length + fieldsLength(headers),
    )
    const buffer = this.slab.buffer
    at =
      reason === undefined
        ? writeBytes(buffer, at, statusLine)
        : writeReason(buffer, at, status, reason)
    at = this.#fields(buffer, at, headers)
    if (announced >= 0) {
      at = writeDecimal(buffer, writeBytes(buffer, at, contentLengthName), announced)
      buffer[at++] = 13
      buffer[at++] = 10
    } else if (chunked) at = writeBytes(buffer, at, chunkedLine)
    if (!this.#keepAlive) at = writeBytes(buffer, at, connectionClose)
    else if (this.#minor === 0) at = writeBytes(buffer, at, connectionKeepAlive)
    buffer[at++] = 13
    buffer[at++] = 10
    this.slab.commit(at)
    this.#begun = false
    if (head) this.openBody(bodyMode.dropped, 0)
    else if (bodyless) this.openBody(bodyMode.length, 0)
    else if (length >= 0) this.openBody(bodyMode.length, length)
    else this.openBody(chunked ? bodyMode.chunked : bodyMode.untilClose, 0)
  }

  /** Writes 100, 102 or 103; false, and nothing, to a client of HTTP/1.0, which knows none (RFC 9110 15.2). */
  informational(status: number, headers: HeaderList = []): boolean {
    if (!this.#begun) throw stateError('an interim response', 'no request waits for one')
    const statusLine = status < 200 && status !== 101 ? statusLines[status] : undefined
    if (statusLine === undefined) throw http1Errors.error('TM_HTTP1_STATUS', { status })
    if (this.#minor === 0) return false
    let at = this.slab.reserve(ownBytes + fieldsLength(headers))
    const buffer = this.slab.buffer
    at = writeBytes(buffer, at, statusLine)
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] as string
      const kind = connectionFieldOf(name)
      if (kind === connectionField.contentLength || kind === connectionField.other)
        throw framingError(name, 'an interim response has none')
      at = writeField(buffer, at, name, headers[i + 1] as string)
    }
    buffer[at++] = 13
    buffer[at++] = 10
    this.slab.commit(at)
    return true
  }

  /** Writes 101 with the protocol; what follows on the connection is no longer HTTP. */
  upgrade(protocol: string, headers: HeaderList): void {
    if (!this.#begun) throw stateError('a switch of protocols', 'no request waits for one')
    if (!isToken(protocol.replace('/', '')))
      throw http1Errors.error('TM_HTTP1_HEADER_VALUE', { name: 'upgrade', position: 0 })
    let at = this.slab.reserve(
      ownBytes + protocol.length + this.date.length + fieldsLength(headers),
    )
    const buffer = this.slab.buffer
    at = writeBytes(buffer, at, statusLines[101] as Buffer)
    at = this.#fields(buffer, at, headers)
    at = writeText(buffer, writeBytes(buffer, at, connectionUpgrade), protocol)
    buffer[at++] = 13
    buffer[at++] = 10
    buffer[at++] = 13
    buffer[at++] = 10
    this.slab.commit(at)
    this.#begun = false
    this.#keepAlive = false
  }

  #isTunnel(status: number): boolean {
    return this.#method === 'CONNECT' && status < 300
  }

  /** The Content-Length to write, -1 for none; throws where list and argument disagree. */
  #announcedLength(status: number, headers: HeaderList, length: number, bodyless: boolean): number {
    if (bodyless && length > 0 && status !== 304)
      throw http1Errors.error('TM_HTTP1_BODY_FORBIDDEN', { what: `status ${status}` })
    if (status === 205 && length !== 0)
      throw http1Errors.error('TM_HTTP1_BODY_FORBIDDEN', { what: 'status 205' })
    if (!Number.isSafeInteger(length) || length < -1)
      throw http1Errors.error('TM_HTTP1_BODY_LENGTH', { announced: length, received: 0 })
    const noContent = status === 204 || this.#isTunnel(status)
    let announced = -1
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] as string
      if (connectionFieldOf(name) !== connectionField.contentLength) continue
      const given = parseContentLength(headers[i + 1] as string)
      if (noContent) throw framingError(name, `status ${status} has no length`)
      const free = this.#method === 'HEAD' || status === 304
      if (given < 0 || announced >= 0 || (given !== length && !(free && length <= 0)))
        throw framingError(name, 'it is not the length of the body')
      announced = given
    }
    if (announced >= 0 || noContent) return announced
    return status === 304 && length === 0 ? -1 : length
  }

  #fields(buffer: Buffer, from: number, headers: HeaderList): number {
    let at = from
    let dated = false
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] as string
      const kind = connectionFieldOf(name)
      if (kind === connectionField.contentLength) continue
      if (kind === connectionField.other) throw framingError(name, 'the writer adds what is needed')
      if (kind === connectionField.date) dated = true
      at = writeField(buffer, at, name, headers[i + 1] as string)
    }
    return dated ? at : writeBytes(buffer, at, this.date)
  }
}

function writeReason(buffer: Buffer, from: number, status: number, reason: string): number {
  let at = writeText(buffer, from, `HTTP/1.1 ${status} `)
  for (let i = 0; i < reason.length; i++) {
    const code = reason.charCodeAt(i)
    if (code > 255 || fieldByte[code] === 0)
      throw http1Errors.error('TM_HTTP1_REASON', { position: i })
    buffer[at++] = code
  }
  buffer[at++] = 13
  buffer[at++] = 10
  return at
}

function stateError(what: string, state: string): Error {
  return http1Errors.error('TM_HTTP1_STATE', { what, state })
}

function framingError(name: string, reason: string): Error {
  return http1Errors.error('TM_HTTP1_FRAMING', { name, reason })
}
