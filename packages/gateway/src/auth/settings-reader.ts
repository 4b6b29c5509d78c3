import { parseDuration } from '@tidemill/core'
import type { ObjectCheck } from '../object-check.ts'
import type { CredentialPlace } from './credential-source.ts'

/** Name of a header field, lower or upper case (RFC 9110 section 5.1). */
export const fieldName: RegExp = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/u

/** A text for values of fields: printable ASCII without quotes. */
export const plainText: RegExp = /^[\u0020\u0021\u0023-\u005b\u005d-\u007e]+$/u

/** Fields that frame or route a message: no identity may be written there. */
const reservedFields: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
])

/** A field that identity is written to, lower case. */
export function readIdentityField(check: ObjectCheck, path: string, value: unknown): string {
  const name = typeof value === 'string' ? value.toLowerCase() : ''
  const free = !reservedFields.has(name) && !name.startsWith('x-forwarded-')
  if (fieldName.test(name) && name.length <= 128 && free) return name
  check.wrong(path, value, 'the name of a header field of its own')
  return ''
}

/** Milliseconds; may be zero when `low` is. */
export function readMs(
  check: ObjectCheck,
  path: string,
  value: unknown,
  low: number,
  high: number,
): number {
  try {
    const ms = typeof value === 'string' ? parseDuration(value) : -1
    if (ms >= low && ms <= high) return ms
  } catch {
    // Reported below like every other wrong duration.
  }
  const range = `from ${low / 1000}s to ${high / 1000}s`
  check.wrong(path, value, `a duration ${range} with its unit, such as 60s`)
  return low
}

/** The text, or an empty one with a problem. */
export function readText(check: ObjectCheck, path: string, value: unknown, form?: RegExp): string {
  check.text(path, value, 256, form)
  return typeof value === 'string' ? value : ''
}

export function readFlag(check: ObjectCheck, path: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') check.wrong(path, value, 'true or false')
  return value === true
}

export function readTexts(
  check: ObjectCheck,
  path: string,
  value: unknown,
  most: number,
): string[] {
  const texts: string[] = []
  check.list(path, value, most, (at, item) => {
    check.text(at, item, 1024)
    if (typeof item === 'string') texts.push(item)
  })
  return texts
}

/** Where credentials stand; `fallback` when nothing is said. */
export function readPlaces(
  check: ObjectCheck,
  path: string,
  value: unknown,
  fallback: CredentialPlace,
): CredentialPlace[] {
  if (value === undefined) return [fallback]
  const places: CredentialPlace[] = []
  check.list(path, value, 8, (at, item) => {
    const place = readPlace(check, at, item)
    if (place !== undefined) places.push(place)
  })
  if (Array.isArray(value) && value.length === 0)
    check.wrong(path, value, 'a list of 1 to 8 places')
  return places
}

function readPlace(check: ObjectCheck, path: string, value: unknown): CredentialPlace | undefined {
  const source = check.object(path, value)
  if (source === undefined) return undefined
  check.known(path, source, ['header', 'scheme', 'cookie', 'query'])
  const kinds = (['header', 'cookie', 'query'] as const).filter(
    (kind) => source[kind] !== undefined,
  )
  const kind = kinds[0]
  if (kind === undefined || kinds.length > 1) {
    check.wrong(path, Object.keys(source), 'one of header, cookie and query')
    return undefined
  }
  const given = source[kind]
  check.text(`${path}/${kind}`, given, 128, fieldName, 'a name')
  const name = typeof given === 'string' ? given : ''
  if (kind !== 'header') {
    if (source['scheme'] !== undefined) {
      check.wrong(`${path}/scheme`, source['scheme'], 'absent: only headers have a scheme')
    }
    return { kind, name, scheme: '' }
  }
  const lower = name.toLowerCase()
  const scheme = source['scheme'] ?? (lower === 'authorization' ? 'Bearer' : '')
  if (typeof scheme !== 'string' || (scheme !== '' && !fieldName.test(scheme))) {
    check.wrong(`${path}/scheme`, scheme, 'the name of a scheme, such as Bearer')
    return undefined
  }
  return { kind, name: lower, scheme: scheme === '' ? '' : `${scheme.toLowerCase()} ` }
}
