import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ErrorJson } from '@tidemill/core'
import { sqlErrors } from '../errors.ts'
import type { SqlValue } from '../program.ts'
import type { QueryMessage, RowsAnswer } from './messages.ts'
import { refuseUnbindable } from './parameters.ts'
import { firstWordOf, isTooWide, readValue } from './statement-cache.ts'
import { errorJson, statementError } from './statement-failure.ts'

/** A result beyond either is refused: it would be held twice in memory while it crosses the threads. */
const mostRows = 100_000
const mostBytes = 64 * 1024 * 1024
const keepStatements = 256
const readingWords = new Set(['select', 'with', 'values', 'explain', 'pragma'])

/** Answers queries, each seeing everything that was committed before it began. */
export type Reader = (query: QueryMessage) => RowsAnswer | ErrorJson

export function createReader(db: DatabaseSync, file: string): Reader {
  const prepared = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const hit = prepared.get(sql)
    if (hit !== undefined) return hit
    if (!readingWords.has(firstWordOf(sql))) {
      const reason = 'query() only reads; write through call() or tx()'
      throw sqlErrors.error('TM_SQL_STATEMENT', { reason, sql })
    }
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    if (prepared.size >= keepStatements) prepared.clear()
    prepared.set(sql, statement)
    return statement
  }
  return ({ sql, params }) => {
    try {
      const statement = prepare(sql)
      refuseUnbindable(params)
      try {
        return collect(statement, params, false)
      } catch (error) {
        if (!isTooWide(error)) throw error
        statement.setReadBigInts(true)
        return collect(statement, params, true)
      }
    } catch (error) {
      return errorJson(statementError(error, file, sql), 'query')
    }
  }
}

function collect(statement: StatementSync, params: readonly SqlValue[], wide: boolean): RowsAnswer {
  const values: SqlValue[] = []
  let rows = 0
  let bytes = 0
  for (const row of statement.iterate(...params) as Iterable<unknown> as Iterable<SqlValue[]>) {
    for (const value of row) {
      values.push(readValue(value, wide))
      bytes += sizeOf(value)
    }
    if (++rows > mostRows || bytes > mostBytes) {
      const limit = rows > mostRows ? `${mostRows} rows` : `${mostBytes} bytes`
      throw sqlErrors.error('TM_SQL_RESULT_TOO_LARGE', { limit, rows, bytes })
    }
  }
  // Asked for last: the first step is where SQLite notices a changed schema.
  const columns = statement.columns().map((column) => column.name)
  return { columns, values }
}

function sizeOf(value: SqlValue): number {
  if (typeof value === 'string') return 8 + value.length
  return value instanceof Uint8Array ? 8 + value.byteLength : 8
}
