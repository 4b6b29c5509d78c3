import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { ByteRange } from '../bytes.ts'
import type { KeyValue } from '../kv.ts'

/** A row of `log` or of `cur` joined with it, columns in this order: node:sqlite gives arrays faster than objects. */
export type PairRow = readonly [
  key: Uint8Array,
  createRevision: number,
  modRevision: number,
  version: number,
  lease: string | null,
  value: Uint8Array,
]

/** What `cur` knows of a key. */
export type CurRow = readonly [
  rev: number,
  sub: number,
  createRevision: number,
  version: number,
  lease: string | null,
]

/** Prepares each SQL text once. */
export class Statements {
  readonly #db: DatabaseSync
  readonly #cache = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  prepare(sql: string): StatementSync {
    const found = this.#cache.get(sql)
    if (found !== undefined) return found
    const statement = this.#db.prepare(sql)
    statement.setReturnArrays(true)
    this.#cache.set(sql, statement)
    return statement
  }

  all<Row>(sql: string, ...params: SQLInputValue[]): Row[] {
    return this.prepare(sql).all(...params) as unknown as Row[]
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- SQL knows the row, the caller says it
  get<Row>(sql: string, ...params: SQLInputValue[]): Row | undefined {
    return this.prepare(sql).get(...params) as unknown as Row | undefined
  }

  run(sql: string, ...params: SQLInputValue[]): void {
    this.prepare(sql).run(...params)
  }
}

/** The range as a condition on `column` with its parameters. */
export function rangeCondition(
  range: ByteRange,
  column: string,
): { readonly sql: string; readonly params: Uint8Array[] } {
  if (range.end === undefined) return { sql: `${column} = ?`, params: [range.key] }
  if (range.end.length === 0) return { sql: `${column} >= ?`, params: [range.key] }
  return { sql: `${column} >= ? AND ${column} < ?`, params: [range.key, range.end] }
}

export function leaseId(lease: string | null): bigint {
  return lease === null ? 0n : BigInt(lease)
}

export function toPair(row: PairRow): KeyValue {
  return {
    key: row[0],
    value: row[5],
    createRevision: row[1],
    modRevision: row[2],
    version: row[3],
    lease: leaseId(row[4]),
  }
}
