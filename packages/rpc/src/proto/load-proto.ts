import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { FileRegistry } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { protoErrors } from './errors.ts'
import { link } from './link.ts'
import type { ParsedFile } from './parsed-file.ts'
import { parseProto } from './parser.ts'
import { type ProtoProblem, Source } from './source.ts'
import { wellKnownFile } from './well-known.ts'

export interface LoadProtoOptions {
  /**
   * Files to load: below one of the import paths, or a path of its own, whose folder is an import path then. What they
   * import is loaded too; `google/protobuf/*.proto` come with the package.
   */
  readonly files: readonly string[]
  /** Folders that file names are relative to; default the current folder. */
  readonly importPaths?: readonly string[]
  /** Files by name that are given as text; they come before those on disk. */
  readonly sources?: Readonly<Record<string, string>>
}

const mostBytes = 8 * 1024 * 1024
const mostFiles = 10_000

/**
 * Loads .proto files (proto2, proto3, edition 2023) without a compiler and gives their types: messages for
 * `@bufbuild/protobuf`, services for channels and servers. Throws TM_RPC_PROTO_INVALID with every problem in
 * `details.problems` as `{ file, line, column, message }`, TM_RPC_PROTO_FILE for a file that cannot be read.
 */
export async function loadProto(options: LoadProtoOptions): Promise<FileRegistry> {
  const loader = new Loader(options)
  const roots = options.files.map((file) => loader.locate(file))
  for (const name of roots) await loader.load(name)
  return loader.finish()
}

class Loader {
  readonly #sources: Readonly<Record<string, string>>
  readonly #importPaths: string[]
  readonly #files = new Map<string, ParsedFile>()
  readonly #wellKnown = new Map<string, FileDescriptorProto>()

  constructor({ importPaths, sources }: LoadProtoOptions) {
    this.#sources = sources ?? {}
    this.#importPaths = (importPaths ?? ['.']).map((at) => path.resolve(at))
  }

  /** The name by which others would import the file. */
  locate(file: string): string {
    if (Object.hasOwn(this.#sources, file)) return file
    const absolute = path.resolve(file)
    for (const folder of this.#importPaths) {
      const relative = path.relative(folder, absolute)
      if (relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative)) {
        return relative.split(path.sep).join('/')
      }
    }
    if (!path.isAbsolute(file) && !file.startsWith('.')) return file
    this.#importPaths.push(path.dirname(absolute))
    return path.basename(absolute)
  }

  /** Loads a file named by the caller, and what it imports. */
  async load(name: string): Promise<void> {
    if (this.#files.has(name)) return
    const text = await this.#read(name)
    if (text === undefined) {
      const reason = `it is in none of the import paths${this.#searched()}`
      throw protoErrors.error('TM_RPC_PROTO_FILE', { file: name, reason })
    }
    await this.#parse(name, text)
  }

  finish(): FileRegistry {
    const ordered: ParsedFile[] = []
    const state = new Map<string, 'open' | 'done'>()
    for (const name of this.#files.keys()) this.#visit(name, ordered, state)
    let registry: FileRegistry | undefined
    if (this.#problems().length === 0) registry = link(ordered, [...this.#wellKnown.values()])
    const problems = this.#problems()
    if (registry !== undefined && problems.length === 0) return registry
    const [first] = problems
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
    const summary = first === undefined ? '' : `${describe(first)}${more}`
    throw protoErrors.error('TM_RPC_PROTO_INVALID', { summary, problems })
  }

  #searched(): string {
    return this.#importPaths.length === 0 ? '' : ` (looked in ${this.#importPaths.join(', ')})`
  }

  #problems(): ProtoProblem[] {
    return [...this.#files.values()].flatMap((file) => file.source.problems)
  }

  async #parse(name: string, text: string): Promise<void> {
    const waiting: { readonly name: string; readonly text: string }[] = [{ name, text }]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const file = parseProto(new Source(next.name, next.text))
      this.#files.set(next.name, file)
      for (const { name: imported, at } of file.imports) {
        if (this.#files.has(imported) || waiting.some((one) => one.name === imported)) continue
        if (this.#takeWellKnown(imported)) continue
        const found = this.#files.size < mostFiles ? await this.#read(imported) : undefined
        if (found === undefined) {
          file.source.report(at, `cannot find "${imported}"${this.#searched()}`)
        } else waiting.push({ name: imported, text: found })
      }
    }
  }

  /** Unless the user has files of that name. */
  #takeWellKnown(name: string): boolean {
    if (Object.hasOwn(this.#sources, name)) return false
    const proto = wellKnownFile(name)
    if (proto === undefined) return false
    for (const dependency of proto.dependency) this.#takeWellKnown(dependency)
    this.#wellKnown.set(name, proto)
    return true
  }

  async #read(name: string): Promise<string | undefined> {
    if (Object.hasOwn(this.#sources, name)) return this.#sources[name]
    // An import names a file below an import path, never one beside it.
    if (path.isAbsolute(name) || name.split(/[/\\]/u).includes('..')) return undefined
    for (const folder of this.#importPaths) {
      let bytes: Buffer
      try {
        bytes = await readFile(path.join(folder, name))
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'ENOENT' || code === 'ENOTDIR') continue
        throw protoErrors.error(
          'TM_RPC_PROTO_FILE',
          { file: name, reason: String(code) },
          { cause },
        )
      }
      if (bytes.length <= mostBytes) return bytes.toString()
      const reason = `it has more than ${mostBytes} bytes`
      throw protoErrors.error('TM_RPC_PROTO_FILE', { file: name, reason })
    }
    return undefined
  }

  /** Orders the files so that each comes behind what it imports, and reports cycles. */
  #visit(name: string, ordered: ParsedFile[], state: Map<string, 'open' | 'done'>): void {
    const file = this.#files.get(name)
    if (file === undefined || state.has(name)) return
    state.set(name, 'open')
    for (const { name: imported, at } of file.imports) {
      if (state.get(imported) === 'open')
        file.source.report(at, `"${imported}" imports this file again`)
      else this.#visit(imported, ordered, state)
    }
    state.set(name, 'done')
    ordered.push(file)
  }
}

function describe({ file, line, column, message }: ProtoProblem): string {
  return `${file}:${line}:${column}: ${message}`
}
