import { emptyBytes } from './bytes.ts'
import type { KeyValue } from './kv.ts'

/** A delete's pair: nothing but the key and the revision (as etcd's DELETE event). */
export function tombstone(key: Uint8Array, revision: number): KeyValue {
  return {
    key,
    value: emptyBytes,
    createRevision: 0,
    modRevision: revision,
    version: 0,
    lease: 0n,
  }
}
