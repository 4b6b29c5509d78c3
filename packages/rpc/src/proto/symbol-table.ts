import type {
  DescriptorProto,
  EnumDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import type { ParsedFile, SymbolKind, TypeReference } from './parsed-file.ts'
import { qualify } from './scope.ts'

interface Known {
  readonly kind: SymbolKind
  readonly file: string
}

/** Names within which other names are declared. */
const scopes = new Set<SymbolKind>(['package', 'message', 'enum', 'service'])

/** Every name of a set of files, and which files see which. */
export class SymbolTable {
  readonly #symbols = new Map<string, Known>()
  /** Files of each package and of each package around it. */
  readonly #packages = new Map<string, Set<string>>()
  /** What a file makes visible to those that import it: itself and its public imports. */
  readonly #exports = new Map<string, ReadonlySet<string>>()

  /** Adds a file that was read; its imports must have been added. Reports names that exist already. */
  addParsed(file: ParsedFile): void {
    const { proto, source } = file
    for (const { name, kind, at } of file.declarations) {
      const before = this.#declare(name, kind, proto.name)
      if (before === undefined) continue
      const where = before.file === proto.name ? '' : ` in "${before.file}"`
      source.report(at, `${name} is declared already, as a ${before.kind}${where}`)
    }
    this.#export(proto)
  }

  /** Adds a file that is a descriptor already. */
  addDescriptor(proto: FileDescriptorProto): void {
    const { name: file } = proto
    const add = (name: string, kind: SymbolKind): void => void this.#declare(name, kind, file)
    for (
      let end = proto.package.indexOf('.');
      end >= 0;
      end = proto.package.indexOf('.', end + 1)
    ) {
      add(proto.package.slice(0, end), 'package')
    }
    add(proto.package, 'package')
    const addEnum = (scope: string, at: EnumDescriptorProto): void => {
      add(qualify(scope, at.name), 'enum')
      for (const { name } of at.value) add(qualify(scope, name), 'enum value')
    }
    const addMessage = (scope: string, message: DescriptorProto): void => {
      const full = qualify(scope, message.name)
      add(full, 'message')
      for (const { name } of message.field) add(qualify(full, name), 'field')
      for (const { name } of message.extension) add(qualify(full, name), 'extension')
      for (const at of message.enumType) addEnum(full, at)
      for (const at of message.nestedType) addMessage(full, at)
    }
    for (const at of proto.messageType) addMessage(proto.package, at)
    for (const at of proto.enumType) addEnum(proto.package, at)
    for (const { name } of proto.extension) add(qualify(proto.package, name), 'extension')
    for (const { name } of proto.service) add(qualify(proto.package, name), 'service')
    this.#export(proto)
  }

  /** The files that a file sees. */
  visibleFrom(proto: FileDescriptorProto): ReadonlySet<string> {
    const visible = new Set([proto.name])
    for (const name of proto.dependency) {
      for (const file of this.#exports.get(name) ?? []) visible.add(file)
    }
    return visible
  }

  /** Gives a reference its full name, or reports why not. */
  resolve(file: ParsedFile, visible: ReadonlySet<string>, reference: TypeReference): void {
    const found = this.find(visible, reference.scope, reference.name, (kind) =>
      reference.allowed.includes(kind),
    )
    if (typeof found !== 'string') {
      reference.apply(`.${found.name}`, found.kind)
      return
    }
    file.source.report(reference.at, found)
  }

  /**
   * Finds a name from within a scope as C++ does: the first part in the innermost scope that has it, the rest in that.
   * Returns what is wrong, if it is not found.
   */
  find(
    visible: ReadonlySet<string>,
    scope: string,
    name: string,
    allowed: (kind: SymbolKind) => boolean,
  ): { readonly name: string; readonly kind: SymbolKind } | string {
    if (name.startsWith('.')) return this.#exact(visible, name.slice(1), name, allowed)
    const dot = name.indexOf('.')
    const first = dot < 0 ? name : name.slice(0, dot)
    for (let around = scope; ; around = around.slice(0, Math.max(around.lastIndexOf('.'), 0))) {
      const kind = this.#kind(visible, qualify(around, first))
      if (kind !== undefined && (dot < 0 ? allowed(kind) : scopes.has(kind))) {
        return this.#exact(visible, qualify(around, name), name, allowed)
      }
      if (around === '') break
    }
    return this.#missing(visible, name, name)
  }

  #exact(
    visible: ReadonlySet<string>,
    full: string,
    written: string,
    allowed: (kind: SymbolKind) => boolean,
  ): { readonly name: string; readonly kind: SymbolKind } | string {
    const kind = this.#kind(visible, full)
    if (kind === undefined) return this.#missing(visible, full, written)
    return allowed(kind) ? { name: full, kind } : `${full} is a ${kind}, which does not fit here`
  }

  #kind(visible: ReadonlySet<string>, full: string): SymbolKind | undefined {
    const known = this.#symbols.get(full)
    if (known === undefined) return undefined
    if (known.kind !== 'package') return visible.has(known.file) ? known.kind : undefined
    for (const file of this.#packages.get(full) ?? []) if (visible.has(file)) return 'package'
    return undefined
  }

  #missing(visible: ReadonlySet<string>, full: string, written: string): string {
    const known = this.#symbols.get(full)
    if (known !== undefined && known.kind !== 'package' && !visible.has(known.file)) {
      return `${full} is declared in "${known.file}", which this file does not import`
    }
    const tail = `.${written.replace(/^\./u, '')}`
    for (const [name, { kind, file }] of this.#symbols) {
      if (!name.endsWith(tail) || (kind !== 'message' && kind !== 'enum')) continue
      const how = visible.has(file) ? '' : `, declared in "${file}"`
      return `${written} is not declared here; did you mean ${name}${how}?`
    }
    return `${written} is not declared`
  }

  /** Returns what has the name already. */
  #declare(name: string, kind: SymbolKind, file: string): Known | undefined {
    if (kind === 'package') {
      const files = this.#packages.get(name) ?? new Set()
      this.#packages.set(name, files.add(file))
    }
    const before = this.#symbols.get(name)
    if (before === undefined) {
      this.#symbols.set(name, { kind, file })
      return undefined
    }
    return before.kind === 'package' && kind === 'package' ? undefined : before
  }

  #export(proto: FileDescriptorProto): void {
    const exported = new Set([proto.name])
    for (const index of proto.publicDependency) {
      const name = proto.dependency[index] ?? ''
      for (const file of this.#exports.get(name) ?? []) exported.add(file)
    }
    this.#exports.set(proto.name, exported)
  }
}
