import {
  create,
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescMessage,
  type FileRegistry,
  getExtension,
  hasExtension,
  type Message,
  ScalarType,
  setExtension,
} from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'
import { asFloat } from './default-value.ts'
import {
  describeValue,
  type NamePart,
  type OptionUse,
  type OptionValue,
  type TextField,
} from './option-value.ts'
import type { OptionsOf, ParsedFile } from './parsed-file.ts'
import type { SymbolTable } from './symbol-table.ts'

type Shape = Record<string, unknown>
type AnyField = DescField | DescExtension

/** A value that an option cannot have; reported where it stands. */
class OptionProblem extends Error {
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/**
 * Sets options on the descriptors of one file, by the types of google/protobuf/descriptor.proto and the extensions that
 * the file sees. `registry` holds all types; what is wrong is noted in the file.
 */
export class OptionInterpreter {
  readonly #file: ParsedFile
  readonly #registry: FileRegistry
  readonly #table: SymbolTable
  readonly #visible: ReadonlySet<string>

  constructor(file: ParsedFile, registry: FileRegistry, table: SymbolTable) {
    this.#file = file
    this.#registry = registry
    this.#table = table
    this.#visible = table.visibleFrom(file.proto)
  }

  /** Only options whose name begins with a word, or only those that begin with an extension. */
  interpret(options: OptionsOf, extensions: boolean): void {
    const desc = this.#registry.getMessage(`google.protobuf.${options.type}`)
    if (desc === undefined) return
    for (const use of options.uses) {
      if (use.name.some((part) => part.extension) !== extensions) continue
      options.element.options ??= create(desc)
      this.#attempt(() => {
        this.#set(desc, options.element.options as Message, use.name, use, options.scope)
      })
    }
  }

  #attempt(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof OptionProblem)) throw error
      this.#file.source.report(error.at, error.message)
    }
  }

  /** Walks to where the name points and sets the value there. */
  #set(
    desc: DescMessage,
    message: Message,
    name: readonly NamePart[],
    use: OptionUse,
    scope: string,
  ): void {
    const [part, ...rest] = name
    if (part === undefined) return
    const field = this.#find(desc, part, scope)
    if (rest.length === 0) {
      this.#assign(message, field, this.#value(field, use.value, scope), use)
      return
    }
    if (field.message === undefined || field.fieldKind !== 'message') {
      throw new OptionProblem(part.at, `${part.name} is not a message, it has no fields`)
    }
    const child = (read(message, field) ?? create(field.message)) as Message
    this.#set(field.message, child, rest, use, scope)
    write(message, field, child)
  }

  #assign(message: Message, field: AnyField, value: unknown, use: OptionUse): void {
    if (field.fieldKind === 'list') {
      const items = (read(message, field) ?? []) as unknown[]
      write(message, field, [...items, ...(Array.isArray(value) ? (value as unknown[]) : [value])])
    } else if (field.fieldKind === 'map') {
      write(message, field, { ...(read(message, field) as Shape), ...(value as Shape) })
    } else if (isSet(message, field)) {
      throw new OptionProblem(use.at, `option ${field.name} is set twice`)
    } else {
      write(message, field, value)
    }
  }

  #find(desc: DescMessage, part: NamePart, scope: string): AnyField {
    if (!part.extension) {
      const field = desc.fields.find((at) => at.name === part.name)
      if (field !== undefined && part.name !== 'uninterpreted_option') return field
      throw new OptionProblem(part.at, `${desc.typeName} has no option or field ${part.name}`)
    }
    const found = this.#table.find(
      this.#visible,
      scope,
      part.name,
      (kind) => kind === 'extension' || kind === 'field',
    )
    if (typeof found === 'string') throw new OptionProblem(part.at, found)
    const extension = this.#registry.getExtension(found.name)
    if (extension?.extendee.typeName === desc.typeName) return extension
    throw new OptionProblem(part.at, `${found.name} is not an extension of ${desc.typeName}`)
  }

  /** The value as protobuf-es has it: an item of a list, an entry of a map, or a single value. */
  #value(field: AnyField, value: OptionValue, scope: string): unknown {
    if (value.kind === 'list') {
      if (field.fieldKind === 'map') {
        return Object.assign(
          {},
          ...value.items.map((item) => this.#value(field, item, scope)),
        ) as Shape
      }
      if (field.fieldKind === 'list')
        return value.items.map((item) => this.#single(field, item, scope))
      throw new OptionProblem(value.at, `${field.name} takes one value, not a list`)
    }
    return field.fieldKind === 'map'
      ? this.#entry(field, value, scope)
      : this.#single(field, value, scope)
  }

  #single(field: AnyField, value: OptionValue, scope: string): unknown {
    if (field.message !== undefined) return this.#message(field.message, value, scope)
    if (field.enum !== undefined) return enumNumber(field.enum, value)
    return scalarValue(field.scalar, value)
  }

  #entry(field: DescField & { fieldKind: 'map' }, value: OptionValue, scope: string): Shape {
    if (value.kind !== 'message')
      throw new OptionProblem(value.at, 'expected { key: ... value: ... }')
    const part = (name: string): OptionValue | undefined =>
      value.fields.find((at) => at.name.name === name)?.value
    const key = part('key')
    const content = part('value')
    const name = key === undefined ? zeroKey(field.mapKey) : String(scalarValue(field.mapKey, key))
    let item: unknown
    if (content === undefined) item = field.message === undefined ? 0 : create(field.message)
    else if (field.message !== undefined) item = this.#message(field.message, content, scope)
    else if (field.enum !== undefined) item = enumNumber(field.enum, content)
    else item = scalarValue(field.scalar, content)
    return { [name]: item }
  }

  #message(desc: DescMessage, value: OptionValue, scope: string): Message {
    if (value.kind !== 'message') {
      throw new OptionProblem(
        value.at,
        `expected a message of ${desc.typeName}, found ${describeValue(value)}`,
      )
    }
    const message = create(desc)
    for (const at of value.fields) this.#literalField(desc, message, at, scope)
    return message
  }

  #literalField(
    desc: DescMessage,
    message: Message,
    { name, value }: TextField,
    scope: string,
  ): void {
    // Groups go by the name of their message in the text format.
    const group = desc.fields.find(
      (at) => at.fieldKind === 'message' && at.delimitedEncoding && at.message.name === name.name,
    )
    const field = group ?? this.#find(desc, name, scope)
    this.#assign(message, field, this.#value(field, value, scope), {
      name: [name],
      value,
      at: name.at,
    })
  }
}

function zeroKey(type: ScalarType): string {
  if (type === ScalarType.STRING) return ''
  return type === ScalarType.BOOL ? 'false' : '0'
}

function enumNumber(desc: DescEnum, value: OptionValue): number {
  const found =
    value.kind === 'identifier' ? desc.values.find((at) => at.name === value.value) : undefined
  if (found !== undefined) return found.number
  throw new OptionProblem(value.at, `${describeValue(value)} is not a value of ${desc.typeName}`)
}

const limits: Readonly<Partial<Record<ScalarType, readonly [number, boolean]>>> = {
  [ScalarType.INT32]: [32, true],
  [ScalarType.SINT32]: [32, true],
  [ScalarType.SFIXED32]: [32, true],
  [ScalarType.UINT32]: [32, false],
  [ScalarType.FIXED32]: [32, false],
  [ScalarType.INT64]: [64, true],
  [ScalarType.SINT64]: [64, true],
  [ScalarType.SFIXED64]: [64, true],
  [ScalarType.UINT64]: [64, false],
  [ScalarType.FIXED64]: [64, false],
}

function scalarValue(type: ScalarType, value: OptionValue): unknown {
  const limit = limits[type]
  let found: unknown
  if (limit !== undefined) {
    const [bits, signed] = limit
    if (value.kind === 'integer') {
      const kept = signed ? BigInt.asIntN(bits, value.value) : BigInt.asUintN(bits, value.value)
      if (kept === value.value) found = bits === 64 ? kept : Number(kept)
    }
  } else if (type === ScalarType.STRING) {
    if (value.kind === 'string') found = value.value.toString()
  } else if (type === ScalarType.BYTES) {
    if (value.kind === 'string') found = new Uint8Array(value.value)
  } else if (type === ScalarType.BOOL) {
    if (value.kind === 'identifier' && /^(?:true|false)$/u.test(value.value)) {
      found = value.value === 'true'
    }
  } else {
    found = asFloat(value)
  }
  if (found !== undefined) return found
  const name = ScalarType[type].toLowerCase()
  throw new OptionProblem(value.at, `${describeValue(value)} is not a value of ${name}`)
}

function isSet(message: Message, field: AnyField): boolean {
  if (field.kind === 'extension') return hasExtension(message, field)
  if (field.oneof !== undefined) {
    return (
      ((message as unknown as Shape)[field.oneof.localName] as Shape)['case'] === field.localName
    )
  }
  const value = (message as unknown as Shape)[field.localName]
  return (
    Object.hasOwn(message, field.localName) &&
    value !== undefined &&
    field.presence !== FeatureSet_FieldPresence.IMPLICIT
  )
}

function read(message: Message, field: AnyField): unknown {
  if (field.kind === 'extension') {
    return hasExtension(message, field) ? getExtension(message, field) : undefined
  }
  if (field.oneof !== undefined) {
    const oneof = (message as unknown as Shape)[field.oneof.localName] as Shape
    return oneof['case'] === field.localName ? oneof['value'] : undefined
  }
  return (message as unknown as Shape)[field.localName]
}

function write(message: Message, field: AnyField, value: unknown): void {
  if (field.kind === 'extension') setExtension(message, field, value as never)
  else if (field.oneof === undefined) (message as unknown as Shape)[field.localName] = value
  else (message as unknown as Shape)[field.oneof.localName] = { case: field.localName, value }
}
