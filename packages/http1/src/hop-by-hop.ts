import type { HeaderList } from './message-parser.ts'

/** Fields of one connection, never forwarded (RFC 9110 7.6.1); Expect and Trailer are end-to-end. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
  'http2-settings',
])

/** Whether the lower-case name is a field of one connection only. */
export function isHopByHop(name: string): boolean {
  return hopByHop.has(name)
}

/**
 * A new list of what may be forwarded: without fields of the connection and without those that its Connection field
 * nominated. Do it before adding fields of your own, so that a client cannot have them removed. Content-Length stays.
 */
export function endToEnd(headers: HeaderList, nominated: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string
    if (hopByHop.has(name) || (nominated.length > 0 && nominated.includes(name))) continue
    out.push(name, headers[i + 1] as string)
  }
  return out
}
