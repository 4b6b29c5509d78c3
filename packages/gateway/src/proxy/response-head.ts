import type { HttpHeaderFilter } from '../router/index.ts'
import { equalsLower } from '../router/route-entry.ts'

const hopByHop: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'alt-svc',
]

/**
 * The fields of an upstream's response that go on to the client (RFC 9110 7.6.1), in their order and
 * never joined, so every Set-Cookie stays a line of its own.
 */
export function responseFields(rawHeaders: readonly string[], status: number): string[] {
  const fields: string[] = []
  let connection = ''
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (equalsLower(name, 'connection')) connection = (rawHeaders[i + 1] as string).toLowerCase()
    else if (!isHopByHop(name, status)) fields.push(name, rawHeaders[i + 1] as string)
  }
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return fields
  for (const part of connection.split(',')) removeField(fields, part.trim())
  return fields
}

/** Trailer fields that go on (RFC 9110 6.5.1): what steers the message itself has no place among them. */
export function trailerFields(rawTrailers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  const fields = responseFields(rawTrailers, 200)
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string
    if (!noTrailers.has(name.toLowerCase())) pairs.push([name, fields[i + 1] as string])
  }
  return pairs
}

const noTrailers: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'set-cookie',
  'location',
  'host',
])

function isHopByHop(name: string, status: number): boolean {
  for (let i = 0; i < hopByHop.length; i++) {
    if (equalsLower(name, hopByHop[i] as string)) return true
  }
  // RFC 9110 8.6: a 204 has no Content-Length.
  return status === 204 && equalsLower(name, 'content-length')
}

/** Applies header modifiers in place, each as set, add, remove (HTTPHeaderFilter). */
export function modifyFields(fields: string[], filters: readonly HttpHeaderFilter[]): void {
  for (const filter of filters) {
    for (const { name, value } of filter.set ?? []) {
      removeField(fields, name.toLowerCase())
      fields.push(name, value)
    }
    for (const { name, value } of filter.add ?? []) {
      const lower = name.toLowerCase()
      const at = fields.findIndex((field, i) => i % 2 === 0 && equalsLower(field, lower))
      // GEP: adding to a field that exists appends to its value.
      if (at < 0 || lower === 'set-cookie') fields.push(name, value)
      else fields[at + 1] = `${fields[at + 1] ?? ''},${value}`
    }
    for (const name of filter.remove ?? []) removeField(fields, name.toLowerCase())
  }
}

function removeField(fields: string[], lower: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    if (equalsLower(fields[i] as string, lower)) fields.splice(i, 2)
  }
}
