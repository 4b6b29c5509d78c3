import type { FieldDescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import type { OptionUse } from './option-value.ts'
import type { Source } from './source.ts'

export type SymbolKind =
  | 'package'
  | 'message'
  | 'enum'
  | 'enum value'
  | 'field'
  | 'oneof'
  | 'extension'
  | 'service'
  | 'method'

/** A name that a file declares. */
export interface Declaration {
  /** Full name, without a leading dot. */
  readonly name: string
  readonly kind: SymbolKind
  readonly at: number
}

/** A name of a type in the text, to be resolved once all files are read. */
export interface TypeReference {
  readonly name: string
  /** Full name of what surrounds it. */
  readonly scope: string
  readonly at: number
  /** What it may be; anything else is a problem. */
  readonly allowed: readonly SymbolKind[]
  /** Called with the full name, with a leading dot. */
  readonly apply: (fullName: string, kind: SymbolKind) => void
}

/** Whose options: the message type in google/protobuf/descriptor.proto. */
export type OptionsType =
  | 'FileOptions'
  | 'MessageOptions'
  | 'FieldOptions'
  | 'OneofOptions'
  | 'EnumOptions'
  | 'EnumValueOptions'
  | 'ServiceOptions'
  | 'MethodOptions'
  | 'ExtensionRangeOptions'

/** Options of one element. */
export interface OptionsOf {
  readonly type: OptionsType
  readonly scope: string
  readonly element: { options?: unknown }
  readonly uses: readonly OptionUse[]
}

/** A default value as written, to be brought into the form of descriptors once the type is known. */
export interface DefaultOf {
  readonly field: FieldDescriptorProto
  readonly use: OptionUse
}

/** An extension, whose number must be one that the extended message leaves open. */
export interface ExtensionOf {
  readonly field: FieldDescriptorProto
  readonly at: number
}

export interface Import {
  readonly name: string
  readonly at: number
}

/** One file as read, its names not yet resolved. */
export interface ParsedFile {
  readonly source: Source
  readonly proto: FileDescriptorProto
  readonly imports: Import[]
  readonly declarations: Declaration[]
  readonly references: TypeReference[]
  readonly options: OptionsOf[]
  readonly defaults: DefaultOf[]
  readonly extensions: ExtensionOf[]
  /** Run once names are resolved and options set. */
  readonly checks: (() => void)[]
}

export type Syntax = 'proto2' | 'proto3' | 'editions'
