import type { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '@tidemill/core/sqlite'
import type { Retention } from '../sqlite/compaction.ts'
import { Store } from '../sqlite/store.ts'

export interface TestStoreOptions {
  /** File name or `:memory:`, the default. */
  readonly file?: string
  readonly retention?: Retention
  readonly quotaBytes?: number
}

/** The embedded engine's store without its thread: synchronous, its time given with each batch. `db` is for breaking it. */
export type TestStore = Store & Disposable & { readonly db: DatabaseSync }

/** Opens a store for tests that want to look at every step; keeps all history by default. */
export function openTestStore(options: TestStoreOptions = {}): TestStore {
  const { file = ':memory:', retention = { all: true }, quotaBytes = 1e9 } = options
  const db = openSqlite(file)
  const store = new Store(db, { file, retention, quotaBytes, newStoreId: 'test' }, 0)
  return Object.assign(store, { db, [Symbol.dispose]: () => db.close() })
}
