import { type Clock, type ErrorJson, type Logger, TidemillError, type Timer } from '@tidemill/core'
import type { CallOptions, Database, DatabaseStatus, Transaction } from '../database.ts'
import { sqlErrors } from '../errors.ts'
import { applyMigrations, planMigrations } from '../migration.ts'
import type { Procedure, SqlValue } from '../program.ts'
import { approximateBytes, createCallQueue, type QueuedCall } from './call-queue.ts'
import { createLink } from './link.ts'
import { createListeners } from './listeners.ts'
import type { CallsAnswer, Faults, RowsAnswer } from './messages.ts'
import { parameterProblem } from './parameters.ts'
import { cloneProblem } from './plain.ts'
import { createProcedureIds } from './procedures.ts'
import { answerQueries, createLazyReader, type QueuedQuery } from './queries.ts'
import { rowsOf } from './rows.ts'
import { runTurn } from './turn.ts'

const probeEveryMs = 1000
/**
 * A second flush may be sent while one runs, when at least this many calls wait and at least a quarter as many as run:
 * the writer then goes on while this thread gives out the answers. Fewer would only make commits smaller.
 * Measured by bench/saga-embedded.ts, alternating with one flush at a time: a fifth more sagas per second.
 */
const overlapFrom = 32

export interface SqliteOptions {
  readonly url: string
  readonly file: string
  readonly clock: Clock
  readonly logger: Logger
  readonly queueLimit: number
  readonly readers: number
  readonly txLimitMs: number
  readonly faults: Faults | null
}

/** The engine with the handle that `@tidemill/sql/testing` needs. */
export interface SqliteDatabase extends Database {
  setFaults(faults: Faults): Promise<void>
}

interface QueuedTurn {
  readonly run: () => Promise<void>
  readonly fail: (error: Error) => void
}

/** Opens the file in its writer thread; rejects with the coded reason when that cannot be done. */
export async function openSqliteDatabase(options: SqliteOptions): Promise<SqliteDatabase> {
  const engine = createEngine(options)
  await engine.open()
  return engine.database
}

function createEngine(options: SqliteOptions): {
  readonly database: SqliteDatabase
  open(): Promise<void>
} {
  const { url, file, clock } = options
  const procedures = createProcedureIds()
  const listeners = createListeners(options.logger)
  const calls = createCallQueue(options.queueLimit)
  let queries: QueuedQuery[] = []
  let unanswered = 0
  const turns: QueuedTurn[] = []
  /** How many procedures the worker has been told about. */
  let defined = 0
  /** An interactive transaction holds the writer. */
  let inTurn = false
  /** Flushes that were sent and not answered, at most two, and the size of the last. */
  let flushes = 0
  let lastFlush = 0
  let scheduled = false
  let turnWasLast = false
  let commits = 0
  let served = 0
  let closed = false
  let lost: string | null = null
  let readOnly: ErrorJson | null = null
  let probe: Timer | undefined
  let whenIdle: (() => void) | undefined

  const refusal = (): Error | undefined => {
    if (closed) return sqlErrors.error('TM_SQL_CLOSED', { url })
    if (lost !== null) return sqlErrors.error('TM_SQL_WORKER_LOST', { url, reason: lost })
    return undefined
  }
  const writeRefusal = (): Error | undefined => {
    if (readOnly !== null && refusal() === undefined) {
      return sqlErrors.error('TM_SQL_READ_ONLY', { url, reason: readOnly.message })
    }
    return refusal()
  }

  const stopWrites = (error: ErrorJson): void => {
    const first = readOnly === null
    readOnly = error
    if (first) {
      options.logger.log('error', 'the database refuses writes', { url, reason: error.message })
      // A sound file can recover; a corrupted one must not be written to again.
      if (error.code !== 'TM_SQLITE_CORRUPT') scheduleProbe()
    }
  }
  const scheduleProbe = (): void => {
    probe = clock.timer(
      probeEveryMs,
      () => {
        turns.push({ run: tryWrite, fail: () => undefined })
        schedule()
      },
      { ref: false },
    )
  }
  const tryWrite = async (): Promise<void> => {
    try {
      await writer.request({ kind: 'probe' })
      readOnly = null
      options.logger.log('info', 'the database takes writes again', { url })
    } catch {
      const corrupt = readOnly?.code === 'TM_SQLITE_CORRUPT'
      if (lost === null && !closed && !corrupt) scheduleProbe()
    }
  }
  const onLost = (reason: string): void => {
    lost = reason
    probe?.cancel()
    options.logger.log('error', 'the database thread stopped', { url, reason })
    const error = sqlErrors.error('TM_SQL_WORKER_LOST', { url, reason })
    for (const call of calls.takeAll()) settle(call, () => call.reject(error))
    for (const query of queries.splice(0)) query.reject(error)
    for (const turn of turns.splice(0)) turn.fail(error)
  }
  const writer = createLink(
    { role: 'writer', url, file, faults: options.faults },
    { lost: onLost, readOnly: stopWrites },
  )
  const readers = Array.from({ length: options.readers }, () =>
    createLazyReader(options, (reason) =>
      options.logger.log('error', 'a reader thread stopped', { url, reason }),
    ),
  )
  let nextReader = 0

  /** In the next phase of the loop: those whose answers were just given join the flush that begins. */
  const schedule = (): void => {
    if (scheduled || (busy() && !mayOverlap())) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      pump()
    })
  }
  const busy = (): boolean => inTurn || flushes > 0
  const mayOverlap = (): boolean =>
    flushes === 1 &&
    !inTurn &&
    // Those would wait for ever behind flushes that overlap without end.
    turns.length + queries.length === 0 &&
    calls.size >= Math.max(overlapFrom, lastFlush / 4)
  const pump = (): void => {
    if (lost !== null) return
    if (busy()) {
      if (mayOverlap()) void flushCalls()
      return
    }
    void flushQueries()
    const turn = turnWasLast && calls.size > 0 ? undefined : turns.shift()
    turnWasLast = turn !== undefined
    if (turn === undefined) {
      void flushCalls()
    } else {
      inTurn = true
      void turn.run().finally(() => {
        inTurn = false
        goOn()
      })
    }
  }
  const goOn = (): void => {
    if (calls.size + queries.length + turns.length > 0) schedule()
    else if (!busy()) whenIdle?.()
  }

  const flushQueries = async (): Promise<void> => {
    if (queries.length === 0) return
    const taken = queries
    queries = []
    await answerQueries(writer, taken)
    goOn()
  }
  const flushCalls = async (): Promise<void> => {
    const flush = calls.take()
    if (flush.length === 0) {
      // The last one may have given up while close waited for it.
      goOn()
      return
    }
    flushes++
    lastFlush = flush.length
    let answer: CallsAnswer
    try {
      answer = await sendCalls(flush)
    } catch (error) {
      if (isCloneError(error)) requeueCloneable(flush)
      else for (const call of flush) settle(call, () => call.reject(error))
      flushes--
      goOn()
      return
    }
    flushes--
    commits += answer.commits
    if (answer.readOnly !== null) stopWrites(answer.readOnly)
    const errors = new Map(answer.failures)
    for (const [index, call] of flush.entries()) {
      const error = errors.get(index)
      settle(call, () =>
        error === undefined
          ? call.resolve(answer.outputs[index])
          : call.reject(TidemillError.fromJSON(error)),
      )
    }
    served += flush.length
    listeners.wake(answer.topics)
    goOn()
  }
  const sendCalls = async (flush: readonly QueuedCall[]): Promise<CallsAnswer> => {
    const ids = flush.map((call) => call.procedure)
    const highest = ids.reduce((most, id) => Math.max(most, id + 1), defined)
    const define = Array.from({ length: highest - defined }, (_, at) =>
      procedures.entry(defined + at),
    )
    const answer = writer.request({
      kind: 'calls',
      now: clock.now(),
      define,
      knowsReadOnly: readOnly !== null,
      procedures: ids,
      inputs: flush.map((call) => call.input),
    })
    const result = (await answer) as CallsAnswer
    defined = highest
    return result
  }
  /** Fails those whose input cannot be posted; the others go first in the next flush. */
  const requeueCloneable = (flush: readonly QueuedCall[]): void => {
    const sound = flush.filter((call) => {
      const details = { side: 'input', name: call.name, committed: false } as const
      const problem = cloneProblem(call.input, details)
      if (problem !== undefined) settle(call, () => call.reject(problem))
      return problem === undefined
    })
    const later = calls.takeAll()
    for (const call of [...sound, ...later]) calls.push(call)
  }
  const enqueue = <Output>(
    procedure: Procedure<never, Output>,
    input: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Output> => {
    const refused = writeRefusal()
    if (refused !== undefined) return Promise.reject(refused)
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    const bytes = approximateBytes(input)
    if (calls.full(bytes)) {
      return Promise.reject(sqlErrors.error('TM_SQL_OVERLOADED', { url, waiting: calls.size }))
    }
    return new Promise<Output>((resolve, reject) => {
      const call: QueuedCall = {
        procedure: procedures.idOf(procedure as unknown as Procedure<unknown, unknown>),
        name: procedure.name,
        input,
        bytes,
        resolve: resolve as (output: unknown) => void,
        reject,
        settled: false,
        release: undefined,
      }
      if (signal !== undefined) {
        const onAbort = (): void => {
          calls.remove(call)
          settle(call, () => reject(signal.reason as Error))
        }
        signal.addEventListener('abort', onAbort, { once: true })
        call.release = () => signal.removeEventListener('abort', onAbort)
      }
      calls.push(call)
      schedule()
    })
  }

  const takeTurn = <T>(
    work: (tx: Transaction) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> => {
    const refused = writeRefusal()
    if (refused !== undefined) return Promise.reject(refused)
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error)
    if (turns.length >= options.queueLimit) {
      return Promise.reject(sqlErrors.error('TM_SQL_OVERLOADED', { url, waiting: turns.length }))
    }
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => {
        const at = turns.indexOf(turn)
        if (at < 0) return
        turns.splice(at, 1)
        reject(signal?.reason as Error)
      }
      const turn: QueuedTurn = {
        fail(error) {
          signal?.removeEventListener('abort', onAbort)
          reject(error)
        },
        async run() {
          try {
            const { result, topics } = await runTurn(work, {
              url,
              link: writer,
              clock,
              limitMs: options.txLimitMs,
              signal,
            })
            commits++
            resolve(result)
            listeners.wake(topics)
          } catch (error) {
            reject(error)
          } finally {
            signal?.removeEventListener('abort', onAbort)
          }
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      turns.push(turn)
      schedule()
    })
  }

  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      whenIdle = resolve
      if (!busy() && calls.size + queries.length + turns.length === 0) resolve()
      if (lost !== null) resolve()
    })
    probe?.cancel()
    await Promise.all(readers.map((reader) => reader.close()))
    if (lost === null) await writer.request({ kind: 'close' })
    await writer.end()
  }
  let closing: Promise<void> | undefined

  const database: SqliteDatabase = {
    url,
    dialect: 'sqlite',
    call: (procedure, input, callOptions: CallOptions = {}) =>
      enqueue(procedure, input, callOptions.signal),
    tx: (work, callOptions: CallOptions = {}) => takeTurn(work, callOptions.signal),
    query<R>(sql: string, ...params: readonly SqlValue[]) {
      const refused = refusal()
      if (refused !== undefined) return Promise.reject(refused)
      if (unanswered >= options.queueLimit) {
        const details = { url, waiting: unanswered }
        return Promise.reject(sqlErrors.error('TM_SQL_OVERLOADED', details))
      }
      const problem = parameterProblem({ sql, params })
      if (problem !== undefined) return Promise.reject(problem)
      const answer = new Promise<RowsAnswer>((resolve, reject) => {
        const query: QueuedQuery = { message: { sql, params }, resolve, reject }
        const reader = readers[nextReader++ % Math.max(1, readers.length)]
        if (reader === undefined) {
          queries.push(query)
          schedule()
        } else {
          void answerQueries(reader.link(), [query])
        }
      })
      unanswered++
      return answer.then((rows) => rowsOf<R>(rows)).finally(() => unanswered--)
    },
    migrate: async (namespace, migrations) =>
      enqueue(applyMigrations, planMigrations(namespace, migrations, 'sqlite'), undefined),
    listen: (topic, wake) => listeners.add(topic, wake),
    status: (): DatabaseStatus => ({
      url,
      dialect: 'sqlite',
      durable: file !== ':memory:',
      queued: calls.size,
      queueLimit: options.queueLimit,
      commits,
      calls: served,
      readOnly: lost ?? readOnly?.message ?? null,
    }),
    close() {
      closed = true
      return (closing ??= close())
    },
    [Symbol.asyncDispose]: () => database.close(),
    setFaults: async (faults) => void (await writer.request({ kind: 'faults', faults })),
  }
  return {
    database,
    async open() {
      try {
        await writer.request({ kind: 'open' })
      } catch (error) {
        await writer.end()
        throw error
      }
    },
  }
}

function settle(call: QueuedCall, answer: () => void): void {
  if (call.settled) return
  call.settled = true
  call.release?.()
  answer()
}

function isCloneError(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'DataCloneError'
}
