import type { Clock } from '@tidemill/core'
import { createYieldingTx, driveAwaited } from '../awaited-tx.ts'
import type { Transaction } from '../database.ts'
import { sqlErrors } from '../errors.ts'
import type { SavepointStep, SqlValue, Statement } from '../program.ts'
import type { Link } from './link.ts'
import { parameterProblem } from './parameters.ts'

export interface TurnOptions {
  readonly url: string
  readonly link: Link
  readonly clock: Clock
  /** How long the caller may hold the writer. */
  readonly limitMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * One interactive transaction from BEGIN to COMMIT. Resolves with the caller's result and the topics to wake; rolls
 * back when the caller's function rejects, the time is over or the signal aborts.
 */
export async function runTurn<T>(
  work: (tx: Transaction) => Promise<T>,
  options: TurnOptions,
): Promise<{ readonly result: T; readonly topics: readonly string[] }> {
  const { link, url } = options
  const topics: string[] = []
  let over = false
  const request = (step: Statement | SavepointStep): Promise<unknown> => {
    if (over) return Promise.reject(sqlErrors.error('TM_SQL_TX_ENDED', { url }))
    const problem = 'sql' in step ? parameterProblem(step) : undefined
    if (problem !== undefined) return Promise.reject(problem)
    return 'sql' in step
      ? link.request({
          kind: 'statement',
          mode: step.kind,
          sql: step.sql,
          params: step.params,
        })
      : link.request({ kind: 'step', step: step.kind })
  }
  const now = options.clock.now()
  await link.request({ kind: 'begin' })
  const limit = startLimit(options)
  const programs = { running: 0 }
  try {
    const tx = transaction(now, topics, request, programs)
    const result = await Promise.race([work(tx), limit.exceeded])
    // Half a program must not be committed.
    if (programs.running > 0) throw sqlErrors.error('TM_SQL_TX_ENDED', { url })
    over = true
    limit.stop()
    await link.request({ kind: 'end', commit: true })
    return { result, topics }
  } catch (error) {
    if (!over) {
      over = true
      await link.request({ kind: 'end', commit: false })
    }
    throw error
  } finally {
    limit.stop()
  }
}

function transaction(
  now: number,
  topics: string[],
  request: (step: Statement | SavepointStep) => Promise<unknown>,
  programs: { running: number },
): Transaction {
  const statement = <T>(
    kind: Statement['kind'],
    sql: string,
    params: readonly SqlValue[],
  ): Promise<T> => request({ kind, sql, params }) as Promise<T>
  // Programs run one after the other: savepoints of two at once would interleave.
  let previous: Promise<unknown> = Promise.resolve()
  return {
    dialect: 'sqlite',
    now,
    run: (sql, ...params) => statement('run', sql, params),
    all: (sql, ...params) => statement('all', sql, params),
    get: (sql, ...params) => statement('get', sql, params),
    do(program) {
      const tx = createYieldingTx('sqlite', now, topics)
      programs.running++
      const next = previous
        .then(() =>
          driveAwaited(
            tx.savepoint(() => program(tx)),
            request,
          ),
        )
        .finally(() => programs.running--)
      previous = next.catch(() => undefined)
      return next
    },
  }
}

function startLimit(options: TurnOptions): {
  readonly exceeded: Promise<never>
  stop(): void
} {
  const { clock, limitMs, signal, url } = options
  const { promise, reject } = Promise.withResolvers<never>()
  // Nobody may be waiting any more when it rejects.
  promise.catch(() => undefined)
  const timer = clock.timer(limitMs, () =>
    reject(sqlErrors.error('TM_SQL_TX_TIMEOUT', { url, ms: limitMs })),
  )
  const onAbort = (): void => reject(signal?.reason as Error)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  return {
    exceeded: promise,
    stop() {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    },
  }
}
