import type { DatabaseSync } from 'node:sqlite'
import { kvErrors } from '../errors.ts'

const format = '1'

/**
 * `log` has every event that is not compacted, version 0 is a delete; `sub` counts the events of one revision. `cur` points
 * from each living key to its newest row. The store's revision is the greatest one in `log`: compaction never removes it.
 */
const tables = `
CREATE TABLE IF NOT EXISTS log (
  rev INTEGER NOT NULL, sub INTEGER NOT NULL, key BLOB NOT NULL, create_rev INTEGER NOT NULL,
  version INTEGER NOT NULL, lease TEXT, value BLOB NOT NULL, PRIMARY KEY (rev, sub)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS log_history ON log (key, rev, sub);
CREATE TABLE IF NOT EXISTS cur (
  key BLOB PRIMARY KEY, rev INTEGER NOT NULL, sub INTEGER NOT NULL, create_rev INTEGER NOT NULL,
  version INTEGER NOT NULL, lease TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cur_lease ON cur (lease, key) WHERE lease IS NOT NULL;
CREATE TABLE IF NOT EXISTS lease (id TEXT PRIMARY KEY, ttl INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`

/** Makes the tables of an empty file; refuses a file that another program or a newer Tidemill laid out. */
export function prepareSchema(db: DatabaseSync, file: string, newStoreId: string): void {
  db.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`)
  const insert = db.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)')
  insert.run('format', format)
  insert.run('store_id', newStoreId)
  const found = readMeta(db, 'format')
  if (found !== format) {
    const problems = [
      { path: '/url', message: 'has another format', received: found ?? '', expected: format },
    ]
    throw kvErrors.error('TM_KV_ARGUMENT', { what: 'openKv', file, problems })
  }
}

export function readMeta(db: DatabaseSync, name: string): string | undefined {
  const row = db.prepare('SELECT value FROM meta WHERE name = ?').get(name)
  return row?.['value'] as string | undefined
}
