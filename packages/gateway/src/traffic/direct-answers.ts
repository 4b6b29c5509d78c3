import type { DirectAnswer } from '../dataplane/passage.ts'
import type { RequestView } from '../dataplane/request-view.ts'
import type { PolicyFallback } from '../policy/index.ts'
import {
  corsPreflight,
  type CorsPlan,
  type HttpRequestRedirectFilter,
  redirectUrl,
} from '../router/index.ts'
import { headerValue } from '../router/route-entry.ts'

/** The answer of a RequestRedirect filter. */
export function redirectAnswer(
  filter: HttpRequestRedirectFilter,
  view: RequestView,
  prefix: string,
): DirectAnswer {
  const { host, path, query, port, scheme } = view
  const location = redirectUrl(filter, { host, path, query, prefix, port, scheme })
  return { status: filter.statusCode ?? 302, headers: ['location', location], body: '' }
}

/** The answer to a CORS preflight; undefined when the request is none (Fetch standard, CORS-preflight request). */
export function preflightAnswer(cors: CorsPlan, view: RequestView): DirectAnswer | undefined {
  if (view.method !== 'OPTIONS') return undefined
  const origin = headerValue(view.headers, 'origin')
  const method = headerValue(view.headers, 'access-control-request-method')
  if (origin === undefined || method === undefined) return undefined
  const wanted = headerValue(view.headers, 'access-control-request-headers')
  return { status: 204, headers: corsPreflight(cors, origin, method, wanted), body: '' }
}

/** What a policy answers in place of an error of ours. */
export function fallbackAnswer(fallback: PolicyFallback): DirectAnswer {
  const headers = ['content-type', fallback.contentType ?? 'application/json']
  return { status: fallback.status ?? 200, headers, body: fallback.body }
}

const fallbackStatuses: readonly number[] = [503, 504]

/** Whether a policy's fallback stands in for an answer of ours with that status. */
export function fallsBack(fallback: PolicyFallback | undefined, status: number): boolean {
  return fallback !== undefined && (fallback.on ?? fallbackStatuses).includes(status)
}
