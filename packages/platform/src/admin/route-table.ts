import type { IncomingMessage, ServerResponse } from 'node:http'
import { platformErrors } from '../errors.ts'

/** One request as a handler of the admin API sees it. */
export interface AdminRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly params: Readonly<Record<string, string>>
  /** The parsed JSON body; undefined when there is none. */
  readonly body: unknown
  readonly raw: IncomingMessage
}

/** What a handler answers: a document, or it takes the response over (streams). */
export type AdminAnswer =
  | { readonly schema: string; readonly data: unknown; readonly status?: number }
  | { readonly stream: (response: ServerResponse) => void }

export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Segments with `:name` for a parameter; a last `*name` takes the rest of the path. */
  readonly path: string
  readonly summary: string
  readonly handle: (request: AdminRequest) => Promise<AdminAnswer> | AdminAnswer
}

export interface MatchedRoute {
  readonly route: AdminRoute
  readonly params: Readonly<Record<string, string>>
}

/** Finds the route; undefined when no path matches, TM_PLATFORM_METHOD when only the method is wrong. */
export function matchRoute(
  routes: readonly AdminRoute[],
  method: string,
  path: string,
): MatchedRoute | undefined {
  const allowed: string[] = []
  for (const route of routes) {
    const params = matchPath(route.path, path)
    if (params === undefined) continue
    if (route.method === method) return { route, params }
    allowed.push(route.method)
  }
  if (allowed.length === 0) return undefined
  throw platformErrors.error('TM_PLATFORM_METHOD', { method, path, allowed: allowed.join(', ') })
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/')
  const have = path.split('/')
  const params: Record<string, string> = {}
  for (const [i, part] of want.entries()) {
    if (part.startsWith('*')) {
      params[part.slice(1)] = decode(have.slice(i).join('/'))
      return params
    }
    const word = have[i]
    if (word === undefined) return undefined
    if (part.startsWith(':')) {
      if (word === '') return undefined
      params[part.slice(1)] = decode(word)
    } else if (part !== word) return undefined
  }
  return have.length === want.length ? params : undefined
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw platformErrors.error('TM_PLATFORM_REQUEST', {
      what: `"${text}" is not percent-encoded UTF-8`,
    })
  }
}

/** A whole number from the query, bounded. */
export function queryInteger(
  query: URLSearchParams,
  name: string,
  fallback: number,
  max: number,
): number {
  const text = query.get(name)
  if (text === null) return fallback
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw platformErrors.error('TM_PLATFORM_REQUEST', {
      what: `${name} must be a whole number of at least 0, not "${text}"`,
      problems: [{ path: `?${name}`, message: 'not a whole number', received: text }],
    })
  }
  return Math.min(value, max)
}
