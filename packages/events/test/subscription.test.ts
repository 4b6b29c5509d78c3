import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import { openEventStore } from '@tidemill/events'
import { open } from './support.ts'

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
