import { type ErrorCode, TidemillError } from '@tidemill/core'
import { cliErrors } from './errors.ts'

/** The admin API of a running platform. */
export interface AdminClient {
  readonly url: string
  get<T>(path: string): Promise<T>
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** Server-sent events until the signal aborts. */
  stream(path: string): AsyncGenerator<{ readonly event: string; readonly data: unknown }>
}

/** What `createAdminClient` may be told besides the address. */
export interface AdminClientOptions {
  /** Sent as a bearer token. */
  readonly token?: string
  /** Makes the error for a server that does not answer. */
  readonly unreachable?: (url: string, cause: unknown) => Error
}

export function createAdminClient(
  url: string,
  signal: AbortSignal,
  options: AdminClientOptions = {},
): AdminClient {
  const base = url.replace(/\/+$/u, '')
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response
    try {
      const headers = new Headers(init.headers)
      if (options.token !== undefined) headers.set('authorization', `Bearer ${options.token}`)
      response = await fetch(`${base}${path}`, { ...init, headers, signal })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const cause = causeOf(error)
      if (options.unreachable !== undefined) throw options.unreachable(base, cause)
      throw cliErrors.error('TM_CLI_UNREACHABLE', { url: base }, { cause })
    }
    if (!response.ok) throw await problemOf(response)
    return response
  }
  const json = async <T>(path: string, init: RequestInit): Promise<T> => {
    const response = await call(path, init)
    return ((await response.json()) as { readonly data: T }).data
  }
  return {
    url: base,
    get: (path) => json(path, {}),
    send: (method, path, body) =>
      json(path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async *stream(path) {
      const response = await call(path, { headers: { accept: 'text/event-stream' } })
      if (response.body === null) return
      let buffer = ''
      const decoder = new TextDecoder()
      for await (const chunk of response.body) {
        buffer += decoder.decode(chunk as Uint8Array, { stream: true })
        for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
          const block = buffer.slice(0, end)
          buffer = buffer.slice(end + 2)
          const event = /^event: (.*)$/mu.exec(block)?.[1]
          const data = /^data: (.*)$/mu.exec(block)?.[1]
          if (event !== undefined && data !== undefined) {
            yield { event, data: JSON.parse(data) as unknown }
          }
        }
      }
    },
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error
}

/** Rebuilds the error that an RFC 9457 problem document tells of. */
async function problemOf(response: Response): Promise<TidemillError> {
  const text = await response.text()
  let body: Record<string, unknown> = {}
  try {
    body = JSON.parse(text) as Record<string, unknown>
  } catch {
    // Not a problem document: the status line is all there is to tell.
  }
  const { code, detail, hint, problems } = body
  if (typeof code !== 'string' || typeof detail !== 'string') {
    return cliErrors.error('TM_CLI_ANSWER', { url: response.url, status: response.status })
  }
  return new TidemillError(code as ErrorCode, detail, {
    http: response.status,
    ...(typeof hint === 'string' ? { hint } : {}),
    details: problems === undefined ? {} : { problems },
  })
}
