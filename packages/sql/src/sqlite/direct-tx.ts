import type { Program, RunResult, SavepointStep, SqlValue, Statement, Tx } from '../program.ts'
import type { Statements } from './statement-cache.ts'

/** A connection as programs are driven on it. */
export interface DirectSession {
  readonly statements: Statements
  /** Topics that the running call has notified. */
  readonly topics: string[]
  /** Set once SQLite has rolled the whole transaction back by itself; nothing may run after that. */
  readonly lost: Error | null
  /** Tells the session of a statement that failed. */
  failed(error: unknown): void
  savepoint(step: SavepointStep['kind']): void
}

/**
 * One statement of a program, run in place when `yield*` asks for it. It never yields, so a statement costs no
 * generator of its own and no walk up and down the chain of delegating generators.
 */
class DirectStatement {
  private readonly session: DirectSession
  private readonly mode: Statement['kind']
  private readonly sql: string
  private readonly params: readonly SqlValue[]

  constructor(
    session: DirectSession,
    mode: Statement['kind'],
    sql: string,
    params: readonly SqlValue[],
  ) {
    this.session = session
    this.mode = mode
    this.sql = sql
    this.params = params
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorReturnResult<unknown> {
    return { done: true, value: execute(this.session, this.mode, this.sql, this.params) }
  }
}

/** Runs one statement; throws the coded error of what went wrong. */
export function execute(
  session: DirectSession,
  mode: Statement['kind'],
  sql: string,
  params: readonly SqlValue[],
): unknown {
  if (session.lost !== null) throw session.lost
  try {
    if (mode === 'run') return session.statements.run(sql, params)
    if (mode === 'get') return session.statements.get(sql, params)
    return session.statements.all(sql, params)
  } catch (error) {
    session.failed(error)
    throw error
  }
}

/** The transaction as a program sees it inside the writer thread. */
export function createDirectTx(session: DirectSession, now: number): Tx {
  const statement = <T>(
    mode: Statement['kind'],
    sql: string,
    params: readonly SqlValue[],
  ): Program<T> => new DirectStatement(session, mode, sql, params) as unknown as Program<T>
  return {
    dialect: 'sqlite',
    now,
    run: (sql, ...params) => statement<RunResult>('run', sql, params),
    all: (sql, ...params) => statement('all', sql, params),
    get: (sql, ...params) => statement('get', sql, params),
    *savepoint(part) {
      const notified = session.topics.length
      session.savepoint('savepoint')
      try {
        const result = yield* part()
        session.savepoint('release')
        return result
      } catch (error) {
        session.topics.length = notified
        session.savepoint('rollback')
        throw error
      }
    },
    notify(topic) {
      session.topics.push(topic)
    },
  }
}

/** Runs a program to its end, at once. */
export function driveDirect<T>(session: DirectSession, program: Program<T>): T {
  let step = program.next()
  while (step.done !== true) {
    let result: unknown
    try {
      result = perform(session, step.value)
    } catch (error) {
      step = program.throw(error)
      continue
    }
    step = program.next(result)
  }
  return step.value
}

function perform(session: DirectSession, step: Statement | SavepointStep): unknown {
  if ('sql' in step) return execute(session, step.kind, step.sql, step.params)
  return session.savepoint(step.kind)
}
