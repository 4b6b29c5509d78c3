import { gatewayErrors } from '../errors.ts'
import { normalPath, type RouterRequest } from '../router/index.ts'
import { equalsLower } from '../router/route-entry.ts'

/** A request head that has passed the guard, ready to be matched and forwarded. */
export interface RequestHead extends RouterRequest {
  /** Path and query as they are forwarded when no rewrite applies. */
  readonly target: string
  readonly requestId: string
  /** Fields to forward: end-to-end ones as they came, then ours; without Host and framing. */
  readonly forward: string[]
  /** Bytes announced, 0 for no body, -1 for chunked. */
  readonly bodyLength: number
  /** The client takes trailer fields. */
  readonly trailers: boolean
}

/** What the guard reads; node's IncomingMessage has it. */
export interface RawHead {
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly rawHeaders: readonly string[]
}

export interface HeadContext {
  /** Our name in Via. */
  readonly pseudonym: string
  readonly clientAddress: string
  readonly port: string
  readonly makeRequestId: () => string
}

/** Limits of section "Defaults" in the package's README. */
export const headLimits = { urlBytes: 8192, headerCount: 100, headerBytes: 16_384 } as const

const hostForm = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/u
// Visible ASCII without what is in no URI (RFC 3986 2) and has been used to make two parsers disagree.
const targetForm = /^[!$-;=?-[\]-~]*$/u
const requestIdForm = /^[\w.:=+/-]{1,128}$/u
const lengthForm = /^(?:0|[1-9]\d{0,15})$/u

/**
 * Hop-by-hop fields (RFC 9110 7.6.1), framing that is made anew, and fields that only we may say, by
 * length of name so that most fields are passed without a comparison.
 */
const dropped: readonly (readonly string[])[] = byLength([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
  'trailer',
  'host',
  'content-length',
  'expect',
  'forwarded',
  'x-envoy-expected-rq-timeout-ms',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id',
  'via',
])

function byLength(names: readonly string[]): string[][] {
  const table: string[][] = []
  for (const name of names) (table[name.length] ??= []).push(name)
  return table
}

/** The listed name that equals `name` without regard to case. */
function listed(table: readonly (readonly string[])[], name: string): string | undefined {
  const names = table[name.length]
  if (names === undefined) return undefined
  for (let i = 0; i < names.length; i++) {
    const known = names[i] as string
    if (equalsLower(name, known)) return known
  }
  return undefined
}

/** Fields of the request that are read while they are passed over. */
interface Found {
  host: string | undefined
  length: string | undefined
  coding: string | undefined
  connection: string | undefined
  via: string | undefined
  requestId: string | undefined
  trailers: boolean
}

function bad(reason: string): Error {
  return gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason })
}

function badHost(): Error {
  return bad('Host is not a host name with an optional port')
}

/**
 * Checks a request head for what a lenient parser lets through (RFC 9110, RFC 9112) and makes the head
 * that is matched and forwarded; throws the coded error to answer with.
 */
export function readHead(raw: RawHead, context: HeadContext): RequestHead {
  const { method, url, rawHeaders } = raw
  if (raw.httpVersion !== '1.1' && raw.httpVersion !== '1.0') {
    throw gatewayErrors.error('TM_GATEWAY_VERSION', { version: raw.httpVersion })
  }
  if (method === 'TRACE' || method === 'CONNECT') {
    throw gatewayErrors.error('TM_GATEWAY_METHOD', { method })
  }
  if (url.length > headLimits.urlBytes) {
    throw gatewayErrors.error('TM_GATEWAY_URI_TOO_LONG', { limit: headLimits.urlBytes })
  }
  if (rawHeaders.length > 2 * headLimits.headerCount) {
    throw gatewayErrors.error('TM_GATEWAY_HEADERS_TOO_LARGE')
  }
  const forward: string[] = []
  const found = scanFields(rawHeaders, forward)
  const bodyLength = readFraming(found, raw.httpVersion)
  if (found.connection !== undefined) dropNominated(found.connection, forward)
  if (found.via?.includes(context.pseudonym) === true) {
    throw gatewayErrors.error('TM_GATEWAY_LOOP')
  }
  const { host, path, query } = readTarget(url, found.host)
  const requestId =
    found.requestId !== undefined && requestIdForm.test(found.requestId)
      ? found.requestId
      : context.makeRequestId()
  const hop = `${raw.httpVersion} ${context.pseudonym}`
  forward.push(
    'X-Request-Id',
    requestId,
    'X-Forwarded-For',
    context.clientAddress,
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Host',
    host,
    'X-Forwarded-Port',
    context.port,
    'Via',
    found.via === undefined ? hop : `${found.via}, ${hop}`,
  )
  if (found.trailers) forward.push('TE', 'trailers')
  return {
    method,
    host,
    path,
    query,
    headers: rawHeaders,
    target: query === '' && !url.includes('?') ? path : `${path}?${query}`,
    requestId,
    forward,
    bodyLength,
    trailers: found.trailers,
  }
}

/** Copies the fields that go on into `forward` and gives those that we act on. */
function scanFields(rawHeaders: readonly string[], forward: string[]): Found {
  const found: Found = {
    host: undefined,
    length: undefined,
    coding: undefined,
    connection: undefined,
    via: undefined,
    requestId: undefined,
    trailers: false,
  }
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    switch (listed(dropped, name)) {
      case undefined:
        // CGI-style backends read X_User and X-User as one; the underscore is the attacker's.
        if (!name.includes('_')) forward.push(name, value)
        break
      case 'host':
        if (found.host !== undefined) throw bad('it has more than one Host')
        found.host = value
        break
      case 'content-length':
        if (found.length !== undefined) throw bad('it has more than one Content-Length')
        found.length = value
        break
      case 'transfer-encoding':
        found.coding = found.coding === undefined ? value : `${found.coding}, ${value}`
        break
      case 'connection':
        found.connection = found.connection === undefined ? value : `${found.connection},${value}`
        break
      case 'via':
        found.via = found.via === undefined ? value : `${found.via}, ${value}`
        break
      case 'x-request-id':
        found.requestId = value
        break
      case 'te':
        if (/(?:^|,)\s*trailers\s*(?:,|$)/iu.test(value)) found.trailers = true
        break
    }
  }
  return found
}

function readFraming(found: Found, version: string): number {
  if (found.coding !== undefined) {
    if (version === '1.0') throw bad('HTTP/1.0 has no Transfer-Encoding')
    if (found.length !== undefined) throw bad('it has Content-Length and Transfer-Encoding')
    if (/^\s*,|,\s*(?:,|$)/u.test(found.coding)) throw bad('Transfer-Encoding has an empty member')
    if (found.coding.toLowerCase() !== 'chunked') throw gatewayErrors.error('TM_GATEWAY_CODING')
    return -1
  }
  if (found.length === undefined) return 0
  if (!lengthForm.test(found.length)) throw bad('Content-Length is not a plain number')
  return Number(found.length)
}

/** Removes the fields that Connection names, before ours are added, so that a client cannot remove ours. */
function dropNominated(connection: string, forward: string[]): void {
  const lower = connection.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close') return
  for (const part of lower.split(',')) {
    const name = part.trim()
    if (name === 'host' || name === 'content-length' || name === 'transfer-encoding') {
      throw bad(`Connection names ${name}`)
    }
    for (let i = forward.length - 2; i >= 0; i -= 2) {
      if (equalsLower(forward[i] as string, name)) forward.splice(i, 2)
    }
  }
}

function readTarget(
  url: string,
  hostField: string | undefined,
): { readonly host: string; readonly path: string; readonly query: string } {
  let host = hostField ?? ''
  let target = url
  if (!hostForm.test(host)) throw badHost()
  if (!target.startsWith('/')) {
    // RFC 9112 3.2.2: the authority of an absolute target replaces Host.
    const absolute = /^http:\/\/([^/?#]+)(.*)$/isu.exec(target)
    if (absolute === null) throw bad('its target is neither a path nor an http:// URL')
    host = absolute[1] as string
    target = absolute[2] as string
    if (!target.startsWith('/')) target = `/${target}`
    if (!hostForm.test(host)) throw badHost()
  }
  if (!targetForm.test(target)) throw bad('its target has a character that must be encoded')
  const mark = target.indexOf('?')
  const path = normalPath(mark < 0 ? target : target.slice(0, mark))
  if (path === undefined) throw bad('its path has a malformed percent-encoding')
  return { host, path, query: mark < 0 ? '' : target.slice(mark + 1) }
}
