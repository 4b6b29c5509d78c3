import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  type Closable,
  createDeadline,
  type Deadline,
  type Logger,
  parseJson,
  problemContentType,
  problemDocument,
  TidemillError,
  withDeadline,
} from '@tidemill/core'
import { shopErrors } from '../errors.ts'
import type { ServiceContext } from '../service-context.ts'

/** A request as a handler sees it. */
export interface ServiceRequest {
  /** Values of the `:name` parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  header(name: string): string | undefined
  /** How long the caller waits, counted from here; undefined when it does not say. */
  readonly deadline: Deadline | undefined
  /** Aborts when that is over; undefined without a deadline. */
  readonly signal: AbortSignal | undefined
  /** The JSON body; undefined when there is none. */
  readonly body: unknown
}

export interface ServiceAnswer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  /** Sent as JSON. */
  readonly body: unknown
}

export interface ServiceRoute {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** `/orders/:id`; a part with a colon takes any one segment. */
  readonly path: string
  handle(request: ServiceRequest): Promise<ServiceAnswer> | ServiceAnswer
}

/** One service on a loopback port of its own. */
export interface ServiceServer extends Closable {
  readonly url: string
}

/** The most bytes of a body; the longest real order has 100 KB. */
export const bodyLimit: number = 1024 * 1024

/** How much of a body that is too large is still read, so that the refusal reaches its sender. */
const discardLimit = 64 * 1024 * 1024

/** How long closing waits for requests under way. */
const drainMs = 5000

export async function listen(
  routes: readonly ServiceRoute[],
  { logger, clock }: Pick<ServiceContext, 'logger' | 'clock'>,
): Promise<ServiceServer> {
  const table = routes.map((route) => ({ route, parts: route.path.split('/') }))
  const server = createServer((request, response) => {
    // A connection that is kept alive would keep a closing server open.
    response.shouldKeepAlive = server.listening && response.shouldKeepAlive
    void answer(table, request, response, { logger, clock })
  })
  server.on('clientError', refuseMalformed)
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const service: ServiceServer = {
    url: `http://127.0.0.1:${port}`,
    close: () => closeServer(server, clock),
    [Symbol.asyncDispose]: () => service.close(),
  }
  return service
}

/** Answers what the parser refused, as far as its sender still listens, and cuts the connection. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const refusal = shopErrors.error('TM_SHOP_HTTP_MALFORMED', { reason: error.code ?? 'unknown' })
  const document = problemDocument(refusal)
  const status = refusedStatus[error.code ?? ''] ?? document.status
  const text = JSON.stringify({ ...document, status })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${problemContentType}\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  )
}

/** Refusals of the parser that have a status of their own. */
const refusedStatus: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Lets the requests under way finish; kept-alive connections without one are cut. */
function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.timer(drainMs, () => server.closeAllConnections(), { ref: false })
    server.close(() => {
      timer.cancel()
      resolve()
    })
    server.closeIdleConnections()
  })
}

type Table = readonly { readonly route: ServiceRoute; readonly parts: readonly string[] }[]

async function answer(
  table: Table,
  request: IncomingMessage,
  response: ServerResponse,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): Promise<void> {
  let result: ServiceAnswer
  try {
    result = await handle(table, request, clock)
  } catch (error) {
    // The client went away in the middle of its request; there is nobody to answer.
    if (request.errored !== null) return
    if (!TidemillError.is(error)) {
      logger.log('error', 'a request failed', { url: request.url, error: String(error) })
    }
    result = problem(error, request)
  }
  if (response.destroyed) return
  const text = JSON.stringify(result.body)
  response.writeHead(result.status, {
    'content-type': 'application/json',
    ...result.headers,
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

function problem(error: unknown, request: IncomingMessage): ServiceAnswer {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const body = problemDocument(error, { instance: path })
  const allow = TidemillError.is(error, 'TM_SHOP_METHOD')
    ? { allow: String(error.details['allow']) }
    : {}
  return { status: body.status, headers: { 'content-type': problemContentType, ...allow }, body }
}

/** The field in which a proxy says how long it waits (Envoy's name, which our gateway uses). */
const timeoutField = 'x-envoy-expected-rq-timeout-ms'

/** Longest time that is believed; a caller that waits for a day has made a mistake. */
const longestMs = 86_400_000

async function handle(
  table: Table,
  request: IncomingMessage,
  clock: Clock,
): Promise<ServiceAnswer> {
  const url = request.url ?? '/'
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  const { route, params } = match(table, request.method ?? 'GET', path)
  const header = (name: string): string | undefined => {
    const value = request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const timeout = header(timeoutField) ?? ''
  const ms = /^\d{1,8}$/u.test(timeout) ? Math.min(Number(timeout), longestMs) : undefined
  const deadline = ms === undefined ? undefined : createDeadline(clock, ms)
  const body = route.method === 'GET' ? undefined : await readBody(request)
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
  const run = async (signal: AbortSignal | undefined): Promise<ServiceAnswer> =>
    route.handle({ params, query, header, body, deadline, signal })
  return deadline === undefined
    ? run(undefined)
    : withDeadline(clock, deadline.left(), 'the request', run)
}

function match(
  table: Table,
  method: string,
  path: string,
): { readonly route: ServiceRoute; readonly params: Readonly<Record<string, string>> } {
  const segments = path.split('/')
  const allow: string[] = []
  for (const { route, parts } of table) {
    const params = matchParts(parts, segments)
    if (params === undefined) continue
    if (route.method === method || (route.method === 'GET' && method === 'HEAD')) {
      return { route, params }
    }
    allow.push(route.method)
  }
  if (allow.length === 0) throw shopErrors.error('TM_SHOP_NO_ROUTE', { path })
  throw shopErrors.error('TM_SHOP_METHOD', { path, method, allow: allow.join(', ') })
}

function matchParts(
  parts: readonly string[],
  segments: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (parts.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, part] of parts.entries()) {
    const segment = segments[i] ?? ''
    if (!part.startsWith(':')) {
      if (part !== segment) return undefined
      continue
    }
    const value = decodeSegment(segment)
    if (value === undefined || value === '') return undefined
    params[part.slice(1)] = value
  }
  return params
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= bodyLimit) chunks.push(chunk)
    else chunks.length = 0
    if (size > discardLimit) break
  }
  if (size > bodyLimit) throw shopErrors.error('TM_SHOP_BODY_TOO_LARGE', { limit: bodyLimit })
  if (size === 0) return undefined
  const json = /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/iu.test(type)
  if (!json || encoding !== 'identity') {
    const received = encoding === 'identity' ? type.slice(0, 80) : `${type} in ${encoding}`
    throw shopErrors.error('TM_SHOP_CONTENT_TYPE', { received: received.slice(0, 120) })
  }
  return parseJson(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks), {
    maxBytes: bodyLimit,
    uniqueKeys: true,
  })
}
