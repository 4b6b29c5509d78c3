import type { Closable } from '@tidemill/core'
import type { Dialect, Procedure, Row, RunResult, SqlValue, Program, Tx } from './program.ts'

export interface CallOptions {
  /** Gives up waiting; a call that is already running may still commit. */
  readonly signal?: AbortSignal
}

/** A transaction that the caller drives with awaits: one round trip per statement, exclusive on SQLite. */
export interface Transaction {
  readonly dialect: Dialect
  readonly now: number
  run(sql: string, ...params: readonly SqlValue[]): Promise<RunResult>
  all<R = Row>(sql: string, ...params: readonly SqlValue[]): Promise<R[]>
  get<R = Row>(sql: string, ...params: readonly SqlValue[]): Promise<R | undefined>
  /** Runs a program inside this transaction, in a savepoint of its own. */
  do<T>(program: (tx: Tx) => Program<T>): Promise<T>
}

/** One numbered step of a package's schema. A step that has been applied must never change: its checksum is kept. */
export interface Migration {
  /** 1, 2, 3 ... without gaps inside a namespace. */
  readonly id: number
  readonly name: string
  /** Statements per dialect, run in order in one transaction where the engine can. */
  readonly up: Readonly<Partial<Record<Dialect, readonly string[]>>>
}

export interface DatabaseStatus {
  readonly url: string
  readonly dialect: Dialect
  /** False when acknowledged writes may be lost on power failure; says so in `doctor`. */
  readonly durable: boolean
  /** Calls waiting for a flush, and the most that may wait. */
  readonly queued: number
  readonly queueLimit: number
  readonly commits: number
  readonly calls: number
  /** Set while the store refuses writes (disk full, corruption). */
  readonly readOnly: string | null
}

/**
 * One SQL database. Everything it acknowledges is durable. Calls are group-committed: those that wait while a
 * commit runs share the next one, each in a savepoint of its own, so one failing caller does not fail the others.
 * Bounded: above `queueLimit` waiting calls, `call` rejects with TM_SQL_OVERLOADED at once.
 */
export interface Database extends Closable {
  readonly url: string
  readonly dialect: Dialect
  /** Runs a procedure in a transaction; resolves with its output after COMMIT, in order of calling. */
  call<Input, Output>(
    procedure: Procedure<Input, Output>,
    input: Input,
    options?: CallOptions,
  ): Promise<Output>
  /** Runs `work` in a transaction of its own; commits when it resolves, rolls back when it rejects. */
  tx<T>(work: (tx: Transaction) => Promise<T>, options?: CallOptions): Promise<T>
  /** Reads committed rows; sees every write acknowledged before the call. */
  query<R = Row>(sql: string, ...params: readonly SqlValue[]): Promise<R[]>
  /** Applies what is missing, in order, once, under a lock; refuses a changed step (TM_SQL_MIGRATION_CHANGED). */
  migrate(
    namespace: string,
    migrations: readonly Migration[],
  ): Promise<{ readonly applied: number }>
  /** Calls `wake` after commits that notified the topic. Returns the way to stop. */
  listen(topic: string, wake: () => void): () => void
  status(): DatabaseStatus
}
