import type { Database } from '../database.ts'
import { type OpenOptions, readOptions } from '../open.ts'
import { openSqliteDatabase } from '../sqlite/engine.ts'
import type { Faults } from '../sqlite/messages.ts'

/** The SQLite engine with faults on demand. */
export interface TestDatabase extends Database {
  /** Replaces the faults and starts counting commits anew; `{}` ends them. */
  setFaults(faults: Faults): Promise<void>
}

/** {@link openDatabase} with a slower disk, a full disk, failing commits or a dying thread. */
export function openTestDatabase(
  options: OpenOptions & { readonly faults?: Faults },
): Promise<TestDatabase> {
  return openSqliteDatabase({ ...readOptions(options), faults: options.faults ?? null })
}
