import { TidemillError } from '@tidemill/core'
import type { Database, SqlValue } from '@tidemill/sql'
import type { EventFilter } from '../event.ts'
import { type SqlTexts, shard, textsFor } from '../sql/texts.ts'
import type { EventRow } from './event-row.ts'
import { type EventWindow, windowQuery } from './window.ts'

interface HashColumn {
  readonly hash: Uint8Array | null
}

/** Reads committed events from outside a transaction. */
export interface EventSource {
  readonly texts: SqlTexts
  head(): Promise<number>
  window(filter: EventFilter, from: number, limit: number, span?: number): Promise<EventWindow>
  /** A stream's events from a version on, at most `limit`. */
  stream(
    tenant: string,
    stream: string,
    from: number,
    limit: number,
  ): Promise<{ readonly rows: readonly EventRow[]; readonly more: boolean }>
  /** Events with their hashes, for checking. */
  hashed(from: number, to: number): Promise<readonly (EventRow & HashColumn)[]>
  at(position: number): Promise<EventRow | undefined>
  rows<R>(sql: string, ...params: readonly SqlValue[]): Promise<R[]>
  listen(wake: () => void): () => void
}

export function createEventSource(database: Database, topic: string): EventSource {
  const texts = textsFor(database.dialect)
  const head = async (): Promise<number> => {
    const [row] = await database.query<{ pos: number }>(texts.head, shard)
    return row?.pos ?? 0
  }
  return {
    texts,
    head,
    async window(filter, from, limit, span) {
      const end = await head()
      if (end <= from) return { from, to: from, head: end, rows: [] }
      return largestPage(limit, async (size) => {
        const query = windowQuery(texts, filter, from, end, size, span)
        return query.finish(await database.query<EventRow>(query.sql, ...query.params))
      })
    },
    stream: (tenant, stream, from, limit) =>
      largestPage(limit, async (size) => {
        const rows = await database.query<EventRow>(texts.streamEvents, tenant, stream, from, size)
        return { rows, more: rows.length === size }
      }),
    hashed: (from, to) =>
      largestPage(500, (size) => database.query(texts.hashedEvents, shard, from, to, size)),
    async at(position) {
      const [row] = await database.query<EventRow>(texts.eventAt, shard, position)
      return row
    },
    rows: (sql, ...params) => database.query(sql, ...params),
    listen: (wake) => database.listen(topic, wake),
  }
}

/** Reads at most `limit` events, or half as many while they are together more than one query may give. */
async function largestPage<T>(limit: number, read: (size: number) => Promise<T>): Promise<T> {
  for (let size = limit; ; size = Math.ceil(size / 2)) {
    try {
      return await read(size)
    } catch (error) {
      if (!TidemillError.is(error, 'TM_SQL_RESULT_TOO_LARGE') || size === 1) throw error
    }
  }
}
