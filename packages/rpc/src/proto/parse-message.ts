import { create } from '@bufbuild/protobuf'
import {
  DescriptorProto_ExtensionRangeSchema,
  DescriptorProto_ReservedRangeSchema,
  type DescriptorProto,
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  OneofDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { checkFields } from './check-fields.ts'
import { parseEnum } from './parse-enum.ts'
import { parseField } from './parse-field.ts'
import { block, declare, type ParseState, reportOverlap, reservedName } from './parse-state.ts'
import { type FieldHome, qualify } from './scope.ts'
import { deepest } from './token-reader.ts'

/** Field numbers end here. */
const mostNumber = 536_870_911n

/** Reads `message Name { ... }`. */
export function parseMessage(
  state: ParseState,
  scope: string,
  messages: DescriptorProto[],
  depth: number,
): void {
  const { reader } = state
  reader.advance()
  const name = reader.identifier('the name of the message')
  const proto = create(DescriptorProtoSchema, { name: name.text })
  messages.push(proto)
  const full = qualify(scope, name.text)
  declare(state, full, 'message', name.at)
  parseMessageBody(state, full, proto, depth)
}

/** Reads `{ ... }` of a message or a group. */
export function parseMessageBody(
  state: ParseState,
  full: string,
  proto: DescriptorProto,
  depth: number,
): void {
  const { reader } = state
  if (depth > deepest) reader.fail(`messages are nested deeper than ${deepest}`)
  const home: FieldHome = {
    scope: full,
    fields: proto.field,
    messages: proto.nestedType,
    kind: 'message',
    oneofs: proto.oneofDecl,
  }
  const fieldsAt = new Map<FieldDescriptorProto, number>()
  block(state, 'before the fields', () => member(state, home, proto, fieldsAt, depth))
  addSyntheticOneofs(proto)
  state.file.checks.push(() => checkFields(state, full, proto, fieldsAt))
}

function member(
  state: ParseState,
  home: FieldHome,
  proto: DescriptorProto,
  fieldsAt: Map<FieldDescriptorProto, number>,
  depth: number,
): void {
  const { reader, file } = state
  // Keywords may be the names of types: `message` is one only before a name and "{".
  const isKeyword = reader.ahead.text !== '.' && reader.ahead.text !== '='
  switch (isKeyword ? reader.token.text : '') {
    case 'message':
      parseMessage(state, home.scope, proto.nestedType, depth + 1)
      return
    case 'enum':
      parseEnum(state, home.scope, proto.enumType)
      return
    case 'extend':
      parseExtend(state, home.scope, proto.extension, proto.nestedType, depth + 1)
      return
    case 'oneof':
      oneof(state, home, proto, fieldsAt, depth)
      return
    case 'option': {
      reader.advance()
      const uses = [reader.option()]
      file.options.push({ type: 'MessageOptions', scope: home.scope, element: proto, uses })
      reader.expect(';', 'behind the option')
      return
    }
    case 'extensions':
      extensions(state, home.scope, proto)
      return
    case 'reserved':
      reserved(state, proto)
      return
    default: {
      const { at } = reader.token
      fieldsAt.set(parseField(state, home, depth), at)
    }
  }
}

function oneof(
  state: ParseState,
  home: FieldHome,
  proto: DescriptorProto,
  fieldsAt: Map<FieldDescriptorProto, number>,
  depth: number,
): void {
  const { reader, file } = state
  reader.advance()
  const name = reader.identifier('the name of the oneof')
  const declared = create(OneofDescriptorProtoSchema, { name: name.text })
  const oneofIndex = proto.oneofDecl.length
  proto.oneofDecl.push(declared)
  const full = qualify(home.scope, name.text)
  declare(state, full, 'oneof', name.at)
  const before = proto.field.length
  block(state, 'behind the name of the oneof', () => {
    if (reader.at('option') && reader.ahead.text !== '.') {
      reader.advance()
      const uses = [reader.option()]
      file.options.push({ type: 'OneofOptions', scope: full, element: declared, uses })
      reader.expect(';', 'behind the option')
      return
    }
    const { at } = reader.token
    const field = parseField(state, { ...home, kind: 'oneof' }, depth)
    field.oneofIndex = oneofIndex
    fieldsAt.set(field, at)
  })
  if (proto.field.length === before) reader.source.report(name.at, `oneof ${full} has no fields`)
}

/** An optional field of proto3 stands in a oneof of its own, behind those of the text. */
function addSyntheticOneofs(proto: DescriptorProto): void {
  const names = new Set([...proto.field, ...proto.oneofDecl].map((at) => at.name))
  for (const field of proto.field) {
    if (!field.proto3Optional) continue
    let name = `_${field.name}`
    while (names.has(name)) name = `X${name}`
    names.add(name)
    field.oneofIndex = proto.oneofDecl.length
    proto.oneofDecl.push(create(OneofDescriptorProtoSchema, { name }))
  }
}

/** Reads `extend Type { ... }`. */
export function parseExtend(
  state: ParseState,
  scope: string,
  fields: FieldDescriptorProto[],
  messages: DescriptorProto[],
  depth: number,
): void {
  const { reader, file } = state
  reader.advance()
  const extendee = reader.path('the message that is extended', true)
  const home: FieldHome = { scope, fields, messages, kind: 'extend', oneofs: [] }
  const before = fields.length
  block(state, 'behind the message that is extended', () => {
    const { at } = reader.token
    const field = parseField(state, home, depth)
    file.extensions.push({ field, at })
    file.references.push({
      name: extendee.text,
      scope,
      at: extendee.at,
      allowed: ['message'],
      apply: (fullName) => (field.extendee = fullName),
    })
  })
  if (fields.length === before) {
    reader.source.report(extendee.at, 'extend declares at least one field')
  }
}

function extensions(state: ParseState, scope: string, proto: DescriptorProto): void {
  const { reader, file } = state
  const { at } = reader.advance()
  if (state.syntax === 'proto3') reader.source.report(at, 'proto3 has no extension ranges')
  const ranges = []
  do {
    const range = create(DescriptorProto_ExtensionRangeSchema, numberRange(state, proto))
    proto.extensionRange.push(range)
    ranges.push(range)
  } while (reader.take(','))
  const uses = reader.brackets()
  reader.expect(';', 'behind the extension ranges')
  if (uses.length === 0) return
  for (const element of ranges) {
    file.options.push({ type: 'ExtensionRangeOptions', scope, element, uses })
  }
}

/** `1`, `1 to 5` or `1 to max`; the end is the number behind the last one. */
function numberRange(
  state: ParseState,
  { reservedRange, extensionRange }: DescriptorProto,
): { start: number; end: number } {
  const { reader } = state
  const { at } = reader.token
  const start = reader.integer('a field number', 1n, mostNumber)
  let end = start
  if (reader.take('to')) {
    end = reader.take('max')
      ? Number(mostNumber)
      : reader.integer('the end of a range', BigInt(start), mostNumber)
  }
  const range = { start, end: end + 1 }
  for (const before of [reservedRange, extensionRange]) {
    reportOverlap(state, before, range, at, (one) => one.end - 1)
  }
  return range
}

function reserved(state: ParseState, proto: DescriptorProto): void {
  const { reader } = state
  reader.advance()
  do {
    const { kind } = reader.token
    if (kind === 'string' || kind === 'identifier') reservedName(state, proto.reservedName)
    else {
      const range = numberRange(state, proto)
      proto.reservedRange.push(create(DescriptorProto_ReservedRangeSchema, range))
    }
  } while (reader.take(','))
  reader.expect(';', 'behind what is reserved')
}
