import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

const buf = path.join(import.meta.dirname, '../../../../node_modules/.bin/buf')

export const corpus: string = path.join(import.meta.dirname, 'corpus')
export const ownProtos: string = path.join(import.meta.dirname, '../../proto')

/** What the Buf compiler makes of a folder of .proto files: the oracle. Without comments and positions. */
export function compileWithBuf(folder: string): FileDescriptorSet {
  const bytes = execFileSync(
    buf,
    ['build', folder, '--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb'],
    { maxBuffer: 64 * 1024 * 1024 },
  )
  return fromBinary(FileDescriptorSetSchema, bytes)
}

let compiled: FileRegistry | undefined

/** The message types of the corpus: one of everything in proto2, proto3 and editions. */
export function corpusRegistry(): FileRegistry {
  compiled ??= createFileRegistry(compileWithBuf(corpus))
  return compiled
}
