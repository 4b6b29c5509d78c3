import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import { openEventStore } from '@tidemill/events'
import { totals } from './fixtures/read-models.ts'
import { open, rejects, throws } from './support.ts'
import { add, openWithTotals } from './totals.ts'

const event = { type: 'T', data: 1 }

/** The database with wakes that never come, as when a notification is lost. */
function deaf(database: Database): Database {
  return new Proxy(database, {
    get(target, name) {
      if (name === 'listen') return () => () => undefined
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a lost wake only delays: the poll finds the event within a second', async () => {
  const clock = createVirtualClock()
  await using opened = await open({}, clock)
  const store = await openEventStore({ database: deaf(opened.database), clock })
  const seen: number[] = []
  const stop = new AbortController()
  const done = (async () => {
    for await (const { position } of store.subscribe({ signal: stop.signal })) seen.push(position)
  })()
  const turn = (): Promise<unknown> => opened.database.query('SELECT 1')
  for (let n = 0; n < 20; n++) {
    while (clock.pending === 0) await turn()
    await clock.advance(1000)
  }
  while (clock.pending === 0) await turn()
  await opened.store.append('s-1', [event])
  await clock.advance(999)
  assert.deepEqual([seen, clock.pending], [[], 1])
  await clock.advance(1)
  while (seen.length === 0) await turn()
  stop.abort()
  await done
  assert.equal(clock.pending, 0)
  await store.close()
})

test('a processor that hears nothing looks for events by itself', async () => {
  const clock = createVirtualClock()
  await using opened = await openWithTotals(clock)
  await using store = await openEventStore({ database: deaf(opened.database), clock })
  const processor = store.run(totals)
  await processor.idle()
  await add(opened.store, 's-1', 1)
  for (let turns = 0; processor.position < 1 && turns < 50; turns++) {
    await clock.advance(100)
    await opened.database.query('SELECT 1')
  }
  assert.equal(processor.position, 1)
})

/** The database, which lets `news` happen once between the answer to such a request and its arrival. */
function interrupted(
  database: Database,
  matches: (input: unknown) => boolean,
  news: () => Promise<unknown>,
): Database {
  let happened = false
  return new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name !== 'call' && name !== 'query') return value.bind(target) as unknown
      return async (...args: unknown[]) => {
        const answer: unknown = await value.apply(target, args)
        if (!happened && args.some(matches)) {
          happened = true
          await news()
        }
        return answer
      }
    },
  })
}

test('an event that comes while a subscription reads the last page is not waited for', async () => {
  const clock = createVirtualClock()
  await using opened = await open({}, clock)
  await opened.store.append('s-1', [event])
  const database = interrupted(
    opened.database,
    (input) => typeof input === 'string' && input.includes('FROM tm_event'),
    () => opened.store.append('s-1', [event]),
  )
  await using store = await openEventStore({ database, clock })
  const seen: number[] = []
  const done = (async () => {
    for await (const { position } of store.subscribe()) seen.push(position)
  })()
  for (let turns = 0; seen.length < 2 && turns < 200; turns++) await database.query('SELECT 1')
  assert.deepEqual(seen, [1, 2])
  await store.close()
  await done
})

test('an event that comes while a processor does its last batch is not waited for', async () => {
  const clock = createVirtualClock()
  await using opened = await openWithTotals(clock)
  const { store } = opened
  await add(store, 's-1', 1)
  const database = interrupted(
    opened.database,
    (input) => typeof input === 'object' && input !== null && 'careful' in input,
    () => add(store, 's-1', 2),
  )
  const processor = store.run(totals, { database })
  for (let turns = 0; processor.position < 2 && turns < 200; turns++) {
    await database.query('SELECT 1')
  }
  assert.equal(processor.position, 2)
})

test('a place that is none is refused instead of waited at for ever', async () => {
  await using opened = await open()
  const { store } = opened
  throws(() => store.subscribe({ after: Number.NaN }), 'TM_EVENTS_INVALID_INPUT')
  const text = '7' as unknown as number
  await rejects(store.readAll({ after: text }), 'TM_EVENTS_INVALID_INPUT')
  await rejects(store.readAll({ limit: -1 }), 'TM_EVENTS_INVALID_INPUT')
  const many = Array.from({ length: 101 }, (_, n) => `T${n}`)
  await rejects(store.readAll({ types: many, tags: many }), 'TM_EVENTS_INVALID_INPUT')
  const read = async (): Promise<void> => {
    for await (const one of store.read('s-1', { from: 1.5 })) assert.fail(one.type)
  }
  await rejects(read(), 'TM_EVENTS_INVALID_INPUT')
})

test('closing the store ends its subscriptions', async () => {
  await using opened = await open()
  const done = (async () => {
    for await (const one of opened.store.subscribe()) assert.fail(one.type)
  })()
  await opened.store.close()
  await done
})

test('events too large for one query arrive in smaller pages', async () => {
  await using opened = await open()
  const { store } = opened
  const large = { type: 'T', data: 'x'.repeat(1_000_000) }
  for (let n = 0; n < 17; n++) await store.append('s-1', [large, large, large, large])
  const positions: number[] = []
  for await (const { position } of store.read('s-1')) positions.push(position)
  assert.equal(positions.length, 68)
  assert.equal((await store.readAll()).at(-1)?.position, 63)
  assert.equal((await store.verify()).ok, true)
})
