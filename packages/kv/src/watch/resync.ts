import { TidemillError } from '@tidemill/core'
import type { ByteRange } from '../bytes.ts'
import type { KeyRange, KeyValue, RangeOptions, RangeResult } from '../kv.ts'

const pageSize = 5000

export interface Snapshot {
  readonly revision: number
  readonly kvs: readonly KeyValue[]
}

/**
 * Reads a whole range in pages, all pinned to the revision of the first; starts again when that revision is compacted
 * meanwhile.
 */
export async function readSnapshot(
  range: ByteRange,
  read: (range: KeyRange, options: RangeOptions) => Promise<RangeResult>,
): Promise<Snapshot> {
  for (;;) {
    try {
      return await readPages(range, read)
    } catch (error) {
      if (!TidemillError.is(error, 'TM_KV_COMPACTED')) throw error
    }
  }
}

async function readPages(
  range: ByteRange,
  read: (range: KeyRange, options: RangeOptions) => Promise<RangeResult>,
): Promise<Snapshot> {
  const end = range.end?.length === 0 ? Uint8Array.of(0) : range.end
  let { key } = range
  let revision = 0
  const kvs: KeyValue[] = []
  for (;;) {
    const page = await read(end === undefined ? key : { key, end }, { limit: pageSize, revision })
    if (revision === 0) revision = page.revision
    for (const kv of page.kvs) kvs.push(kv)
    const last = page.kvs.at(-1)
    if (!page.more || last === undefined) return { revision, kvs }
    // The next key in byte order.
    key = new Uint8Array(last.key.length + 1)
    key.set(last.key)
  }
}
