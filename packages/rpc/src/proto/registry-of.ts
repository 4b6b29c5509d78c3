import { create, createFileRegistry, type FileRegistry } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

/** The types of a set of files, in any order; each import must be among them. Throws if they do not fit together. */
export function registryOf(files: readonly FileDescriptorProto[]): FileRegistry {
  return createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }))
}

/** The files in an order in which each comes behind what it imports; throws for a cycle or a missing import. */
export function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]))
  const ordered: FileDescriptorProto[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (name: string, from: string): void => {
    if (state.get(name) === 'done') return
    const file = byName.get(name)
    if (file === undefined) throw new Error(`"${from}" imports "${name}", which is missing`)
    if (state.get(name) === 'open') throw new Error(`"${name}" imports itself`)
    state.set(name, 'open')
    for (const dependency of file.dependency) visit(dependency, name)
    state.set(name, 'done')
    ordered.push(file)
  }
  for (const { name } of files) visit(name, name)
  return ordered
}
