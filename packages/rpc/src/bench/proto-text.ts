import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  ScalarType,
} from '@bufbuild/protobuf'
import { FieldDescriptorProto_Label } from '@bufbuild/protobuf/wkt'
import type { SchemaSymbol } from './symbol.ts'

/** A symbol as .proto source, with full type names and without comments and options. */
export function protoText(symbol: SchemaSymbol): string {
  switch (symbol.kind) {
    case 'service':
      return block(`service ${symbol.name}`, symbol.methods.map(methodLine))
    case 'rpc':
      return methodLine(symbol)
    case 'message':
      return messageText(symbol)
    case 'enum':
      return enumText(symbol)
  }
}

/** The messages and enums that a symbol's text names, once each, in order; those of google.protobuf are left out. */
export function namedTypes(symbol: SchemaSymbol): (DescMessage | DescEnum)[] {
  const types = ((): (DescMessage | DescEnum)[] => {
    if (symbol.kind === 'service') return symbol.methods.flatMap((one) => [one.input, one.output])
    if (symbol.kind === 'rpc') return [symbol.input, symbol.output]
    return symbol.kind === 'message' ? symbol.fields.flatMap((field) => typeOf(field) ?? []) : []
  })()
  return [...new Set(types)].filter((type) => !type.typeName.startsWith('google.protobuf.'))
}

function methodLine(method: DescMethod): string {
  const kind = method.methodKind
  const sends = kind === 'client_streaming' || kind === 'bidi_streaming'
  const receives = kind === 'server_streaming' || kind === 'bidi_streaming'
  const input = `(${sends ? 'stream ' : ''}.${method.input.typeName})`
  const output = `(${receives ? 'stream ' : ''}.${method.output.typeName})`
  return `rpc ${method.name} ${input} returns ${output};`
}

function messageText(message: DescMessage): string {
  const done = new Set<string>()
  const lines: string[] = []
  for (const field of message.fields) {
    const { oneof } = field
    if (oneof === undefined) lines.push(fieldLine(field))
    else if (!done.has(oneof.name)) {
      done.add(oneof.name)
      lines.push(...block(`oneof ${oneof.name}`, oneof.fields.map(fieldLine)).split('\n'))
    }
  }
  for (const nested of message.nestedMessages) lines.push('', ...messageText(nested).split('\n'))
  for (const nested of message.nestedEnums) lines.push('', ...enumText(nested).split('\n'))
  return block(`message ${message.name}`, lines[0] === '' ? lines.slice(1) : lines)
}

function enumText(type: DescEnum): string {
  return block(
    `enum ${type.name}`,
    type.values.map((value) => `${value.name} = ${value.number};`),
  )
}

function fieldLine(field: DescField): string {
  return `${labelOf(field)}${typeText(field)} ${field.name} = ${field.number};`
}

function labelOf(field: DescField): string {
  if (field.fieldKind === 'list') return 'repeated '
  if (field.proto.proto3Optional) return 'optional '
  // LABEL_REQUIRED and LABEL_OPTIONAL are written only in proto2 files.
  if (field.parent.file.proto.syntax !== 'proto2' && field.parent.file.proto.syntax !== '')
    return ''
  if (field.fieldKind === 'map' || field.oneof !== undefined) return ''
  return field.proto.label === FieldDescriptorProto_Label.REQUIRED ? 'required ' : 'optional '
}

function typeText(field: DescField): string {
  if (field.fieldKind === 'map') {
    const value =
      field.mapKind === 'scalar'
        ? scalarName(field.scalar)
        : `.${(field.message ?? field.enum).typeName}`
    return `map<${scalarName(field.mapKey)}, ${value}>`
  }
  const type = typeOf(field)
  if (type !== undefined) return `.${type.typeName}`
  return field.scalar === undefined ? 'bytes' : scalarName(field.scalar)
}

function typeOf(field: DescField): DescMessage | DescEnum | undefined {
  return field.message ?? field.enum
}

function scalarName(type: ScalarType): string {
  return (ScalarType[type] ?? 'bytes').toLowerCase()
}

function block(head: string, lines: readonly string[]): string {
  if (lines.length === 0) return `${head} {}`
  return [`${head} {`, ...lines.map((line) => (line === '' ? '' : `  ${line}`)), '}'].join('\n')
}
