import type { FileRegistry } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FieldDescriptorProto_Type as types,
} from '@bufbuild/protobuf/wkt'
import { badDefault, defaultText } from './default-value.ts'
import { OptionInterpreter } from './interpret-options.ts'
import type { ParsedFile } from './parsed-file.ts'
import { registryOf } from './registry-of.ts'
import { qualify } from './scope.ts'
import { SymbolTable } from './symbol-table.ts'
import { wellKnownFile } from './well-known.ts'

/** Types by full name with a leading dot, as descriptors name them. */
interface Types {
  readonly messages: Map<string, DescriptorProto>
  readonly enums: Map<string, EnumDescriptorProto>
}

/**
 * Resolves the names in files that were read, given with imports first, and sets their options; the descriptors in
 * `files` are complete then. What is wrong is noted in each file; undefined if the types cannot be used.
 */
export function link(
  files: readonly ParsedFile[],
  wellKnown: readonly FileDescriptorProto[],
): FileRegistry | undefined {
  const descriptor = wellKnownFile('google/protobuf/descriptor.proto') as FileDescriptorProto
  const given = [...new Set([descriptor, ...wellKnown])]
  const protos = [...given, ...files.map((file) => file.proto)]
  const table = new SymbolTable()
  for (const proto of given) table.addDescriptor(proto)
  for (const file of files) {
    table.addParsed(file)
    const visible = table.visibleFrom(file.proto)
    for (const reference of file.references) table.resolve(file, visible, reference)
  }
  const known: Types = { messages: new Map(), enums: new Map() }
  for (const proto of protos) collect(known, proto.package, proto.messageType, proto.enumType)
  const taken = new Map<string, string>()
  for (const file of files) checkExtensions(file, known, taken)
  for (const file of files) setDefaults(file, known)
  if (hasProblems(files)) return undefined
  // Twice, because what an option's type is may depend on options, such as whether its enum is closed.
  for (const extensions of [false, true]) {
    const registry = registryOf(protos)
    for (const file of files) {
      const interpreter = new OptionInterpreter(file, registry, table)
      for (const options of file.options) interpreter.interpret(options, extensions)
    }
  }
  for (const file of files) for (const check of file.checks) check()
  return hasProblems(files) ? undefined : registryOf(protos)
}

function hasProblems(files: readonly ParsedFile[]): boolean {
  return files.some((file) => file.source.problems.length > 0)
}

function collect(
  known: Types,
  scope: string,
  messages: readonly DescriptorProto[],
  enums: readonly EnumDescriptorProto[],
): void {
  for (const at of enums) known.enums.set(`.${qualify(scope, at.name)}`, at)
  for (const at of messages) {
    const full = qualify(scope, at.name)
    known.messages.set(`.${full}`, at)
    collect(known, full, at.nestedType, at.enumType)
  }
}

/** `taken` holds the name of the extension of each type and number. */
function checkExtensions(file: ParsedFile, known: Types, taken: Map<string, string>): void {
  for (const { field, at } of file.extensions) {
    const extendee = known.messages.get(field.extendee)
    if (extendee === undefined) continue
    const open = extendee.extensionRange.some(
      ({ start, end }) => field.number >= start && field.number < end,
    )
    if (!open) {
      file.source.report(
        at,
        `${field.extendee.slice(1)} leaves no number ${field.number} to extensions`,
      )
    }
    const place = `${field.extendee} ${field.number}`
    const other = taken.get(place)
    if (other !== undefined) {
      file.source.report(at, `${field.name} has the number ${field.number} of ${other}`)
    }
    taken.set(place, field.name)
    if (
      file.proto.syntax === 'proto3' &&
      !/^\.google\.protobuf\.\w+Options$/u.test(field.extendee)
    ) {
      file.source.report(at, 'proto3 extends nothing but options')
    }
  }
}

function setDefaults(file: ParsedFile, known: Types): void {
  for (const { field, use } of file.defaults) {
    // An unresolved type is a problem already.
    if (field.type === undefined || (field.type === types.ENUM && field.typeName === '')) continue
    const values = known.enums.get(field.typeName)?.value ?? []
    const text = defaultText(field, use.value, (name) => values.some((at) => at.name === name))
    if (text === undefined) file.source.report(use.value.at, badDefault(field, use.value))
    else field.defaultValue = text
  }
}
