import type { ErrorDetails, Problem, TidemillError } from '@tidemill/core'
import { bytesId, inRange } from './bytes.ts'
import { etcdStatus, type KvErrorCode, kvErrors } from './errors.ts'
import type { KeyRange, RangeOptions } from './kv.ts'
import type { Compare, DeleteOp, Op, PutOp, RangeOp, TxnOp } from './operation.ts'

/** etcd's --max-txn-ops. */
export const maxTxnOps = 128
/** etcd's --max-request-bytes. */
export const maxRequestBytes = 1_572_864
/** What raft's envelope adds to a request before etcd compares it with the limit (tags, lengths and the request id). */
const envelopeBytes = 18

/** The error of that code with etcd's status in its details. */
export function kvError(
  code: KvErrorCode,
  details: ErrorDetails = {},
  options?: { readonly cause?: unknown },
): TidemillError {
  return kvErrors.error(code, { ...details, ...etcdStatus[code] }, options)
}

/** Throws TM_KV_ARGUMENT when there are problems. */
export function refuse(what: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw kvErrors.error('TM_KV_ARGUMENT', { what, problems })
}

/** The problem of a number that is not a safe integer of at least 0, if it is one. */
export function notCount(path: string, value: unknown): Problem[] {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return []
  return [
    {
      path,
      message: 'is not a whole number from 0 on',
      received: String(value),
      expected: 'an integer from 0 to 2^53 - 1',
    },
  ]
}

/** The problem of something that is neither text nor bytes, if it is that. */
export function notBytes(path: string, value: unknown): Problem[] {
  if (typeof value === 'string' || value instanceof Uint8Array) return []
  return [{ path, message: 'is neither a string nor a Uint8Array', received: typeof value }]
}

/** The problem of something that is not a 64-bit lease id. */
export function notLease(path: string, value: unknown): Problem[] {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return []
  const received = String(value)
  return [{ path, message: 'is not a lease id', received, expected: 'a bigint of 64 bits' }]
}

/** The problems of a key range. */
export function notRange(range: KeyRange): Problem[] {
  if (typeof range !== 'object' || range === null || range instanceof Uint8Array) {
    return notBytes('/key', range)
  }
  return [...notBytes('/key', range.key), ...notBytes('/end', range.end ?? '')]
}

/** The problems of a range read's numbers. */
export function wrongNumbers(options: RangeOptions): Problem[] {
  const names = [
    'revision',
    'limit',
    'minModRevision',
    'maxModRevision',
    'minCreateRevision',
    'maxCreateRevision',
  ] as const
  return names.flatMap((name) => notCount(`/${name}`, options[name] ?? 0))
}

/** The checks that etcd makes on a request before it looks at the store; throws the coded error. */
export function checkRequest(request: Op): void {
  if (request.kind === 'txn') {
    checkTxn(request, maxTxnOps)
    changedKeys(request.success)
    changedKeys(request.failure)
  } else {
    checkOp(request, 0)
  }
  if (request.kind === 'range') return
  const bytes = requestBytes(request) + envelopeBytes
  if (bytes > maxRequestBytes) {
    throw kvError('TM_KV_REQUEST_TOO_LARGE', { bytes, limit: maxRequestBytes })
  }
}

function checkTxn(txn: TxnOp, limit: number): void {
  const ops = Math.max(txn.compare.length, txn.success.length, txn.failure.length)
  if (ops > limit) throw kvError('TM_KV_TOO_MANY_OPS', { ops, limit })
  for (const item of txn.compare) if (item.range.key.length === 0) throw kvError('TM_KV_EMPTY_KEY')
  for (const item of txn.success) checkOp(item, limit - ops)
  for (const item of txn.failure) checkOp(item, limit - ops)
}

function checkOp(item: Op, limit: number): void {
  switch (item.kind) {
    case 'txn':
      checkTxn(item, limit)
      return
    case 'put':
      checkPut(item)
      return
    case 'delete':
    case 'range':
      if (item.range.key.length === 0) throw kvError('TM_KV_EMPTY_KEY')
  }
}

function checkPut(put: PutOp): void {
  if (put.key.length === 0) throw kvError('TM_KV_EMPTY_KEY')
  if (put.ignoreValue && put.value.length > 0) throw kvError('TM_KV_VALUE_PROVIDED')
  if (put.ignoreLease && put.lease !== 0n) throw kvError('TM_KV_LEASE_PROVIDED')
}

interface Changed {
  readonly puts: Map<string, Uint8Array>
  readonly deletes: readonly DeleteOp[]
}

/**
 * What the operations put and delete; throws TM_KV_DUPLICATE_KEY where etcd does (checkIntervals in its
 * server/etcdserver/api/v3rpc/key.go), which looks at nested transactions first. The two branches of one exclude each
 * other and may share keys. etcd lets two ways of changing a key twice pass, and so do we: a delete without upper bound
 * beside a put, and a put in one nested transaction before a delete in the next.
 */
function changedKeys(ops: readonly Op[]): Changed {
  const puts = new Map<string, Uint8Array>()
  const deletes: DeleteOp[] = ops.filter((item) => item.kind === 'delete')
  const add = (id: string, key: Uint8Array): void => {
    if (puts.has(id) || deletes.some((item) => covers(item, key))) throw duplicate(id)
    puts.set(id, key)
  }
  for (const item of ops) {
    if (item.kind !== 'txn') continue
    const branches = [changedKeys(item.success), changedKeys(item.failure)]
    const inner = new Map(branches.flatMap((branch) => [...branch.puts]))
    for (const [id, key] of inner) add(id, key)
    deletes.push(...branches.flatMap((branch) => branch.deletes))
  }
  for (const item of ops) if (item.kind === 'put') add(bytesId(item.key), item.key)
  return { puts, deletes }
}

/** To etcd's check, a delete without upper bound covers nothing. */
function covers({ range }: DeleteOp, key: Uint8Array): boolean {
  return range.end?.length !== 0 && inRange(range, key)
}

function duplicate(id: string): Error {
  return kvError('TM_KV_DUPLICATE_KEY', { key: Buffer.from(id, 'latin1').toString('utf8') })
}

/** Size of the request as etcd's protobuf message, which is what its limit counts (config facts 5.1). */
export function requestBytes(request: Op): number {
  switch (request.kind) {
    case 'put':
      return (
        field(request.key.length) +
        field(request.value.length) +
        (request.lease === 0n ? 0 : 1 + varint64(request.lease)) +
        flag(request.prevKv) +
        flag(request.ignoreValue) +
        flag(request.ignoreLease)
      )
    case 'delete':
      return rangeBytes(request) + flag(request.prevKv)
    case 'range':
      return rangeBytes(request) + 40
    case 'txn': {
      let bytes = 0
      for (const item of request.compare) bytes += nested(compareBytesOf(item))
      for (const item of request.success) bytes += nested(nested(requestBytes(item)))
      for (const item of request.failure) bytes += nested(nested(requestBytes(item)))
      return bytes
    }
  }
}

function compareBytesOf(item: Compare): number {
  const value =
    item.target === 'value'
      ? field(item.value.length)
      : item.value === 0 || item.value === 0n
        ? 0
        : 1 + varint64(BigInt(item.value))
  const end = item.range.end === undefined ? 0 : 1 + field(item.range.end.length || 1)
  return 4 + field(item.range.key.length) + value + end
}

function rangeBytes(item: RangeOp | DeleteOp): number {
  const end = item.range.end === undefined ? 0 : field(item.range.end.length || 1)
  return field(item.range.key.length) + end
}

function nested(bytes: number): number {
  return 1 + varint(bytes) + bytes
}

function field(bytes: number): number {
  return bytes === 0 ? 0 : nested(bytes)
}

function flag(on: boolean): number {
  return on ? 2 : 0
}

/** Bytes of a length; lengths here are below 2^28. */
function varint(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4
}

function varint64(value: bigint): number {
  let left = BigInt.asUintN(64, value)
  let bytes = 1
  while (left >= 128n) {
    left >>= 7n
    bytes++
  }
  return bytes
}
