import type { Shape } from './plan.ts'
import { deepest, encodeFailure, tooDeep } from './value.ts'

/** Assigns also `__proto__`, as a property of the object itself. */
export function setOwn(target: Shape, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  } else {
    target[key] = value
  }
}

interface OneOf {
  readonly case: string | undefined
  readonly value?: unknown
}

/** google.protobuf.Struct as the JSON object that a field of this type holds. */
export function structToJson(struct: Shape): Shape {
  const json: Shape = {}
  const fields = struct['fields'] as Shape
  for (const key of Object.keys(fields)) setOwn(json, key, valueToJson(fields[key] as Shape))
  return json
}

function valueToJson(value: Shape): unknown {
  const kind = value['kind'] as OneOf
  switch (kind.case) {
    case 'structValue':
      return structToJson(kind.value as Shape)
    case 'listValue':
      return ((kind.value as Shape)['values'] as Shape[]).map(valueToJson)
    case 'nullValue':
    case undefined:
      return null
    default:
      return kind.value
  }
}

/**
 * The inverse; what JSON does not know (undefined, a function) becomes a value without a kind. Throws TM_RPC_ENCODE for
 * what is nested too deep, as what holds itself is.
 */
export function jsonToStruct(json: unknown, depth = 1): Shape {
  const fields: Shape = {}
  if (json !== null && typeof json === 'object' && !Array.isArray(json)) {
    for (const key of Object.keys(json)) {
      setOwn(fields, key, jsonToValue((json as Shape)[key], depth))
    }
  }
  return { $typeName: 'google.protobuf.Struct', fields }
}

function jsonToValue(json: unknown, depth: number): Shape {
  if (depth > deepest) throw encodeFailure('google.protobuf.Value', tooDeep)
  return { $typeName: 'google.protobuf.Value', kind: kindOf(json, depth + 1) }
}

function kindOf(json: unknown, depth: number): OneOf {
  if (typeof json === 'number') return { case: 'numberValue', value: json }
  if (typeof json === 'string') return { case: 'stringValue', value: json }
  if (typeof json === 'boolean') return { case: 'boolValue', value: json }
  if (json === null) return { case: 'nullValue', value: 0 }
  if (Array.isArray(json)) {
    const values = json.map((item) => jsonToValue(item, depth))
    return { case: 'listValue', value: { $typeName: 'google.protobuf.ListValue', values } }
  }
  return typeof json === 'object'
    ? { case: 'structValue', value: jsonToStruct(json, depth) }
    : { case: undefined }
}
