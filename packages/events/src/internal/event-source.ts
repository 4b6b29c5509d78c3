import type { Database, SqlValue } from '@tidemill/sql'
import type { EventFilter } from '../event.ts'
import { type SqlTexts, shard, textsFor } from '../sql/texts.ts'
import type { EventRow } from './event-row.ts'
import { type EventWindow, windowQuery } from './window.ts'

/** Reads committed events from outside a transaction. */
export interface EventSource {
  readonly texts: SqlTexts
  head(): Promise<number>
  window(filter: EventFilter, from: number, limit: number, span?: number): Promise<EventWindow>
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
      const query = windowQuery(texts, filter, from, await head(), limit, span)
      return query.finish(await database.query<EventRow>(query.sql, ...query.params))
    },
    async at(position) {
      const [row] = await database.query<EventRow>(texts.eventAt, shard, position)
      return row
    },
    rows: (sql, ...params) => database.query(sql, ...params),
    listen: (wake) => database.listen(topic, wake),
  }
}
