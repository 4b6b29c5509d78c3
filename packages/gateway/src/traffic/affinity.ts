import type { Random } from '@tidemill/core'
import { hashKey } from '../balance/index.ts'
import type { RequestView } from '../dataplane/request-view.ts'
import { headerValue, queryValue } from '../router/route-entry.ts'
import type { HashSource, SessionPlan } from '../rule-plan.ts'

/** The number that chooses backend and host; -1 where the request has nothing to choose by. */
export function requestHash(source: HashSource, view: RequestView): number {
  const text =
    source.from === 'address'
      ? view.clientAddress
      : source.from === 'header'
        ? headerValue(view.headers, source.name)
        : source.from === 'cookie'
          ? cookieValue(view.headers, source.name)
          : queryValue(view.query, source.name)
  return text === undefined || text === '' ? -1 : hashKey(text)
}

/** The session that a request belongs to. */
export interface Session {
  readonly hash: number
  /** Fields by which the client is told of a new session, lower case flat list. */
  readonly headers: readonly string[]
}

const known: readonly string[] = []
/** What we hand out; anything else was not ours, and gets a new one. */
const sessionForm = /^[0-9a-f]{32}$/u

/** Finds the session of a request, or begins one (GEP-1619). */
export function requestSession(plan: SessionPlan, view: RequestView, random: Random): Session {
  const given =
    plan.type === 'Header'
      ? headerValue(view.headers, plan.name)
      : cookieValue(view.headers, plan.name)
  if (given !== undefined && sessionForm.test(given)) {
    return { hash: hashKey(given), headers: known }
  }
  const id = Buffer.from(random.bytes(new Uint8Array(16))).toString('hex')
  const headers =
    plan.type === 'Header' ? [plan.name, id] : ['set-cookie', sessionCookie(plan, id, view.scheme)]
  return { hash: hashKey(id), headers }
}

function sessionCookie(plan: SessionPlan, id: string, scheme: string): string {
  const age = plan.maxAgeSeconds > 0 ? `; Max-Age=${plan.maxAgeSeconds}` : ''
  const secure = scheme === 'https' ? '; Secure' : ''
  return `${plan.name}=${id}; Path=${plan.path}${age}; HttpOnly; SameSite=Lax${secure}`
}

/** The value of a cookie; of several with one name the first (RFC 6265 5.4 sends the most specific first). */
export function cookieValue(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] !== 'cookie') continue
    const value = cookieIn(headers[i + 1] as string, name)
    if (value !== undefined) return value
  }
  return undefined
}

function cookieIn(text: string, name: string): string | undefined {
  let start = 0
  while (start < text.length) {
    let end = text.indexOf(';', start)
    if (end < 0) end = text.length
    while (text[start] === ' ') start++
    if (text.startsWith(name, start) && text[start + name.length] === '=') {
      return text.slice(start + name.length + 1, end).trim()
    }
    start = end + 1
  }
  return undefined
}
