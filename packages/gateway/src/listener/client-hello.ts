/** What the first message of a TLS client says, as far as it decides who answers. */
export interface ClientHello {
  /** Server name in lower case without a dot at its end; empty for none. */
  readonly serverName: string
  /** Protocols offered by ALPN, in the client's order. */
  readonly protocols: readonly string[]
}

/** `more`: not complete yet. `refused`: no ClientHello, or one that breaks the rules; see `reason`. */
export type HelloState = 'more' | 'complete' | 'refused'

/** Longest ClientHello message, and the most bytes of records that may carry it. */
const maxMessage = 16 * 1024
const maxRecordBytes = 2 * maxMessage

const handshakeRecord = 22
const clientHelloMessage = 1
const serverNameExtension = 0
const alpnExtension = 16

const empty = Buffer.alloc(0)
const namePattern = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/u

/**
 * Reads a ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1) from the first bytes of a connection, in whatever pieces
 * and records it comes. It takes nothing away: `bytes` is all that was pushed, for whoever does the handshake.
 */
export class ClientHelloReader {
  hello: ClientHello | undefined = undefined
  /** Why it was refused. */
  reason = ''
  /** Everything pushed so far. */
  #bytes: Buffer = empty
  /** The handshake message so far, without record headers. */
  #message: Buffer = empty
  /** Start of the record that comes next. */
  #next = 0

  get bytes(): Buffer {
    return this.#bytes
  }

  /** Whether the client began as an HTTP request in plain text does. */
  get plainHttp(): boolean {
    const first = this.#bytes[0] ?? 0
    return first >= 0x41 && first <= 0x5a
  }

  push(chunk: Buffer): HelloState {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    return this.#advance()
  }

  #refuse(reason: string): HelloState {
    this.reason = reason
    return 'refused'
  }

  #advance(): HelloState {
    const bytes = this.#bytes
    for (;;) {
      const at = this.#next
      if (bytes.length > at && bytes[at] !== handshakeRecord)
        return this.#refuse('not a TLS handshake')
      if (bytes.length > at + 1 && bytes[at + 1] !== 3) return this.#refuse('not a TLS version')
      if (bytes.length < at + 5) return 'more'
      const length = bytes.readUInt16BE(at + 3)
      // Handshake records are never empty, RFC 8446 5.1.
      if (length === 0 || length > maxMessage) return this.#refuse('record length')
      if (at + 5 + length > maxRecordBytes) return this.#refuse('too many records')
      if (bytes.length < at + 5 + length) return 'more'
      const fragment = bytes.subarray(at + 5, at + 5 + length)
      this.#next = at + 5 + length
      this.#message =
        this.#message.length === 0 ? fragment : Buffer.concat([this.#message, fragment])
      const state = this.#readMessage()
      if (state !== 'more') return state
    }
  }

  #readMessage(): HelloState {
    const message = this.#message
    if (message[0] !== clientHelloMessage) return this.#refuse('not a ClientHello')
    if (message.length < 4) return 'more'
    const length = message.readUIntBE(1, 3)
    if (length > maxMessage) return this.#refuse('ClientHello too long')
    if (message.length < 4 + length) return 'more'
    // Nothing may follow it before the server has spoken but early data, which comes in records of its own type.
    if (message.length > 4 + length) return this.#refuse('bytes after the ClientHello')
    const body = new Fields(message.subarray(4))
    const serverName = readBody(body)
    if (serverName === undefined || body.failed) return this.#refuse('malformed ClientHello')
    this.hello = { serverName, protocols: body.protocols }
    return 'complete'
  }
}

/** Walks length-prefixed fields; once one does not fit, `failed` stays true and all that follows is empty. */
class Fields {
  readonly #bytes: Buffer
  #at = 0
  failed = false
  protocols: string[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Buffer {
    if (length > this.left) {
      this.failed = true
      return empty
    }
    const at = this.#at
    this.#at = at + length
    return this.#bytes.subarray(at, at + length)
  }

  number(width: 1 | 2): number {
    const field = this.take(width)
    return field.length === 0 ? 0 : field.readUIntBE(0, width)
  }

  /** A field with its length before it. */
  vector(width: 1 | 2): Buffer {
    return this.take(this.number(width))
  }
}

/** The server name; undefined when something is not as it must be. */
function readBody(body: Fields): string | undefined {
  body.take(2 + 32)
  if (body.vector(1).length > 32) return undefined
  const suites = body.vector(2).length
  if (suites < 2 || suites % 2 !== 0) return undefined
  if (body.vector(1).length === 0) return undefined
  // Extensions may be left out altogether by a client of TLS 1.2.
  if (body.left === 0) return body.failed ? undefined : ''
  const extensions = new Fields(body.vector(2))
  if (body.left !== 0 || body.failed) return undefined
  let serverName = ''
  const seen = new Set<number>()
  while (extensions.left > 0) {
    const type = extensions.number(2)
    const value = new Fields(extensions.vector(2))
    if (extensions.failed || seen.has(type)) return undefined
    seen.add(type)
    if (type === serverNameExtension) {
      const name = readServerName(value)
      if (name === undefined) return undefined
      serverName = name
    } else if (type === alpnExtension && !readProtocols(value, body.protocols)) return undefined
  }
  return serverName
}

function readServerName(extension: Fields): string | undefined {
  const list = new Fields(extension.vector(2))
  // One name of the only type that there is.
  if (extension.left !== 0 || list.number(1) !== 0) return undefined
  const name = list.vector(2)
  if (extension.failed || list.failed || list.left !== 0) return undefined
  if (name.length === 0 || name.length > 255) return undefined
  const text = name.toString('latin1').toLowerCase()
  const host = text.endsWith('.') ? text.slice(0, -1) : text
  return namePattern.test(host) ? host : undefined
}

function readProtocols(extension: Fields, into: string[]): boolean {
  const list = new Fields(extension.vector(2))
  if (extension.failed || extension.left !== 0 || list.left === 0) return false
  while (list.left > 0) {
    const protocol = list.vector(1)
    if (list.failed || protocol.length === 0) return false
    into.push(protocol.toString('latin1'))
  }
  return true
}
