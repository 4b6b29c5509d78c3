import { create } from '@bufbuild/protobuf'
import {
  Edition,
  FileDescriptorProtoSchema,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  ServiceDescriptorProtoSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import { parseEnum } from './parse-enum.ts'
import { parseExtend, parseMessage, parseMessageBody } from './parse-message.ts'
import { block, declare, type ParseState, statement } from './parse-state.ts'
import type { ParsedFile } from './parsed-file.ts'
import { qualify } from './scope.ts'
import type { Source } from './source.ts'
import { TokenReader } from './token-reader.ts'

/**
 * Reads a file of proto2, proto3 or edition 2023 (https://protobuf.dev/reference/protobuf/edition-2023-spec/). What is
 * wrong is noted in the source, and reading goes on with the next statement.
 */
export function parseProto(source: Source): ParsedFile {
  const file: ParsedFile = {
    source,
    proto: create(FileDescriptorProtoSchema, { name: source.name }),
    imports: [],
    declarations: [],
    references: [],
    options: [],
    defaults: [],
    extensions: [],
    checks: [],
  }
  const state: ParseState = {
    reader: new TokenReader(source),
    file,
    syntax: 'proto2',
    groupBody: (full, proto, depth) => parseMessageBody(state, full, proto, depth),
  }
  statement(state, () => syntax(state))
  while (state.reader.token.kind !== 'end' && !source.hopeless) {
    const from = state.reader.position
    statement(state, () => declaration(state))
    // A block that ends here did not begin: it ends nothing, and is not waited for.
    if (state.reader.position === from) state.reader.advance()
  }
  return file
}

function syntax(state: ParseState): void {
  const { reader, file } = state
  const isEdition = reader.at('edition')
  if (!isEdition && !reader.at('syntax')) return
  reader.advance()
  reader.expect('=', `behind "${isEdition ? 'edition' : 'syntax'}"`)
  const { text, at } = reader.string(isEdition ? 'an edition' : '"proto2" or "proto3"')
  reader.expect(';', 'behind the syntax')
  if (isEdition) {
    if (text !== '2023') {
      const why = `edition "${text}" is not supported; use edition 2023, proto3 or proto2`
      reader.source.report(at, why)
    }
    state.syntax = 'editions'
    file.proto.syntax = 'editions'
    file.proto.edition = Edition.EDITION_2023
  } else if (text === 'proto3') {
    state.syntax = 'proto3'
    file.proto.syntax = 'proto3'
  } else if (text !== 'proto2') {
    reader.source.report(at, `syntax must be "proto2" or "proto3", not "${text}"`)
  }
}

function declaration(state: ParseState): void {
  const { reader, file } = state
  const scope = file.proto.package
  const { text } = reader.token
  switch (text) {
    case ';':
      reader.advance()
      return
    case 'package':
      packageName(state)
      return
    case 'import':
      importFile(state)
      return
    case 'option':
      reader.advance()
      file.options.push({
        type: 'FileOptions',
        scope,
        element: file.proto,
        uses: [reader.option()],
      })
      reader.expect(';', 'behind the option')
      return
    case 'message':
      parseMessage(state, scope, file.proto.messageType, 1)
      return
    case 'enum':
      parseEnum(state, scope, file.proto.enumType)
      return
    case 'extend':
      parseExtend(state, scope, file.proto.extension, file.proto.messageType, 1)
      return
    case 'service':
      service(state, scope)
      return
    default:
      reader.fail(
        `expected message, enum, service, extend, import, option or package, found ${reader.found()}`,
      )
  }
}

function packageName(state: ParseState): void {
  const { reader, file } = state
  const { at } = reader.advance()
  const { text } = reader.path('the name of the package', false)
  reader.expect(';', 'behind the package')
  if (file.proto.package !== '') reader.source.report(at, 'a file has one package only')
  file.proto.package = text
  for (let end = text.indexOf('.'); end >= 0; end = text.indexOf('.', end + 1)) {
    declare(state, text.slice(0, end), 'package', at)
  }
  declare(state, text, 'package', at)
}

function importFile(state: ParseState): void {
  const { reader, file } = state
  reader.advance()
  const index = file.proto.dependency.length
  const isPublic = reader.take('public')
  const isWeak = !isPublic && reader.take('weak')
  const { text, at } = reader.string('the name of a file')
  reader.expect(';', 'behind the import')
  if (file.proto.dependency.includes(text)) {
    reader.source.report(at, `"${text}" is imported twice`)
    return
  }
  if (isPublic) file.proto.publicDependency.push(index)
  if (isWeak) file.proto.weakDependency.push(index)
  file.proto.dependency.push(text)
  file.imports.push({ name: text, at })
}

function service(state: ParseState, scope: string): void {
  const { reader, file } = state
  reader.advance()
  const name = reader.identifier('the name of the service')
  const full = qualify(scope, name.text)
  declare(state, full, 'service', name.at)
  const proto = create(ServiceDescriptorProtoSchema, { name: name.text })
  file.proto.service.push(proto)
  block(state, 'behind the name of the service', () => {
    if (reader.at('rpc')) method(state, full, proto)
    else if (reader.take('option')) {
      const uses = [reader.option()]
      file.options.push({ type: 'ServiceOptions', scope: full, element: proto, uses })
      reader.expect(';', 'behind the option')
    } else reader.fail(`expected rpc or option, found ${reader.found()}`)
  })
}

function method(state: ParseState, scope: string, service_: ServiceDescriptorProto): void {
  const { reader, file } = state
  reader.advance()
  const name = reader.identifier('the name of the method')
  const proto = create(MethodDescriptorProtoSchema, { name: name.text })
  const full = qualify(scope, name.text)
  if (methodType(state, scope, (type) => (proto.inputType = type))) proto.clientStreaming = true
  reader.expect('returns', 'behind the request')
  if (methodType(state, scope, (type) => (proto.outputType = type))) proto.serverStreaming = true
  service_.method.push(proto)
  declare(state, full, 'method', name.at)
  if (reader.take(';')) return
  // An empty block leaves empty options behind, as in protoc.
  proto.options = create(MethodOptionsSchema)
  block(state, 'or ";" behind the method', () => {
    reader.expect('option', 'in the block of a method')
    file.options.push({
      type: 'MethodOptions',
      scope: full,
      element: proto,
      uses: [reader.option()],
    })
    reader.expect(';', 'behind the option')
  })
}

/** `(stream T)`; returns whether it is a stream. */
function methodType(state: ParseState, scope: string, apply: (type: string) => void): boolean {
  const { reader, file } = state
  reader.expect('(', 'before the type')
  // A message may be called stream, and a dot may begin an absolute name.
  const next = reader.ahead
  const isStream =
    reader.at('stream') &&
    next.text !== ')' &&
    (next.text !== '.' || next.at > reader.token.at + 'stream'.length)
  if (isStream) reader.advance()
  const { text, at } = reader.path('the type of a message', true)
  reader.expect(')', 'behind the type')
  file.references.push({ name: text, scope, at, allowed: ['message'], apply })
  return isStream
}
