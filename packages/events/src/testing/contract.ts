import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ErrorCode, TidemillError } from '@tidemill/core'
import type { AppendResult, Expected, NewEvent, StoredEvent } from '../event.ts'
import type { EventStore } from '../store.ts'

export interface OpenedStore {
  readonly store: EventStore
  /** Closes the store and what it stands on, and removes its data. */
  close(): Promise<void>
}

/** What every event store must do, whatever engine is under it. `open` gives an empty one each time. */
export function eventStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  const using = (what: string, test: (store: EventStore) => Promise<void>): void => {
    it(what, async () => {
      const opened = await open()
      try {
        await test(opened.store)
      } finally {
        await opened.close()
      }
    })
  }
  describe(`event store contract: ${name}`, () => {
    expectedVersions(using)
    repeats(using)
    order(using)
    several(using)
    reading(using)
  })
}

type Using = (what: string, test: (store: EventStore) => Promise<void>) => void

const event: NewEvent = { type: 'Noted', data: { text: 'x' } }

function refused(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return assert.rejects(promise, (error: unknown) => TidemillError.is(error, code))
}

async function collect(events: AsyncIterable<StoredEvent>): Promise<StoredEvent[]> {
  const all: StoredEvent[] = []
  for await (const one of events) all.push(one)
  return all
}

function expectedVersions(using: Using): void {
  const cases: readonly (readonly [Expected, number, boolean])[] = [
    ['any', 0, true],
    ['any', 2, true],
    ['none', 0, true],
    ['none', 2, false],
    [0, 0, true],
    [0, 2, false],
    ['exists', 0, false],
    ['exists', 2, true],
    [2, 2, true],
    [1, 2, false],
    [3, 2, false],
    [2, 0, false],
  ]
  for (const [expected, version, goes] of cases) {
    using(
      `${goes ? 'takes' : 'refuses'} expected ${expected} at version ${version}`,
      async (store) => {
        if (version > 0) {
          await store.append(
            's-1',
            Array.from({ length: version }, () => event),
          )
        }
        const append = store.append('s-1', [event, event], { expected })
        if (goes) {
          const result = await append
          assert.deepEqual(result, {
            version: version + 2,
            first: version + 1,
            last: version + 2,
            deduplicated: false,
          } satisfies AppendResult)
        } else {
          await assert.rejects(append, (error: unknown) => {
            assert(TidemillError.is(error, 'TM_EVENTS_WRONG_VERSION'))
            assert.deepEqual(error.details, { stream: 's-1', expected, actual: version })
            return true
          })
          assert.equal(await store.head(), version)
        }
      },
    )
  }
  using('lets one of two callers with the same expected version through', async (store) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => store.append('s-1', [event], { expected: 'none' })),
    )
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal(await store.head(), 1)
  })
  using('lets every caller through who expects any, on one stream', async (store) => {
    const all = await Promise.all(
      Array.from({ length: 40 }, () => store.append('s-1', [event, event])),
    )
    assert.deepEqual(
      all.map(({ version }) => version).toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, index) => 2 * index + 2),
    )
  })
}

function identified(n: number): NewEvent {
  return { type: 'Noted', data: n, id: `0190a000-0000-7000-8000-${String(n).padStart(12, '0')}` }
}

function repeats(using: Using): void {
  const batch = [1, 2, 3].map(identified)
  using('answers a repeated append with the original positions', async (store) => {
    const first = await store.append('s-1', batch, { expected: 'none' })
    await store.append('s-1', [event])
    const again = await store.append('s-1', batch, { expected: 'none' })
    assert.deepEqual(again, { ...first, deduplicated: true })
    assert.equal(await store.head(), 4)
  })
  using('answers a repeat that expects any without writing', async (store) => {
    await store.append('s-1', batch)
    const again = await store.append('s-1', batch)
    assert.equal(again.deduplicated, true)
    const after = await store.append('s-1', [event])
    assert.deepEqual([after.version, after.first], [4, 4])
  })
  using('writes an append once that comes several times at once', async (store) => {
    const all = await Promise.all(
      Array.from({ length: 5 }, () => store.append('s-1', batch, { expected: 'none' })),
    )
    assert.equal(all.filter(({ deduplicated }) => !deduplicated).length, 1)
    for (const { version, first, last } of all) assert.deepEqual([version, first, last], [3, 1, 3])
    assert.equal(await store.head(), 3)
  })
  using('answers a repeat after the stream was archived', async (store) => {
    const first = await store.append('s-1', batch)
    await store.archive('s-1')
    assert.deepEqual(await store.append('s-1', batch), { ...first, deduplicated: true })
  })
  const others = {
    'a part of it': batch.slice(0, 2).concat(identified(9)),
    'its events in another order': batch.toReversed(),
    'more than it': [...batch, identified(9)],
  }
  for (const [what, events] of Object.entries(others)) {
    using(`refuses an append that repeats ${what}`, async (store) => {
      await store.append('s-1', batch)
      await refused(store.append('s-1', events), 'TM_EVENTS_DUPLICATE_ID')
      assert.equal(await store.head(), 3)
      assert.equal((await store.append('s-1', [event])).version, 4)
    })
  }
  using('refuses as one append what came as two with another between', async (store) => {
    const [one, two] = batch as [NewEvent, NewEvent]
    await store.append('s-1', [one])
    await store.append('s-2', [event])
    await store.append('s-1', [two])
    await refused(store.append('s-1', [one, two]), 'TM_EVENTS_DUPLICATE_ID')
  })
  using('refuses the same events on another stream', async (store) => {
    await store.append('s-1', batch)
    await refused(store.append('s-2', batch), 'TM_EVENTS_DUPLICATE_ID')
    assert.deepEqual(await collect(store.read('s-2')), [])
  })
}

function order(using: Using): void {
  using('gives positions without gaps in commit order, whatever fails beside', async (store) => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) =>
        store.append(`s-${index % 7}`, [event], index % 3 === 0 ? { expected: 'none' } : {}),
      ),
    )
    const went = outcomes.filter((one) => one.status === 'fulfilled').map(({ value }) => value)
    assert.deepEqual(
      went.map(({ first }) => first).toSorted((a, b) => a - b),
      Array.from({ length: went.length }, (_, index) => index + 1),
    )
    const all = await store.readAll({ limit: 1000 })
    assert.deepEqual(
      all.map(({ position }) => position),
      Array.from({ length: went.length }, (_, index) => index + 1),
    )
    assert.deepEqual((await store.verify()).problems, [])
  })
  using('keeps tenants apart', async (store) => {
    await store.append('s-1', [event], { tenant: 'a', expected: 'none' })
    await store.append('s-1', [event], { tenant: 'b', expected: 'none' })
    await store.append('s-2', [identified(1)], { tenant: 'a' })
    const same = await store.append('s-2', [identified(1)], { tenant: 'b' })
    assert.equal(same.deduplicated, false)
    assert.equal((await collect(store.read('s-1', { tenant: 'a' }))).length, 1)
    assert.equal((await collect(store.read('s-1'))).length, 0)
    assert.equal((await store.readAll({ tenant: 'b' }))[0]?.position, 2)
  })
}

function several(using: Using): void {
  using('appends to several streams in one transaction', async (store) => {
    const result = await store.appendMany({
      appends: [
        { stream: 'b-1', events: [event, event] },
        { stream: 'a-1', events: [event] },
      ],
    })
    assert.deepEqual(
      result.streams.map(({ stream, first, last }) => [stream, first, last]),
      [
        ['b-1', 1, 2],
        ['a-1', 3, 3],
      ],
    )
  })
  using('writes nothing when one of several streams refuses', async (store) => {
    await store.append('b-1', [event])
    const appends = [
      { stream: 'a-1', events: [event] },
      { stream: 'b-1', events: [event], expected: 'none' as const },
    ]
    await refused(store.appendMany({ appends }), 'TM_EVENTS_WRONG_VERSION')
    assert.deepEqual(await collect(store.read('a-1')), [])
    assert.equal(await store.head(), 1)
  })
  using('checks streams that it does not write', async (store) => {
    await store.append('stock-1', [event])
    const appends = [{ stream: 'order-1', events: [event] }]
    const check = (expected: Expected) =>
      store.appendMany({ appends, checks: [{ stream: 'stock-1', expected }] })
    await refused(check(2), 'TM_EVENTS_WRONG_VERSION')
    await refused(check('none'), 'TM_EVENTS_WRONG_VERSION')
    assert.equal((await check(1)).first, 2)
  })
  using(
    'refuses when a tagged event after the read position meets the condition',
    async (store) => {
      const tags = ['seat:12', 'show:7']
      const book = (after: number, types?: readonly string[]) =>
        store.appendMany({
          appends: [{ stream: `booking-${after}`, events: [{ ...event, tags }] }],
          condition: { tags, after, ...(types === undefined ? {} : { types }) },
        })
      await store.append('other-1', [{ ...event, tags: ['show:7'] }])
      const after = await store.head()
      const both = await Promise.allSettled([book(after), book(after)])
      assert.equal(both.filter(({ status }) => status === 'fulfilled').length, 1)
      await refused(book(after), 'TM_EVENTS_CONDITION_FAILED')
      await book(after, ['Cancelled'])
      // What stands at the position that was read has been seen.
      await book(await store.head())
      assert.equal((await store.readAll({ tags })).length, 3)
    },
  )
}

function reading(using: Using): void {
  using('reads back exactly what was appended', async (store) => {
    const data = { a: [1, null, 'é\u{1f600}'], b: { c: true }, d: 1.5 }
    const { id } = { id: '0190a000-0000-7000-8000-000000000abc' }
    await store.append('s-1', [{ type: 'T', data, meta: { who: 'me' }, id, schemaVersion: 3 }])
    const [read] = await collect(store.read('s-1'))
    assert(read !== undefined)
    const { at, ...rest } = read
    assert(Number.isSafeInteger(at))
    assert.deepEqual(rest, {
      position: 1,
      tenant: 'default',
      stream: 's-1',
      version: 1,
      id,
      type: 'T',
      schemaVersion: 3,
      data,
      meta: { who: 'me' },
    })
  })
  using('reads a long stream in order from any version', async (store) => {
    const events = Array.from({ length: 450 }, () => event)
    await store.append('s-1', events)
    const read = await collect(store.read('s-1', { from: 100 }))
    assert.deepEqual(
      read.map(({ version }) => version),
      Array.from({ length: 351 }, (_, index) => index + 100),
    )
  })
  using('filters by type, prefix and position', async (store) => {
    await store.append('a-1', [event, { ...event, type: 'Other' }])
    await store.append('b-1', [event])
    const places = async (options: Parameters<EventStore['readAll']>[0]): Promise<number[]> =>
      (await store.readAll(options)).map(({ position }) => position)
    assert.deepEqual(await places({ types: ['Noted'] }), [1, 3])
    assert.deepEqual(await places({ prefix: 'a-' }), [1, 2])
    assert.deepEqual(await places({ after: 1, limit: 1 }), [2])
  })
  using('takes no event after archiving, and still reads', async (store) => {
    await store.append('s-1', [event])
    await store.archive('s-1')
    await refused(store.append('s-1', [event]), 'TM_EVENTS_STREAM_ARCHIVED')
    await refused(store.append('s-1', [event], { expected: 1 }), 'TM_EVENTS_STREAM_ARCHIVED')
    await refused(store.archive('s-2'), 'TM_EVENTS_WRONG_VERSION')
    assert.equal((await collect(store.read('s-1'))).length, 1)
  })
  using('subscribes from the past into what comes live', async (store) => {
    await store.append('s-1', [event, event])
    const stop = new AbortController()
    const seen: number[] = []
    const done = (async () => {
      for await (const { position } of store.subscribe({ after: 1, signal: stop.signal })) {
        seen.push(position)
        if (position === 2) await store.append('s-2', [event])
        if (position === 3) stop.abort()
      }
    })()
    await done
    assert.deepEqual(seen, [2, 3])
  })
}
