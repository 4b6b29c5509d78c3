import { type Procedure, type Program, procedure, type Tx } from '@tidemill/sql'
import { eventsErrors } from '../errors.ts'
import type { ParkedEvent } from '../processor.ts'
import { type SqlTexts, shard, textsFor } from '../sql/texts.ts'
import type { ProcessorKey } from './checkpoint.ts'
import type { EventRow } from './event-row.ts'
import { unpackEventId } from './event-id.ts'

/** The most events that a processor sets aside; beyond it stops, because something larger is wrong. */
export const parkLimit = 10_000

export interface ParkEntry {
  readonly row: Pick<EventRow, 'pos' | 'tenant' | 'stream_id' | 'event_id'>
  readonly state: ParkedEvent['state']
  readonly error: string
  readonly attempts: number
}

/** Sets events aside. Throws TM_EVENTS_PARK_FULL when too many wait already. */
export function* park(tx: Tx, key: ProcessorKey, entries: readonly ParkEntry[]): Program<void> {
  if (entries.length === 0) return
  const texts = textsFor(tx.dialect)
  const { processor, version } = key
  const count = yield* tx.get<{ n: number }>(texts.parkedCount, processor, version)
  if ((count?.n ?? 0) + entries.length > parkLimit) {
    throw eventsErrors.error('TM_EVENTS_PARK_FULL', { processor, version, limit: parkLimit })
  }
  for (const { row, state, error, attempts } of entries) {
    yield* tx.run(
      texts.park,
      processor,
      version,
      shard,
      row.pos,
      row.tenant,
      row.stream_id,
      row.event_id,
      state,
      error,
      attempts,
      tx.now,
    )
  }
}

export function streamKey(row: Pick<EventRow, 'tenant' | 'stream_id'>): string {
  return `${row.tenant}\0${row.stream_id}`
}

/** The streams whose later events must wait. */
export function* parkedStreams(tx: Tx, key: ProcessorKey): Program<Set<string>> {
  const sql = textsFor(tx.dialect).parkedStreams
  const rows = yield* tx.all<StreamRow>(sql, key.processor, key.version)
  return new Set(rows.map(streamKey))
}

interface StreamRow {
  readonly tenant: string
  readonly stream_id: string
}

export interface ParkedRow extends StreamRow {
  readonly pos: number
  readonly event_id: Uint8Array
  readonly state: ParkedEvent['state']
  readonly error: string
  readonly attempts: number
  readonly parked_at: number
}

export function readParked(row: ParkedRow): ParkedEvent {
  return {
    position: row.pos,
    tenant: row.tenant,
    stream: row.stream_id,
    id: unpackEventId(row.event_id),
    state: row.state,
    error: row.error,
    attempts: row.attempts,
    at: row.parked_at,
  }
}

/** Positions of a stream's waiting events, in order, at most 500. */
export function* waitingPositions(
  tx: Tx,
  texts: SqlTexts,
  key: ProcessorKey,
  tenant: string,
  stream: string,
): Program<number[]> {
  const { processor, version } = key
  const rows = yield* tx.all<{ pos: number }>(
    texts.parkedOfStream,
    processor,
    version,
    tenant,
    stream,
    500,
  )
  return rows.map(({ pos }) => pos)
}

export interface DiscardInput extends ProcessorKey {
  readonly position: number
  readonly reason: string
}

function* discard(tx: Tx, input: DiscardInput): Program<void> {
  const { processor, version, position, reason } = input
  const sql = textsFor(tx.dialect).discardParked
  const marked = yield* tx.run(sql, reason, processor, version, shard, position)
  if (marked.changes === 0) {
    throw eventsErrors.error('TM_EVENTS_NOT_PARKED', { processor, version, position })
  }
}

/** Gives one waiting event up; it stays listed as discarded, with the reason. */
export const discardProcedure: Procedure<DiscardInput, void> = procedure(
  import.meta.url,
  'discardProcedure',
  discard,
)
