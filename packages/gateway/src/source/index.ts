export {
  type FileLoad,
  type FileSource,
  type FileSourceOptions,
  followFiles,
  manifestFiles,
} from './file-source.ts'
export { type Configurable, followKv, type KvSource, type KvSourceOptions } from './kv-source.ts'
export { LastGood, readLastGood, type Snapshot } from './last-good.ts'
export { objectOf, storageKey } from './object-key.ts'
