import { sqlErrors } from '../errors.ts'
import type { SqlValue } from '../program.ts'

/**
 * Throws for a parameter that SQLite would silently take for something else: NaN is stored as NULL, and an object in
 * the first place is read as names and values.
 */
export function refuseUnbindable(params: readonly SqlValue[]): void {
  for (let index = 0; index < params.length; index++) {
    const value = params[index]
    if (typeof value === 'string' || typeof value === 'bigint' || value === null) continue
    if (typeof value === 'number' && !Number.isNaN(value)) continue
    if (value instanceof Uint8Array) continue
    const received = typeof value === 'number' ? 'NaN' : typeof value
    throw new TypeError(`parameter ${index + 1} is ${received}, which no column can hold`)
  }
}

/** The coded reason why a statement's parameters cannot be sent to the worker; they may not even be cloneable. */
export function parameterProblem(statement: {
  readonly sql: string
  readonly params: readonly SqlValue[]
}): Error | undefined {
  try {
    refuseUnbindable(statement.params)
    return undefined
  } catch (error) {
    const details = { reason: (error as Error).message, sql: statement.sql }
    return sqlErrors.error('TM_SQL_STATEMENT', details, { cause: error })
  }
}
