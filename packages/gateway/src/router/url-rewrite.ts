import type { HttpPathModifier, HttpRequestRedirectFilter } from './http-route.ts'

/**
 * The path after a path modifier; `prefix` is the matched prefix without its trailing slash. Replacing
 * follows the table of httproute_types.go (HTTPPathModifier.ReplacePrefixMatch).
 */
export function rewritePath(
  path: string,
  prefix: string,
  modifier: HttpPathModifier | undefined,
): string {
  if (modifier === undefined) return path
  if (modifier.type === 'ReplaceFullPath') return modifier.replaceFullPath || '/'
  const rest = path.slice(prefix.length)
  const base = (modifier.replacePrefixMatch ?? '').replace(/\/+$/u, '')
  const joined = rest === '' || rest.startsWith('/') ? `${base}${rest}` : `${base}/${rest}`
  return joined === '' ? '/' : joined
}

/** The request as a redirect sees it. */
export interface RedirectedRequest {
  readonly host: string
  readonly path: string
  readonly query: string
  /** The matched prefix without its trailing slash. */
  readonly prefix: string
  /** Port of the listener it came through. */
  readonly port: number
  /** By which it came; default http. */
  readonly scheme?: 'http' | 'https'
}

/** The Location of a RequestRedirect filter (HTTPRequestRedirectFilter). */
export function redirectUrl(filter: HttpRequestRedirectFilter, request: RedirectedRequest): string {
  const scheme = filter.scheme ?? request.scheme ?? 'http'
  const wellKnown = scheme === 'https' ? 443 : 80
  const port = filter.port ?? (filter.scheme === undefined ? request.port : wellKnown)
  const host = filter.hostname ?? request.host.replace(/:\d*$/u, '')
  const path = rewritePath(request.path, request.prefix, filter.path)
  const query = request.query === '' ? '' : `?${request.query}`
  return `${scheme}://${host}${port === wellKnown ? '' : `:${port}`}${path}${query}`
}
