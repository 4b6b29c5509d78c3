/**
 * A second reading of RFC 9112, to compare with: whole text in, whole messages out, regular expressions made from the
 * grammar, nothing shared with the codec. Slow and short, so that it can be checked by eye.
 */
export interface ReferenceRequest {
  readonly method: string
  readonly uri: string
  readonly authority: string
  readonly headers: readonly string[]
  readonly keepAlive: boolean
  readonly body: string
  readonly trailers: readonly string[]
}

export interface ReferenceResult {
  readonly requests: readonly ReferenceRequest[]
  /** Whether all bytes were read, up to a request that closes. */
  readonly accepted: boolean
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const requestLine = new RegExp(`^(${token}) ([\\x21-\\x7e]+) HTTP/1\\.([01])$`, 'u')
const fieldLine = new RegExp(`^(${token}):[\\t ]*([\\t\\x20-\\x7e\\x80-\\xff]*?)[\\t ]*$`, 'u')
const quoted =
  '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
const chunkLine = new RegExp(
  `^([0-9A-Fa-f]{1,16})((?:;${token}(?:=(?:${token}|${quoted}))?)*)$`,
  'u',
)
const escape = '%(?!00)[0-9A-Fa-f]{2}'
const pathPattern = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/\\[\\]|]|${escape})*`
const queryPattern = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/?\\[\\]|^\`{}]|${escape})*`
const hostPattern = '(?:[A-Za-z0-9\\-._~]+|\\[[0-9A-Fa-f:.]+\\])(?::([0-9]{0,5}))?'
const origin = new RegExp(`^(/${pathPattern})(\\?${queryPattern})?$`, 'u')
const absolute = new RegExp(
  `^[Hh][Tt][Tt][Pp]://(${hostPattern})(/${pathPattern})?(\\?${queryPattern})?$`,
  'u',
)
const host = new RegExp(`^${hostPattern}$`, 'u')
const knownMethods = new Set(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
const forbidden = new Set(
  [
    'transfer-encoding content-length host trailer connection keep-alive proxy-connection te',
    'upgrade http2-settings content-encoding content-type content-range content-location',
    'authorization proxy-authorization www-authenticate proxy-authenticate cookie set-cookie',
    'expect max-forwards cache-control pragma range if-match if-none-match if-range age date',
    'if-modified-since if-unmodified-since expires location retry-after vary warning',
  ].flatMap((line) => line.split(' ')),
)

function isHost(text: string): boolean {
  const match = host.exec(text)
  if (match === null || Number(match[1] ?? 0) > 65_535) return false
  const literal = /^\[(.*)\]/u.exec(text)?.[1]
  return literal === undefined || URL.canParse(`http://[${literal}]/`)
}

/** RFC 3986 5.2.4 as it is written there. */
function removeDots(path: string): string {
  let input = path
  let output = ''
  while (input !== '') {
    if (input.startsWith('/./')) input = input.slice(2)
    else if (input === '/.') input = '/'
    else if (input.startsWith('/../') || input === '/..') {
      input = `/${input.slice(4)}`
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')))
    } else {
      const next = input.indexOf('/', 1)
      const end = next < 0 ? input.length : next
      output += input.slice(0, end)
      input = input.slice(end)
    }
  }
  return output
}

function normal(path: string): string {
  const decoded = path.replaceAll(/%[0-9A-Fa-f]{2}/gu, (text) => {
    const char = String.fromCharCode(Number.parseInt(text.slice(1), 16))
    return /[A-Za-z0-9\-._~]/u.test(char) ? char : text.toUpperCase()
  })
  return removeDots(decoded)
}

function targetOf(method: string, target: string): { uri: string; authority: string } | undefined {
  if (target === '*') return method === 'OPTIONS' ? { uri: '*', authority: '' } : undefined
  const plain = origin.exec(target)
  if (plain !== null) return { uri: normal(plain[1] ?? '') + (plain[2] ?? ''), authority: '' }
  const full = absolute.exec(target)
  if (full === null || !isHost(full[1] ?? '')) return undefined
  const [, authority = '', , path = '', query = ''] = full
  if (method === 'OPTIONS' && path === '' && query === '') return { uri: '*', authority }
  return { uri: normal(path === '' ? '/' : path) + query, authority }
}

type Fields = readonly (readonly [string, string])[]

function fieldsOf(lines: readonly string[]): Fields | undefined {
  const fields = lines.map((line) => fieldLine.exec(line))
  if (fields.some((field) => field === null)) return undefined
  return fields.map((field) => [(field?.[1] ?? '').toLowerCase(), field?.[2] ?? ''] as const)
}

const list = (fields: Fields): string[] =>
  fields.filter(([name]) => !name.includes('_')).flatMap(([name, value]) => [name, value])

class Refused extends Error {}

function need<T>(value: T | undefined | null | false): T {
  if (value === undefined || value === null || value === false) throw new Refused()
  return value
}

/** One request at `at`; the index behind it. Throws Refused. */
function readRequest(text: string, at: number): readonly [ReferenceRequest, number] {
  const close = text.indexOf('\r\n\r\n', at)
  need(close >= 0)
  const [first = '', ...lines] = text.slice(at, close).split('\r\n')
  need(
    first.length + 2 <= 8192 && close + 4 - at - first.length - 2 <= 16_384 && lines.length <= 100,
  )
  const [, method = '', target = '', minor = ''] = need(requestLine.exec(first))
  need(knownMethods.has(method))
  const { uri, authority } = need(targetOf(method, target))
  const fields = need(fieldsOf(lines))
  const all = (name: string): string[] =>
    fields.filter(([one]) => one === name).map(([, value]) => value)
  const hosts = all('host')
  need(hosts.length === 1 || (minor === '0' && hosts.length === 0))
  need(hosts.every(isHost))
  const options = all('connection').flatMap((value) =>
    value.split(',').map((option) => option.replaceAll(/^[\t ]+|[\t ]+$/gu, '').toLowerCase()),
  )
  need(options.every((option) => option === '' || new RegExp(`^${token}$`, 'u').test(option)))
  need(!options.some((option) => ['host', 'content-length', 'transfer-encoding'].includes(option)))
  const lengths = all('content-length')
  need(lengths.length <= 1 && lengths.every((value) => /^(?:0|[1-9][0-9]{0,15})$/u.test(value)))
  need(Number(lengths[0] ?? 0) <= 10 * 1024 * 1024)
  const codings = all('transfer-encoding')
  need(codings.length <= 1 && codings.every((value) => value.toLowerCase() === 'chunked'))
  need(codings.length === 0 || (lengths.length === 0 && minor === '1'))
  const expects = all('expect')
  need(
    minor === '0' ||
      expects.length === 0 ||
      (expects.length === 1 && expects[0]?.toLowerCase() === '100-continue'),
  )
  const headers = list(fields)
  if (authority !== '') {
    const index = headers.findIndex((name, i) => i % 2 === 0 && name === 'host')
    if (index < 0) headers.unshift('host', authority)
    else headers[index + 1] = authority
  }
  const keepAlive = !options.includes('close') && (minor === '1' || options.includes('keep-alive'))
  const head = {
    method,
    uri,
    authority: authority === '' ? (hosts[0] ?? '') : authority,
    headers,
    keepAlive,
  }
  const start = close + 4
  if (codings.length === 0) {
    const end = start + Number(lengths[0] ?? 0)
    need(end <= text.length)
    return [{ ...head, body: text.slice(start, end), trailers: [] }, end]
  }
  const [body, trailers, end] = readChunks(text, start)
  return [{ ...head, body, trailers }, end]
}

function readChunks(
  text: string,
  from: number,
  underscores: boolean = false,
): readonly [string, string[], number] {
  let at = from
  let body = ''
  let extensions = 0
  for (;;) {
    const end = text.indexOf('\r\n', at)
    need(end >= 0)
    const [, digits = '', extension = ''] = need(chunkLine.exec(text.slice(at, end)))
    extensions += extension.length
    need(extensions <= 4096)
    const size = Number.parseInt(digits, 16)
    at = end + 2
    if (size === 0) break
    need(body.length + size <= 10 * 1024 * 1024)
    need(text.length >= at + size + 2 && text.slice(at + size, at + size + 2) === '\r\n')
    body += text.slice(at, at + size)
    at += size + 2
  }
  if (text.startsWith('\r\n', at)) return [body, [], at + 2]
  const end = text.indexOf('\r\n\r\n', at)
  need(end >= 0)
  const lines = text.slice(at, end).split('\r\n')
  const fields = need(fieldsOf(lines))
  need(end + 4 - at <= 8192 && lines.length <= 100)
  need(fields.every(([name]) => !forbidden.has(name)))
  return [body, underscores ? fields.flat() : list(fields), end + 4]
}

export function referenceParse(text: string): ReferenceResult {
  const requests: ReferenceRequest[] = []
  let at = 0
  try {
    while (at < text.length) {
      if (text.startsWith('\r\n', at)) at += 2
      if (at === text.length) break
      const [request, end] = readRequest(text, at)
      requests.push(request)
      at = end
      if (!request.keepAlive) break
    }
    return { requests, accepted: true }
  } catch (error) {
    if (error instanceof Refused) return { requests, accepted: false }
    throw error
  }
}

export interface ReferenceResponse {
  readonly status: number
  readonly headers: readonly string[]
  readonly keepAlive: boolean
  readonly body: string
  readonly trailers: readonly string[]
}

export interface ReferenceResponses {
  readonly responses: readonly ReferenceResponse[]
  readonly informational: number
  readonly accepted: boolean
}

const statusLine = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/u

/** The answer to `method` at `at`; the index behind it. Throws Refused. */
function readResponse(
  text: string,
  at: number,
  method: string,
): readonly [ReferenceResponse, number] {
  const close = text.indexOf('\r\n\r\n', at)
  need(close >= 0)
  const [first = '', ...lines] = text.slice(at, close).split('\r\n')
  const [, minor = '', digits = ''] = need(statusLine.exec(first))
  const status = Number(digits)
  const fields = need(fieldsOf(lines))
  const all = (name: string): string[] =>
    fields.filter(([one]) => one === name).map(([, value]) => value)
  const options = all('connection').flatMap((value) =>
    value.split(',').map((option) => option.replaceAll(/^[\t ]+|[\t ]+$/gu, '').toLowerCase()),
  )
  need(options.every((option) => option === '' || new RegExp(`^${token}$`, 'u').test(option)))
  need(!options.some((option) => ['host', 'content-length', 'transfer-encoding'].includes(option)))
  const lengths = all('content-length')
  need(lengths.length <= 1 && lengths.every((value) => /^(?:0|[1-9][0-9]{0,15})$/u.test(value)))
  const codings = all('transfer-encoding')
  need(codings.length <= 1 && codings.every((value) => value.toLowerCase() === 'chunked'))
  need(codings.length === 0 || (lengths.length === 0 && minor === '1'))
  const interim = status < 200
  need(status !== 101 && (codings.length === 0 || (!interim && status !== 204)))
  const drop = interim || status === 204
  const headers = fields.flatMap(([name, value]) =>
    drop && name === 'content-length' ? [] : [name, value],
  )
  const start = close + 4
  const asked = !options.includes('close') && (minor === '1' || options.includes('keep-alive'))
  const head = { status, headers, keepAlive: asked }
  if (method === 'HEAD' || drop || status === 304)
    return [{ ...head, body: '', trailers: [] }, start]
  if (codings.length > 0) {
    const [body, trailers, end] = readChunks(text, start, true)
    return [{ ...head, body, trailers }, end]
  }
  if (lengths.length === 0)
    return [{ ...head, keepAlive: false, body: text.slice(start), trailers: [] }, text.length]
  const end = start + Number(lengths[0])
  need(end <= text.length)
  return [{ ...head, body: text.slice(start, end), trailers: [] }, end]
}

/** The answers to requests with these methods, and nothing behind them. */
export function referenceResponses(text: string, methods: readonly string[]): ReferenceResponses {
  const responses: ReferenceResponse[] = []
  let informational = 0
  let at = 0
  try {
    for (const method of methods) {
      let [response, end] = readResponse(text, at, method)
      for (let count = 0; response.status < 200; count++) {
        need(count < 10)
        informational++
        ;[response, end] = readResponse(text, end, method)
      }
      responses.push(response)
      at = end
      if (!response.keepAlive) return { responses, informational, accepted: true }
    }
    return { responses, informational, accepted: at === text.length }
  } catch (error) {
    if (error instanceof Refused) return { responses, informational, accepted: false }
    throw error
  }
}
