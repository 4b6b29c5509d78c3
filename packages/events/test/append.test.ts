import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { type Dialect, type Program, type Tx } from '@tidemill/sql'
import {
  type AppendInput,
  type AppendManyInput,
  appendManyProgram,
  type AppendManyResult,
  type Json,
  type NewEvent,
} from '@tidemill/events'
import { appendAndShrug, appendOnce, placeOrder } from './procedures.ts'
import { open, rejects, throws } from './support.ts'

const event = { type: 'Noted', data: 1 } as const

test('events and read model rows of one procedure commit together or not at all', async () => {
  await using opened = await open()
  const { store, database } = opened
  await database.migrate('orders', [
    { id: 1, name: 'orders', up: { sqlite: ['CREATE TABLE orders (id TEXT PRIMARY KEY)'] } },
  ])
  await rejects(database.call(placeOrder, { fail: true }), 'TM_TEST_FAIL')
  assert.equal(await store.head(), 0)
  const events = await database.call(placeOrder, { fail: false })
  assert.deepEqual(
    events.map(({ version, position }) => [version, position]),
    [
      [1, 1],
      [2, 2],
    ],
  )
  assert.equal((await database.query('SELECT * FROM orders')).length, 1)
  assert.deepEqual((await store.verify()).problems, [])
})

test('an event without an id gets a version 7 UUID derived from its place', async () => {
  await using opened = await open()
  const { store, database } = opened
  await database.migrate('orders', [
    { id: 1, name: 'orders', up: { sqlite: ['CREATE TABLE orders (id TEXT PRIMARY KEY)'] } },
  ])
  await database.call(placeOrder, { fail: false })
  const ids = (await store.readAll()).map(({ id }) => id)
  assert.equal(new Set(ids).size, 3)
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/u)
})

test('an append of nothing is refused', async () => {
  await using opened = await open()
  await rejects(opened.store.append('s-1', []), 'TM_EVENTS_EMPTY_APPEND')
  await rejects(opened.store.appendMany({ appends: [] }), 'TM_EVENTS_EMPTY_APPEND')
})

test('an expected version that is none is refused before anything else', async () => {
  await using opened = await open()
  for (const expected of [-1, 1.5, Number.NaN, '3' as unknown as number]) {
    await rejects(opened.store.append('s-1', [event], { expected }), 'TM_EVENTS_INVALID_EXPECTED')
  }
})

test('everything that is wrong with an append is said at once', async () => {
  await using opened = await open()
  const id = 'not-a-uuid'
  const events: NewEvent[] = [
    { type: '1st', data: null, id, schemaVersion: 0, tags: ['a', 'a'] },
    { type: 'T', data: undefined as unknown as Json },
  ]
  const condition = { tags: [], after: -1 }
  const append = opened.store.appendMany({
    appends: [{ stream: 'naïve', events }],
    condition,
    tenant: '',
  })
  await assert.rejects(append, (error: unknown) => {
    assert(TidemillError.is(error, 'TM_EVENTS_INVALID_INPUT'))
    const problems = error.details['problems'] as { path: string }[]
    assert.deepEqual(
      problems.map(({ path }) => path),
      [
        '/tenant',
        '/streams/0',
        '/condition/tags',
        '/condition/after',
        '/events/0/type',
        '/events/0/id',
        '/events/0/schemaVersion',
        '/events/0/tags',
        '/events/1/data',
      ],
    )
    return true
  })
})

test('a list of problems is bounded, and so are checks and condition types', async () => {
  await using opened = await open()
  const refused = async (append: Promise<unknown>): Promise<number> => {
    const error = await append.catch((reason: unknown) => reason)
    assert(TidemillError.is(error, 'TM_EVENTS_INVALID_INPUT'))
    return (error.details['problems'] as unknown[]).length
  }
  const wrong = Array.from({ length: 500 }, () => ({ type: '', data: 1 }))
  assert.equal(await refused(opened.store.append('s-1', wrong)), 20)
  const deep = { type: '', data: Array.from({ length: 500 }, () => Number.NaN) }
  assert.equal(await refused(opened.store.append('s-1', [deep])), 21)
  const appends = [{ stream: 's-1', events: [event] }]
  const checks = Array.from({ length: 1001 }, (_, n) => ({ stream: `c-${n}`, expected: 0 }))
  assert.equal(await refused(opened.store.appendMany({ appends, checks })), 1)
  for (const types of [Array.from({ length: 101 }, () => 'T'), ['1st']]) {
    const condition = { tags: ['a'], types, after: 0 }
    assert.equal(await refused(opened.store.appendMany({ appends, condition })), 1)
  }
})

test('a problem deep in a payload is said with its whole path', async () => {
  await using opened = await open()
  const data = { a: [1, { b: Number.NaN }], c: 1n as unknown as Json, d: 'x' }
  const error = await opened.store.append('s-1', [{ type: 'T', data }]).catch((e: unknown) => e)
  assert(TidemillError.is(error, 'TM_EVENTS_INVALID_PAYLOAD'))
  const problems = error.details['problems'] as { path: string }[]
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['/events/0/data/a/1/b', '/events/0/data/c'],
  )
})

test('a procedure that goes on after a refused append commits nothing of it', async () => {
  await using opened = await open()
  const { store, database } = opened
  await store.append('b-1', [{ ...event, tags: ['seat:1'] }])
  const refusedHalfWay: AppendManyInput[] = [
    {
      appends: [
        { stream: 'a-1', events: [event] },
        { stream: 'b-1', events: [event], expected: 'none' },
      ],
    },
    {
      appends: [{ stream: 'a-1', events: [event] }],
      condition: { tags: ['seat:1'], after: 0 },
    },
    {
      appends: [{ stream: 'a-1', events: [event] }],
      checks: [{ stream: 'b-1', expected: 7 }],
    },
  ]
  for (const input of refusedHalfWay) {
    assert.match(await database.call(appendAndShrug, input), /WRONG_VERSION|CONDITION_FAILED/u)
  }
  assert.equal((await store.append('a-1', [event], { expected: 'none' })).first, 2)
  assert.deepEqual((await store.verify()).problems, [])
})

test('a procedure may repeat an append of its own and gets the original answer', async () => {
  await using opened = await open()
  const { database } = opened
  const id = '0190a000-0000-7000-8000-000000000abc'
  const input = { stream: 's-1', events: [{ ...event, id }], expected: 'none' } as const
  const first = await database.call(appendOnce, input)
  assert.deepEqual(await database.call(appendOnce, input), { ...first, deduplicated: true })
  assert.equal(await opened.store.head(), 1)
})

test('the same stream or the same id twice in one append is refused', async () => {
  await using opened = await open()
  const appends = [
    { stream: 's-1', events: [event] },
    { stream: 's-1', events: [event] },
  ]
  await rejects(opened.store.appendMany({ appends }), 'TM_EVENTS_INVALID_INPUT')
  const twice = { ...event, id: '0190a000-0000-7000-8000-000000000abc' }
  await rejects(opened.store.append('s-1', [twice, twice]), 'TM_EVENTS_INVALID_INPUT')
})

const cycle: Record<string, unknown> = {}
cycle['self'] = cycle
let deep: unknown = 1
for (let depth = 0; depth < 200; depth++) deep = [deep]
const badPayloads: Readonly<Record<string, unknown>> = {
  'a BigInt': { n: 1n },
  undefined: { n: undefined },
  'a function': [() => 1],
  'a symbol': Symbol('x'),
  'a cycle': cycle,
  'a lone surrogate': 'x\ud800',
  'a lone surrogate in a key': { 'x\udfff': 1 },
  'a NUL character': { text: 'a\0b' },
  'a __proto__ key': JSON.parse('{"__proto__": {"admin": true}}'),
  NaN: [Number.NaN],
  Infinity: Number.NEGATIVE_INFINITY,
  'a Date': { at: new Date(0) },
  'a Map': new Map(),
  bytes: new Uint8Array(2),
  'an object with toJSON': { toJSON: 1 },
  'an array with toJSON': Object.assign([1], { toJSON: () => 2 }),
  'a sparse array': Object.assign([], { 1: 1 }),
  'too deep a nesting': deep,
}
test('what JSON cannot keep is refused before it is written', async (t) => {
  await using opened = await open()
  for (const [what, data] of Object.entries(badPayloads)) {
    await t.test(what, async () => {
      const append = opened.store.append('s-1', [{ type: 'T', data: data as Json }])
      await rejects(append, 'TM_EVENTS_INVALID_PAYLOAD')
    })
  }
  const meta = [] as unknown as Record<string, Json>
  await rejects(opened.store.append('s-1', [{ ...event, meta }]), 'TM_EVENTS_INVALID_PAYLOAD')
  assert.equal(await opened.store.head(), 0)
})

test('an event of 1 MiB goes in, one byte more does not', async () => {
  await using opened = await open()
  const room = 1024 * 1024 - 4
  await opened.store.append('s-1', [{ type: 'T', data: 'x'.repeat(room) }])
  await rejects(
    opened.store.append('s-1', [{ type: 'T', data: 'x'.repeat(room + 1) }]),
    'TM_EVENTS_EVENT_TOO_LARGE',
  )
  await rejects(
    opened.store.append('s-1', [{ type: 'T', data: 'é'.repeat(room / 2 + 1) }]),
    'TM_EVENTS_EVENT_TOO_LARGE',
  )
})

test('a batch of 1,000 events goes in, more or larger does not', async () => {
  await using opened = await open()
  const many = (n: number, data: Json): NewEvent[] =>
    Array.from({ length: n }, () => ({ type: 'T', data }))
  const { last } = await opened.store.append('s-1', many(1000, 1))
  assert.equal(last, 1000)
  await rejects(opened.store.append('s-1', many(1001, 1)), 'TM_EVENTS_BATCH_TOO_LARGE')
  await rejects(
    opened.store.append('s-1', many(5, 'x'.repeat(1_000_000))),
    'TM_EVENTS_BATCH_TOO_LARGE',
  )
})

/** Drives a program against a database that says what it is told to. */
function drive(
  dialect: Dialect,
  input: AppendInput,
  changes: number,
): AppendManyResult | undefined {
  const step = function* (result: unknown): Program<never> {
    yield { kind: 'run', sql: '', params: [] }
    return result as never
  }
  const tx: Tx = {
    dialect,
    now: 0,
    run: () => step({ changes }),
    all: () => step([]),
    get: () => step({ pos: 1, hash: null, version: 1 }),
    savepoint: (part) => part(),
    notify: () => undefined,
  }
  const program = appendManyProgram(tx, { appends: [input] })
  for (;;) {
    const { done, value } = program.next()
    if (done === true) return value
  }
}

test('an engine that loses rows without an error is found out', () => {
  const two = { stream: 's-1', events: [event, event, event] }
  throws(() => drive('sqlite', two, 1), 'TM_EVENTS_ROWS_LOST')
})

test('a dialect without texts is named', () => {
  throws(() => drive('postgres', { stream: 's-1', events: [event] }, 1), 'TM_EVENTS_DIALECT')
})

test('a caller learns by code why an append was refused', async () => {
  await using opened = await open()
  const { store } = opened
  const known = { ...event, id: '0190a000-0000-7000-8000-000000000abc', tags: ['seat:1'] }
  await store.append('s-1', [known])
  await rejects(store.append('s-2', [known]), 'TM_EVENTS_DUPLICATE_ID')
  const appends = [{ stream: 's-2', events: [event] }]
  const condition = { tags: ['seat:1'], after: 0 }
  await rejects(store.appendMany({ appends, condition }), 'TM_EVENTS_CONDITION_FAILED')
  await store.archive('s-1')
  await rejects(store.append('s-1', [event]), 'TM_EVENTS_STREAM_ARCHIVED')
})
