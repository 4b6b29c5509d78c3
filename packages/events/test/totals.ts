import { type VirtualClock } from '@tidemill/core'
import { type Database } from '@tidemill/sql'
import { type AppendResult, type EventStore } from '@tidemill/events'
import { createTotals } from './fixtures/read-models.ts'
import { open, type Opened } from './support.ts'

/** A store with the read model `totals`. */
export async function openWithTotals(clock?: VirtualClock): Promise<Opened> {
  const opened = await open({}, clock)
  await createTotals(opened.database)
  return opened
}

export function add(
  store: EventStore,
  stream: string,
  amount: number,
  poison?: string,
): Promise<AppendResult> {
  const data = poison === undefined ? { amount } : { amount, poison }
  return store.append(stream, [{ type: 'Added', data }])
}

/** The sum of each stream. */
export async function sums(database: Database): Promise<Record<string, unknown>> {
  const rows = await database.query<{ stream: string; sum: number }>(
    'SELECT stream, sum FROM totals ORDER BY stream',
  )
  return Object.fromEntries(rows.map(({ stream, sum }) => [stream, sum]))
}
