import type { Clock, Duration, Logger, Random } from '@tidemill/core'
import type { Kv } from './kv.ts'

export interface KvOptions {
  /** `sqlite:PATH` or `sqlite::memory:`. */
  readonly url: string
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /**
   * How much history is kept beside the present state: the last so many revisions (default 10,000), or what is
   * younger than an age, or all of it (`'all'`) until {@link Kv.compact} is called.
   */
  readonly history?: { readonly revisions: number } | { readonly age: Duration } | 'all'
  /** Bytes of data above which puts are refused with TM_KV_NO_SPACE; default 2 GiB, as etcd's. */
  readonly quotaBytes?: number
  /** Calls that may wait; one more is refused with TM_KV_OVERLOADED. Default 10,000. */
  readonly queueLimit?: number
  /** Bytes of keys and values that may wait; default 64 MiB. */
  readonly queueBytes?: number
}

/** Opens the store of that URL; rejects with TM_KV_URL or TM_KV_ARGUMENT, or the TM_SQLITE_ code of the file's fault. */
export async function openKv(options: KvOptions): Promise<Kv> {
  const { openSqliteKv } = await import('./sqlite/engine.ts')
  return openSqliteKv(options)
}
