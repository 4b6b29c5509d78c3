import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventStoreOptions, openEventStore, type VerifyProblem } from '@tidemill/events'
import { open, rejects } from './support.ts'

async function damaged(
  sql: string,
  options: Omit<EventStoreOptions, 'database'> = {},
): Promise<{ kinds: VerifyProblem['kind'][]; positions: (number | undefined)[] }> {
  await using opened = await open(options)
  const { store, database } = opened
  await store.append('a-1', [
    { type: 'T', data: 1 },
    { type: 'T', data: 2 },
  ])
  await store.append('b-1', [{ type: 'T', data: 3 }])
  await store.append('a-1', [{ type: 'T', data: 4 }])
  if (sql !== '') await database.tx((tx) => tx.run(sql))
  const { ok, problems } = await store.verify()
  assert.equal(ok, problems.length === 0)
  return {
    kinds: problems.map(({ kind }) => kind),
    positions: problems.map(({ position }) => position),
  }
}

test('finds nothing wrong with a sound store', async () => {
  assert.deepEqual((await damaged('')).kinds, [])
  assert.deepEqual((await damaged('', { hashChain: true })).kinds, [])
})

test('finds a removed event', async () => {
  const { kinds, positions } = await damaged('DELETE FROM tm_event WHERE pos = 2')
  assert.deepEqual(kinds, ['position', 'version'])
  assert.equal(positions[0], 2)
})

test('finds a removed first and a removed last event', async () => {
  assert.equal((await damaged('DELETE FROM tm_event WHERE pos = 1')).positions[0], 1)
  assert.equal((await damaged('DELETE FROM tm_event WHERE pos = 4')).positions[0], 4)
})

test('finds events without a stream and events out of order', async () => {
  assert.deepEqual((await damaged("DELETE FROM tm_stream WHERE stream_id = 'b-1'")).kinds, [
    'stream',
  ])
  const swap = 'UPDATE tm_event SET version = CASE pos WHEN 1 THEN 13 ELSE 12 END WHERE pos < 3'
  assert((await damaged(swap)).kinds.includes('order'))
})

test('finds a payload that cannot be read', async () => {
  assert.deepEqual((await damaged("UPDATE tm_event SET data = '{' WHERE pos = 3")).kinds, [
    'payload',
  ])
})

test('finds a changed event by its hash, and only that one', async () => {
  const { kinds, positions } = await damaged("UPDATE tm_event SET data = '9' WHERE pos = 2", {
    hashChain: true,
  })
  assert.deepEqual([kinds, positions], [['hash'], [2]])
})

test('finds that the end of the hash chain was cut off', async () => {
  const cut = 'UPDATE tm_seq SET hash = zeroblob(32)'
  assert.deepEqual((await damaged(cut, { hashChain: true })).kinds, ['hash'])
})

test('a chain may begin at any time and covers what comes after', async () => {
  await using opened = await open()
  await opened.store.append('a-1', [{ type: 'T', data: 1 }])
  const chained = await openEventStore({ database: opened.database, hashChain: true })
  await chained.append('a-1', [{ type: 'T', data: 1 }])
  const { ok, hashed, events, streams } = await chained.verify()
  assert.deepEqual({ ok, hashed, events, streams }, { ok: true, hashed: 1, events: 2, streams: 1 })
  await chained.close()
})

for (const data of [
  '{"__proto__": {"admin": true}}',
  String.raw`{"\u005f_proto__": 1}`,
  'nonsense',
]) {
  test(`a stored payload ${data} is refused at reading`, async () => {
    await using opened = await open()
    const { store, database } = opened
    await store.append('a-1', [{ type: 'T', data: 1 }])
    await database.tx((tx) => tx.run('UPDATE tm_event SET data = ?', data))
    await rejects(store.readAll(), 'TM_EVENTS_STORED_PAYLOAD')
  })
}
