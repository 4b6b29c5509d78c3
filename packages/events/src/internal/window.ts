import type { Program, SqlValue, Tx } from '@tidemill/sql'
import type { EventFilter } from '../event.ts'
import type { EventSchema } from '../event-schema.ts'
import { type SqlTexts, shard, textsFor } from '../sql/texts.ts'
import type { EventRow } from './event-row.ts'

/** The stored events after `from` up to and with `to` that pass a filter. */
export interface EventWindow {
  readonly from: number
  /** Where the next window begins; the events that the filter left out are behind it too. */
  readonly to: number
  readonly head: number
  readonly rows: readonly EventRow[]
}

/** How many positions one filtered window covers, so that a rare type still moves the checkpoint on. */
const filteredSpan = 1000

/** Characters of payload after which a window inside the writer thread ends: it is held in memory, and so are its objects. */
export const windowSize: number = 8 * 1024 * 1024

/** Rows read at a time, so that even the largest events come to no more than 64 MiB before they are counted. */
const windowPage = 64

export function rowSize({ data, meta }: EventRow): number {
  return data.length + meta.length
}

/** What a filter is to the statements, with the old names of renamed types. */
export function storedFilter(filter: EventFilter, schema: EventSchema | undefined): EventFilter {
  const { types, prefix, tags, tenant } = filter
  return {
    ...(types === undefined ? {} : { types: schema?.stored(types) ?? types }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(tags === undefined ? {} : { tags }),
    ...(tenant === undefined ? {} : { tenant }),
  }
}

export interface WindowQuery {
  readonly sql: string
  readonly params: readonly SqlValue[]
  /** Turns the rows of the query into the window. */
  finish(rows: readonly EventRow[]): EventWindow
}

/** The statement for the window after `from`; positions have no gaps, so every one up to `head` can be read. */
export function windowQuery(
  texts: SqlTexts,
  filter: EventFilter,
  from: number,
  head: number,
  limit: number,
  span: number = filteredSpan,
): WindowQuery {
  const { types = [], prefix, tags = [], tenant } = filter
  const filtered =
    types.length > 0 || tags.length > 0 || prefix !== undefined || tenant !== undefined
  const upto = filtered ? Math.min(head, from + span) : head
  const sql = texts.eventsInWindow({
    tenant: tenant !== undefined,
    prefix: prefix !== undefined,
    types: types.length,
    tags: tags.length,
  })
  const params: SqlValue[] = [shard, from, upto]
  if (tenant !== undefined) params.push(tenant)
  if (prefix !== undefined) params.push(prefix.length, prefix)
  params.push(...types)
  if (tags.length > 0) {
    params.push(shard, ...(tenant === undefined ? [] : [tenant]), ...tags, from, upto, tags.length)
  }
  params.push(limit)
  return {
    sql,
    params,
    finish: (rows) => ({
      from,
      to: rows.length === limit ? (rows.at(-1)?.pos ?? from) : Math.max(from, upto),
      head,
      rows,
    }),
  }
}

/** The next window, read inside a transaction. */
export function* readWindow(
  tx: Tx,
  filter: EventFilter,
  from: number,
  limit: number,
): Program<EventWindow> {
  const texts = textsFor(tx.dialect)
  const row = yield* tx.get<{ pos: number }>(texts.head, shard)
  const head = row?.pos ?? 0
  const rows: EventRow[] = []
  let size = 0
  let to = from
  for (;;) {
    const page = Math.min(windowPage, limit - rows.length)
    // The span is the whole window's, not the page's.
    const query = windowQuery(texts, filter, to, head, page, from + filteredSpan - to)
    const part = query.finish(yield* tx.all<EventRow>(query.sql, ...query.params))
    for (const one of part.rows) size += rowSize(one)
    rows.push(...part.rows)
    ;({ to } = part)
    const last = part.rows.length < page
    if (last || rows.length === limit || size > windowSize) return { from, to, head, rows }
  }
}
