import { isAuthority, isHostAndPort } from './authority.ts'
import { hexValue, pathByte, queryByte } from './bytes.ts'
import type { RequestReason } from './verdict.ts'

export interface TargetOptions {
  /** Scheme of the listener; an absolute-form target with another one is refused. Default `http`. */
  readonly scheme?: 'http' | 'https'
  /** `%2F` and `%5C` in a path: left as they are, or refused with 400. Default `keep`. */
  readonly encodedSlash?: 'keep' | 'reject'
}

/** A request target after the checks, ready to route and to forward. */
export interface NormalTarget {
  /** Unreserved characters decoded, other escapes in upper case, dot segments removed; `*` for the server itself. */
  readonly path: string
  /** What follows the first `?`, as received; empty without one. */
  readonly query: string
  /** What to forward: the path, and the query if there was a `?`. */
  readonly uri: string
  /** Of an absolute-form or CONNECT target, which wins over Host; empty otherwise. */
  readonly authority: string
}

/** Why a target is refused, and the character where. */
export interface TargetProblem {
  readonly reason: RequestReason
  readonly at: number
}

/**
 * Reads a request target (RFC 9112 3.2) and normalises it (RFC 3986 6.2.2), so that routing and forwarding see the same
 * string. Nothing is resolved against a base: `//evil/x` is a path. `%2F` never becomes a slash.
 */
export function normalizeTarget(
  method: string,
  target: string,
  options: TargetOptions = {},
): NormalTarget | TargetProblem {
  if (method === 'CONNECT') {
    if (!isHostAndPort(target)) return { reason: 'target-authority', at: 0 }
    return { path: '', query: '', uri: target, authority: target }
  }
  if (target === '*') {
    if (method !== 'OPTIONS') return { reason: 'target-form', at: 0 }
    return { path: '*', query: '', uri: '*', authority: '' }
  }
  if (target.charCodeAt(0) === 0x2f) return originForm(target, 0, '', options)
  return absoluteForm(method, target, options)
}

/** Tells the two results of {@link normalizeTarget} apart. */
export function isTargetProblem(result: NormalTarget | TargetProblem): result is TargetProblem {
  return 'reason' in result
}

function absoluteForm(
  method: string,
  target: string,
  options: TargetOptions,
): NormalTarget | TargetProblem {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//u.exec(target)?.[1]
  if (scheme === undefined) return { reason: 'target-form', at: 0 }
  if (scheme.toLowerCase() !== (options.scheme ?? 'http')) return { reason: 'target-scheme', at: 0 }
  const start = scheme.length + 3
  const length = target.slice(start).search(/[/?#]/u)
  const end = length < 0 ? target.length : start + length
  const authority = target.slice(start, end)
  if (!isAuthority(authority)) return { reason: 'target-authority', at: start }
  // RFC 9112 3.2.4: without a path and a query, OPTIONS asks about the server as a whole.
  if (end === target.length && method === 'OPTIONS')
    return { path: '*', query: '', uri: '*', authority }
  return originForm(target, end, authority, options)
}

function originForm(
  target: string,
  start: number,
  authority: string,
  options: TargetOptions,
): NormalTarget | TargetProblem {
  const mark = target.indexOf('?', start)
  const end = mark < 0 ? target.length : mark
  const problem =
    checkPart(target, start, end, pathByte, options) ??
    checkPart(target, end + 1, target.length, queryByte)
  if (problem !== undefined) return problem
  const path = removeDotSegments(decodeUnreserved(target.slice(start, end))) || '/'
  const query = mark < 0 ? '' : target.slice(mark + 1)
  return { path, query, uri: mark < 0 ? path : `${path}?${query}`, authority }
}

function checkPart(
  target: string,
  start: number,
  end: number,
  allowed: Uint8Array,
  options?: TargetOptions,
): TargetProblem | undefined {
  for (let i = start; i < end; i++) {
    const code = target.charCodeAt(i)
    if (code === 0x25) {
      const value = escapeValue(target, i, end)
      if (value < 0) return { reason: 'target-escape', at: i }
      if (value === 0) return { reason: 'target-nul', at: i }
      if (options?.encodedSlash === 'reject' && (value === 0x2f || value === 0x5c))
        return { reason: 'encoded-slash', at: i }
      i += 2
    } else if (code > 255 || allowed[code] === 0) return { reason: 'target-byte', at: i }
  }
  return undefined
}

/** The byte of the escape at `at`; -1 when two hexadecimal digits do not follow. */
function escapeValue(text: string, at: number, end: number): number {
  if (at + 2 >= end) return -1
  const high = hexDigit(text.charCodeAt(at + 1))
  const low = hexDigit(text.charCodeAt(at + 2))
  return high > 15 || low > 15 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  return code > 255 ? 255 : (hexValue[code] as number)
}

/** RFC 3986 6.2.2.1 and 6.2.2.2: escapes of unreserved characters are decoded, the others get upper-case digits. */
function decodeUnreserved(path: string): string {
  if (!path.includes('%')) return path
  return path.replaceAll(/%[0-9A-Fa-f]{2}/gu, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return /[A-Za-z0-9._~-]/u.test(char) ? char : escape.toUpperCase()
  })
}

/** RFC 3986 5.2.4 for a path that begins with a slash; empty segments are kept. */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path
  const segments = path.split('/')
  const out: string[] = []
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '.' || segment === '..') {
      // The first entry is the empty text before the leading slash and is never climbed over.
      if (segment === '..' && out.length > 1) out.pop()
      if (last) out.push('')
    } else out.push(segment)
  }
  return out.join('/')
}
