import type { Program, Tx } from '@tidemill/sql'
import { defaultTenant, type StoredEvent } from './event.ts'
import type { EventSchema } from './event-schema.ts'
import { type EventRow, readEvent } from './internal/event-row.ts'
import { textsFor } from './sql/texts.ts'

export interface LoadInput {
  readonly stream: string
  /** First version; default 1. */
  readonly from?: number
  /** At most so many; default all. */
  readonly limit?: number
  readonly tenant?: string
  /** Upcasts what is read. */
  readonly schema?: EventSchema
}

/** The events of one stream by version, read inside the caller's transaction; none when it does not exist. */
export function* loadProgram(tx: Tx, input: LoadInput): Program<StoredEvent[]> {
  const {
    stream,
    from = 1,
    limit = Number.MAX_SAFE_INTEGER,
    tenant = defaultTenant,
    schema,
  } = input
  const sql = textsFor(tx.dialect).streamEvents
  const rows = yield* tx.all<EventRow>(sql, tenant, stream, from, limit)
  const events: StoredEvent[] = []
  for (const row of rows) {
    const event = readEvent(row, schema)
    if (event !== undefined) events.push(event)
  }
  return events
}
