import type { ErrorJson } from '@tidemill/core'
import type { ByteRange } from '../bytes.ts'
import type {
  DeleteResult,
  Event,
  LeaseTimeToLive,
  PutResult,
  RangeResult,
  TxnResult,
} from '../kv.ts'
import type { DeleteOp, PutOp, RangeOp, TxnOp } from '../operation.ts'

/** A call as it crosses to the thread that owns the file. */
export type Command =
  | RangeOp
  | PutOp
  | DeleteOp
  | TxnOp
  | { readonly kind: 'compact'; readonly revision: number; readonly physical: boolean }
  | { readonly kind: 'grant'; readonly id: bigint; readonly ttl: number }
  | { readonly kind: 'revoke'; readonly id: bigint }
  | { readonly kind: 'keepAlive'; readonly id: bigint }
  | { readonly kind: 'timeToLive'; readonly id: bigint; readonly keys: boolean }
  | { readonly kind: 'leases' }
  | { readonly kind: 'status' }
  | { readonly kind: 'watch'; readonly range: ByteRange; readonly prevKv: boolean }
  | { readonly kind: 'unwatch'; readonly range: ByteRange; readonly prevKv: boolean }
  | HistoryCommand
  | { readonly kind: 'tick' }

/** Reads a part of the log for a watch: whole revisions from `from` on. */
export interface HistoryCommand {
  readonly kind: 'history'
  readonly range: ByteRange
  readonly from: number
  readonly prevKv: boolean
}

export interface HistoryPage {
  readonly events: readonly Event[]
  /** Every event of the range up to this revision is in this page or an earlier one. */
  readonly upTo: number
  /** The store's revision when the page was read. */
  readonly head: number
}

export interface StoreStatus {
  readonly revision: number
  readonly compacted: number
  readonly dbSize: number
  readonly dbSizeInUse: number
  readonly storeId: string
  readonly leases: number
}

/** What each kind of command answers with. */
export interface Answers {
  readonly range: RangeResult
  readonly put: PutResult
  readonly delete: DeleteResult
  readonly txn: TxnResult
  readonly compact: { readonly revision: number }
  readonly grant: { readonly id: bigint; readonly ttl: number; readonly revision: number }
  readonly revoke: { readonly revision: number }
  readonly keepAlive: number
  readonly timeToLive: LeaseTimeToLive
  readonly leases: readonly bigint[]
  readonly status: StoreStatus
  /** The store's revision: every later event of the range will be sent. */
  readonly watch: number
  readonly unwatch: undefined
  readonly history: HistoryPage
  readonly tick: undefined
}

/** A batch's answers, one per command in order: `[value]` or `[undefined, error]`. */
export type Reply = readonly [value: unknown, error?: ErrorJson]

export interface BatchResult {
  readonly replies: readonly Reply[]
  /** Committed events of the watched ranges, in log order. */
  readonly events: readonly Event[]
  readonly revision: number
  /** When the next lease expires, on the caller's monotonic clock; undefined when there is none. */
  readonly nextExpiry: number | undefined
  /** Whether the batch ended in a COMMIT, and how many of its calls wrote. */
  readonly committed: boolean
  readonly writes: number
}
