import { type ErrorJson, TidemillError } from '@tidemill/core'
import { isSqliteFailure, sqliteError } from '@tidemill/core/sqlite'
import { sqlErrors } from '../errors.ts'

/** https://sqlite.org/rescode.html#extrc, by extended result code. */
const constraintKinds: Readonly<Record<number, string>> = {
  275: 'check',
  787: 'foreign-key',
  1299: 'not-null',
  1555: 'unique',
  1811: 'trigger',
  2067: 'unique',
  2579: 'unique',
  3091: 'type',
}

/** Failures of the store, not of the statement: no caller's fault, and not cured by leaving one caller out. */
const storeCodes = new Set([
  'TM_SQLITE_BUSY',
  'TM_SQLITE_FULL',
  'TM_SQLITE_CORRUPT',
  'TM_SQLITE_READONLY',
  'TM_SQLITE_IO',
  'TM_SQLITE_CANTOPEN',
])

export function isStoreFailure(error: unknown): error is TidemillError {
  return TidemillError.is(error) && storeCodes.has(error.code)
}

/** After these the file refuses writes until a trial write succeeds; a busy file only needs a retry. */
export function stopsWrites(error: unknown): error is TidemillError {
  return isUnknown(error) || (isStoreFailure(error) && error.code !== 'TM_SQLITE_BUSY')
}

export function isUnknown(error: unknown): error is TidemillError {
  return TidemillError.is(error, 'TM_SQL_OUTCOME_UNKNOWN')
}

/** The coded form of what a statement threw. */
export function statementError(error: unknown, file: string, sql: string): Error {
  if (TidemillError.is(error)) return error
  if (!isSqliteFailure(error)) {
    const reason = error instanceof Error ? error.message : String(error)
    return sqlErrors.error('TM_SQL_STATEMENT', { reason, sql }, { cause: error })
  }
  if ((error.errcode & 0xff) === 19) {
    const kind = constraintKinds[error.errcode] ?? 'other'
    const constraint = /: (.+)$/u.exec(error.message)?.[1] ?? error.message
    return sqlErrors.error('TM_SQL_CONSTRAINT', { kind, constraint, sql }, { cause: error })
  }
  const coded = sqliteError(error, { file })
  if (isStoreFailure(coded)) return coded
  const details = { reason: error.message, sql, errcode: error.errcode }
  return sqlErrors.error('TM_SQL_STATEMENT', details, { cause: error })
}

/** An error as it crosses to the caller's thread. */
export function errorJson(error: unknown, procedure: string): ErrorJson {
  if (TidemillError.is(error)) return error.toJSON()
  const reason = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? error.stack : undefined
  return sqlErrors.error('TM_SQL_PROCEDURE_FAILED', { name: procedure, reason, stack }).toJSON()
}
