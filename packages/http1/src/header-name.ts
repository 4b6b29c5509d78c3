import { latin1Text, tokenLower } from './bytes.ts'

/** Names that frame or route a message; every other name is 0. */
export const nameId = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
} as const

const specialNames: ReadonlyMap<string, number> = new Map([
  ['host', nameId.host],
  ['content-length', nameId.contentLength],
  ['transfer-encoding', nameId.transferEncoding],
  ['connection', nameId.connection],
  ['expect', nameId.expect],
  ['upgrade', nameId.upgrade],
  ['te', nameId.te],
])

const commonNames = [
  ...specialNames.keys(),
  ...'accept accept-encoding accept-language accept-ranges access-control-allow-origin age'.split(
    ' ',
  ),
  ...'authorization cache-control content-disposition content-encoding content-language'.split(' '),
  ...'content-range content-security-policy content-type cookie date dnt etag expires'.split(' '),
  ...'forwarded if-match if-modified-since if-none-match keep-alive last-modified link'.split(' '),
  ...'location origin pragma priority proxy-connection range referer retry-after'.split(' '),
  ...'sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode'.split(' '),
  ...'sec-fetch-site sec-fetch-user sec-websocket-accept sec-websocket-extensions'.split(' '),
  ...'sec-websocket-key sec-websocket-protocol sec-websocket-version server set-cookie'.split(' '),
  ...'strict-transport-security trace-id traceparent tracestate trailer user-agent vary'.split(' '),
  ...'via x-api-key x-content-type-options x-forwarded-for x-forwarded-host'.split(' '),
  ...'x-forwarded-port x-forwarded-proto x-powered-by x-real-ip x-request-id'.split(' '),
]

/** A header name met before: one string for all messages. */
export class HeaderName {
  readonly name: string
  readonly id: number
  readonly hash: number
  readonly bytes: Uint8Array
  readonly pinned: boolean
  readonly underscore: boolean

  constructor(name: string, hash: number, pinned: boolean) {
    this.name = name
    this.id = specialNames.get(name) ?? nameId.other
    this.hash = hash
    this.bytes = Buffer.from(name, 'latin1')
    this.pinned = pinned
    this.underscore = name.includes('_')
  }
}

const slotMask = 1023
const longestKept = 48
const slots = new Array<HeaderName | undefined>(slotMask + 1).fill(undefined)

/** One step of the hash over lower-case bytes that callers compute while they scan. */
export function hashStep(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 10) ^ (hash >>> 20)) & slotMask
}

for (const name of commonNames) {
  let hash = 0
  for (const code of Buffer.from(name, 'latin1')) hash = hashStep(hash, code)
  slots[slotOf(hash)] ??= new HeaderName(name, hash, true)
}

/**
 * The lower-case name of the token at `start`..`end` whose lower-case bytes hash to `hash`. Names met before cost no
 * allocation; the cache has a fixed number of places, and those of the common names are never taken.
 */
export function internName(buffer: Buffer, start: number, end: number, hash: number): HeaderName {
  const slot = slotOf(hash)
  const kept = slots[slot]
  if (kept !== undefined && kept.hash === hash && sameBytes(kept.bytes, buffer, start, end))
    return kept
  const fresh = new HeaderName(latin1Text(buffer, start, end).toLowerCase(), hash, false)
  if (end - start <= longestKept && kept?.pinned !== true) slots[slot] = fresh
  return fresh
}

function sameBytes(name: Uint8Array, buffer: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) {
    if (name[i] !== tokenLower[buffer[start + i] as number]) return false
  }
  return true
}
