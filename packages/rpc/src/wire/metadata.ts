import { rpcErrors } from '../errors.ts'
import type { HeaderList } from '../transport/transport.ts'

export type MetadataValue = string | Uint8Array

/** What metadata can be made from. */
export type MetadataInit =
  | Metadata
  | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>
  | Iterable<readonly [string, MetadataValue]>

const empty: HeaderList = []

/**
 * Name-value pairs that travel with a call. Names are lower-case; a name may have several values, in order. Values of
 * names that end in `-bin` are bytes (base64 on the wire), others printable ASCII. Names of the protocol (`grpc-*`,
 * pseudo-headers, content-type, te) can neither be read nor set.
 *
 * What comes from the peer is kept as the header list it came in and read when asked for.
 */
export class Metadata {
  /** Wire form, flat; shared with the transport until the first change. */
  #list: HeaderList
  #owned: boolean

  /** Throws TM_RPC_METADATA for what cannot be sent. */
  constructor(init?: MetadataInit) {
    this.#list = empty
    this.#owned = false
    if (init === undefined) return
    if (init instanceof Metadata)
      this.#list = init.#list.filter((_, i, all) => !isReserved(all[i & ~1] ?? ''))
    else if (Symbol.iterator in init) {
      for (const [name, value] of init as Iterable<readonly [string, MetadataValue]>)
        this.append(name, value)
    } else {
      for (const [name, value] of Object.entries(init)) {
        const values = typeof value === 'string' || value instanceof Uint8Array ? [value] : value
        for (const one of values) this.append(name, one)
      }
    }
  }

  /** Reads a header list that came from the peer; it must not change afterwards. */
  static fromHeaders(list: HeaderList): Metadata {
    const metadata = new Metadata()
    metadata.#list = list
    return metadata
  }

  /** The first value of a name, as text; that of a `-bin` name in base64 as it came. */
  get(name: string): string | undefined {
    const key = name.toLowerCase()
    if (isReserved(key)) return undefined
    const list = this.#list
    for (let i = 0; i < list.length; i += 2) if (list[i] === key) return list[i + 1]
    return undefined
  }

  /** Every value of a name, as text. */
  getAll(name: string): readonly string[] {
    const key = name.toLowerCase()
    const values: string[] = []
    if (isReserved(key)) return values
    const list = this.#list
    for (let i = 0; i < list.length; i += 2) if (list[i] === key) values.push(list[i + 1] as string)
    return values
  }

  /** The first value of a `-bin` name as bytes. */
  getBinary(name: string): Uint8Array | undefined {
    return this.getAllBinary(name)[0]
  }

  /** Every value of a `-bin` name as bytes; those that are no base64 are left out (the call has failed already). */
  getAllBinary(name: string): readonly Uint8Array[] {
    return this.getAll(name).flatMap((value) => decodeBinary(value) ?? [])
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Replaces every value of the name. */
  set(name: string, value: MetadataValue): this {
    const text = encodeValue(name, value)
    this.delete(name)
    this.#own().push(name.toLowerCase(), text)
    return this
  }

  append(name: string, value: MetadataValue): this {
    const text = encodeValue(name, value)
    this.#own().push(name.toLowerCase(), text)
    return this
  }

  delete(name: string): this {
    const key = name.toLowerCase()
    if (this.#list.includes(key)) {
      this.#list = this.#list.filter((_, i, all) => all[i & ~1] !== key)
      this.#owned = true
    }
    return this
  }

  /** Pairs in order; values of `-bin` names as bytes. */
  *entries(): IterableIterator<readonly [string, MetadataValue]> {
    const list = this.#list
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string
      if (isReserved(name)) continue
      const value = list[i + 1] as string
      if (!name.endsWith('-bin')) yield [name, value]
      else for (const bytes of decodeBinary(value) ?? []) yield [name, bytes]
    }
  }

  [Symbol.iterator](): IterableIterator<readonly [string, MetadataValue]> {
    return this.entries()
  }

  get empty(): boolean {
    return this.entries().next().done === true
  }

  /** Adds the pairs, as they are sent, to a header list. */
  appendTo(list: string[]): void {
    const own = this.#list
    for (let i = 0; i < own.length; i += 2) {
      const name = own[i] as string
      if (!isReserved(name)) list.push(name, own[i + 1] as string)
    }
  }

  #own(): string[] {
    if (!this.#owned) {
      this.#list = [...this.#list]
      this.#owned = true
    }
    return this.#list as string[]
  }
}

const namePattern = /^[a-z0-9_.-]+$/u
const valuePattern = /^[\u0020-\u007e]*$/u

/** Names that belong to the protocol; the two exceptions are for applications although they begin with grpc-. */
function isReserved(name: string): boolean {
  const first = name.charCodeAt(0)
  // ':'
  if (first === 58) return true
  // 'g'
  if (first === 103) return name.startsWith('grpc-') && !isPublicGrpcName(name)
  return name === 'content-type' || name === 'te' || name === 'content-length'
}

/** Names under grpc- that applications read and write: census tracing, retry counts and pushback. */
function isPublicGrpcName(name: string): boolean {
  return (
    name === 'grpc-previous-rpc-attempts' ||
    name === 'grpc-retry-pushback-ms' ||
    name === 'grpc-trace-bin' ||
    name === 'grpc-tags-bin'
  )
}

const connectionNames = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'host',
])

function encodeValue(name: string, value: MetadataValue): string {
  const key = name.toLowerCase()
  if (!namePattern.test(key)) throw invalid(name, 'not a name of metadata')
  if (isReserved(key) || connectionNames.has(key))
    throw invalid(name, 'the name belongs to the protocol')
  if (key.endsWith('-bin')) {
    if (typeof value === 'string') throw invalid(name, 'a -bin name takes bytes')
    return encodeBinary(value)
  }
  if (typeof value !== 'string') throw invalid(name, 'bytes need a name that ends in -bin')
  if (!valuePattern.test(value)) throw invalid(name, 'a value is printable ASCII')
  // RFC 9113 8.2.1 forbids them at the ends; the peer would not see them.
  return value.trim()
}

function invalid(name: string, reason: string): Error {
  return rpcErrors.error('TM_RPC_METADATA', { name: name.slice(0, 100), reason })
}

/** Bytes as base64 without padding, as gRPC sends them. */
export function encodeBinary(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
  return text.endsWith('=') ? text.slice(0, text.indexOf('=')) : text
}

const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/u

/** Values of a `-bin` header: base64 padded or not, several joined by commas; undefined when one is no base64. */
export function decodeBinary(text: string): Uint8Array[] | undefined {
  const parts = text.split(',')
  const values: Uint8Array[] = []
  for (const part of parts) {
    const one = part.trim()
    const data = one.endsWith('=') ? one.slice(0, one.indexOf('=')) : one
    if (!base64Pattern.test(one) || data.length % 4 === 1) return undefined
    values.push(Buffer.from(data, 'base64'))
  }
  return values
}

/** The name of the first `-bin` header that is no base64; undefined when all are well. */
export function findBadBinary(list: HeaderList): string | undefined {
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (name.endsWith('-bin') && decodeBinary(list[i + 1] as string) === undefined) return name
  }
  return undefined
}
