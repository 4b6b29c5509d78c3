import assert from 'node:assert/strict'
import { it } from 'node:test'
import { TidemillError } from '@tidemill/core'
import {
  checkRequest,
  compare,
  type Event,
  type KeyRange,
  type KeyValue,
  type Op,
  op,
} from '@tidemill/kv'
import { type HistoryPage, openTestStore, type TestStore } from '@tidemill/kv/testing'
import fc from 'fast-check'
import { Model } from '../model.ts'

const everything = { key: Uint8Array.of(0), end: Uint8Array.of(0) }

const key = fc.constantFrom('a', 'aa', 'a\0', 'b', 'ba', 'c')
const value = fc.constantFrom('', 'x', 'y', 'z')
const range: fc.Arbitrary<KeyRange> = fc.oneof(
  key,
  fc.record({ key, end: key }),
  fc.record({ key, end: fc.constant('\0') }),
)
const condition = fc.oneof(
  fc
    .tuple(range, fc.constantFrom('=', '!=', '<', '>'), fc.nat(4))
    .map(([keys, result, number]) => compare.version(keys, result, number)),
  fc
    .tuple(range, fc.constantFrom('=', '!=', '<', '>'), fc.nat(30))
    .map(([keys, result, number]) => compare.mod(keys, result, number)),
  fc
    .tuple(range, fc.constantFrom('=', '!=', '<', '>'), value)
    .map(([keys, result, text]) => compare.value(keys, result, text)),
  key.map((one) => compare.missing(one)),
)
const simple = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(key, value).map(([one, text]): Op => op.put(one, text)) },
  { weight: 2, arbitrary: range.map((keys): Op => op.delete(keys)) },
)
const { txn } = fc.letrec<{ txn: Op; item: Op }>((tie) => ({
  item: fc.oneof({ depthSize: 'small', withCrossShrink: true }, simple, tie('txn')),
  txn: fc
    .record({
      compare: fc.array(condition, { maxLength: 2 }),
      success: fc.array(tie('item'), { maxLength: 3 }),
      failure: fc.array(tie('item'), { maxLength: 3 }),
    })
    .map((request) => op.txn(request)),
}))
const write = fc.oneof({ weight: 3, arbitrary: simple }, { weight: 2, arbitrary: txn })
const step = fc.oneof(
  { weight: 8, arbitrary: fc.array(write, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.record({ back: fc.nat(6), physical: fc.boolean() }) },
)

function allowed(item: Op): boolean {
  try {
    checkRequest(item)
    return true
  } catch (error) {
    assert.ok(TidemillError.is(error, 'TM_KV_DUPLICATE_KEY'), String(error))
    return false
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the command answers
function ask<T>(store: TestStore, command: Parameters<TestStore['run']>[0][number]): T | string {
  const [reply] = store.run([command], 0).replies
  const [answer, error] = reply ?? []
  return error === undefined ? (answer as T) : error.code
}

function sameState(store: TestStore, model: Model, keys: KeyRange, revision: number): void {
  const answer = ask<{ kvs: KeyValue[] }>(store, op.range(keys, { revision }))
  const found = typeof answer === 'string' ? answer : answer.kvs
  assert.deepEqual(found, model.range(op.range(keys).range, revision))
}

it('answers every read and shows every event as etcd would, whatever is written and compacted', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), range, (steps, keys) => {
      using store = openTestStore()
      const model = new Model()
      store.run([{ kind: 'watch', range: op.range(everything).range, prevKv: false }], 0)
      const live: Event[] = []
      for (const one of steps) {
        if (Array.isArray(one)) {
          const batch = one.filter((item) => allowed(item))
          const { replies, events, revision } = store.run(batch, 0)
          assert.ok(replies.every(([, error]) => error === undefined))
          for (const item of batch) model.write(item)
          assert.equal(revision, model.revision)
          live.push(...events)
        } else {
          const revision = Math.max(0, model.revision + 1 - one.back)
          const { physical } = one
          const answer = ask(store, { kind: 'compact', revision, physical })
          assert.equal(typeof answer === 'string' ? answer : undefined, model.compact(revision))
          if (!physical) store.maintain(0)
        }
        for (let revision = 0; revision <= model.revision + 1; revision++) {
          sameState(store, model, keys, revision)
        }
      }
      assert.deepEqual(live, model.log)
      const bytes = op.range(keys).range
      for (let from = 1; from <= model.revision; from++) {
        const page = ask<HistoryPage>(store, { kind: 'history', range: bytes, from, prevKv: false })
        const expected = from < model.compacted ? 'TM_KV_COMPACTED' : model.history(bytes, from)
        assert.deepEqual(typeof page === 'string' ? page : page.events, expected)
      }
    }),
    { numRuns: 150 },
  )
})

it('a refused write leaves its neighbours of the batch alone', () => {
  using store = openTestStore()
  const bad = op.put('b', '1', { lease: 99n })
  const { replies, revision } = store.run([op.put('a', '1'), bad, op.put('c', '1')], 0)
  assert.deepEqual(
    replies.map(([, error]) => error?.code),
    [undefined, 'TM_KV_LEASE_NOT_FOUND', undefined],
  )
  assert.equal(revision, 3)
  sameRevisions(store, [2, 3])
})

function sameRevisions(store: TestStore, revisions: number[]): void {
  const answer = ask<{ kvs: KeyValue[] }>(store, op.range(everything))
  assert.ok(typeof answer !== 'string')
  assert.deepEqual(
    answer.kvs.map((kv) => kv.modRevision),
    revisions,
  )
}

it('an empty store is at revision 1 and the first write makes 2', () => {
  using store = openTestStore()
  assert.equal(store.revision, 1)
  assert.equal(store.run([op.put('a', '')], 0).revision, 2)
})

it('keeps the last so many revisions by itself', () => {
  using store = openTestStore({ retention: { revisions: 100 } })
  for (let i = 0; i < 500; i++) {
    store.run([op.put('a', String(i))], 0)
    while (store.maintain(0));
  }
  assert.ok(store.compacted >= store.revision - 111, `${store.compacted} of ${store.revision}`)
  assert.ok(store.compacted <= store.revision - 100)
})

it('keeps what is younger than the age', () => {
  using store = openTestStore({ retention: { ageMs: 1000 } })
  for (let now = 0; now <= 5000; now += 10) {
    store.run([op.put('a', String(now))], now)
    while (store.maintain(now));
  }
  const young = store.revision - store.compacted
  assert.ok(young >= 100 && young <= 110, String(young))
})

it('sweeps a revision that has more keys than a step', () => {
  using store = openTestStore()
  store.run(
    Array.from({ length: 2500 }, (_, i) => op.put(`k${String(i).padStart(5, '0')}`, '')),
    0,
  )
  store.run([op.delete(everything)], 0)
  store.run([op.put('last', '')], 0)
  assert.equal(
    typeof ask(store, { kind: 'compact', revision: store.revision, physical: true }),
    'object',
  )
  const page = ask<HistoryPage>(store, {
    kind: 'history',
    range: op.range(everything).range,
    from: store.revision,
    prevKv: false,
  })
  assert.equal(typeof page === 'string' ? page : page.events.length, 1)
  sameRevisions(store, [store.revision])
})

it('expires leases in the order of their deadlines, each at a revision of its own', () => {
  using store = openTestStore()
  store.run([{ kind: 'grant', id: 5n, ttl: 3 }], 0)
  store.run([{ kind: 'grant', id: 4n, ttl: 2 }], 0)
  store.run([op.put('b', '', { lease: 5n }), op.put('a', '', { lease: 4n })], 0)
  assert.equal(store.run([{ kind: 'keepAlive', id: 4n }], 1500).nextExpiry, 2000)
  assert.equal(store.run([], 2000).nextExpiry, 3000)
  assert.equal(store.run([], 2999).revision, 3)
  assert.equal(store.run([], 3000).revision, 4)
  assert.equal(store.run([], 3500).revision, 5)
  sameRevisions(store, [])
})
