import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as labels,
  FieldDescriptorProto_Type as types,
  FeatureSet_JsonFormat,
} from '@bufbuild/protobuf/wkt'
import type { ParseState } from './parse-state.ts'

const unpackable = new Set<types>([types.STRING, types.BYTES, types.MESSAGE, types.GROUP])

/** What a message must keep to once the types of its fields are known. */
export function checkFields(
  state: ParseState,
  full: string,
  proto: DescriptorProto,
  fieldsAt: ReadonlyMap<FieldDescriptorProto, number>,
): void {
  const { source } = state.reader
  const numbers = new Map<number, string>()
  const jsonNames = new Map<string, string>()
  const strictJson = hasStrictJson(state, proto)
  for (const field of proto.field) {
    const at = fieldsAt.get(field)
    if (at === undefined) continue
    const before = numbers.get(field.number)
    if (before !== undefined) {
      source.report(at, `${field.name} has the number ${field.number} of ${before}`)
    }
    numbers.set(field.number, field.name)
    const sameJson = jsonNames.get(field.jsonName)
    if (sameJson !== undefined && strictJson) {
      source.report(at, `${field.name} is called ${field.jsonName} in JSON, as ${sameJson} is`)
    }
    jsonNames.set(field.jsonName, field.name)
    const within = ({ start, end }: { readonly start: number; readonly end: number }): boolean =>
      field.number >= start && field.number < end
    if (proto.reservedRange.some(within)) {
      source.report(at, `number ${field.number} is reserved in ${full}`)
    }
    if (proto.extensionRange.some(within)) {
      source.report(at, `number ${field.number} is left to extensions in ${full}`)
    }
    if (proto.reservedName.includes(field.name)) {
      source.report(at, `name ${field.name} is reserved in ${full}`)
    }
    if (field.options?.packed === true) {
      if (field.label !== labels.REPEATED || unpackable.has(field.type)) {
        source.report(at, 'only repeated numbers, booleans and enums can be packed')
      }
    }
  }
}

/** proto2, and editions that ask for it, allow fields that JSON cannot tell apart. */
function hasStrictJson({ syntax, file }: ParseState, { options }: DescriptorProto): boolean {
  if (syntax === 'proto2' || options?.deprecatedLegacyJsonFieldConflicts === true) return false
  const lax = FeatureSet_JsonFormat.LEGACY_BEST_EFFORT
  const own = options?.features?.jsonFormat ?? file.proto.options?.features?.jsonFormat
  return own !== lax
}
