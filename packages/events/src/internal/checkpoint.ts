import { type Procedure, type Program, procedure, type Tx } from '@tidemill/sql'
import { eventsErrors } from '../errors.ts'
import { shard, textsFor } from '../sql/texts.ts'

/** Which processor. */
export interface ProcessorKey {
  readonly processor: string
  readonly version: number
}

export interface Checkpoint {
  readonly position: number
  readonly fence: number
  readonly mutedUntil: number
  readonly active: boolean
  /** It was active until another version was; only a person makes it active again. */
  readonly replaced: boolean
}

export interface CheckpointRow {
  readonly pos: number
  readonly fence: number
  readonly owner: string
  readonly lease_until: number
  readonly muted_until: number
  /** 0 being built, 1 active, 2 replaced. */
  readonly active: number
}

/**
 * The checkpoint when `fence` still owns it; throws TM_EVENTS_FENCED otherwise. It ends a batch before its work is
 * done in vain, but does not lock: where transactions run side by side, {@link moveCheckpoint} has the last word.
 */
export function* ownedCheckpoint(tx: Tx, key: ProcessorKey, fence: number): Program<Checkpoint> {
  const sql = textsFor(tx.dialect).checkpoint
  const row = yield* tx.get<CheckpointRow>(sql, key.processor, key.version, shard)
  if (row === undefined || row.fence !== fence) throw fenced(key)
  return {
    position: row.pos,
    fence,
    mutedUntil: row.muted_until,
    active: row.active === 1,
    replaced: row.active === 2,
  }
}

/**
 * Moves the checkpoint, in the transaction of the work that it stands for, only from where that work began and only
 * under its fence: at READ COMMITTED another owner may have come in after {@link ownedCheckpoint} looked.
 */
export function* moveCheckpoint(
  tx: Tx,
  key: ProcessorKey,
  fence: number,
  from: number,
  to: number,
): Program<void> {
  if (from === to) return
  const sql = textsFor(tx.dialect).moveCheckpoint
  const moved = yield* tx.run(sql, to, tx.now, key.processor, key.version, shard, from, fence)
  if (moved.changes === 0) throw fenced(key)
}

export function fenced(key: ProcessorKey): Error {
  return eventsErrors.error('TM_EVENTS_FENCED', { ...key })
}

export interface AcquireInput extends ProcessorKey {
  /** `PROCESS/INSTANCE`. */
  readonly owner: string
  readonly leaseMs: number
  /** True when no other process can have the database open: what another process held is free. */
  readonly exclusive: boolean
}

function* acquire(
  tx: Tx,
  input: AcquireInput,
): Program<{ fence: number; position: number } | null> {
  const { processor, version, owner, leaseMs, exclusive } = input
  const texts = textsFor(tx.dialect)
  const row = yield* tx.get<CheckpointRow>(texts.checkpoint, processor, version, shard)
  if (row === undefined) return null
  const [process] = owner.split('/')
  const free =
    row.owner === owner ||
    row.lease_until <= tx.now ||
    (exclusive && !row.owner.startsWith(`${process}/`))
  if (!free) return null
  const fence = row.fence
  const until = tx.now + leaseMs
  const taken = yield* tx.run(texts.acquire, owner, until, processor, version, shard, fence)
  return taken.changes === 1 ? { fence: fence + 1, position: row.pos } : null
}

/** Takes the processor's lease: the new fence and the position to go on from, or null while somebody holds it. */
export const acquireProcedure: Procedure<
  AcquireInput,
  { readonly fence: number; readonly position: number } | null
> = procedure(import.meta.url, 'acquireProcedure', acquire)

export interface RenewInput extends ProcessorKey {
  readonly fence: number
  /** 0 releases. */
  readonly leaseMs: number
}

function* renew(tx: Tx, input: RenewInput): Program<boolean> {
  const { processor, version, fence, leaseMs } = input
  const until = leaseMs === 0 ? 0 : tx.now + leaseMs
  const sql = textsFor(tx.dialect).renew
  return (yield* tx.run(sql, until, processor, version, shard, fence)).changes === 1
}

/** Holds the lease longer, or releases it; false when it was lost. */
export const renewProcedure: Procedure<RenewInput, boolean> = procedure(
  import.meta.url,
  'renewProcedure',
  renew,
)
