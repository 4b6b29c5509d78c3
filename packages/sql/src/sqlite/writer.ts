import type { DatabaseSync } from 'node:sqlite'
import { TidemillError } from '@tidemill/core'
import { sqlErrors } from '../errors.ts'
import type { SavepointStep, Tx } from '../program.ts'
import { createDirectTx, type DirectSession, driveDirect } from './direct-tx.ts'
import type { FaultPoints } from './fault-points.ts'
import type { IdleCheckpoint } from './idle-checkpoint.ts'
import type { CallsAnswer } from './messages.ts'
import type { ProcedureTable } from './procedures.ts'
import { createStatements } from './statement-cache.ts'
import {
  errorJson,
  isStoreFailure,
  isUnknown,
  statementError,
  stopsWrites,
} from './statement-failure.ts'

/** The one connection that writes a file, inside the worker. */
export interface Writer {
  readonly session: DirectSession
  begin(): void
  /** Ends the open transaction; a failed COMMIT has rolled it back, unless the error says the outcome is unknown. */
  commit(): void
  /** Undoes the open transaction, if SQLite has not done so already. */
  rollback(): void
  /** Runs a flush: one transaction for all callers when nothing stands against it. */
  runCalls(now: number, procedures: readonly number[], inputs: readonly unknown[]): CallsAnswer
  /** Writes and removes a little, to find out whether the file takes writes again. */
  probe(): void
}

/**
 * Savepoints cost a fifth of the rate of small callers (bench sql-group-commit). So they are left out until a caller
 * fails: that flush is then run again with them, and so are the next ones, since failures come in bursts.
 */
const guardedAfterFailure = 100

interface Flush {
  readonly tx: Tx
  readonly procedures: readonly number[]
  readonly inputs: readonly unknown[]
  readonly outputs: unknown[]
  readonly failures: Map<number, unknown>
  readonly topics: Set<string>
  commits: number
}

export function createWriter(
  db: DatabaseSync,
  where: { readonly file: string; readonly url: string },
  table: ProcedureTable,
  faults: FaultPoints,
  idle: IdleCheckpoint,
): Writer {
  const control = {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    savepoint: db.prepare('SAVEPOINT tm'),
    release: db.prepare('RELEASE tm'),
    rollbackTo: db.prepare('ROLLBACK TO tm'),
  }
  const step = (name: keyof typeof control): void => {
    try {
      control[name].run()
    } catch (error) {
      throw statementError(error, where.file, name)
    }
  }
  const session: DirectSession & { lost: Error | null } = {
    statements: createStatements(db, where.file),
    topics: [],
    lost: null,
    failed(error) {
      // A program may swallow the error; what the store failed must not be committed all the same.
      if (db.isTransaction && !isStoreFailure(error)) return
      session.lost = error instanceof Error ? error : new Error(String(error))
    },
    savepoint(kind: SavepointStep['kind']) {
      if (kind !== 'rollback') {
        if (session.lost !== null) throw session.lost
        step(kind)
      } else if (db.isTransaction) {
        step('rollbackTo')
        step('release')
        session.statements.undone()
      }
    },
  }
  const begin = (): void => {
    session.lost = null
    session.topics.length = 0
    session.statements.begun()
    step('begin')
  }
  const rollback = (): void => {
    session.statements.undone()
    if (db.isTransaction) step('rollback')
  }
  const commit = (): void => {
    if (session.lost !== null) {
      rollback()
      throw session.lost
    }
    try {
      faults.beforeCommit()
      control.commit.run()
    } catch (error) {
      const coded = statementError(error, where.file, 'COMMIT')
      rollback()
      // After a failed write or fsync the kernel may or may not have the last frames: only a reopening can tell.
      if (TidemillError.is(coded, 'TM_SQLITE_IO')) {
        const details = { url: where.url, reason: coded.text }
        throw sqlErrors.error('TM_SQL_OUTCOME_UNKNOWN', details, { cause: coded })
      }
      throw coded
    }
    faults.afterCommit()
    idle.committed()
  }

  let guardedLeft = 0
  const program = (flush: Flush, index: number): unknown => {
    const procedure = table.get(flush.procedures[index] as number)
    if (procedure instanceof Error) throw procedure
    return driveDirect(session, procedure.program(flush.tx, flush.inputs[index]))
  }
  /** Runs one caller; false when it failed. Throws what concerns the whole flush. */
  const runCaller = (flush: Flush, index: number, guarded: boolean): boolean => {
    const notified = session.topics.length
    if (guarded) step('savepoint')
    try {
      flush.outputs[index] = program(flush, index)
      if (session.lost !== null) throw session.lost
    } catch (error) {
      if (isStoreFailure(error) || session.lost !== null) throw error
      session.topics.length = notified
      if (guarded) session.savepoint('rollback')
      flush.failures.set(index, error)
      return false
    }
    if (guarded) step('release')
    return true
  }
  const commitFlush = (flush: Flush): void => {
    commit()
    flush.commits++
    for (const topic of session.topics) flush.topics.add(topic)
  }
  /** One transaction, a savepoint per caller. */
  const runGuarded = (flush: Flush): void => {
    begin()
    let kept = 0
    for (let index = 0; index < flush.procedures.length; index++) {
      if (runCaller(flush, index, true)) kept++
    }
    if (kept > 0) commitFlush(flush)
    else rollback()
  }
  /** One transaction without savepoints; false when a caller failed, so that nothing of its neighbours could be kept. */
  const runUnguarded = (flush: Flush): boolean => {
    begin()
    for (let index = 0; index < flush.procedures.length; index++) {
      if (runCaller(flush, index, false)) continue
      rollback()
      return flush.procedures.length === 1
    }
    commitFlush(flush)
    return true
  }
  const runTogether = (flush: Flush): void => {
    if (guardedLeft === 0) {
      if (runUnguarded(flush)) return
      flush.failures.clear()
      guardedLeft = guardedAfterFailure
    }
    guardedLeft--
    runGuarded(flush)
  }
  /** Each caller in a transaction of its own, so that what failed the flush fails only who caused it. */
  const runSingly = (flush: Flush): unknown => {
    flush.failures.clear()
    for (let index = 0; index < flush.procedures.length; index++) {
      try {
        begin()
        if (runCaller(flush, index, false)) commitFlush(flush)
        else rollback()
      } catch (error) {
        rollback()
        flush.failures.set(index, error)
        if (!isStoreFailure(error) && !isUnknown(error)) continue
        // The others have not been run again: only this one's outcome can be unknown.
        failFrom(flush, index + 1, isUnknown(error) ? refused(error) : error)
        return error
      }
    }
    return undefined
  }
  const refused = (error: TidemillError): Error =>
    sqlErrors.error('TM_SQL_READ_ONLY', { url: where.url, reason: error.text })
  /** Runs the flush; gives what stopped the store, if anything did. */
  const run = (flush: Flush): unknown => {
    try {
      runTogether(flush)
      return undefined
    } catch (error) {
      rollback()
      if (!isStoreFailure(error) && !isUnknown(error) && flush.procedures.length > 1) {
        return runSingly(flush)
      }
      failFrom(flush, 0, error)
      return error
    }
  }
  return {
    session,
    begin,
    commit,
    rollback,
    runCalls(now, procedures, inputs) {
      const flush: Flush = {
        tx: createDirectTx(session, now),
        procedures,
        inputs,
        outputs: Array.from({ length: procedures.length }),
        failures: new Map(),
        topics: new Set(),
        commits: 0,
      }
      const stopped = run(flush)
      return {
        outputs: flush.outputs,
        failures: [...flush.failures].map(([index, error]) => [
          index,
          errorJson(error, table.nameOf(procedures[index] as number)),
        ]),
        topics: [...flush.topics],
        commits: flush.commits,
        readOnly: stopsWrites(stopped) ? errorJson(stopped, '') : null,
      }
    },
    probe() {
      begin()
      try {
        // One that was interrupted may have left its table.
        session.statements.run('DROP TABLE IF EXISTS tm_probe', [])
        session.statements.run('CREATE TABLE tm_probe (fill BLOB)', [])
        session.statements.run('INSERT INTO tm_probe VALUES (zeroblob(65536))', [])
        commit()
        begin()
        session.statements.run('DROP TABLE tm_probe', [])
        commit()
      } finally {
        rollback()
      }
    },
  }
}

/** Fails the callers from `first` on, but for those that have failed by themselves. */
function failFrom(flush: Flush, first: number, error: unknown): void {
  for (let index = first; index < flush.procedures.length; index++) {
    if (!flush.failures.has(index)) flush.failures.set(index, error)
  }
}
