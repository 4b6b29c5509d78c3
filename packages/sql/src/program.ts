/** What a column or a parameter may hold. JSON is text, money and counts are safe integers or bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array

export type Row = Readonly<Record<string, SqlValue>>

export type Dialect = 'sqlite' | 'postgres' | 'mysql' | 'tidb'

/** One statement as a program yields it. Parameters are written `?` in every dialect. */
export interface Statement {
  readonly kind: 'run' | 'all' | 'get'
  readonly sql: string
  readonly params: readonly SqlValue[]
}

/** Begins, keeps or undoes a savepoint; programs use {@link Tx.savepoint}, not this. */
export interface SavepointStep {
  readonly kind: 'savepoint' | 'release' | 'rollback'
}

export interface RunResult {
  /** Rows that the statement inserted, changed or deleted. */
  readonly changes: number
}

/**
 * A transaction as a generator: it yields statements and gets their results, so that the same code is driven
 * synchronously inside the SQLite writer thread (no round trip per statement) and with awaits on a network engine.
 * It must be deterministic given its input and what it reads, must not touch anything outside the transaction, and
 * may be run again from the start (after a deadlock, a serialization failure, or a neighbour's poison).
 */
export type Program<T> = Generator<Statement | SavepointStep, T, unknown>

/** The statements that a program yields, always with `yield*`. */
export interface Tx {
  readonly dialect: Dialect
  /** The database's wall clock in milliseconds, the same during the whole transaction. */
  readonly now: number
  run(sql: string, ...params: readonly SqlValue[]): Program<RunResult>
  all<R = Row>(sql: string, ...params: readonly SqlValue[]): Program<R[]>
  get<R = Row>(sql: string, ...params: readonly SqlValue[]): Program<R | undefined>
  /** Runs `part`; when it throws, its writes are undone and the error goes on. */
  savepoint<T>(part: () => Program<T>): Program<T>
  /** After COMMIT, wakes those who {@link Database.listen} on the topic. A hint: may be merged or lost, never early. */
  notify(topic: string): void
}

/**
 * A named program that an engine can run where the data is. `module` is the `import.meta.url` of the file that
 * exports it under `name`; the SQLite engine imports that module in its writer thread. Inputs and outputs must be
 * structured-cloneable (plain data).
 */
export interface Procedure<Input, Output> {
  readonly module: string
  readonly name: string
  readonly program: (tx: Tx, input: Input) => Program<Output>
}

/** Declares a procedure. It must be exported from `module` under exactly `name`. */
export function procedure<Input, Output>(
  module: string,
  name: string,
  program: (tx: Tx, input: Input) => Program<Output>,
): Procedure<Input, Output> {
  return { module, name, program }
}
