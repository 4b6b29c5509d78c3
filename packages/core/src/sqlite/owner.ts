import { randomUUID } from 'node:crypto'
import { lstatSync, mkdirSync, readlinkSync, realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteErrors } from './errors.ts'
import { isSqliteFailure, sqliteError } from './failure.ts'

/** The right to write one database file, held until `release` or the end of the process, however it ends. */
export interface SqliteOwner {
  readonly file: string
  release(): void
}

const mostLinks = 40

interface OwnerRow {
  readonly token: string
  readonly pid: number
  readonly host: string
}

/**
 * Makes this caller the only owner of `file`, or throws TM_SQLITE_OWNED with the pid and host of the one that is.
 * A second call in the same process is refused too.
 *
 * The lock is a write transaction held open on a tiny database `<file>.owner`: the kernel drops its lock when the
 * process dies, so nothing stale is left behind, and SQLite arbitrates between the threads of one process, which a
 * bare file lock would not. The row with pid and host is committed before, so that a contender can read it. The file
 * stays after release: deleting it would let two contenders lock two different files.
 */
export function acquireOwner(file: string): SqliteOwner {
  const lockFile = `${canonical(file)}.owner`
  const token = randomUUID()
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(lockFile, { timeout: 0 })
    if (!hold(db, token)) throw owned(db, file)
    const held = db
    return { file, release: () => held.close() }
  } catch (error) {
    db?.close()
    throw sqliteError(error, { file: lockFile })
  }
}

/** Leaves the transaction open and returns true, or returns false when somebody else has it. */
function hold(db: DatabaseSync, token: string): boolean {
  for (;;) {
    if (!begin(db)) return false
    if (current(db)?.token === token) return true
    db.exec(
      'CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY CHECK (one = 1), token TEXT, pid INTEGER, host TEXT)',
    )
    db.prepare('INSERT OR REPLACE INTO owner VALUES (1, ?, ?, ?)').run(
      token,
      process.pid,
      hostname(),
    )
    db.exec('COMMIT')
  }
}

function begin(db: DatabaseSync): boolean {
  try {
    db.exec('BEGIN IMMEDIATE')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    throw error
  }
}

function current(db: DatabaseSync): OwnerRow | undefined {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'owner'").get()
  if (exists === undefined) return undefined
  return db.prepare('SELECT token, pid, host FROM owner').get() as OwnerRow | undefined
}

function owned(db: DatabaseSync, file: string): Error {
  let row: OwnerRow | undefined
  try {
    row = current(db)
  } catch (error) {
    // The owner is just writing its row.
    if (!isBusy(error)) throw error
  }
  return sqliteErrors.error('TM_SQLITE_OWNED', {
    file,
    pid: row?.pid ?? 'unknown',
    host: row?.host ?? 'this machine',
  })
}

function isBusy(error: unknown): boolean {
  return isSqliteFailure(error) && (error.errcode & 0xff) === 5
}

/** One name per file whichever way it is reached, so that a symbolic link cannot give it two owners. */
function canonical(file: string): string {
  try {
    let name = path.resolve(file)
    for (let hops = 0; hops < mostLinks; hops++) {
      mkdirSync(path.dirname(name), { recursive: true })
      name = path.join(realpathSync(path.dirname(name)), path.basename(name))
      // SQLite makes the target of a link that leads to nothing yet, so that its name decides.
      const target = lstatSync(name, { throwIfNoEntry: false })
      if (target?.isSymbolicLink() !== true) return name
      name = path.resolve(path.dirname(name), readlinkSync(name))
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw sqliteErrors.error('TM_SQLITE_CANTOPEN', { file, reason }, { cause: error })
  }
  const reason = `more than ${mostLinks} symbolic links`
  throw sqliteErrors.error('TM_SQLITE_CANTOPEN', { file, reason })
}
