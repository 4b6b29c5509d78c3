import { isAuthority, isHostAndPort } from './authority.ts'
import { bodyMode, BodyWriter } from './body-writer.ts'
import { isToken } from './bytes.ts'
import { http1Errors } from './errors.ts'
import { parseContentLength } from './field-rules.ts'
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

const versionEnd = Buffer.from(' HTTP/1.1\r\n')
const contentLengthName = Buffer.from('content-length: ')
const chunkedLine = Buffer.from('transfer-encoding: chunked\r\n')
const noHeaders: HeaderList = []

/** Room for everything that is not a field of the caller. */
const ownBytes = 256

/** What a request asks of the connection. */
export interface RequestWriteOptions {
  /** Lets the server close afterwards; default false. */
  readonly close?: boolean
  /** Asks to change to this protocol. */
  readonly upgrade?: string
  /** Value of Host when it is not among the fields. */
  readonly host?: string
  /** Says that trailers are read, as a `te: trailers` among the fields does. */
  readonly trailers?: boolean
}

const noOptions: RequestWriteOptions = {}

/**
 * Writes the requests of one connection into its slab. Framing and Connection are the writer's own, all other fields
 * the caller's. What could break out of its place throws and writes nothing.
 */
export class RequestWriter extends BodyWriter {
  /** {@link RequestWriter.head} with a body of `length` bytes: 0 for none, -1 for chunks. */
  head(
    method: string,
    target: string,
    headers: HeaderList,
    length: number = 0,
    options: RequestWriteOptions = noOptions,
  ): void {
    if (this.open)
      throw http1Errors.error('TM_HTTP1_STATE', { what: 'a request', state: 'one is not ended' })
    if (!isToken(method)) throw http1Errors.error('TM_HTTP1_METHOD', { method })
    checkTarget(method, target)
    if (length !== 0 && (method === 'TRACE' || method === 'CONNECT'))
      throw http1Errors.error('TM_HTTP1_BODY_FORBIDDEN', { what: `method ${method}` })
    if (!Number.isSafeInteger(length) || length < -1)
      throw http1Errors.error('TM_HTTP1_BODY_LENGTH', { announced: length, received: 0 })
    const { upgrade = '', host = '' } = options
    let at = this.slab.reserve(
      ownBytes +
        method.length +
        target.length +
        upgrade.length +
        host.length +
        fieldsLength(headers),
    )
    const buffer = this.slab.buffer
    at = writeText(buffer, at, method)
    buffer[at++] = 32
    at = writeBytes(buffer, writeText(buffer, at, target), versionEnd)
    let hosts = 0
    if (host !== '') {
      if (!isAuthority(host)) throw http1Errors.error('TM_HTTP1_HOST', { count: 0 })
      hosts++
      at = writeField(buffer, at, 'host', host)
    }
    let te = options.trailers === true
    let announced = false
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] as string
      const value = headers[i + 1] as string
      switch (connectionFieldOf(name)) {
        case connectionField.contentLength:
          if (length < 0 || announced || parseContentLength(value) !== length)
            throw framingError(name, 'it is not the length of the body')
          announced = true
          break
        case connectionField.other:
          throw framingError(name, 'the writer adds what is needed')
        case connectionField.te:
          if (value.toLowerCase() !== 'trailers') throw framingError(name, 'only trailers is known')
          te = true
          break
        case connectionField.host:
          if (isAuthority(value)) hosts++
          else throw http1Errors.error('TM_HTTP1_HOST', { count: 0 })
          at = writeField(buffer, at, name, value)
          break
        default:
          at = writeField(buffer, at, name, value)
      }
    }
    if (hosts !== 1) throw http1Errors.error('TM_HTTP1_HOST', { count: hosts })
    if (length < 0) at = writeBytes(buffer, at, chunkedLine)
    // RFC 9110 8.6: without a body, only a method that usually has one says so.
    else if (
      length > 0 ||
      announced ||
      method === 'POST' ||
      method === 'PUT' ||
      method === 'PATCH'
    ) {
      at = writeDecimal(buffer, writeBytes(buffer, at, contentLengthName), length)
      buffer[at++] = 13
      buffer[at++] = 10
    }
    at = writeConnection(buffer, at, te, options)
    buffer[at++] = 13
    buffer[at++] = 10
    this.slab.commit(at)
    this.openBody(length < 0 ? bodyMode.chunked : bodyMode.length, Math.max(0, length))
  }

  /** Ends a request that has no trailers, or with them. */
  override end(trailers: HeaderList = noHeaders): void {
    super.end(trailers)
  }
}

/** `Connection` and the fields it nominates. */
function writeConnection(
  buffer: Buffer,
  from: number,
  te: boolean,
  options: RequestWriteOptions,
): number {
  const { close = false, upgrade = '' } = options
  if (!close && !te && upgrade === '') return from
  const nominated: string[] = []
  let at = from
  if (close) nominated.push('close')
  if (te) {
    nominated.push('te')
    at = writeField(buffer, at, 'te', 'trailers')
  }
  if (upgrade !== '') {
    nominated.push('upgrade')
    at = writeField(buffer, at, 'upgrade', upgrade)
  }
  return writeField(buffer, at, 'connection', nominated.join(', '))
}

/** A target may be anything without the bytes that end it, a fragment, or a byte beyond ASCII. */
function checkTarget(method: string, target: string): void {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i)
    if (code <= 32 || code >= 127 || code === 0x23)
      throw http1Errors.error('TM_HTTP1_TARGET', { target: target.slice(0, 200), position: i })
  }
  if (method === 'CONNECT' ? isHostAndPort(target) : hasForm(method, target)) return
  throw http1Errors.error('TM_HTTP1_TARGET', { target: target.slice(0, 200), position: 0 })
}

/** Origin, absolute or asterisk form (RFC 9112 3.2). */
function hasForm(method: string, target: string): boolean {
  if (target.charCodeAt(0) === 0x2f) return true
  return target === '*' ? method === 'OPTIONS' : /^[A-Za-z][A-Za-z0-9+.-]*:\/\//u.test(target)
}

function framingError(name: string, reason: string): Error {
  return http1Errors.error('TM_HTTP1_FRAMING', { name, reason })
}
