import { compareBytes, emptyBytes } from '../bytes.ts'
import { kvError } from '../check.ts'
import type { DeleteResult, KeyValue, OpResult, PutResult, TxnResult } from '../kv.ts'
import type { Compare, CompareResult, DeleteOp, Op, PutOp, TxnOp } from '../operation.ts'
import { tombstone } from '../tombstone.ts'
import { checkRevision, readRange, type ReadView } from './read.ts'
import {
  type CurRow,
  leaseId,
  type PairRow,
  rangeCondition,
  type Statements,
  toPair,
} from './tables.ts'

const readCurrent = 'SELECT rev, sub, create_rev, version, lease FROM cur WHERE key = ?'
const readRow =
  'SELECT key, create_rev, rev, version, lease, value FROM log WHERE rev = ? AND sub = ?'
const appendRow = 'INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)'
const upsertCurrent =
  'INSERT INTO cur VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET rev = excluded.rev, sub = excluded.sub, create_rev = excluded.create_rev, version = excluded.version, lease = excluded.lease'

/** One change as the log will show it. */
export interface Logged {
  readonly type: 'put' | 'delete'
  readonly kv: KeyValue
  /** Whether the key existed before. */
  readonly existed: boolean
}

/** What a write needs to know about the store. */
export interface WriteView {
  readonly revision: number
  readonly compacted: number
  hasLease(id: bigint): boolean
}

/** One write call: everything in it happens at one revision, or at none when nothing changed. */
export class Write {
  readonly changes: Logged[] = []
  readonly #statements: Statements
  readonly #view: WriteView

  constructor(statements: Statements, view: WriteView) {
    this.#statements = statements
    this.#view = view
  }

  /** The revision that an answer given now carries. */
  get revision(): number {
    return this.changes.length === 0 ? this.#view.revision : this.#view.revision + 1
  }

  put(op: PutOp): PutResult {
    if (op.lease !== 0n) this.#checkLease(op.lease)
    const old = this.#statements.get<CurRow>(readCurrent, op.key)
    if (old === undefined && (op.ignoreValue || op.ignoreLease)) {
      throw kvError('TM_KV_KEY_NOT_FOUND')
    }
    const prev = old !== undefined && (op.prevKv || op.ignoreValue) ? this.#row(old) : undefined
    const value = op.ignoreValue ? (prev?.value ?? emptyBytes) : op.value
    const lease = op.ignoreLease ? (old?.[4] ?? null) : op.lease === 0n ? null : String(op.lease)
    const revision = this.#view.revision + 1
    const sub = this.changes.length
    const createRevision = old?.[2] ?? revision
    const version = (old?.[3] ?? 0) + 1
    this.#statements.run(appendRow, revision, sub, op.key, createRevision, version, lease, value)
    this.#statements.run(upsertCurrent, op.key, revision, sub, createRevision, version, lease)
    this.changes.push({
      type: 'put',
      kv: {
        key: op.key,
        value,
        createRevision,
        modRevision: revision,
        version,
        lease: leaseId(lease),
      },
      existed: old !== undefined,
    })
    return { revision, prev: op.prevKv ? prev : undefined }
  }

  delete(op: DeleteOp): DeleteResult {
    const where = rangeCondition(op.range, 'key')
    const keys = this.#statements.all<[Uint8Array, number, number, number, number, string | null]>(
      `SELECT key, rev, sub, create_rev, version, lease FROM cur WHERE ${where.sql} ORDER BY key`,
      ...where.params,
    )
    const prevs = op.prevKv ? keys.map(([, ...row]) => this.#row(row)) : []
    for (const [key] of keys) this.deleteKey(key)
    return { revision: this.revision, deleted: keys.length, prevs }
  }

  /** Deletes one key that exists. */
  deleteKey(key: Uint8Array): void {
    const revision = this.#view.revision + 1
    this.#statements.run(appendRow, revision, this.changes.length, key, 0, 0, null, emptyBytes)
    this.#statements.run('DELETE FROM cur WHERE key = ?', key)
    this.changes.push({ type: 'delete', kv: tombstone(key, revision), existed: true })
  }

  /** As etcd applies a transaction: all compares and checks first, on the state before it, then the operations. */
  txn(op: TxnOp): TxnResult {
    const path = new Map<TxnOp, boolean>()
    this.#decide(op, path)
    this.#checkOps(op, path)
    return this.#apply(op, path)
  }

  #decide(op: TxnOp, path: Map<TxnOp, boolean>): void {
    const holds = op.compare.every((item) => this.#holds(item))
    path.set(op, holds)
    for (const item of holds ? op.success : op.failure) {
      if (item.kind === 'txn') this.#decide(item, path)
    }
  }

  #checkOps(op: TxnOp, path: ReadonlyMap<TxnOp, boolean>): void {
    for (const item of branch(op, path)) {
      if (item.kind === 'txn') this.#checkOps(item, path)
      else if (item.kind === 'range') checkRevision(item.revision, this.#readView())
      else if (item.kind === 'put') {
        if (
          (item.ignoreValue || item.ignoreLease) &&
          this.#statements.get(readCurrent, item.key) === undefined
        ) {
          throw kvError('TM_KV_KEY_NOT_FOUND')
        }
        if (item.lease !== 0n) this.#checkLease(item.lease)
      }
    }
  }

  #apply(op: TxnOp, path: ReadonlyMap<TxnOp, boolean>): TxnResult {
    const results = branch(op, path).map((item) => this.#applyOp(item, path))
    return { revision: this.revision, succeeded: path.get(op) === true, results }
  }

  #applyOp(item: Op, path: ReadonlyMap<TxnOp, boolean>): OpResult {
    switch (item.kind) {
      case 'put':
        return { kind: 'put', ...this.put(item) }
      case 'delete':
        return { kind: 'delete', ...this.delete(item) }
      case 'range':
        return { kind: 'range', ...readRange(this.#statements, item, this.#readView()) }
      case 'txn':
        return { kind: 'txn', ...this.#apply(item, path) }
    }
  }

  #readView(): ReadView {
    const { compacted, revision } = this.#view
    return { revision: this.revision, compacted, committed: revision }
  }

  #holds(item: Compare): boolean {
    const where = rangeCondition(item.range, 'cur.key')
    const rows = this.#statements.all<PairRow>(
      `SELECT cur.key, cur.create_rev, cur.rev, cur.version, cur.lease, log.value FROM cur JOIN log ON log.rev = cur.rev AND log.sub = cur.sub WHERE ${where.sql}`,
      ...where.params,
    )
    if (rows.length > 0) return rows.every((row) => satisfies(item, toPair(row)))
    // No way to say "no value": a value compare of a missing key is false, even "differs".
    return item.target !== 'value' && satisfies(item, tombstone(item.range.key, 0))
  }

  #checkLease(id: bigint): void {
    if (!this.#view.hasLease(id)) throw kvError('TM_KV_LEASE_NOT_FOUND', { lease: String(id) })
  }

  #row(at: CurRow): KeyValue {
    const row = this.#statements.get<PairRow>(readRow, at[0], at[1])
    if (row === undefined) throw new Error(`log row ${at[0]}/${at[1]} is missing`)
    return toPair(row)
  }
}

function branch(op: TxnOp, path: ReadonlyMap<TxnOp, boolean>): readonly Op[] {
  return path.get(op) === true ? op.success : op.failure
}

function satisfies(item: Compare, kv: KeyValue): boolean {
  switch (item.target) {
    case 'version':
      return judge(item.result, kv.version - item.value)
    case 'create':
      return judge(item.result, kv.createRevision - item.value)
    case 'mod':
      return judge(item.result, kv.modRevision - item.value)
    case 'value':
      return judge(item.result, compareBytes(kv.value, item.value))
    case 'lease':
      return judge(item.result, kv.lease < item.value ? -1 : kv.lease > item.value ? 1 : 0)
  }
}

function judge(result: CompareResult, difference: number): boolean {
  switch (result) {
    case '=':
      return difference === 0
    case '!=':
      return difference !== 0
    case '>':
      return difference > 0
    case '<':
      return difference < 0
  }
}
