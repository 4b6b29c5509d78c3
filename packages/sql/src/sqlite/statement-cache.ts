import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { sqlErrors } from '../errors.ts'
import type { Row, RunResult, SqlValue } from '../program.ts'
import { refuseUnbindable } from './parameters.ts'
import { statementError } from './statement-failure.ts'

const generation = 256
/** Leading blanks and comments, then the word that decides what a statement is. */
const firstWord = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]*)/iu
const transactionWords = new Set([
  'begin',
  'commit',
  'end',
  'rollback',
  'savepoint',
  'release',
  'attach',
  'detach',
  'vacuum',
])

const definingWords = new Set(['alter', 'create', 'drop', 'pragma', 'reindex'])

interface Entry {
  readonly statement: StatementSync
  /** Integers are read as bigint and the safe ones turned back; set when numbers would lose digits. */
  wide: boolean
  /** Running it again changes nothing. */
  readonly repeatable: boolean
  /** It may change what other statements mean. */
  readonly defines: boolean
  columns: readonly string[] | undefined
}

/** Runs statements on one connection, each text prepared once; keeps between 256 and 512 texts, the latest used. */
export interface Statements {
  run(sql: string, params: readonly SqlValue[]): RunResult
  all(sql: string, params: readonly SqlValue[]): Row[]
  get(sql: string, params: readonly SqlValue[]): Row | undefined
  /** Tells that a transaction begins. */
  begun(): void
  /** Tells that writes were undone: a schema change among them has given names back their old meaning. */
  undone(): void
}

export function firstWordOf(sql: string): string {
  return (firstWord.exec(sql)?.[1] ?? '').toLowerCase()
}

export function createStatements(db: DatabaseSync, file: string): Statements {
  // Two generations instead of an exact LRU: a hit costs one map look-up and moves nothing.
  let young = new Map<string, Entry>()
  let old = new Map<string, Entry>()

  const keep = (sql: string, entry: Entry): Entry => {
    if (young.size >= generation) {
      old = young
      young = new Map()
    }
    young.set(sql, entry)
    return entry
  }
  /** Whether the open transaction has changed the schema. */
  let changesSchema = false
  const forget = (): void => {
    young = new Map()
    old = new Map()
  }
  const defined = (): void => {
    changesSchema = true
    forget()
  }
  const prepare = (sql: string): Entry => {
    const word = firstWordOf(sql)
    if (transactionWords.has(word)) {
      const reason = `"${word.toUpperCase()}" belongs to the engine, not to a program`
      throw sqlErrors.error('TM_SQL_STATEMENT', { reason, sql })
    }
    const statement = db.prepare(sql)
    // A statement that writes and returns cannot be run again when a value turns out too wide.
    const returning = /\breturning\b/iu.test(sql)
    if (returning) statement.setReadBigInts(true)
    // Rows as arrays: building the objects here costs half of what node:sqlite takes for it.
    statement.setReturnArrays(true)
    const defines = definingWords.has(word)
    return keep(sql, {
      statement,
      wide: returning,
      repeatable: !returning,
      defines,
      columns: undefined,
    })
  }
  const find = (sql: string): Entry => {
    const hit = young.get(sql)
    if (hit !== undefined) return hit
    const aged = old.get(sql)
    return aged === undefined ? prepare(sql) : keep(sql, aged)
  }
  const read = <T>(sql: string, params: readonly SqlValue[], use: (entry: Entry) => T): T => {
    let entry: Entry | undefined
    try {
      entry = find(sql)
      refuseUnbindable(params)
      const result = use(entry)
      if (entry.defines) defined()
      return result
    } catch (error) {
      if (entry?.repeatable !== true || !isTooWide(error)) throw statementError(error, file, sql)
      entry.wide = true
      entry.statement.setReadBigInts(true)
    }
    try {
      return use(entry)
    } catch (error) {
      throw statementError(error, file, sql)
    }
  }
  return {
    run(sql, params) {
      try {
        const { statement, defines } = find(sql)
        refuseUnbindable(params)
        const { changes } = statement.run(...params)
        if (defines) defined()
        return { changes: Number(changes) }
      } catch (error) {
        throw statementError(error, file, sql)
      }
    },
    all: (sql, params) =>
      read(sql, params, (entry) => {
        const rows = entry.statement.all(...params) as unknown as SqlValue[][]
        return rows.map((values) => rowOf(entry, values))
      }),
    get: (sql, params) =>
      read(sql, params, (entry) => {
        const values = entry.statement.get(...params) as SqlValue[] | undefined
        return values === undefined ? undefined : rowOf(entry, values)
      }),
    begun() {
      changesSchema = false
    },
    undone() {
      if (changesSchema) forget()
    },
  }
}

function rowOf(entry: Entry, values: readonly SqlValue[]): Row {
  const columns = (entry.columns ??= entry.statement.columns().map((column) => column.name))
  const row: Record<string, SqlValue> = {}
  for (let index = 0; index < columns.length; index++) {
    const value = values[index] as SqlValue
    row[columns[index] as string] = readValue(value, entry.wide)
  }
  return row
}

const tooWide = 'ERR_OUT_OF_RANGE'

/** Node refuses to read an integer that a number cannot hold exactly. */
export function isTooWide(error: unknown): boolean {
  return error instanceof RangeError && (error as { code?: unknown }).code === tooWide
}

/** A value as callers get it: a bigint only where a number would lose digits. Throws what {@link isTooWide} knows. */
export function readValue(value: SqlValue, wide: boolean): SqlValue {
  if (!wide) {
    // The one integer that Node's own check lets through, rounded or not (its absolute value overflows).
    if (value === -(2 ** 63)) throw Object.assign(new RangeError('too wide'), { code: tooWide })
    return value
  }
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
