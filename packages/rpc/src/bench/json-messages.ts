import { create, type DescMessage, type Message, toJson, fromBinary } from '@bufbuild/protobuf'
import { benchErrors } from './errors.ts'
import { encodeJson } from './message-json.ts'
import type { Schema } from './symbol.ts'

/**
 * The messages that a text holds: one JSON value after another, with or without line ends between, or one list. An empty
 * text is no message. Throws TM_RPC_BENCH_DATA.
 */
export function readMessages(desc: DescMessage, text: string, schema: Schema): Message[] {
  return splitJson(text).flatMap((part) => {
    const json = parse(desc, part)
    const list: readonly unknown[] = Array.isArray(json) ? json : [json]
    return list.map((one) => fromBinary(desc, encodeJson(desc, one, schema)))
  })
}

/** A message with every field at its default. */
export function emptyMessage(desc: DescMessage): Message {
  return create(desc)
}

/** The JSON of a message; with `defaults`, fields that have their default value too. */
export function messageJson(
  desc: DescMessage,
  message: Message,
  schema: Schema,
  defaults: boolean,
): unknown {
  return toJson(desc, message, { registry: schema, alwaysEmitImplicit: defaults })
}

/** Cuts a text between its JSON values; what is no JSON stays in the part where it begins. */
export function splitJson(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = -1
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
      if (!inString && depth === 0) flush(i + 1)
      continue
    }
    if (/\s/u.test(character)) {
      if (depth === 0) flush(i)
      continue
    }
    if (start < 0) start = i
    if (character === '"') inString = true
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') {
      depth = Math.max(0, depth - 1)
      if (depth === 0) flush(i + 1)
    }
  }
  flush(text.length)
  return parts

  function flush(end: number): void {
    if (start >= 0) parts.push(text.slice(start, end))
    start = -1
  }
}

function parse(desc: DescMessage, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw benchErrors.error(
      'TM_RPC_BENCH_DATA',
      {
        message: desc.typeName,
        path: '(whole)',
        reason: `not JSON: ${(cause as Error).message}`,
        suggestion: 'Write objects with every name in double quotes.',
      },
      { cause },
    )
  }
}
