export { openSqlite, type SqliteOpenOptions } from './connection.ts'
export { type SqliteErrorCode, sqliteErrors } from './errors.ts'
export { isSqliteFailure, type SqliteFailure, sqliteError } from './failure.ts'
export { acquireOwner, type SqliteOwner } from './owner.ts'
