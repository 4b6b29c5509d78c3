export { type ByteRange, byteRange, compareBytes, prefix, prefixEnd, text } from './bytes.ts'
export { checkRequest, kvError, maxRequestBytes, maxTxnOps } from './check.ts'
export { etcdStatus, type KvErrorCode, kvErrors } from './errors.ts'
export type {
  Batch,
  CallOptions,
  Change,
  DeleteOptions,
  DeleteResult,
  Event,
  Key,
  KeyRange,
  KeySpan,
  KeyValue,
  Kv,
  KvStatus,
  Lease,
  LeaseLost,
  Leases,
  LeaseTimeToLive,
  OpResult,
  PutOptions,
  PutResult,
  RangeOptions,
  RangeResult,
  ReadOptions,
  SortTarget,
  TxnBuilder,
  TxnRequest,
  TxnResult,
  Watch,
  WatchOptions,
} from './kv.ts'
export { createLease, type LeaseSource, type RunningLease } from './lease.ts'
export { type KvOptions, openKv } from './open.ts'
export {
  type Compare,
  type CompareResult,
  compare,
  type DeleteOp,
  type Op,
  op,
  type PutOp,
  type RangeOp,
  type TxnOp,
} from './operation.ts'
export { createTxnBuilder } from './transaction.ts'
export type { Feed, FeedOptions, FeedSink, OpenFeed } from './watch/feed.ts'
export { openWatch, type RunningWatch, type WatchSource } from './watch/watch.ts'
