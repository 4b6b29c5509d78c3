import type { DatabaseSync } from 'node:sqlite'
import { TidemillError } from '@tidemill/core'
import { sqlErrors } from '../errors.ts'
import type { SavepointStep, Tx } from '../program.ts'
import { createDirectTx, type DirectSession, driveDirect } from './direct-tx.ts'
import type { FaultPoints } from './fault-points.ts'
import type { CallsAnswer } from './messages.ts'
import type { ProcedureTable } from './procedures.ts'
import { createStatements } from './statement-cache.ts'
import { errorJson, isStoreFailure, statementError, stopsWrites } from './statement-failure.ts'

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
 * Savepoints cost a fifth of the rate of small callers (bench sql-group-commit). So they are left out until a caller fails: that flush is then
 * run again with them, and so are the next ones, since failures come in bursts.
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
      if (!db.isTransaction)
        session.lost = error instanceof Error ? error : new Error(String(error))
    },
    savepoint(kind: SavepointStep['kind']) {
      if (kind !== 'rollback') {
        if (session.lost !== null) throw session.lost
        step(kind)
      } else if (db.isTransaction) {
        step('rollbackTo')
        step('release')
      }
    },
  }
  const begin = (): void => {
    session.lost = null
    session.topics.length = 0
    step('begin')
  }
  const rollback = (): void => {
    if (db.isTransaction) step('rollback')
  }
  const commit = (): void => {
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
  const runSingly = (flush: Flush, kept: Set<number>): void => {
    flush.failures.clear()
    for (let index = 0; index < flush.procedures.length; index++) {
      try {
        begin()
        if (runCaller(flush, index, false)) {
          commitFlush(flush)
          kept.add(index)
        }
      } catch (error) {
        if (isStoreFailure(error) || isUnknown(error)) throw error
        flush.failures.set(index, error)
      }
      rollback()
    }
  }
  /** Runs the flush; what stopped the store, if anything did, has become the failure of every caller not kept. */
  const run = (flush: Flush): unknown => {
    const kept = new Set<number>()
    try {
      try {
        runTogether(flush)
      } catch (error) {
        rollback()
        if (isStoreFailure(error) || isUnknown(error) || flush.procedures.length === 1) throw error
        runSingly(flush, kept)
      }
      return undefined
    } catch (error) {
      rollback()
      for (let index = 0; index < flush.procedures.length; index++) {
        if (!kept.has(index)) flush.failures.set(index, error)
      }
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
        readOnly: stopsWrites(stopped) || isUnknown(stopped) ? errorJson(stopped, '') : null,
      }
    },
    probe() {
      begin()
      try {
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

function isUnknown(error: unknown): boolean {
  return TidemillError.is(error, 'TM_SQL_OUTCOME_UNKNOWN')
}
