import { nearest, type Random, type TidemillError } from '@tidemill/core'
import { benchErrors } from './errors.ts'

/** What a template can say about the call it is filled for; the names are ghz's, with a leading dot in the text. */
export interface CallData {
  readonly WorkerID: string
  /** From 0, in the order in which calls are started. */
  readonly RequestNumber: number
  readonly FullyQualifiedName: string
  readonly MethodName: string
  readonly ServiceName: string
  readonly InputName: string
  readonly OutputName: string
  readonly IsClientStreaming: boolean
  readonly IsServerStreaming: boolean
  readonly Timestamp: string
  readonly TimestampUnix: number
  readonly TimestampUnixMilli: number
  readonly TimestampUnixNano: string
  readonly UUID: string
}

const variables: readonly (keyof CallData)[] = [
  'WorkerID',
  'RequestNumber',
  'FullyQualifiedName',
  'MethodName',
  'ServiceName',
  'InputName',
  'OutputName',
  'IsClientStreaming',
  'IsServerStreaming',
  'Timestamp',
  'TimestampUnix',
  'TimestampUnixMilli',
  'TimestampUnixNano',
  'UUID',
]
const functions: Readonly<Record<string, number>> = { newUUID: 0, randomString: 1, randomInt: 2 }

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: keyof CallData }
  | { readonly kind: 'function'; readonly name: string; readonly args: readonly number[] }

/** A text with `{{...}}` actions, read once and filled for each call. */
export interface Template {
  /** False when the text has no action: it can be filled once for all calls. */
  readonly dynamic: boolean
  fill(data: CallData, random: Random): string
}

/**
 * Reads the part of Go's template language that call data uses: the variables of {@link CallData}, `newUUID`,
 * `randomString LENGTH`, `randomInt MIN MAX`, comments and the trim markers `{{-` and `-}}`. Anything else throws
 * TM_RPC_BENCH_TEMPLATE, where ghz would send the braces to the server.
 */
export function parseTemplate(text: string): Template {
  const parts: Part[] = []
  let at = 0
  let trim = false
  for (const found of text.matchAll(/\{\{(-\s)?(.*?)(\s-)?\}\}/gsu)) {
    let before = text.slice(at, found.index)
    if (trim) before = before.trimStart()
    if (found[1] !== undefined) before = before.trimEnd()
    if (before !== '') parts.push({ kind: 'text', text: before })
    const action = (found[2] ?? '').trim()
    if (!/^\/\*.*\*\/$/su.test(action)) parts.push(readAction(action))
    trim = found[3] !== undefined
    at = found.index + found[0].length
  }
  const rest = trim ? text.slice(at).trimStart() : text.slice(at)
  if (rest !== '') parts.push({ kind: 'text', text: rest })
  return {
    dynamic: parts.some((part) => part.kind !== 'text'),
    fill: (data, random) => parts.map((part) => fillPart(part, data, random)).join(''),
  }
}

function fillPart(part: Part, data: CallData, random: Random): string {
  if (part.kind === 'text') return part.text
  if (part.kind === 'variable') return String(data[part.name])
  const [first = 0, second = 0] = part.args
  if (part.name === 'newUUID') return uuid4(random)
  return part.name === 'randomString'
    ? randomString(first, random)
    : String(randomInt(first, second, random))
}

function readAction(action: string): Part {
  const [word = '', ...rest] = action.split(/\s+/u)
  if (word.startsWith('.')) {
    const name = variables.find((variable) => variable === word.slice(1))
    if (name !== undefined && rest.length === 0) return { kind: 'variable', name }
    throw unusable(
      action,
      'there is no such variable',
      variables.map((one) => `.${one}`),
    )
  }
  const count = Object.hasOwn(functions, word) ? functions[word] : undefined
  if (count === undefined)
    throw unusable(action, 'there is no such function', Object.keys(functions))
  const args = rest.map(Number)
  if (args.length !== count || args.some((arg) => !Number.isInteger(arg))) {
    throw unusable(action, `${word} takes ${count} whole numbers`, [])
  }
  return { kind: 'function', name: word, args }
}

function unusable(action: string, reason: string, names: readonly string[]): TidemillError {
  const near = nearest(action.split(/\s/u)[0] ?? '', names)
  return benchErrors.error('TM_RPC_BENCH_TEMPLATE', {
    action: `{{${action}}}`,
    reason,
    suggestion:
      near === undefined
        ? 'Use {{.RequestNumber}}, {{.WorkerID}}, {{.Timestamp}}, {{.UUID}}, {{newUUID}}, {{randomString 8}} or {{randomInt 1 10}}.'
        : `Did you mean {{${near}}}?`,
  })
}

/** A random UUID (RFC 9562, version 4). */
export function uuid4(random: Random): string {
  const bytes = Buffer.from(random.bytes(new Uint8Array(16)))
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5')
}

const characters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
/** A length that is not above 0 becomes a random one of this range, as in ghz. */
const shortest = 2
const longest = 16

function randomString(length: number, random: Random): string {
  const size = length > 0 ? length : shortest + random.integer(longest - shortest + 1)
  return Array.from({ length: size }, () => characters[random.integer(characters.length)]).join('')
}

function randomInt(min: number, max: number, random: Random): number {
  const low = Math.max(0, min)
  const high = max > 0 ? max : 1
  return high <= low ? low : low + random.integer(high - low)
}
