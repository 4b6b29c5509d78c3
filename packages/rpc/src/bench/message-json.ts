import { type DescField, type DescMessage, fromJson, toBinary } from '@bufbuild/protobuf'
import { nearest, type TidemillError } from '@tidemill/core'
import type { JsonValue, Registry } from '@bufbuild/protobuf'
import { benchErrors } from './errors.ts'

/** Encodes a JSON value as the message; throws TM_RPC_BENCH_DATA with the path of the first field that does not fit. */
export function encodeJson(desc: DescMessage, json: unknown, registry?: Registry): Uint8Array {
  const options = registry === undefined ? {} : { registry }
  try {
    return toBinary(desc, fromJson(desc, json as JsonValue, options))
  } catch (cause) {
    throw misfit(desc, json, cause)
  }
}

function misfit(desc: DescMessage, json: unknown, cause: unknown): TidemillError {
  const found = locate(desc, json, '')
  const message = cause instanceof Error ? cause.message : String(cause)
  // protobuf-es says "cannot decode X from JSON: reason"; X is said by the path.
  const reason = /from JSON: (.*)$/su.exec(message)?.[1] ?? message
  const path = found?.path ?? '(whole)'
  const names = (found?.message ?? desc).fields.map((field) => field.jsonName)
  const near = found?.unknown === undefined ? undefined : nearest(found.unknown, names)
  const suggestion =
    near === undefined
      ? `${(found?.message ?? desc).typeName} has ${names.length === 0 ? 'no fields' : names.slice(0, 12).join(', ')}.`
      : `Did you mean "${near}"?`
  return benchErrors.error(
    'TM_RPC_BENCH_DATA',
    { message: desc.typeName, path, reason: found?.reason ?? reason, suggestion },
    { cause },
  )
}

interface Place {
  readonly path: string
  readonly message: DescMessage
  readonly reason?: string
  /** A name that the message does not have. */
  readonly unknown?: string
}

/** Decodes part by part to find the deepest place that fails; only runs once decoding the whole has failed. */
function locate(desc: DescMessage, json: unknown, path: string): Place | undefined {
  // Well-known types have JSON of their own form: the message is one leaf.
  if (desc.typeName.startsWith('google.protobuf.')) return leaf(desc, json, path)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return {
      path: path === '' ? '(whole)' : path,
      message: desc,
      reason: `expected an object, got ${kindOf(json)}`,
    }
  }
  for (const [key, value] of Object.entries(json)) {
    const at = path === '' ? key : `${path}.${key}`
    const field = desc.fields.find((one) => one.jsonName === key || one.name === key)
    if (field === undefined) {
      return { path: at, message: desc, unknown: key, reason: `${desc.typeName} has no such field` }
    }
    const found = locateField(desc, field, value, at)
    if (found !== undefined) return found
  }
  return undefined
}

function locateField(
  desc: DescMessage,
  field: DescField,
  value: unknown,
  path: string,
): Place | undefined {
  const child =
    field.fieldKind === 'scalar' || field.fieldKind === 'enum' ? undefined : field.message
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const found =
        child === undefined
          ? leafField(desc, field, [item], `${path}[${i}]`)
          : locate(child, item, `${path}[${i}]`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (field.fieldKind === 'map' && typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const found =
        child === undefined
          ? leafField(desc, field, { [key]: item }, `${path}["${key}"]`)
          : locate(child, item, `${path}["${key}"]`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (field.fieldKind === 'message' && value !== null) return locate(field.message, value, path)
  return leafField(desc, field, value, path)
}

function leafField(
  desc: DescMessage,
  field: DescField,
  value: unknown,
  path: string,
): Place | undefined {
  return leaf(desc, { [field.jsonName]: value }, path)
}

function leaf(desc: DescMessage, json: unknown, path: string): Place | undefined {
  try {
    fromJson(desc, json as JsonValue)
    return undefined
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    return {
      path: path === '' ? '(whole)' : path,
      message: desc,
      reason: /from JSON: (.*)$/su.exec(message)?.[1] ?? message,
    }
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
