import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventSchema, type StoredEvent } from '@tidemill/events'
import { open, rejects, throws } from './support.ts'

const schema = eventSchema({
  types: {
    Placed: {
      version: 3,
      upcast: {
        1: (data) => ({ ...(data as object), currency: 'GBP' }),
        2: (data) => ({ lines: [data] }),
      },
    },
    Broken: { version: 3, upcast: { 1: (data) => data } },
  },
  aliases: { OrderPlaced: 'Placed' },
})

const stored: StoredEvent = {
  position: 7,
  tenant: 'default',
  stream: 'order-1',
  version: 1,
  id: '0190a000-0000-7000-8000-000000000abc',
  type: 'OrderPlaced',
  schemaVersion: 1,
  data: { sku: 'a' },
  meta: {},
  at: 0,
}

test('takes an old event through every version and name to today', () => {
  assert.deepEqual(schema.upcast(stored), {
    ...stored,
    type: 'Placed',
    schemaVersion: 3,
    data: { lines: [{ sku: 'a', currency: 'GBP' }] },
  })
  assert.deepEqual(schema.stored(['Placed']), ['Placed', 'OrderPlaced'])
})

test('never guesses a shape', () => {
  const as = (type: string, schemaVersion: number) => () =>
    schema.upcast({ ...stored, type, schemaVersion })
  throws(as('Broken', 1), 'TM_EVENTS_UPCASTER_MISSING')
  throws(as('Placed', 4), 'TM_EVENTS_SCHEMA_NEWER')
  throws(as('Cancelled', 1), 'TM_EVENTS_TYPE_UNKNOWN')
  throws(as('constructor', 1), 'TM_EVENTS_TYPE_UNKNOWN')
})

test('leaves out unknown types where that is asked for', () => {
  const lenient = eventSchema({ types: {}, unknown: 'ignore' })
  assert.equal(lenient.upcast(stored), undefined)
})

test('a store reads old events in today’s shape and writes with today’s version', async () => {
  await using opened = await open({ schema })
  const { store } = opened
  await store.append('order-1', [{ type: 'OrderPlaced', data: { sku: 'a' }, schemaVersion: 1 }])
  await store.append('order-1', [{ type: 'Placed', data: { lines: [] } }])
  const events = await store.readAll({ types: ['Placed'] })
  assert.deepEqual(
    events.map(({ type, schemaVersion, data }) => [type, schemaVersion, data]),
    [
      ['Placed', 3, { lines: [{ sku: 'a', currency: 'GBP' }] }],
      ['Placed', 3, { lines: [] }],
    ],
  )
  await store.append('order-2', [{ type: 'Unheard', data: 1 }])
  await rejects(store.readAll(), 'TM_EVENTS_TYPE_UNKNOWN')
})
