import type { WriteSlab } from '@tidemill/core'
import { fieldByte, tokenLower, writeLatin1 } from './bytes.ts'
import { http1Errors } from './errors.ts'
import { isForbiddenTrailer, isName } from './field-rules.ts'
import type { HeaderList } from './message-parser.ts'

/** From this length on the native copy is faster than one byte at a time. */
const longValue = 48

/** An upper bound for the bytes of the list on the wire. */
export function fieldsLength(headers: HeaderList): number {
  // A name without a value would be dropped in silence.
  if (headers.length % 2 !== 0)
    throw http1Errors.error('TM_HTTP1_HEADER_NAME', { name: String(headers.at(-1)) })
  let length = 0
  for (let i = 0; i < headers.length; i++) length += (headers[i] as string).length + 2
  return length
}

/** Writes `name: value CRLF`, every character judged; returns the index behind. */
export function writeField(buffer: Buffer, from: number, name: string, value: string): number {
  let at = from
  const nameLength = name.length
  for (let i = 0; i < nameLength; i++) {
    const code = name.charCodeAt(i)
    if (code > 255 || tokenLower[code] === 0)
      throw http1Errors.error('TM_HTTP1_HEADER_NAME', { name })
    buffer[at++] = code
  }
  if (nameLength === 0) throw http1Errors.error('TM_HTTP1_HEADER_NAME', { name })
  buffer[at++] = 0x3a
  buffer[at++] = 0x20
  const length = value.length
  if (length > 0) {
    if (isBlank(value.charCodeAt(0))) throw badValue(name, 0)
    if (isBlank(value.charCodeAt(length - 1))) throw badValue(name, length - 1)
  }
  const copy = length < longValue
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code > 255 || fieldByte[code] === 0) throw badValue(name, i)
    if (copy) buffer[at + i] = code
  }
  at = copy ? at + length : writeLatin1(buffer, value, at)
  buffer[at] = 13
  buffer[at + 1] = 10
  return at + 2
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

function badValue(name: string, position: number): Error {
  return http1Errors.error('TM_HTTP1_HEADER_VALUE', { name, position })
}

/** Writes text that the caller has judged, one byte a character. */
export function writeText(buffer: Buffer, from: number, text: string): number {
  if (text.length >= longValue) return writeLatin1(buffer, text, from)
  for (let i = 0; i < text.length; i++) buffer[from + i] = text.charCodeAt(i)
  return from + text.length
}

export function writeBytes(buffer: Buffer, from: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) buffer[from + i] = bytes[i] as number
  return from + bytes.length
}

/** Decimal digits of a safe integer. */
export function writeDecimal(buffer: Buffer, from: number, value: number): number {
  let digits = 1
  for (let limit = 10; limit <= value; limit *= 10) digits++
  let left = value
  for (let at = from + digits - 1; at >= from; at--) {
    const rest = Math.floor(left / 10)
    buffer[at] = 48 + left - rest * 10
    left = rest
  }
  return from + digits
}

/** The size line of a chunk. */
export function writeChunkSize(slab: WriteSlab, size: number): void {
  const text = size.toString(16)
  const at = slab.reserve(text.length + 2)
  const end = writeText(slab.buffer, at, text)
  slab.buffer[end] = 13
  slab.buffer[end + 1] = 10
  slab.commit(end + 2)
}

/** Which field of the connection a name is; 0 for all others. */
export const connectionField = {
  none: 0,
  contentLength: 1,
  other: 2,
  te: 3,
  host: 4,
  date: 5,
} as const

/** Tells by the length first: nearly no name needs a look at its letters. */
export function connectionFieldOf(name: string): number {
  switch (name.length) {
    case 2:
      return isName(name, 'te') ? connectionField.te : 0
    case 4:
      if (isName(name, 'date')) return connectionField.date
      return isName(name, 'host') ? connectionField.host : 0
    case 7:
      return isName(name, 'upgrade') ? connectionField.other : 0
    case 10:
      return isName(name, 'connection') || isName(name, 'keep-alive') ? connectionField.other : 0
    case 14:
      if (isName(name, 'http2-settings')) return connectionField.other
      return isName(name, 'content-length') ? connectionField.contentLength : 0
    case 16:
      return isName(name, 'proxy-connection') ? connectionField.other : 0
    case 17:
      return isName(name, 'transfer-encoding') ? connectionField.other : 0
    default:
      return 0
  }
}

/** Writes `0 CRLF`, the trailers and the empty line. */
export function writeLastChunk(slab: WriteSlab, trailers: HeaderList): void {
  let at = slab.reserve(5 + fieldsLength(trailers))
  const buffer = slab.buffer
  buffer[at++] = 48
  buffer[at++] = 13
  buffer[at++] = 10
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    const name = trailers[i] as string
    if (isForbiddenTrailer(name.toLowerCase()))
      throw http1Errors.error('TM_HTTP1_TRAILER', { name, reason: 'it is read before the body' })
    at = writeField(buffer, at, name, trailers[i + 1] as string)
  }
  buffer[at++] = 13
  buffer[at++] = 10
  slab.commit(at)
}
