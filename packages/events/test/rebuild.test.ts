import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '@tidemill/sql'
import type { EventStore, Processor } from '@tidemill/events'
import { balances1, balances2, createTotals, parkingBalances2 } from './fixtures/read-models.ts'
import { open, type Opened, rejects } from './support.ts'

async function openWithEffects(): Promise<Opened> {
  const opened = await open()
  await createTotals(opened.database)
  return opened
}

function add(store: EventStore, amount: number) {
  return store.append('s-1', [{ type: 'Added', data: { amount } }])
}

async function sum({ database }: Pick<Opened, 'database'>, table = 'balances'): Promise<unknown> {
  const [row] = await database.query<{ sum: number }>(`SELECT sum FROM ${table}`)
  return row?.sum
}

test('a new version is built beside the active one and switched to at the head', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  for (let n = 1; n <= 4; n++) await add(store, n)
  const old = store.run(balances1)
  await old.idle()
  assert.equal(await sum(opened), 10)
  const next = store.run(balances2)
  await next.idle()
  await next.activate()
  assert.equal(await sum(opened), 1000)
  assert.equal(await sum(opened, 'balances__v1'), 10)
  await add(store, 5)
  await next.idle()
  await old.idle()
  assert.equal(await sum(opened), 1500)
  const effects = await database.query<{ pos: number; version: number }>(
    'SELECT pos, version FROM effects ORDER BY pos',
  )
  assert.deepEqual(
    effects.map(({ pos, version }) => [pos, version]),
    [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 1],
      [5, 2],
    ],
  )
})

test('a new version that is idle becomes the active one by itself', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  await add(store, 1)
  const old = store.run(balances1)
  await old.idle()
  store.run(balances2)
  // The switch follows the last batch; each look gives it a turn.
  while ((await sum(opened)) !== 100) await database.query('SELECT 1')
})

test('a switch applies what is still to do and makes up for effects the old version missed', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  await add(store, 1)
  const old = store.run(balances1)
  await old.idle()
  await old.close()
  await add(store, 2)
  await add(store, 3)
  const next = store.run(balances2)
  await next.idle()
  await next.activate()
  assert.equal(await sum(opened), 600)
  assert.equal((await database.query('SELECT pos FROM effects')).length, 3)
})

test('a switch that would skip many effects is refused, unless it is forced', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  await add(store, 1)
  const old = store.run(balances1)
  await old.idle()
  await old.close()
  const events = Array.from({ length: 1000 }, () => ({ type: 'Added', data: { amount: 1 } }))
  await store.append('s-1', events)
  await add(store, 1)
  const next = store.run(balances2)
  await next.idle()
  await rejects(next.activate(), 'TM_EVENTS_SWITCH_BEHIND')
  assert.equal(await sum(opened), 1)
  await next.activate({ force: true })
  assert.equal(await sum(opened), 100_200)
  assert.equal((await database.query('SELECT pos FROM effects')).length, 1)
})

test('going back to an older version is not undone by the newer one, nor by its restart', async () => {
  await using opened = await openWithEffects()
  const { store } = opened
  await add(store, 1)
  const old = store.run(balances1)
  await old.idle()
  const next = store.run(balances2)
  await next.idle()
  await next.activate()
  await old.activate()
  const settled = async (...processors: Processor[]): Promise<void> => {
    await add(store, 1)
    for (const processor of processors) await processor.idle()
    // Waits for the switch that would follow the last batch.
    for (const processor of processors) await processor.replay('s-1')
  }
  await settled(old, next)
  assert.equal(await sum(opened), 2)
  await next.close()
  await settled(old, store.run(balances2))
  assert.equal(await sum(opened), 3)
})

test('a switch while the version before is built again repeats none of its effects', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  for (let n = 1; n <= 3; n++) await add(store, n)
  const old = store.run(balances1)
  await old.idle()
  await old.close()
  await database.tx((tx) => tx.run('UPDATE tm_checkpoint SET muted_until = pos, pos = 1'))
  const next = store.run(balances2)
  await next.idle()
  await next.activate()
  assert.equal(await sum(opened), 600)
  assert.equal((await database.query('SELECT pos FROM effects')).length, 3)
})

test('a switch parks behind a parked event what it applies itself', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  await add(store, 1)
  await store.append('s-1', [{ type: 'Added', data: { amount: 2, poison: 'always' } }])
  await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
  const old = store.run(balances1)
  await old.idle()
  await database.tx((tx) => tx.run('DELETE FROM healed'))
  const first = store.run(parkingBalances2)
  await first.idle()
  await first.close()
  await database.tx((tx) => tx.run('UPDATE tm_checkpoint SET active = 2 - version'))
  await add(store, 4)
  const next = store.run(parkingBalances2)
  await next.activate()
  assert.equal(await sum(opened), 100)
  const states = (await next.parked()).map(({ position, state }) => [position, state])
  assert.deepEqual(states, [
    [2, 'parked'],
    [3, 'behind'],
  ])
})

test('a version in another database does not become active while it is behind', async () => {
  await using opened = await open()
  const { store } = opened
  await using database = await openDatabase({ url: 'sqlite::memory:' })
  await createTotals(database)
  await add(store, 1)
  await store.append('s-1', [{ type: 'Added', data: { amount: 2, poison: 'always' } }])
  await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
  await store.run(balances1, { database }).idle()
  await database.tx((tx) => tx.run('DELETE FROM healed'))
  const next = store.run(balances2, { database })
  await rejects(next.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
  await rejects(next.activate(), 'TM_EVENTS_SWITCH_BEHIND')
  assert.equal(await sum({ database }), 3)
  await next.activate({ force: true })
  assert.equal(await sum({ database }), 100)
})

test('pruning drops the versions that were replaced', async () => {
  await using opened = await openWithEffects()
  const { store } = opened
  await add(store, 1)
  const old = store.run(balances1)
  await old.idle()
  const next = store.run(balances2)
  await next.idle()
  await next.activate()
  assert.equal(await next.prune(), 1)
  await rejects(sum(opened, 'balances__v1'), 'TM_SQL_STATEMENT')
  assert.equal(await sum(opened), 100)
})

test('rebuilding a version with tables makes them anew under the same view', async () => {
  await using opened = await openWithEffects()
  const { store, database } = opened
  await add(store, 1)
  const processor = store.run(balances1)
  await processor.idle()
  await database.tx((tx) => tx.run('UPDATE balances__v1 SET sum = 7'))
  await processor.rebuild()
  await processor.idle()
  assert.equal(await sum(opened), 1)
})

test('versions switch in another database once the new one has come as far as the old', async () => {
  await using opened = await open()
  const { store } = opened
  await using database = await openDatabase({ url: 'sqlite::memory:' })
  await createTotals(database)
  await add(store, 1)
  const old = store.run(balances1, { database })
  await old.idle()
  const next = store.run(balances2, { database })
  await next.idle()
  await next.activate()
  assert.equal(await sum({ database }), 100)
})
