import type { RequestView } from '../dataplane/request-view.ts'

/** Where a credential stands, in computed form. */
export interface CredentialPlace {
  readonly kind: 'header' | 'cookie' | 'query'
  readonly name: string
  /** Scheme with its space, lower case, such as `bearer `; empty for none. */
  readonly scheme: string
}

/** Stands for a credential that was sent twice: which one counts would be a guess. */
export const repeated: unique symbol = Symbol('repeated')

/**
 * The field as it was sent, scheme included; undefined when it is absent, empty or of another scheme. Of Cookie
 * fields every crumb is looked at, of the query every parameter.
 */
export function findCredential(
  view: RequestView,
  place: CredentialPlace,
): string | typeof repeated | undefined {
  if (place.kind === 'query') return findParameter(view.query, place.name)
  if (place.kind === 'cookie') return findCookie(view.headers, place.name)
  const { headers } = view
  const { name, scheme } = place
  let found: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue
    const value = headers[i + 1] as string
    if (!hasScheme(value, scheme)) continue
    if (found !== undefined) return repeated
    found = value
  }
  return found
}

function hasScheme(value: string, scheme: string): boolean {
  const { length } = scheme
  if (value.length <= length) return false
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    const lower = unit >= 0x41 && unit <= 0x5a ? unit | 0x20 : unit
    if (lower !== scheme.charCodeAt(i)) return false
  }
  return true
}

/** The credential within a field that {@link findCredential} gave. */
export function bareCredential(found: string, place: CredentialPlace): string {
  return place.scheme === '' ? found : found.slice(place.scheme.length).trimStart()
}

function findParameter(query: string, name: string): string | typeof repeated | undefined {
  if (query === '') return undefined
  let found: string | undefined
  for (const part of query.split('&')) {
    const equals = part.indexOf('=')
    const key = equals < 0 ? part : part.slice(0, equals)
    // An encoded name is the same name to most upstreams, so it must be to us.
    if (key !== name && decode(key) !== name) continue
    if (found !== undefined) return repeated
    found = equals < 0 ? '' : decode(part.slice(equals + 1))
  }
  return found === '' ? undefined : found
}

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function findCookie(
  headers: readonly string[],
  name: string,
): string | typeof repeated | undefined {
  let found: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'cookie') continue
    for (const crumb of (headers[i + 1] as string).split(';')) {
      const equals = crumb.indexOf('=')
      if (equals < 0 || crumb.slice(0, equals).trim() !== name) continue
      if (found !== undefined) return repeated
      found = crumb.slice(equals + 1).trim()
    }
  }
  return found === '' ? undefined : found
}

/** The query without the parameters of those names, for an upstream that must not see them. */
export function queryWithout(query: string, names: readonly string[]): string {
  if (query === '' || names.length === 0) return query
  const parts = query.split('&')
  const kept = parts.filter((part) => {
    const equals = part.indexOf('=')
    return !names.includes(decode(equals < 0 ? part : part.slice(0, equals)))
  })
  return kept.length === parts.length ? query : kept.join('&')
}
