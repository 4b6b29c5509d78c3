import { type DescFile, type DescMessage, type DescService, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** The files behind a set of services, found by file name, by symbol and by extension. */
export class SymbolIndex {
  readonly #files = new Map<string, DescFile>()
  readonly #symbols = new Map<string, DescFile>()
  /** Of a message type: number of the extension and where it is declared. */
  readonly #extensions = new Map<string, Map<number, DescFile>>()
  readonly #bytes = new Map<DescFile, Uint8Array>()

  constructor(services: readonly DescService[], files: readonly DescFile[]) {
    for (const { file } of services) this.#addFile(file)
    for (const file of files) this.#addFile(file)
  }

  /** As imports name it, for example `google/protobuf/any.proto`. */
  file(name: string): DescFile | undefined {
    return this.#files.get(name)
  }

  symbol(name: string): DescFile | undefined {
    return this.#symbols.get(name.startsWith('.') ? name.slice(1) : name)
  }

  extension(typeName: string, number: number): DescFile | undefined {
    return this.#extensions.get(typeName)?.get(number)
  }

  /** Undefined for a message type that is not known. */
  extensionNumbers(typeName: string): readonly number[] | undefined {
    const numbers = this.#extensions.get(typeName)
    if (numbers === undefined) return this.#symbols.has(typeName) ? [] : undefined
    return [...numbers.keys()].toSorted((a, b) => a - b)
  }

  /** A file and everything that it imports, imports first, as serialised FileDescriptorProto. */
  closure(file: DescFile): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    const visit = (at: DescFile): void => {
      if (found.has(at.proto.name)) return
      for (const dependency of at.dependencies) visit(dependency)
      found.set(at.proto.name, this.#serialise(at))
    }
    visit(file)
    return found
  }

  #serialise(file: DescFile): Uint8Array {
    let bytes = this.#bytes.get(file)
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto)
      this.#bytes.set(file, bytes)
    }
    return bytes
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return
    this.#files.set(file.proto.name, file)
    for (const dependency of file.dependencies) this.#addFile(dependency)
    for (const message of file.messages) this.#addMessage(message, file)
    for (const { typeName, values } of file.enums) this.#addEnum(typeName, values, file)
    for (const extension of file.extensions) this.#addExtension(extension, file)
    for (const service of file.services) {
      this.#symbols.set(service.typeName, file)
      for (const { name } of service.methods) this.#symbols.set(`${service.typeName}.${name}`, file)
    }
  }

  #addMessage(message: DescMessage, file: DescFile): void {
    this.#symbols.set(message.typeName, file)
    for (const { name } of [...message.fields, ...message.oneofs]) {
      this.#symbols.set(`${message.typeName}.${name}`, file)
    }
    for (const nested of message.nestedMessages) this.#addMessage(nested, file)
    for (const { typeName, values } of message.nestedEnums) this.#addEnum(typeName, values, file)
    for (const extension of message.nestedExtensions) this.#addExtension(extension, file)
  }

  #addEnum(typeName: string, values: readonly { readonly name: string }[], file: DescFile): void {
    this.#symbols.set(typeName, file)
    // Values are symbols of the scope around the enum, as in C++.
    const scope = typeName.slice(0, typeName.lastIndexOf('.') + 1)
    for (const { name } of values) this.#symbols.set(scope + name, file)
  }

  #addExtension(
    extension: {
      readonly typeName: string
      readonly number: number
      readonly extendee: DescMessage
    },
    file: DescFile,
  ): void {
    this.#symbols.set(extension.typeName, file)
    const { typeName } = extension.extendee
    let numbers = this.#extensions.get(typeName)
    if (numbers === undefined) {
      numbers = new Map()
      this.#extensions.set(typeName, numbers)
    }
    numbers.set(extension.number, file)
  }
}
