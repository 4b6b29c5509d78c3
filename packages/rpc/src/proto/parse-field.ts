import { create } from '@bufbuild/protobuf'
import {
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as labels,
  FieldDescriptorProto_Type as types,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  MessageOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import type { Token } from './lexer.ts'
import type { OptionUse } from './option-value.ts'
import { declare, type ParseState } from './parse-state.ts'
import { type FieldHome, jsonName, mapEntryName, qualify } from './scope.ts'

const scalars: Readonly<Record<string, types>> = {
  double: types.DOUBLE,
  float: types.FLOAT,
  int64: types.INT64,
  uint64: types.UINT64,
  int32: types.INT32,
  fixed64: types.FIXED64,
  fixed32: types.FIXED32,
  bool: types.BOOL,
  string: types.STRING,
  bytes: types.BYTES,
  uint32: types.UINT32,
  sfixed32: types.SFIXED32,
  sfixed64: types.SFIXED64,
  sint32: types.SINT32,
  sint64: types.SINT64,
}
const keyTypes = new Set(Object.keys(scalars).filter((name) => !/double|float|bytes/u.test(name)))
const mostNumber = 536_870_911n

/** Reads a field of a message, a oneof or an extend block, a group or a map, and adds it to its home. */
export function parseField(
  state: ParseState,
  home: FieldHome,
  depth: number,
): FieldDescriptorProto {
  const { reader } = state
  const label = fieldLabel(state, home)
  const type = reader.token
  if (type.text === 'map' && reader.ahead.text === '<') return mapField(state, home, label)
  if (type.text === 'group' && reader.ahead.kind === 'identifier') {
    const field = group(state, home, depth)
    applyLabel(state, field, label, home)
    return field
  }
  const field = create(FieldDescriptorProtoSchema)
  fieldType(state, home.scope, reader.path('the type of a field', true), field)
  const name = reader.identifier('the name of a field')
  nameField(field, name.text)
  field.number = fieldNumber(state)
  applyLabel(state, field, label, home)
  const uses = reader.brackets()
  reader.expect(';', 'behind the field')
  home.fields.push(field)
  declare(state, qualify(home.scope, name.text), symbolKind(home), name.at)
  fieldOptions(state, home, field, uses)
  return field
}

function symbolKind(home: FieldHome): 'extension' | 'field' {
  return home.kind === 'extend' ? 'extension' : 'field'
}

function nameField(field: FieldDescriptorProto, name: string): void {
  field.name = name
  field.jsonName = jsonName(name)
}

function fieldLabel(state: ParseState, home: FieldHome): Token | undefined {
  const { reader, syntax } = state
  const { token } = reader
  if (!/^(?:optional|required|repeated)$/u.test(token.text)) return undefined
  // A type may be called like a label: then a dot or the name and "=" follow.
  if (reader.ahead.text === '.' && reader.ahead.at === token.at + token.text.length)
    return undefined
  reader.advance()
  if (home.kind === 'oneof') reader.source.report(token.at, 'a field of a oneof has no label')
  else if (token.text === 'required' && syntax === 'proto3') {
    reader.source.report(token.at, 'proto3 has no required fields')
  } else if (token.text !== 'repeated' && syntax === 'editions') {
    reader.source.report(
      token.at,
      'editions have no labels but repeated; use features.field_presence',
    )
  } else if (token.text === 'required' && home.kind === 'extend') {
    reader.source.report(token.at, 'an extension cannot be required')
  }
  return token
}

function applyLabel(
  state: ParseState,
  field: FieldDescriptorProto,
  label: Token | undefined,
  home: FieldHome,
): void {
  field.label = labels.OPTIONAL
  if (label?.text === 'repeated') field.label = labels.REPEATED
  if (label?.text === 'required') field.label = labels.REQUIRED
  if (label?.text === 'optional' && state.syntax === 'proto3') {
    field.proto3Optional = true
  }
  if (label === undefined && state.syntax === 'proto2' && home.kind !== 'oneof') {
    const { reader } = state
    reader.fail('expected optional, required or repeated before the type: this is proto2')
  }
}

function fieldType(
  state: ParseState,
  scope: string,
  { text, at }: Token,
  field: FieldDescriptorProto,
): void {
  const scalar = Object.hasOwn(scalars, text) ? scalars[text] : undefined
  if (scalar !== undefined) {
    field.type = scalar
    return
  }
  state.file.references.push({
    name: text,
    scope,
    at,
    allowed: ['message', 'enum'],
    apply(fullName, kind) {
      field.typeName = fullName
      field.type = kind === 'enum' ? types.ENUM : types.MESSAGE
    },
  })
}

function fieldNumber(state: ParseState): number {
  const { reader } = state
  reader.expect('=', 'behind the name of a field')
  const { at } = reader.token
  const number = reader.integer('a field number', 1n, mostNumber)
  if (number >= 19_000 && number <= 19_999) {
    reader.source.report(at, 'the numbers 19000 to 19999 belong to protobuf itself')
  }
  return number
}

function group(state: ParseState, home: FieldHome, depth: number): FieldDescriptorProto {
  const { reader, syntax } = state
  const word = reader.advance()
  if (syntax !== 'proto2') {
    reader.source.report(
      word.at,
      `${syntax === 'proto3' ? 'proto3 has' : 'editions have'} no groups`,
    )
  }
  const name = reader.identifier('the name of a group')
  if (!/^[A-Z]/u.test(name.text)) {
    reader.source.report(name.at, 'the name of a group begins with a capital letter')
  }
  const field = create(FieldDescriptorProtoSchema, { type: types.GROUP })
  nameField(field, name.text.toLowerCase())
  field.number = fieldNumber(state)
  const uses = reader.brackets()
  const proto = create(DescriptorProtoSchema, { name: name.text })
  home.messages.push(proto)
  home.fields.push(field)
  const full = qualify(home.scope, name.text)
  field.typeName = `.${full}`
  declare(state, full, 'message', name.at)
  declare(state, qualify(home.scope, field.name), symbolKind(home), name.at)
  fieldOptions(state, home, field, uses)
  state.groupBody(full, proto, depth + 1)
  return field
}

function mapField(
  state: ParseState,
  home: FieldHome,
  label: Token | undefined,
): FieldDescriptorProto {
  const { reader } = state
  const map = reader.advance()
  if (label !== undefined) reader.source.report(label.at, 'a map has no label')
  if (home.kind !== 'message') {
    reader.source.report(
      map.at,
      `a map cannot stand in ${home.kind === 'oneof' ? 'a oneof' : 'extend'}`,
    )
  }
  reader.expect('<', 'behind map')
  const keyType = reader.identifier('the type of the keys')
  if (!keyTypes.has(keyType.text)) {
    reader.source.report(
      keyType.at,
      `the keys of a map are integers, bool or string, not ${keyType.text}`,
    )
  }
  reader.expect(',', 'behind the type of the keys')
  const valueType = reader.path('the type of the values', true)
  reader.expect('>', 'behind the type of the values')
  const name = reader.identifier('the name of a field')
  const field = create(FieldDescriptorProtoSchema, { type: types.MESSAGE, label: labels.REPEATED })
  nameField(field, name.text)
  field.number = fieldNumber(state)
  const entry = create(DescriptorProtoSchema, {
    name: mapEntryName(name.text),
    options: create(MessageOptionsSchema, { mapEntry: true }),
  })
  const full = qualify(home.scope, entry.name)
  for (const [i, part] of ['key', 'value'].entries()) {
    const of = create(FieldDescriptorProtoSchema, { number: i + 1, label: labels.OPTIONAL })
    nameField(of, part)
    entry.field.push(of)
    declare(state, qualify(full, part), 'field', name.at)
    if (i === 1) fieldType(state, home.scope, valueType, of)
    else of.type = scalars[keyType.text] ?? types.STRING
  }
  field.typeName = `.${full}`
  home.messages.push(entry)
  home.fields.push(field)
  declare(state, full, 'message', name.at)
  declare(state, qualify(home.scope, name.text), symbolKind(home), name.at)
  const uses = reader.brackets()
  reader.expect(';', 'behind the field')
  fieldOptions(state, home, field, uses)
  return field
}

/** `default` and `json_name` look like options and are not. */
function fieldOptions(
  state: ParseState,
  { scope, kind }: FieldHome,
  field: FieldDescriptorProto,
  uses: readonly OptionUse[],
): void {
  const isExtension = kind === 'extend'
  if (uses.length === 0) return
  const { source } = state.reader
  const rest: OptionUse[] = []
  for (const use of uses) {
    const [part] = use.name
    const plain = use.name.length === 1 && part?.extension === false ? part.name : ''
    if (plain === 'default') {
      state.file.defaults.push({ field, use })
      if (state.syntax === 'proto3') source.report(use.at, 'proto3 has no default values')
    } else if (plain === 'json_name') {
      if (isExtension) source.report(use.at, 'an extension has no json_name')
      if (use.value.kind === 'string') field.jsonName = use.value.value.toString()
      else source.report(use.value.at, 'json_name is a string')
    } else {
      rest.push(use)
    }
  }
  if (rest.length === 0) return
  field.options = create(FieldOptionsSchema)
  state.file.options.push({
    type: 'FieldOptions',
    scope: qualify(scope, field.name),
    element: field,
    uses: rest,
  })
}
