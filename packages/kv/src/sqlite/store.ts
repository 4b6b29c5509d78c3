import type { DatabaseSync } from 'node:sqlite'
import { sqliteError } from '@tidemill/core/sqlite'
import { TidemillError } from '@tidemill/core'
import { kvError } from '../check.ts'
import type { Event } from '../kv.ts'
import type { Op } from '../operation.ts'
import { Compaction, type Retention } from './compaction.ts'
import { readHistory } from './history.ts'
import { LeaseTable } from './leases.ts'
import type { BatchResult, Command, Reply, StoreStatus } from './protocol.ts'
import { readPrevious, readRange } from './read.ts'
import { prepareSchema, readMeta } from './schema.ts'
import { Statements } from './tables.ts'
import { WatchedRanges } from './watched.ts'
import { type Logged, Write, type WriteView } from './write.ts'

/** Pause after an expiry that SQLite refused. */
const expiryRetryMs = 1000

export interface StoreOptions {
  readonly file: string
  readonly retention: Retention
  readonly quotaBytes: number
  /** Becomes the id of the store when the file is new. */
  readonly newStoreId: string
}

/**
 * etcd's multi-version store on one SQLite connection, synchronous and without a thread or a clock of its own: time
 * comes in with each batch, in milliseconds of a monotonic clock. A batch is one SQLite transaction; each write in it
 * has a savepoint and a revision of its own.
 */
export class Store implements WriteView {
  readonly #db: DatabaseSync
  readonly #file: string
  readonly #statements: Statements
  readonly #leases: LeaseTable
  readonly #compaction: Compaction
  readonly #watched = new WatchedRanges()
  readonly #quotaBytes: number
  /** Ever the same for this file. */
  readonly storeId: string
  #revision = 1
  #changes: Logged[] = []
  #writes = 0
  /** Bytes in use, once known in this batch. */
  #bytes: number | undefined

  constructor(db: DatabaseSync, options: StoreOptions, now: number) {
    this.#db = db
    this.#file = options.file
    this.#quotaBytes = options.quotaBytes
    prepareSchema(db, options.file, options.newStoreId)
    this.storeId = readMeta(db, 'store_id') ?? options.newStoreId
    this.#statements = new Statements(db)
    this.#leases = new LeaseTable(this.#statements)
    this.#compaction = new Compaction(this.#statements, options.retention)
    this.#load(now)
  }

  get revision(): number {
    return this.#revision
  }

  get compacted(): number {
    return this.#compaction.at
  }

  hasLease(id: bigint): boolean {
    return this.#leases.has(id)
  }

  /**
   * Runs the commands in order and commits. A refused command changes nothing and does not disturb its neighbours; when
   * SQLite itself fails, every command of the batch is answered with that failure and nothing of the batch stays.
   */
  run(commands: readonly Command[], now: number): BatchResult {
    this.#changes = []
    this.#writes = 0
    this.#expire(now)
    const expired = this.#changes.length
    let replies: Reply[]
    let committed = false
    try {
      this.#bytes = undefined
      replies = commands.map((command) => this.#answer(command, now))
      committed = this.#db.isTransaction
      if (committed) this.#statements.run('COMMIT')
    } catch (error) {
      const json = this.#undo(error, now).toJSON()
      this.#changes.length = expired
      this.#writes = 0
      replies = commands.map(() => [undefined, json])
      committed = false
    }
    return {
      replies,
      events: this.#events(),
      revision: this.#revision,
      nextExpiry: this.#leases.nextExpiry,
      committed,
      writes: this.#writes,
    }
  }

  /** Does a little of the waiting work (automatic compaction, sweep); true when there is more. */
  maintain(now: number): boolean {
    const wanted = this.#compaction.wanted(now, this.#revision)
    if (wanted === undefined && !this.#compaction.pending) return false
    try {
      this.#statements.run('BEGIN IMMEDIATE')
      if (wanted !== undefined) this.#compaction.compact(wanted, this.#revision)
      this.#compaction.sweep()
      this.#statements.run('COMMIT')
    } catch (error) {
      throw this.#undo(error, now)
    }
    return this.#compaction.pending
  }

  /**
   * Ends the leases whose time is over, in a transaction of its own: when the disk is full, the batch's reads must not
   * fail for it, and the next try waits, because the owner asks again as soon as a lease is due.
   */
  #expire(now: number): void {
    const due = this.#leases.due(now)
    if (due.length === 0) return
    try {
      for (const id of due) this.#write((write) => this.#endLease(write, id))
      this.#statements.run('COMMIT')
    } catch (error) {
      this.#undo(error, now)
      this.#changes = []
      this.#leases.postpone(now + expiryRetryMs)
    }
  }

  #answer(command: Command, now: number): Reply {
    try {
      return [this.#execute(command, now)]
    } catch (error) {
      // A refusal by the rules concerns this command only; anything else ends the batch.
      if (!TidemillError.is(error)) throw error
      return [undefined, error.toJSON()]
    }
  }

  #execute(command: Command, now: number): unknown {
    switch (command.kind) {
      case 'range':
        return readRange(this.#statements, command, {
          revision: this.#revision,
          committed: this.#revision,
          compacted: this.compacted,
        })
      case 'put':
        this.#checkQuota()
        return this.#write((write) => write.put(command))
      case 'delete':
        return this.#write((write) => write.delete(command))
      case 'txn':
        if (!writes(command)) return new Write(this.#statements, this).txn(command)
        if (puts(command)) this.#checkQuota()
        return this.#write((write) => write.txn(command))
      case 'grant': {
        const { id } = command
        this.#checkQuota()
        const ttl = this.#write(() => this.#leases.grant(id, command.ttl, now))
        return { id, ttl, revision: this.#revision }
      }
      case 'revoke':
        this.#write((write) => this.#endLease(write, command.id))
        return { revision: this.#revision }
      case 'keepAlive':
        return this.#leases.keepAlive(command.id, now)
      case 'timeToLive': {
        const { id, keys } = command
        return { id, ...this.#leases.remaining(id, now), keys: keys ? this.#leases.keys(id) : [] }
      }
      case 'leases':
        return this.#leases.ids()
      case 'compact':
        this.#write(() => {
          this.#compaction.compact(command.revision, this.#revision)
          while (command.physical && this.#compaction.pending) this.#compaction.sweep()
        })
        return { revision: this.#revision }
      case 'status':
        return this.#status()
      case 'watch':
        this.#watched.add(command.range, command.prevKv)
        return this.#revision
      case 'unwatch':
        this.#watched.remove(command.range, command.prevKv)
        return undefined
      case 'history':
        return readHistory(this.#statements, command, this)
      case 'tick':
        return undefined
    }
  }

  /** Runs `work` in a savepoint; what it changed becomes the next revision. */
  #write<T>(work: (write: Write) => T): T {
    if (!this.#db.isTransaction) this.#statements.run('BEGIN IMMEDIATE')
    const write = new Write(this.#statements, this)
    this.#statements.run('SAVEPOINT one')
    try {
      const result = work(write)
      this.#statements.run('RELEASE one')
      if (write.changes.length > 0) this.#revision++
      for (const change of write.changes) this.#changes.push(change)
      this.#writes++
      return result
    } catch (error) {
      // SQLite may have ended the whole transaction (disk full, I/O); then the batch is lost.
      if (!this.#db.isTransaction) throw error
      this.#statements.run('ROLLBACK TO one')
      this.#statements.run('RELEASE one')
      throw error
    }
  }

  /** Deletes the lease's keys in key order, all at one revision. */
  #endLease(write: Write, id: bigint): void {
    this.#leases.remove(id)
    for (const key of this.#leases.keys(id)) write.deleteKey(key)
  }

  /** Refuses what adds data above the quota; looked up once per batch. */
  #checkQuota(): void {
    this.#bytes ??= this.#size().inUse
    if (this.#bytes > this.#quotaBytes) {
      throw kvError('TM_KV_NO_SPACE', { bytes: this.#bytes, quota: this.#quotaBytes })
    }
  }

  #size(): { readonly file: number; readonly inUse: number } {
    const pragma = (name: string): number =>
      this.#statements.get<[number]>(`PRAGMA ${name}`)?.[0] ?? 0
    const [size, pages] = [pragma('page_size'), pragma('page_count')]
    return { file: size * pages, inUse: size * (pages - pragma('freelist_count')) }
  }

  #status(): StoreStatus {
    const { file, inUse } = this.#size()
    return {
      revision: this.#revision,
      compacted: Math.max(this.compacted, 0),
      dbSize: file,
      dbSizeInUse: inUse,
      storeId: this.storeId,
      leases: this.#leases.size,
    }
  }

  #events(): Event[] {
    if (this.#watched.size === 0) return []
    const events: Event[] = []
    for (const { type, kv, existed } of this.#changes) {
      const wanted = this.#watched.wanted(kv.key)
      if (wanted === 'no') continue
      const prev =
        wanted === 'prev' && existed
          ? readPrevious(this.#statements, kv.key, kv.modRevision, this.compacted)
          : undefined
      events.push(prev === undefined ? { type, kv } : { type, kv, prev })
    }
    return events
  }

  /** Takes the open transaction back after a failure of SQLite, which it gives as a coded error; throws any other. */
  #undo(error: unknown, now: number): TidemillError {
    if (this.#db.isTransaction) this.#statements.run('ROLLBACK')
    this.#load(now)
    const coded = sqliteError(error, { file: this.#file })
    if (!TidemillError.is(coded)) throw coded
    return coded
  }

  #load(now: number): void {
    const newest = this.#statements.get<[number | null]>('SELECT max(rev) FROM log')
    this.#revision = newest?.[0] ?? 1
    this.#compaction.load()
    this.#leases.load(now)
  }
}

/** Whether the operation could change something. */
function writes(op: Op): boolean {
  if (op.kind === 'txn') return op.success.some(writes) || op.failure.some(writes)
  return op.kind !== 'range'
}

function puts(op: Op): boolean {
  if (op.kind === 'txn') return op.success.some(puts) || op.failure.some(puts)
  return op.kind === 'put'
}
