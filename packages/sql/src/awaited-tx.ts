import type {
  Dialect,
  Program,
  RunResult,
  SavepointStep,
  SqlValue,
  Statement,
  Tx,
} from './program.ts'

function* statement<T>(
  kind: Statement['kind'],
  sql: string,
  params: readonly SqlValue[],
): Program<T> {
  return (yield { kind, sql, params }) as T
}

/** A transaction whose statements are yielded to whoever drives the program with awaits. */
export function createYieldingTx(dialect: Dialect, now: number, topics: string[]): Tx {
  return {
    dialect,
    now,
    run: (sql, ...params) => statement<RunResult>('run', sql, params),
    all: (sql, ...params) => statement('all', sql, params),
    get: (sql, ...params) => statement('get', sql, params),
    *savepoint(part) {
      const notified = topics.length
      yield { kind: 'savepoint' }
      try {
        const result = yield* part()
        yield { kind: 'release' }
        return result
      } catch (error) {
        topics.length = notified
        yield { kind: 'rollback' }
        throw error
      }
    },
    notify(topic) {
      topics.push(topic)
    },
  }
}

/** Runs a program to its end, one round trip per step. */
export async function driveAwaited<T>(
  program: Program<T>,
  perform: (step: Statement | SavepointStep) => Promise<unknown>,
): Promise<T> {
  let step = program.next()
  while (step.done !== true) {
    let result: unknown
    try {
      result = await perform(step.value)
    } catch (error) {
      step = program.throw(error)
      continue
    }
    step = program.next(result)
  }
  return step.value
}
