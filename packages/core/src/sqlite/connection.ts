import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteErrors } from './errors.ts'
import { sqliteError } from './failure.ts'

export interface SqliteOpenOptions {
  /** Opens without the right to write; the file must exist. Default false. */
  readonly readOnly?: boolean
}

/**
 * Opens a SQLite file the way all of Tidemill does: WAL with `synchronous=FULL`, so that a commit that returned
 * survives power loss, foreign keys on, 64 MB page cache. Missing folders are made. `:memory:` gives a private
 * database in memory. Throws TM_SQLITE_CANTOPEN, TM_SQLITE_CORRUPT (no SQLite header, or shorter than its header
 * says), TM_SQLITE_READONLY or TM_SQLITE_BUSY. A full integrity check is not done: it reads the whole file.
 */
export function openSqlite(file: string, options: SqliteOpenOptions = {}): DatabaseSync {
  const readOnly = options.readOnly ?? false
  const inMemory = file === ':memory:'
  if (!inMemory && !readOnly) makeFolder(file)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { readOnly, timeout: 5000, enableForeignKeyConstraints: true })
    if (!inMemory && !readOnly) db.exec('PRAGMA journal_mode=WAL')
    db.exec('PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-64000')
    // The cheapest read that makes SQLite check the header, and the length of the file against it.
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    return db
  } catch (error) {
    db?.close()
    throw sqliteError(error, { file })
  }
}

function makeFolder(file: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw sqliteErrors.error('TM_SQLITE_CANTOPEN', { file, reason }, { cause: error })
  }
}
