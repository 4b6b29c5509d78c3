import { type ByteRange, byteRange, copyBytes } from './bytes.ts'
import type {
  DeleteOptions,
  Key,
  KeyRange,
  PutOptions,
  RangeOptions,
  SortTarget,
  TxnRequest,
} from './kv.ts'

export interface RangeOp {
  readonly kind: 'range'
  readonly range: ByteRange
  readonly revision: number
  readonly limit: number
  readonly sortBy: SortTarget
  readonly order: 'none' | 'ascend' | 'descend'
  readonly keysOnly: boolean
  readonly countOnly: boolean
  readonly minMod: number
  readonly maxMod: number
  readonly minCreate: number
  readonly maxCreate: number
}

export interface PutOp {
  readonly kind: 'put'
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly lease: bigint
  readonly prevKv: boolean
  readonly ignoreValue: boolean
  readonly ignoreLease: boolean
}

export interface DeleteOp {
  readonly kind: 'delete'
  readonly range: ByteRange
  readonly prevKv: boolean
}

export interface TxnOp {
  readonly kind: 'txn'
  readonly compare: readonly Compare[]
  readonly success: readonly Op[]
  readonly failure: readonly Op[]
}

/** One operation of a transaction; made by {@link op}. */
export type Op = RangeOp | PutOp | DeleteOp | TxnOp

export type CompareResult = '=' | '!=' | '>' | '<'

/** One condition of a transaction; made by {@link compare}. It holds when every key of the range satisfies it. */
export type Compare = { readonly range: ByteRange; readonly result: CompareResult } & (
  | { readonly target: 'version' | 'create' | 'mod'; readonly value: number }
  | { readonly target: 'lease'; readonly value: bigint }
  | { readonly target: 'value'; readonly value: Uint8Array }
)

/** The operations of a transaction. */
export const op: {
  range(range: KeyRange, options?: Omit<RangeOptions, 'signal'>): RangeOp
  put(key: Key, value: Key, options?: Omit<PutOptions, 'signal'>): PutOp
  delete(range: KeyRange, options?: Omit<DeleteOptions, 'signal'>): DeleteOp
  /** A transaction inside a transaction; all its compares see the state before the outermost one began. */
  txn(request: Partial<TxnRequest>): TxnOp
} = {
  range: (range, options = {}) => ({
    kind: 'range',
    range: byteRange(range),
    revision: options.revision ?? 0,
    limit: options.limit ?? 0,
    sortBy: options.sortBy ?? 'key',
    order: options.order ?? 'none',
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    minMod: options.minModRevision ?? 0,
    maxMod: options.maxModRevision ?? 0,
    minCreate: options.minCreateRevision ?? 0,
    maxCreate: options.maxCreateRevision ?? 0,
  }),
  put: (key, value, options = {}) => ({
    kind: 'put',
    key: copyBytes(key),
    value: copyBytes(value),
    lease: options.lease ?? 0n,
    prevKv: options.prevKv ?? false,
    ignoreValue: options.ignoreValue ?? false,
    ignoreLease: options.ignoreLease ?? false,
  }),
  delete: (range, options = {}) => ({
    kind: 'delete',
    range: byteRange(range),
    prevKv: options.prevKv ?? false,
  }),
  txn: (request) => ({
    kind: 'txn',
    compare: request.compare ?? [],
    success: request.success ?? [],
    failure: request.failure ?? [],
  }),
}

/**
 * The conditions of a transaction. A key that does not exist compares as version, create and mod revision 0 and lease
 * 0n; its value equals nothing and also differs from nothing: every comparison of it is false (as in etcd).
 */
export const compare: {
  version(range: KeyRange, result: CompareResult, value: number): Compare
  create(range: KeyRange, result: CompareResult, revision: number): Compare
  mod(range: KeyRange, result: CompareResult, revision: number): Compare
  lease(range: KeyRange, result: CompareResult, lease: bigint): Compare
  value(range: KeyRange, result: CompareResult, value: Key): Compare
  exists(key: Key): Compare
  missing(key: Key): Compare
} = {
  version: (range, result, value) => ({
    range: byteRange(range),
    result,
    target: 'version',
    value,
  }),
  create: (range, result, value) => ({ range: byteRange(range), result, target: 'create', value }),
  mod: (range, result, value) => ({ range: byteRange(range), result, target: 'mod', value }),
  lease: (range, result, value) => ({ range: byteRange(range), result, target: 'lease', value }),
  value: (range, result, value) => ({
    range: byteRange(range),
    result,
    target: 'value',
    value: copyBytes(value),
  }),
  exists: (key) => compare.create(key, '>', 0),
  missing: (key) => compare.create(key, '=', 0),
}
