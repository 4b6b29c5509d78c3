import type { Clock } from '@tidemill/core'
import type { EventStore, StoredEvent } from '@tidemill/events'
import { platformErrors } from '../errors.ts'
import { type AdminRoute, queryInteger } from './route-table.ts'

const pollMs = 50

/** The event log for people: tail, one stream, verification. */
export function eventRoutes(store: EventStore, clock: Clock): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/events',
      summary:
        'events after ?after=, or the last ones with ?tail=true; ?waitMs= waits for the next',
      async handle({ query }) {
        const limit = queryInteger(query, 'limit', 100, 1000)
        const head = await store.head()
        const tail = query.get('tail') === 'true'
        const after = tail
          ? Math.max(0, head - limit)
          : queryInteger(query, 'after', 0, Number.MAX_SAFE_INTEGER)
        await waitForNews(store, clock, after, queryInteger(query, 'waitMs', 0, 10_000))
        const items = await store.readAll({ after, limit })
        return { schema: 'tidemill.events.v1', data: { head, items } }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/streams/:stream',
      summary: 'a page of the events of one stream, from version ?from=',
      async handle({ params, query }) {
        const stream = params['stream'] ?? ''
        const from = Math.max(1, queryInteger(query, 'from', 1, Number.MAX_SAFE_INTEGER))
        const limit = Math.max(1, queryInteger(query, 'limit', 500, 1000))
        const items: StoredEvent[] = []
        for await (const event of store.read(stream, { from })) {
          if (items.push(event) >= limit) break
        }
        if (items.length === 0 && from === 1)
          throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'stream', id: stream })
        return { schema: 'tidemill.stream.v1', data: { items } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/events/verify',
      summary: 'reads every event and reports gaps',
      async handle() {
        return { schema: 'tidemill.events-verify.v1', data: await store.verify() }
      },
    },
  ]
}

async function waitForNews(
  store: EventStore,
  clock: Clock,
  after: number,
  waitMs: number,
): Promise<void> {
  const end = clock.monotonic() + waitMs
  while (clock.monotonic() < end && (await store.head()) <= after) await clock.sleep(pollMs)
}
