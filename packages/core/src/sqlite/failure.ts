import { TidemillError } from '../error.ts'
import { type SqliteErrorCode, sqliteErrors } from './errors.ts'

/** An error as node:sqlite throws it; `errcode` is SQLite's extended result code. */
export interface SqliteFailure extends Error {
  readonly code: 'ERR_SQLITE_ERROR'
  readonly errcode: number
  readonly errstr: string
}

/** True when SQLite itself reported the error, as opposed to Node or the caller. */
export function isSqliteFailure(error: unknown): error is SqliteFailure {
  return error instanceof Error && (error as Partial<SqliteFailure>).code === 'ERR_SQLITE_ERROR'
}

/** By primary result code, https://sqlite.org/rescode.html */
const codes: Readonly<Record<number, SqliteErrorCode>> = {
  5: 'TM_SQLITE_BUSY',
  6: 'TM_SQLITE_BUSY',
  8: 'TM_SQLITE_READONLY',
  10: 'TM_SQLITE_IO',
  11: 'TM_SQLITE_CORRUPT',
  13: 'TM_SQLITE_FULL',
  14: 'TM_SQLITE_CANTOPEN',
  26: 'TM_SQLITE_CORRUPT',
}

/**
 * The coded form of what SQLite reported about `file`; details carry `file`, `reason` and `errcode`. What SQLite did
 * not report (coded errors, mistakes of the caller) comes back untouched.
 */
export function sqliteError(error: unknown, where: { readonly file: string }): Error {
  if (isSqliteFailure(error)) {
    const code = codes[error.errcode & 0xff] ?? 'TM_SQLITE_FAILED'
    const details = { file: where.file, reason: error.message, errcode: error.errcode }
    return sqliteErrors.error(code, details, { cause: error })
  }
  return TidemillError.is(error) || error instanceof Error ? error : new Error(String(error))
}
