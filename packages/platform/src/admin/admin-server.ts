import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Closable, parseJson, problemContentType, problemDocument } from '@tidemill/core'
import { platformErrors } from '../errors.ts'
import { listen } from '../listen.ts'
import { guardRequest } from './guard.ts'
import { type AdminRoute, matchRoute } from './route-table.ts'
import { serveStatic } from './static-files.ts'

export interface AdminServer extends Closable {
  readonly url: string
}

export interface AdminServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly routes: readonly AdminRoute[]
  /** Folder of the console's build; without it the API answers alone. */
  readonly consoleDir: string | undefined
}

const bodyLimit = 1024 * 1024

/** The admin API and the console on one loopback listener. */
export async function openAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => sendProblem(response, error))
  })
  const port = await listen(server, options.host, options.port, 'console')
  return {
    url: `http://${options.host}:${port}`,
    close: () => closeServer(server),
    [Symbol.asyncDispose]: () => closeServer(server),
  }
}

async function answer(
  options: AdminServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  guardRequest(request)
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const method = request.method ?? 'GET'
  const matched = matchRoute(options.routes, method === 'HEAD' ? 'GET' : method, url.pathname)
  if (matched !== undefined) {
    const body = method === 'GET' || method === 'HEAD' ? undefined : await readBody(request)
    const result = await matched.route.handle({
      method,
      path: url.pathname,
      query: url.searchParams,
      params: matched.params,
      body,
      raw: request,
    })
    if ('stream' in result) result.stream(response)
    else sendJson(response, result.status ?? 200, { schema: result.schema, data: result.data })
    return
  }
  if (url.pathname.startsWith('/api/') || options.consoleDir === undefined) {
    throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'page', id: url.pathname })
  }
  if (!(await serveStatic(options.consoleDir, url.pathname, response))) {
    throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'page', id: url.pathname })
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > bodyLimit) {
      throw platformErrors.error('TM_PLATFORM_REQUEST', {
        what: `the body is over ${bodyLimit} bytes`,
      })
    }
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  return text.trim() === '' ? undefined : parseJson(text)
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

function sendProblem(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const document = problemDocument(error)
  const text = JSON.stringify(document)
  response.writeHead(document.status, {
    'content-type': problemContentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    // What is left of a refused body must not be read as the next request.
    connection: 'close',
  })
  response.end(text)
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
