import { type DescMethod, fromBinary, type Registry } from '@bufbuild/protobuf'
import type { Random } from '@tidemill/core'
import { benchErrors } from './errors.ts'
import { frameMessage, splitDelimited } from './framing.ts'
import { encodeJson } from './message-json.ts'
import { type CallData, parseTemplate } from './template.ts'

/** Where a call's request messages come from. */
export interface PayloadOptions {
  readonly method: DescMethod
  /** JSON of one message or of a list of them, with template actions; undefined sends one empty message. */
  readonly json?: string | undefined
  /** Encoded: one message, or several that are each prefixed by their length. */
  readonly binary?: Uint8Array | undefined
  readonly gzip?: boolean
  readonly random: Random
  /** Resolves `google.protobuf.Any` in the JSON. */
  readonly registry?: Registry | undefined
}

/**
 * The framed request messages of a call. A method that takes a stream sends the whole list; any other sends one, call
 * after call the next.
 */
export interface PayloadSource {
  /** Present when the data has no templates: encoded once, every call takes its messages from here. */
  readonly fixed?: readonly Buffer[]
  /** The list for one call of template data; of a method that takes one message, a list of that one. */
  dynamic(data: CallData): readonly Buffer[]
}

/** Reads and checks the data; throws TM_RPC_BENCH_DATA or TM_RPC_BENCH_TEMPLATE before anything is sent. */
export function createPayloads(options: PayloadOptions): PayloadSource {
  const { method, random, registry, gzip = false } = options
  const frame = (message: Uint8Array): Buffer => frameMessage(message, gzip)
  if (options.binary !== undefined) {
    return fixed(binaryMessages(method, options.binary).map(frame))
  }
  const text = options.json?.trim() ?? ''
  if (text === '') return fixed([frame(new Uint8Array())])
  const encode = (json: unknown): Buffer => frame(encodeJson(method.input, json, registry))
  const whole = parseTemplate(text)
  if (!whole.dynamic) return fixed(listOf(readJson(method, text)).map(encode))
  const streams = takesStream(method)
  return {
    dynamic: (data) => {
      const list = listOf(readJson(method, whole.fill(data, random)))
      const chosen = streams ? list : [list[data.RequestNumber % list.length]]
      return chosen.map(encode)
    },
  }
}

/** Whether the client sends a stream of messages in a call of this method. */
export function takesStream(method: DescMethod): boolean {
  return method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming'
}

function fixed(messages: readonly Buffer[]): PayloadSource {
  return { fixed: messages, dynamic: () => messages }
}

function readJson(method: DescMethod, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw benchErrors.error(
      'TM_RPC_BENCH_DATA',
      {
        message: method.input.typeName,
        path: '(whole)',
        reason: `not JSON: ${(cause as Error).message}`,
        suggestion: 'Write an object, or a list of objects, with every name in double quotes.',
      },
      { cause },
    )
  }
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) && json.length > 0 ? (json as unknown[]) : [json]
}

function binaryMessages(method: DescMethod, bytes: Uint8Array): readonly Uint8Array[] {
  const several = splitDelimited(bytes)
  if (several !== undefined && several.length > 0 && several.every((one) => decodes(method, one))) {
    return several
  }
  if (decodes(method, bytes)) return [bytes]
  throw benchErrors.error('TM_RPC_BENCH_DATA', {
    message: method.input.typeName,
    path: '(whole)',
    reason: 'the bytes are neither one message nor a list of length-prefixed ones',
    suggestion: 'Encode it with protoc --encode, or give JSON with -d.',
  })
}

function decodes(method: DescMethod, bytes: Uint8Array): boolean {
  try {
    fromBinary(method.input, bytes)
    return true
  } catch {
    return false
  }
}
