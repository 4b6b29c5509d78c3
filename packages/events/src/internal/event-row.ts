import { eventsErrors } from '../errors.ts'
import type { JsonObject, StoredEvent } from '../event.ts'
import type { EventSchema } from '../event-schema.ts'
import { parseJson } from '../json.ts'
import { unpackEventId } from './event-id.ts'

/** One row of tm_event as every reading statement selects it. */
export interface EventRow {
  readonly pos: number
  readonly tenant: string
  readonly stream_id: string
  readonly version: number
  readonly event_id: Uint8Array
  readonly type: string
  readonly schema_ver: number
  readonly data: string
  readonly meta: string
  readonly ts_us: number
}

/** The event as today's code sees it; undefined when the schema ignores its type. */
export function readEvent(row: EventRow, schema?: EventSchema): StoredEvent | undefined {
  const event: StoredEvent = {
    position: row.pos,
    tenant: row.tenant,
    stream: row.stream_id,
    version: row.version,
    id: unpackEventId(row.event_id),
    type: row.type,
    schemaVersion: row.schema_ver,
    data: parse(row, row.data),
    meta: parse(row, row.meta) as JsonObject,
    at: Math.floor(row.ts_us / 1000),
  }
  return schema === undefined ? event : schema.upcast(event)
}

function parse(row: EventRow, json: string): unknown {
  try {
    return parseJson(json)
  } catch (cause) {
    const { message } = cause as SyntaxError
    const position = row.pos
    throw eventsErrors.error('TM_EVENTS_STORED_PAYLOAD', { position, reason: message }, { cause })
  }
}
