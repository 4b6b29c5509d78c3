import { isToken, tokenLower } from './bytes.ts'

/**
 * Fields that a trailer section may not carry (RFC 9110 6.5.1): framing, routing, request modifiers, authentication,
 * and what says how to read the content.
 */
const forbiddenTrailers: ReadonlySet<string> = new Set([
  ...'transfer-encoding content-length host trailer connection keep-alive proxy-connection'.split(
    ' ',
  ),
  ...'te upgrade http2-settings content-encoding content-type content-range content-location'.split(
    ' ',
  ),
  ...'authorization proxy-authorization www-authenticate proxy-authenticate cookie set-cookie'.split(
    ' ',
  ),
  ...'expect max-forwards cache-control pragma range if-match if-none-match if-range age'.split(
    ' ',
  ),
  ...'if-modified-since if-unmodified-since date expires location retry-after vary warning'.split(
    ' ',
  ),
])

/** Takes the name in lower case. */
export function isForbiddenTrailer(name: string): boolean {
  return forbiddenTrailers.has(name)
}

/** `^(0|[1-9][0-9]*)$` and a safe integer, as the number; -1 otherwise. */
export function parseContentLength(value: string): number {
  const digits = value.length
  if (digits === 0 || digits > 16 || (digits > 1 && value.charCodeAt(0) === 48)) return -1
  let length = 0
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return Number.isSafeInteger(length) ? length : -1
}

/** What a Transfer-Encoding value asks for. */
export type TransferEncoding = 'chunked' | 'unknown' | 'malformed'

/** RFC 9112 6.1, without parameters: `chunked` alone is understood, anything behind it or twice is malformed. */
export function parseTransferEncoding(value: string): TransferEncoding {
  if (value === 'chunked') return 'chunked'
  const codings = value.split(',').map((part) => trimSpace(part).toLowerCase())
  if (!codings.every(isToken)) return 'malformed'
  const chunked = codings.indexOf('chunked')
  if (chunked >= 0 && chunked < codings.length - 1) return 'malformed'
  return codings.length === 1 && chunked === 0 ? 'chunked' : 'unknown'
}

/** Removes SP and HTAB at both ends, nothing else. */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9
}

/** Fields that frame or route the message: a Connection field that names one is an attack (5.2 of RFC 9112 smuggling). */
const framingFields: ReadonlySet<string> = new Set(['content-length', 'host', 'transfer-encoding'])

/** What the Connection fields of a message say. */
export class ConnectionOptions {
  close = false
  keepAlive = false
  upgrade = false
  /** Names to strip besides close, keep-alive and upgrade, lower case. */
  nominated: string[] = noNames

  reset(): void {
    this.close = false
    this.keepAlive = false
    this.upgrade = false
    this.nominated = noNames
  }

  /** Adds one Connection value; gives the reason when it must be refused. */
  add(value: string): 'connection-option' | 'connection-nominates-framing' | undefined {
    // Nearly every message that has the field at all says one of these two, in this spelling.
    if (value === 'keep-alive') {
      this.keepAlive = true
      return undefined
    }
    if (value === 'close') {
      this.close = true
      return undefined
    }
    for (const part of value.split(',')) {
      const option = trimSpace(part).toLowerCase()
      if (option === '') continue
      if (!isToken(option)) return 'connection-option'
      if (framingFields.has(option)) return 'connection-nominates-framing'
      if (option === 'close') this.close = true
      else if (option === 'keep-alive') this.keepAlive = true
      else if (option === 'upgrade') this.upgrade = true
      else if (!this.nominated.includes(option)) this.nominated = [...this.nominated, option]
    }
    return undefined
  }
}

const noNames: string[] = []

/** Whether two names are the same; `lower` is in lower case. */
export function isName(name: string, lower: string): boolean {
  if (name.length !== lower.length) return false
  for (let i = 0; i < name.length; i++) {
    if (tokenLower[name.charCodeAt(i) & 255] !== lower.charCodeAt(i)) return false
  }
  return true
}
