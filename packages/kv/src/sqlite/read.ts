import { compareBytes, emptyBytes } from '../bytes.ts'
import { kvError } from '../check.ts'
import type { KeyValue, RangeResult, SortTarget } from '../kv.ts'
import type { RangeOp } from '../operation.ts'
import { type PairRow, rangeCondition, type Statements, toPair } from './tables.ts'

/** What a read needs to know about the store. */
export interface ReadView {
  /** Newest revision whose changes the read may see. */
  readonly revision: number
  readonly compacted: number
  /** Newest revision that a caller may name. */
  readonly committed: number
}

/** Refuses a revision that is compacted or not there yet. */
export function checkRevision(revision: number, view: ReadView): void {
  if (revision > view.committed) {
    throw kvError('TM_KV_FUTURE', { revision, current: view.committed })
  }
  if (revision !== 0 && revision < view.compacted) {
    throw kvError('TM_KV_COMPACTED', { revision, compacted: view.compacted })
  }
}

/** A range read with etcd's rules of limit, sort and filters (etcdserver apply Range). */
export function readRange(statements: Statements, request: RangeOp, view: ReadView): RangeResult {
  checkRevision(request.revision, view)
  const revision = view.revision
  // Only the newest state is in `cur`.
  const at = request.revision === 0 || request.revision === revision ? 0 : request.revision
  if (request.countOnly) {
    return { revision, kvs: [], more: false, count: countKeys(statements, request, at) }
  }
  const filtered =
    request.minMod !== 0 ||
    request.maxMod !== 0 ||
    request.minCreate !== 0 ||
    request.maxCreate !== 0
  // As in etcd: what is sorted or filtered is read whole and cut afterwards, anything else is cut while reading.
  const late = filtered || request.order !== 'none'
  // Pairs are sorted by the values that are left out of the answer.
  const withValues = !request.keysOnly || request.sortBy === 'value'
  const limit = late || request.limit === 0 ? -1 : request.limit + 1
  const rows = selectRows(statements, request, { at, limit, withValues })
  const count =
    limit >= 0 && rows.length === limit ? countKeys(statements, request, at) : rows.length
  let kvs = rows.map((row) => toPair(row))
  if (filtered) kvs = kvs.filter((kv) => passes(request, kv))
  sortPairs(request, kvs)
  const more = request.limit > 0 && kvs.length > request.limit
  if (more) kvs.length = request.limit
  if (request.keysOnly && withValues) kvs = kvs.map((kv) => ({ ...kv, value: emptyBytes }))
  return { revision, kvs, more, count }
}

function selectRows(
  statements: Statements,
  request: RangeOp,
  {
    at,
    limit,
    withValues,
  }: { readonly at: number; readonly limit: number; readonly withValues: boolean },
): readonly PairRow[] {
  if (at === 0) {
    const where = rangeCondition(request.range, 'cur.key')
    const sql = withValues
      ? `SELECT cur.key, cur.create_rev, cur.rev, cur.version, cur.lease, log.value FROM cur JOIN log ON log.rev = cur.rev AND log.sub = cur.sub WHERE ${where.sql} ORDER BY cur.key LIMIT ?`
      : `SELECT cur.key, create_rev, rev, version, lease, x'' FROM cur WHERE ${where.sql} ORDER BY cur.key LIMIT ?`
    return statements.all<PairRow>(sql, ...where.params, limit)
  }
  const where = rangeCondition(request.range, 'key')
  const value = withValues ? 'value' : "x''"
  return statements.all<PairRow>(
    `SELECT key, create_rev, rev, version, lease, ${value} FROM ${stateAt(where.sql)} ORDER BY key LIMIT ?`,
    at,
    ...where.params,
    at,
    limit,
  )
}

/** The rows that were the living keys at a revision (first and last parameter): none of the same key lies between. */
function stateAt(where: string): string {
  return `(SELECT * FROM log WHERE rev <= ? AND ${where} AND version > 0 AND NOT EXISTS (SELECT 1 FROM log AS later WHERE later.key = log.key AND (later.rev, later.sub) > (log.rev, log.sub) AND later.rev <= ?))`
}

function countKeys(statements: Statements, request: RangeOp, at: number): number {
  const where = rangeCondition(request.range, 'key')
  const row =
    at === 0
      ? statements.get<[number]>(`SELECT count(*) FROM cur WHERE ${where.sql}`, ...where.params)
      : statements.get<[number]>(
          `SELECT count(*) FROM ${stateAt(where.sql)}`,
          at,
          ...where.params,
          at,
        )
  return row?.[0] ?? 0
}

function passes(request: RangeOp, kv: KeyValue): boolean {
  return (
    (request.minMod === 0 || kv.modRevision >= request.minMod) &&
    (request.maxMod === 0 || kv.modRevision <= request.maxMod) &&
    (request.minCreate === 0 || kv.createRevision >= request.minCreate) &&
    (request.maxCreate === 0 || kv.createRevision <= request.maxCreate)
  )
}

const orders: Readonly<Record<SortTarget, (a: KeyValue, b: KeyValue) => number>> = {
  key: (a, b) => compareBytes(a.key, b.key),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => compareBytes(a.value, b.value),
}

/** A target other than the key without an order is ascending; then only limit + 1 pairs were read (as in etcd). */
function sortPairs(request: RangeOp, kvs: KeyValue[]): void {
  if (request.order === 'none' && request.sortBy === 'key') return
  const order = orders[request.sortBy]
  if (request.order === 'descend') kvs.sort((a, b) => order(b, a))
  else if (request.sortBy !== 'key') kvs.sort(order)
}

/** The pair before the event at `revision`; absent for a creation and when that state is compacted. */
export function readPrevious(
  statements: Statements,
  key: Uint8Array,
  revision: number,
  compacted: number,
): KeyValue | undefined {
  if (revision - 1 < compacted) return undefined
  const row = statements.get<PairRow>(
    'SELECT key, create_rev, rev, version, lease, value FROM log WHERE key = ? AND rev < ? ORDER BY rev DESC, sub DESC LIMIT 1',
    key,
    revision,
  )
  return row === undefined || row[3] === 0 ? undefined : toPair(row)
}
