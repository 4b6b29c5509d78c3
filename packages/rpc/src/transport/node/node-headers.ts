import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { HeaderList } from '../transport.ts'

/** A header list as node:http2 takes it; several values of a name become an array. */
export function toNodeHeaders(list: HeaderList): OutgoingHttpHeaders {
  const headers: Record<string, string | number | string[]> = Object.create(null) as never
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    const before = headers[name]
    if (before === undefined) headers[name] = name === ':status' ? Number(value) : value
    else if (Array.isArray(before)) before.push(value)
    else headers[name] = [String(before), value]
  }
  return headers
}

/** What node:http2 received: the raw list when it gives one. */
export function fromNodeHeaders(
  headers: IncomingHttpHeaders,
  raw: readonly string[] | undefined,
): HeaderList {
  if (raw !== undefined) return raw
  const list: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) for (const one of value) list.push(name, one)
    else if (value !== undefined) list.push(name, value)
  }
  return list
}

/** Bytes that RFC 9113 6.5.2 adds to each field. */
const fieldBytes = 32

/** Throws when the peer does not take the list; node:http2 would send it, and the peer cuts the stream. */
export function checkListSize(list: HeaderList, most: number): void {
  let size = 0
  for (let i = 0; i < list.length; i++) size += (list[i] as string).length
  size += (list.length / 2) * fieldBytes
  if (size > most) throw new Error(`${size} bytes of headers, the peer takes ${most}`)
}
