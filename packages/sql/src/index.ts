export type {
  CallOptions,
  Database,
  DatabaseStatus,
  Migration,
  Transaction,
} from './database.ts'
export { type SqlErrorCode, sqlErrors } from './errors.ts'
export { openDatabase, type OpenOptions } from './open.ts'
export {
  type Dialect,
  type Procedure,
  type Program,
  procedure,
  type Row,
  type RunResult,
  type SavepointStep,
  type SqlValue,
  type Statement,
  type Tx,
} from './program.ts'
