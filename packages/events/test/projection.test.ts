import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import { createVirtualClock, type Logger } from '@tidemill/core'
import { openDatabase, type Program, type Tx } from '@tidemill/sql'
import { type Projection, projection } from '@tidemill/events'
import {
  addedTotals,
  createTotals,
  noReset,
  parkingTotals,
  skippingTotals,
  smallTotals,
  totals,
  totalsAgain,
} from './fixtures/read-models.ts'
import { open, rejects, throws } from './support.ts'
import { add, openWithTotals, sums } from './totals.ts'

test('catches up, then follows live, and says when it is idle', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  for (let n = 1; n <= 10; n++) await add(store, `s-${n % 2}`, n)
  const processor = store.run(smallTotals)
  await processor.idle()
  assert.deepEqual(await sums(database), { 's-0': 30, 's-1': 25 })
  await add(store, 's-1', 100)
  await processor.idle()
  assert.deepEqual(await sums(database), { 's-0': 30, 's-1': 125 })
  assert.deepEqual([processor.position, await processor.lag(), processor.state], [11, 0, 'running'])
})

test('goes on from its checkpoint after a restart, applying nothing twice', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  await add(store, 's-1', 1)
  const first = store.run(totals)
  await first.idle()
  await first.close()
  assert.equal(first.state, 'closed')
  await rejects(first.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
  await add(store, 's-1', 2)
  const second = store.run(totals)
  await second.idle()
  assert.deepEqual(await sums(database), { 's-1': 3 })
})

test('moves its checkpoint over events that its filter leaves out', async () => {
  await using opened = await openWithTotals()
  const { store, database } = opened
  const others = Array.from({ length: 900 }, () => ({ type: 'Other', data: {} }))
  for (let n = 0; n < 3; n++) await store.append('o-1', others)
  await add(store, 's-1', 5)
  const processor = store.run(addedTotals)
  await processor.idle()
  assert.equal(processor.position, 2701)
  assert.deepEqual(await sums(database), { 's-1': 5 })
})

describe('an event that the handler refuses', () => {
  test('stops the processor in front of it, until it is repaired', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    await add(store, 's-1', 1)
    await add(store, 's-2', 2, 'always')
    await add(store, 's-1', 4)
    const processor = store.run(totals)
    await rejects(processor.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
    await rejects(processor.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
    assert.deepEqual([processor.state, processor.position], ['stopped', 1])
    assert.match(String(processor.error), /position 2.*cannot take it/u)
    assert.deepEqual(await sums(database), { 's-1': 1 })
    await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
    processor.resume()
    await processor.idle()
    assert.deepEqual(await sums(database), { 's-1': 5, 's-2': 2 })
  })

  for (const poison of ['generic', 'sql']) {
    test(`is found when it fails with ${poison} errors`, async () => {
      await using opened = await openWithTotals()
      const { store, database } = opened
      await add(store, 's-1', 1)
      await add(store, 's-2', 2, poison)
      const processor = store.run(totals)
      await rejects(processor.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
      assert.deepEqual(await sums(database), { 's-1': 1 })
    })
  }

  test('is skipped, and listed, when the policy says so', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    await add(store, 's-1', 1, 'always')
    await add(store, 's-1', 2)
    const processor = store.run(skippingTotals)
    await processor.idle()
    assert.deepEqual(await sums(database), { 's-1': 2 })
    const [skipped] = await processor.parked()
    assert.equal(skipped?.state, 'skipped')
    assert.equal(skipped.position, 1)
  })

  test('is parked with the later events of its stream, and replayed in order', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    await add(store, 's-1', 1)
    await add(store, 's-1', 2, 'always')
    await add(store, 's-2', 4)
    await add(store, 's-1', 8)
    const processor = store.run(parkingTotals)
    await processor.idle()
    assert.deepEqual(await sums(database), { 's-1': 1, 's-2': 4 })
    await add(store, 's-1', 16)
    await processor.idle()
    assert.deepEqual(
      (await processor.parked()).map(({ position, state }) => [position, state]),
      [
        [2, 'parked'],
        [4, 'behind'],
        [5, 'behind'],
      ],
    )
    assert.deepEqual(await processor.replay('s-1'), { done: 0, left: 3 })
    assert.equal((await processor.parked())[0]?.attempts, 2)
    await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
    assert.deepEqual(await processor.replay('s-1'), { done: 3, left: 0 })
    assert.deepEqual(await sums(database), { 's-1': 27, 's-2': 4 })
    assert.deepEqual(await processor.parked(), [])
  })

  test('is discarded by hand, after which those behind it can be replayed', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    await add(store, 's-1', 1, 'always')
    await add(store, 's-1', 2)
    const processor = store.run(parkingTotals)
    await processor.idle()
    await rejects(processor.discard(7, 'no'), 'TM_EVENTS_NOT_PARKED')
    await processor.discard(1, 'wrong amount')
    assert.deepEqual(await processor.replay('s-1'), { done: 1, left: 0 })
    assert.deepEqual(await sums(database), { 's-1': 2 })
    const [discarded] = await processor.parked()
    assert.deepEqual([discarded?.state, discarded?.error], ['discarded', 'wrong amount'])
    await add(store, 's-1', 4)
    await processor.idle()
    assert.deepEqual(await sums(database), { 's-1': 6 })
  })

  test('is tried 8 times with growing waits when its error may pass', async () => {
    const clock = createVirtualClock()
    await using opened = await openWithTotals(clock)
    const { store, database } = opened
    await add(store, 's-1', 1, 'retry')
    const processor = store.run(parkingTotals)
    while (processor.state !== 'retrying') await clock.advance(1)
    assert.match(String(processor.error), /cannot take it/u)
    await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
    while (processor.position < 1) await clock.advance(1000)
    assert.deepEqual(await sums(database), { 's-1': 1 })
    await database.tx((tx) => tx.run('DELETE FROM healed'))
    await add(store, 's-2', 1, 'retry')
    while (processor.position < 2) await clock.advance(1000)
    assert.equal((await processor.parked())[0]?.stream, 's-2')
  })

  test('has 8 tries of its own, however many another event before it needed', async () => {
    const clock = createVirtualClock()
    const failures: unknown[] = []
    const logger: Logger = {
      log(_level, message, fields) {
        if (message === 'processor tries again') failures.push(fields?.['failures'])
      },
    }
    await using opened = await open({ logger }, clock)
    await createTotals(opened.database)
    const { store } = opened
    await add(store, 's-1', 1, 'retry')
    const processor = store.run(parkingTotals)
    while (failures.length < 6) await clock.advance(20)
    await add(store, 's-2', 1, 'retry')
    while (processor.position < 2) await clock.advance(1000)
    assert.equal((await processor.parked()).length, 2)
    assert.deepEqual(failures, [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7])
  })

  test('is listed while it waits, however many were given up before', async () => {
    await using opened = await openWithTotals()
    await using database = await openDatabase({ url: 'sqlite::memory:' })
    const { store } = opened
    await createTotals(database)
    await add(store, 's-1', 1, 'always')
    const processor = store.run(parkingTotals, { database })
    await processor.idle()
    await database.tx((tx) =>
      tx.run(`INSERT INTO tm_parked
        WITH RECURSIVE n(i) AS (SELECT -1000 UNION ALL SELECT i + 1 FROM n WHERE i < -1)
        SELECT 'totals', 1, 0, i, 'default', 's-9', zeroblob(16), 'discarded', '', 0, 0 FROM n`),
    )
    const [first] = await processor.parked()
    assert.deepEqual([first?.position, first?.state], [1, 'parked'])
    await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
    assert.deepEqual(await processor.replay('s-1'), { done: 1, left: 0 })
  })

  test('stops the processor when too many are parked', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    await add(store, 's-1', 1, 'always')
    const processor = store.run(parkingTotals)
    await processor.idle()
    await processor.close()
    await database.tx((tx) =>
      tx.run(`INSERT INTO tm_parked
        WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 10098)
        SELECT 'totals', 1, 0, i, 'default', 's-1', x'00', 'behind', '', 0, 0 FROM n`),
    )
    await add(store, 's-1', 2)
    const again = store.run(parkingTotals)
    await assert.rejects(again.idle(), /TM_EVENTS_PARK_FULL/u)
  })
})

test('a read model in another database is fed with shipped events and keeps its own checkpoint', async () => {
  await using opened = await open()
  const { store } = opened
  await using database = await openDatabase({ url: 'sqlite::memory:' })
  await createTotals(database)
  for (let n = 1; n <= 700; n++) void add(store, `s-${n % 2}`, n)
  await add(store, 's-9', 1, 'always')
  await add(store, 's-9', 2)
  const processor = store.run(parkingTotals, { database })
  await processor.idle()
  assert.deepEqual(await sums(database), { 's-0': 122_850, 's-1': 122_500 })
  await database.tx((tx) => tx.run('INSERT INTO healed VALUES (1)'))
  assert.deepEqual(await processor.replay('s-9'), { done: 2, left: 0 })
  await processor.close()
  await add(store, 's-9', 4)
  const again = store.run(parkingTotals, { database })
  await again.idle()
  assert.equal((await sums(database))['s-9'], 7)
  const [row] = await database.query<{ pos: number }>('SELECT pos FROM tm_checkpoint')
  assert.equal(row?.pos, 703)
})

describe('rebuilding in place', () => {
  test('gives the same read model and repeats no effect', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    for (let n = 1; n <= 5; n++) await add(store, 's-1', n)
    const processor = store.run(smallTotals)
    await processor.idle()
    await database.tx((tx) => tx.run('UPDATE totals SET sum = 999'))
    await processor.rebuild()
    await processor.idle()
    assert.deepEqual(await sums(database), { 's-1': 15 })
    await add(store, 's-1', 6)
    await processor.idle()
    const effects = await database.query('SELECT pos FROM effects')
    assert.equal(effects.length, 6)
  })

  test('happens by itself when a version without tables of its own goes up', async () => {
    await using opened = await openWithTotals()
    const { store, database } = opened
    await add(store, 's-1', 1)
    const old = store.run(totals)
    await old.idle()
    const next = store.run(totalsAgain)
    await next.idle()
    assert.deepEqual(await sums(database), { 's-1': 1 })
    assert.equal((await database.query('SELECT pos FROM effects')).length, 1)
  })

  test('needs to know how to empty the read model', async () => {
    await using opened = await openWithTotals()
    const processor = opened.store.run(noReset)
    await processor.idle()
    await rejects(processor.rebuild(), 'TM_EVENTS_INVALID_DEFINITION')
  })
})

test('a wrong definition names every problem', () => {
  const wrong = (): Projection =>
    projection(import.meta.url, 'wrong', {
      name: 'a b',
      version: 0,
      batch: 501,
      tables: { 'Drop Table': {} },
      *apply() {},
    })
  throws(wrong, 'TM_EVENTS_INVALID_DEFINITION')
})

/** A batch of `totals` on a database that gives it these events; how many pages it read, and where it came to. */
function batchOver(data: string): { pages: number; position: number } {
  let pages = 0
  const answer = function* (result: unknown): Program<never> {
    yield { kind: 'run', sql: '', params: [] }
    return result as never
  }
  const page = (from: number, size: number): unknown[] => {
    pages++
    return Array.from({ length: size }, (_, index) => ({
      pos: from + index + 1,
      tenant: 'default',
      stream_id: 's-1',
      version: from + index + 1,
      event_id: new Uint8Array(16),
      type: 'Added',
      schema_ver: 1,
      data,
      meta: '{}',
      ts_us: 0,
    }))
  }
  const tx: Tx = {
    dialect: 'sqlite',
    now: 0,
    run: () => answer({ changes: 1 }),
    all: (_sql, _shard, from, ...rest) => answer(page(from as number, rest.at(-1) as number)),
    get: (sql) =>
      answer(sql.includes('tm_checkpoint') ? { pos: 0, fence: 1, active: 1 } : { pos: 9000 }),
    savepoint: (part) => part(),
    notify: () => undefined,
  }
  const program = totals.program(tx, { op: 'batch', fence: 1, careful: false })
  for (;;) {
    const { done, value } = program.next()
    if (done === true) return { pages, position: value.position }
  }
}

test('a batch of large events ends before they fill the memory', () => {
  assert.deepEqual(batchOver('{}'), { pages: 8, position: 500 })
  assert.deepEqual(batchOver(JSON.stringify({ x: 'x'.repeat(200_000) })), {
    pages: 1,
    position: 64,
  })
})

test('what happens can be watched on diagnostics channels', async () => {
  await using opened = await openWithTotals()
  const { store } = opened
  const seen: unknown[] = []
  const watch = (message: unknown): void => void seen.push(message)
  const channels = ['append', 'batch', 'stop'].map((name) => `tidemill:events:${name}`)
  for (const name of channels) subscribe(name, watch)
  try {
    await add(store, 'watched-1', 1)
    await add(store, 'watched-1', 2, 'always')
    await rejects(store.run(totals).idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
  } finally {
    for (const name of channels) unsubscribe(name, watch)
  }
  const reason = '[TM_TEST_POISON] cannot take it'
  assert.deepEqual(seen.slice(-2), [
    { processor: 'totals', version: 1, from: 0, to: 1, head: 2 },
    { processor: 'totals', version: 1, position: 2, reason },
  ])
  assert.equal(seen.length, 4)
})
