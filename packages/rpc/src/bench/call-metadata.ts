import type { Random } from '@tidemill/core'
import { benchErrors } from './errors.ts'
import { type CallData, parseTemplate } from './template.ts'

/** Metadata of the calls as a flat list of lower-case names and values. */
export interface MetadataSource {
  /** Present when no value has a template. */
  readonly fixed?: readonly string[]
  dynamic(data: CallData): readonly string[]
}

/**
 * Reads metadata from a JSON object of strings, with templates. The value of a `-bin` name is the text whose bytes are
 * meant; it is sent in base64. Throws TM_RPC_BENCH_DATA for a name or a value that cannot be sent.
 */
export function createMetadata(json: string | undefined, random: Random): MetadataSource {
  const text = json?.trim() ?? ''
  if (text === '') return { fixed: [], dynamic: () => [] }
  const template = parseTemplate(text)
  if (template.dynamic) return { dynamic: (data) => toHeaders(template.fill(data, random)) }
  const fixed = toHeaders(text)
  return { fixed, dynamic: () => fixed }
}

/** Metadata of one call as an object for the client; values of `-bin` names are the bytes of the text. */
export function readMetadata(json: string | undefined): Record<string, string | Uint8Array> {
  const text = json?.trim() ?? ''
  if (text === '') return {}
  const list = toHeaders(text)
  const pairs: [string, string | Uint8Array][] = []
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    pairs.push([name, name.endsWith('-bin') ? Buffer.from(value, 'base64') : value])
  }
  return Object.fromEntries(pairs)
}

const reserved = /^(?:grpc-|:)|^(?:te|content-type|connection|user-agent)$/u

function toHeaders(text: string): readonly string[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw bad('(whole)', `not JSON: ${(cause as Error).message}`, cause)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw bad('(whole)', 'expected an object of strings')
  }
  return Object.entries(json).flatMap(([key, value]) => {
    const name = key.toLowerCase()
    if (typeof value !== 'string') throw bad(key, 'expected a string')
    if (!/^[a-z0-9_.-]+$/u.test(name)) throw bad(key, 'not a name of metadata')
    if (reserved.test(name)) throw bad(key, 'reserved by the protocol')
    if (name.endsWith('-bin'))
      return [name, Buffer.from(value).toString('base64').replace(/=+$/u, '')]
    if (!/^[\u0020-\u007e]*$/u.test(value)) {
      throw bad(key, 'a value is printable ASCII; use a name that ends in -bin for other bytes')
    }
    return [name, value]
  })
}

function bad(path: string, reason: string, cause?: unknown): Error {
  return benchErrors.error(
    'TM_RPC_BENCH_DATA',
    {
      message: 'metadata',
      path,
      reason,
      suggestion: 'Write for example -m \'{"request-id":"{{.RequestNumber}}"}\'.',
    },
    cause === undefined ? {} : { cause },
  )
}
