import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { type Database, openDatabase, type Program, type Tx } from '@tidemill/sql'
import { openEventStore } from '@tidemill/events'
import { createTotals, robbedTotals, totals, totalsAgain } from './fixtures/read-models.ts'
import { rejects, throws } from './support.ts'
import { add, openWithTotals, sums } from './totals.ts'

test('a second instance stands by and takes over when the first closes', async () => {
  const clock = createVirtualClock()
  await using opened = await openWithTotals(clock)
  const { store, database } = opened
  const first = store.run(totals)
  await first.idle()
  const second = store.run(totals)
  while (second.state !== 'standby') await clock.advance(1)
  await add(store, 's-1', 1)
  await first.idle()
  assert.equal(second.state, 'standby')
  await first.close()
  const idle = second.idle()
  await add(store, 's-1', 2)
  while (second.position < 2) await clock.advance(5000)
  await idle
  await second.idle()
  assert.deepEqual(await sums(database), { 's-1': 3 })
})

test('an owner that lives keeps its lease for longer than one lasts', async () => {
  const clock = createVirtualClock()
  await using opened = await openWithTotals(clock)
  const { store, database } = opened
  const first = store.run(totals)
  await first.idle()
  const second = store.run(totals)
  for (let seconds = 0; seconds < 40; seconds++) {
    await clock.advance(1000)
    await database.query('SELECT 1')
  }
  assert.deepEqual([first.state, second.state], ['running', 'standby'])
})

test('an owner that was fenced off changes nothing more and stands by', async () => {
  const clock = createVirtualClock()
  await using opened = await openWithTotals(clock)
  const { store, database } = opened
  const processor = store.run(totals)
  await processor.idle()
  await database.tx((tx) =>
    tx.run(
      'UPDATE tm_checkpoint SET fence = fence + 1, owner = ?, lease_until = ?',
      `${process.pid}-${performance.timeOrigin}/other`,
      clock.now() + 60_000,
    ),
  )
  await rejects(processor.rebuild(), 'TM_EVENTS_FENCED')
  await add(store, 's-1', 1)
  while (processor.state !== 'standby') await clock.advance(20)
  assert.deepEqual(await sums(database), {})
  await clock.advance(60_000)
  while (processor.position < 1) await clock.advance(5000)
  assert.deepEqual(await sums(database), { 's-1': 1 })
})

test('a lease of a process that is gone is taken over at once', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  const first = store.run(totals)
  await first.idle()
  await first.close()
  await database.tx((tx) =>
    tx.run('UPDATE tm_checkpoint SET owner = ?, lease_until = ?', '1-1/dead', 9e15),
  )
  await add(store, 's-1', 1)
  await store.run(totals).idle()
  assert.deepEqual(await sums(database), { 's-1': 1 })
})

for (const steal of ['fence', 'pos']) {
  test(`a batch whose ${steal} another owner changed meanwhile is undone`, async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    const processor = store.run(robbedTotals)
    await processor.idle()
    await processor.close()
    const checkpoint = 'SELECT pos, fence FROM tm_checkpoint'
    const [before] = await database.query<{ pos: number; fence: number }>(checkpoint)
    assert(before !== undefined)
    await store.append('s-1', [{ type: 'T', data: { steal } }])
    const { fence } = before
    const batch = database.call(robbedTotals, { op: 'batch', fence, careful: false })
    await rejects(batch, 'TM_EVENTS_FENCED')
    assert.deepEqual(await database.query(checkpoint), [before])
  })
}

test('an owner whose fence was raised takes its own lease again at once', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  const processor = store.run(totals)
  await processor.idle()
  await database.tx((tx) => tx.run('UPDATE tm_checkpoint SET fence = fence + 1'))
  await add(store, 's-1', 1)
  await processor.idle()
  assert.deepEqual(await sums(database), { 's-1': 1 })
})

test('closes while it waits to try again, and while another owner holds the lease', async () => {
  const clock = createVirtualClock()
  await using opened = await openWithTotals(clock)
  const { store } = opened
  await add(store, 's-1', 1, 'retry')
  const processor = store.run(totals)
  while (processor.state !== 'retrying') await clock.advance(1)
  const second = store.run(totals)
  while (second.state !== 'standby') await clock.advance(1)
  await Promise.all([processor.close(), second.close()])
  assert.deepEqual([processor.state, second.state, clock.pending], ['closed', 'closed', 0])
})

/** The database, with `before` called in front of each call that it gets such an input for. */
function watched(
  database: Database,
  matches: (input: object) => boolean,
  before: () => void,
): Database {
  return new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (name === 'call' && matches(args[1] as object)) before()
        return value.apply(target, args) as unknown
      }
    },
  })
}

const moments: Readonly<Record<string, (input: object) => boolean>> = {
  'while a batch fails': (input) => 'careful' in input && input.careful === true,
  'while it is refused the lease': (input) => 'exclusive' in input,
}
for (const [moment, matches] of Object.entries(moments)) {
  test(`a close that comes ${moment} ends the processor`, async () => {
    await using opened = await openWithTotals()
    const { store } = opened
    await using database = await openDatabase({ url: 'sqlite::memory:' })
    await createTotals(database)
    const owner = store.run(totals, { database })
    await owner.idle()
    if (moment === 'while a batch fails') await owner.close()
    await add(store, 's-1', 1, 'retry')
    const ended = Promise.withResolvers<void>()
    const processor = store.run(totals, {
      database: watched(database, matches, () => ended.resolve(processor.close())),
    })
    await ended.promise
    assert.equal(processor.state, 'closed')
  })
}

test('a checkpoint that moved under a batch undoes the batch', () => {
  const answer = function* (result: unknown): Program<never> {
    yield { kind: 'run', sql: '', params: [] }
    return result as never
  }
  const tx: Tx = {
    dialect: 'sqlite',
    now: 0,
    run: () => answer({ changes: 0 }),
    all: () => answer([]),
    get: () => answer({ pos: 5, fence: 1, muted_until: 0, active: 1 }),
    savepoint: (part) => part(),
    notify: () => undefined,
  }
  const shipped = { from: 5, to: 9, head: 9, rows: [] }
  const program = totals.program(tx, { op: 'batch', fence: 1, careful: false, shipped })
  throws(() => {
    while (program.next().done !== true);
  }, 'TM_EVENTS_FENCED')
})

test('closing the store closes its processors', async () => {
  const database = await openDatabase({ url: 'sqlite::memory:' })
  const store = await openEventStore({ database })
  await createTotals(database)
  const processor = store.run(totals)
  await store.close()
  assert.equal(processor.state, 'closed')
  await rejects(store.append('s-1', [{ type: 'T', data: 1 }]), 'TM_CORE_CLOSED')
  await database.close()
})

test('may be rebuilt before it has ever run', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  await add(store, 's-1', 1)
  const processor = store.run(totals)
  await processor.rebuild()
  await processor.idle()
  assert.deepEqual(await sums(database), { 's-1': 1 })
})

test('an older version does not take back what a newer one has replaced in place', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  await add(store, 's-1', 1)
  const old = store.run(totals)
  await old.idle()
  const next = store.run(totalsAgain)
  await next.idle()
  await old.close()
  const late = store.run(totals)
  await rejects(late.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
  assert.match(String(late.error), /TM_EVENTS_SUPERSEDED/u)
  await add(store, 's-1', 2)
  await next.idle()
  assert.deepEqual(await sums(database), { 's-1': 3 })
})
