import type { Closable } from '@tidemill/core'
import type { Compare, Op } from './operation.ts'

/** A key or value: bytes, or text that is taken as UTF-8. */
export type Key = string | Uint8Array

/** The keys from `key` up to but without `end`; `end` of one zero byte means "and everything above" (etcd's range_end). */
export interface KeySpan {
  readonly key: Key
  readonly end?: Key
}

/** One key, or a span of keys. {@link prefix} makes the span of a prefix. */
export type KeyRange = Key | KeySpan

export interface KeyValue {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** Revision of the put that created the key. */
  readonly createRevision: number
  /** Revision of the last put. */
  readonly modRevision: number
  /** 1 for the put that created the key, then one more per put. */
  readonly version: number
  /** The lease the key hangs on, 0n for none. */
  readonly lease: bigint
}

export interface CallOptions {
  /** Gives up waiting and rejects with the signal's reason; a write that was already sent may still take effect. */
  readonly signal?: AbortSignal
}

export interface ReadOptions extends CallOptions {
  /** Reads the state as it was at that revision; 0 or absent is now. */
  readonly revision?: number
  /** Allows a stale answer. The embedded engine has one copy and is never stale. */
  readonly serializable?: boolean
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value'

export interface RangeOptions extends ReadOptions {
  /** At most that many pairs; 0 or absent is all. */
  readonly limit?: number
  readonly sortBy?: SortTarget
  readonly order?: 'ascend' | 'descend'
  /** Leaves the values empty. */
  readonly keysOnly?: boolean
  /** Gives only `count`. */
  readonly countOnly?: boolean
  readonly minModRevision?: number
  readonly maxModRevision?: number
  readonly minCreateRevision?: number
  readonly maxCreateRevision?: number
}

export interface RangeResult {
  /** The store's revision when it answered. */
  readonly revision: number
  readonly kvs: readonly KeyValue[]
  /** True when `limit` cut the answer. */
  readonly more: boolean
  /** How many keys the range has at that revision, whatever the limit and the min/max filters. */
  readonly count: number
}

export interface PutOptions extends CallOptions {
  readonly lease?: bigint
  /** Answers with the pair as it was before. */
  readonly prevKv?: boolean
  /** Keeps the present value; the key must exist. */
  readonly ignoreValue?: boolean
  /** Keeps the present lease; the key must exist. */
  readonly ignoreLease?: boolean
}

export interface PutResult {
  readonly revision: number
  readonly prev: KeyValue | undefined
}

export interface DeleteOptions extends CallOptions {
  readonly prevKv?: boolean
}

export interface DeleteResult {
  readonly revision: number
  readonly deleted: number
  /** The pairs that were deleted, in key order, when `prevKv` asked for them. */
  readonly prevs: readonly KeyValue[]
}

export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly success: readonly Op[]
  readonly failure: readonly Op[]
}

export type OpResult =
  | ({ readonly kind: 'range' } & RangeResult)
  | ({ readonly kind: 'put' } & PutResult)
  | ({ readonly kind: 'delete' } & DeleteResult)
  | ({ readonly kind: 'txn' } & TxnResult)

export interface TxnResult {
  readonly revision: number
  /** True when every compare held and the success operations ran, false when those of the failure did. */
  readonly succeeded: boolean
  /** One result per operation of the branch that ran, in order. */
  readonly results: readonly OpResult[]
}

/**
 * Collects a transaction: when all compares hold, the `then` operations run, otherwise those of `else`, all at one
 * revision. Each part may be called several times and adds. Nothing is sent before `commit`.
 */
export interface TxnBuilder {
  if(...compares: readonly Compare[]): TxnBuilder
  then(...ops: readonly Op[]): TxnBuilder
  else(...ops: readonly Op[]): TxnBuilder
  commit(options?: CallOptions): Promise<TxnResult>
}

/** One change of one key as the store logged it. */
export interface Event {
  readonly type: 'put' | 'delete'
  /** Of a delete: only `key` and `modRevision` are set, the numbers are 0 and the value is empty. */
  readonly kv: KeyValue
  /** The pair before, when asked for; absent for a creation and when that revision has been compacted. */
  readonly prev?: KeyValue
}

export interface WatchOptions {
  /** First revision to see; 0 or absent is "from now on". May lie in the future. */
  readonly from?: number
  /** Goes on after the batch that gave this token; instead of `from`. */
  readonly resume?: string
  /** First delivers the present state as one batch (`cause: 'resync'`), then what changes; instead of `from`. */
  readonly initial?: boolean
  readonly prevKv?: boolean
  /**
   * `latest` (default) merges the changes of a key that arrive while the handler is busy into the newest; `each`
   * delivers every change.
   */
  readonly delivery?: 'each' | 'latest'
  /** Waits before delivering, to merge more: until `ms` of silence, at most `maxWaitMs`, or `maxKeys` keys. Default: no wait. */
  readonly window?: {
    readonly ms: number
    readonly maxWaitMs?: number
    readonly maxKeys?: number
  }
  /** When the revisions to read have been compacted: read the whole range again (default), or end with TM_KV_COMPACTED. */
  readonly onCompacted?: 'resync' | 'error'
  /** Kinds of events to leave out (etcd's NOPUT, NODELETE). */
  readonly filters?: readonly ('put' | 'delete')[]
  /** With `delivery: 'each'`, how many bytes may wait for a slow handler; default 64 MiB. More is read again later. */
  readonly maxQueueBytes?: number
}

export interface Change {
  readonly type: 'put' | 'delete'
  readonly key: Uint8Array
  /** The newest pair; absent for a delete. */
  readonly kv?: KeyValue
  /** With `prevKv`: the pair before the first of the merged changes. */
  readonly prev?: KeyValue
  /** How many changes of the log this one stands for. */
  readonly merged: number
  /** First and last revision of those. */
  readonly revisions: readonly [first: number, last: number]
  /** The key was deleted and created again in between. */
  readonly recreated: boolean
}

export interface Batch {
  /** Every change up to and including this revision has been delivered. */
  readonly revision: number
  /** In the order of the (last) change in the log; a resync in key order, deletes first. */
  readonly changes: readonly Change[]
  readonly cause: 'live' | 'replay' | 'resync'
  /** With `cause: 'resync'`: `changes` holds every key of the range, so a key that is not in it does not exist. */
  readonly snapshot: boolean
  /** Pass it to `resume` to go on after this batch, also in another process. */
  readonly token: string
}

/**
 * A running watch: consume it either with `on` or with `for await`, once. The next batch is delivered when the handler
 * (or the loop's body) is done with the one before. A handler that throws gets the same batch again after a pause.
 */
export interface Watch extends AsyncIterable<Batch>, Closable {
  /** Every change up to this revision has been delivered and handled. */
  readonly position: number
  /** `future`: the revision asked for has not been reached yet. */
  readonly state: 'starting' | 'replay' | 'live' | 'future' | 'closed'
  /** The store's revision when the watch was in place: every later write will be seen. */
  readonly ready: Promise<number>
  /** Resolves when the watch is closed, rejects when it failed. */
  readonly ended: Promise<void>
  on(handler: (batch: Batch) => void | Promise<void>): this
  /** `close` without waiting for the handler. */
  cancel(): void
}

export interface LeaseTimeToLive {
  readonly id: bigint
  /** Seconds left, rounded down; -1 when there is no such lease. */
  readonly ttl: number
  readonly grantedTtl: number
  readonly keys: readonly Uint8Array[]
}

/** Leases as the store knows them, one call each; {@link Kv.lease} is the comfortable form. */
export interface Leases {
  /** TTL in seconds, at least 2 is granted, more than 9,000,000,000 is refused. Id 0n or absent: one is chosen. */
  grant(
    ttl: number,
    options?: { readonly id?: bigint } & CallOptions,
  ): Promise<{ readonly id: bigint; readonly ttl: number; readonly revision: number }>
  /** Ends the lease and deletes its keys at one revision; TM_KV_LEASE_NOT_FOUND when there is none. */
  revoke(id: bigint, options?: CallOptions): Promise<{ readonly revision: number }>
  /** Starts the TTL again and answers with it, or with 0 when there is no such lease. */
  keepAlive(id: bigint, options?: CallOptions): Promise<number>
  timeToLive(
    id: bigint,
    options?: { readonly keys?: boolean } & CallOptions,
  ): Promise<LeaseTimeToLive>
  list(options?: CallOptions): Promise<readonly bigint[]>
}

export interface LeaseLost {
  readonly id: bigint
  /** `expired`: the store no longer has it, or no keepalive was answered for a whole TTL. */
  readonly reason: 'expired' | 'revoked' | 'closed'
}

/** A lease that is kept alive (every third of its TTL) until it is revoked, lost, or the store is closed. */
export interface Lease extends AsyncDisposable {
  readonly id: bigint
  /** Granted seconds. */
  readonly ttl: number
  /** False as soon as the TTL has passed since the last answered keepalive was sent: check it before relying on the lease. */
  readonly alive: boolean
  /** Resolves once, when the lease is over. Never rejects. */
  readonly lost: Promise<LeaseLost>
  timeToLive(options?: { readonly keys?: boolean }): Promise<LeaseTimeToLive>
  /** Ends the lease and deletes its keys; does nothing when it is already over. */
  revoke(): Promise<void>
}

export interface KvStatus {
  readonly url: string
  readonly revision: number
  /** Oldest revision that can be read. */
  readonly compacted: number
  /** Bytes of the database, and those of it that hold data. */
  readonly dbSize: number
  readonly dbSizeInUse: number
  /** Ever the same for one store, other for another. */
  readonly storeId: string
  readonly leases: number
  readonly watches: number
  /** Calls that wait, and the most that may. */
  readonly queued: number
  readonly queueLimit: number
  /** Transactions of the engine and writes in them; their ratio is the size of a group commit. */
  readonly commits: number
  readonly writes: number
}

/**
 * A key-value store with etcd's semantics: every write has a revision of its own, old revisions can be read until they
 * are compacted, changes can be watched from any revision on, keys can hang on a lease. Calls of one client take
 * effect in the order in which they were made; a promise resolves when the write is durable.
 */
export interface Kv extends Closable {
  readonly url: string
  get(key: Key, options?: ReadOptions): Promise<KeyValue | undefined>
  range(range: KeyRange, options?: RangeOptions): Promise<RangeResult>
  put(key: Key, value: Key, options?: PutOptions): Promise<PutResult>
  delete(range: KeyRange, options?: DeleteOptions): Promise<DeleteResult>
  txn(request?: TxnRequest): TxnBuilder
  watch(range: KeyRange, options?: WatchOptions): Watch
  /** Grants a lease of 1 to 9,000,000,000 whole seconds (1 is granted as 2) and keeps it alive. */
  lease(ttlSeconds: number, options?: CallOptions): Promise<Lease>
  readonly leases: Leases
  /**
   * Forgets what is older than `revision`, keeping of each key the newest pair up to it. `physical` waits until the
   * space has been given back.
   */
  compact(
    revision: number,
    options?: { readonly physical?: boolean } & CallOptions,
  ): Promise<{ readonly revision: number }>
  status(options?: CallOptions): Promise<KvStatus>
}
