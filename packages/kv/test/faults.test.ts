import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { type Batch, type Kv, op, openKv, prefix, text } from '@tidemill/kv'
import { openTestStore } from '@tidemill/kv/testing'

/** Puts until no more may wait; resolves when all are done. */
async function crowd(kv: Kv): Promise<void> {
  const puts: Promise<unknown>[] = []
  const { queueLimit } = await kv.status()
  for (let i = 0; i < queueLimit; i++) puts.push(kv.put('crowd', ''))
  await assert.rejects(kv.put('crowd', ''), /TM_KV_OVERLOADED/u)
  await Promise.all(puts)
}

it('a watch that catches up while the store is overloaded goes on', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:', queueLimit: 3 })
  const seen: string[] = []
  const gate = Promise.withResolvers<void>()
  const watch = kv.watch(prefix('w'), { delivery: 'each', maxQueueBytes: 1 })
  watch.on(async ({ changes }) => {
    seen.push(...changes.map((change) => text(change.kv?.value ?? new Uint8Array())))
    if (seen.length === 1) await gate.promise
  })
  await watch.ready
  for (const value of ['1', '2', '3', '4']) await kv.put('w', value)
  const crowded = crowd(kv)
  await kv.status().catch(() => undefined)
  gate.resolve()
  await crowded
  const { revision } = await kv.status()
  while (watch.position < revision && watch.state !== 'closed') await kv.status()
  assert.deepEqual(seen, ['1', '2', '3', '4'])
})

it('a watch may be opened and closed while the store is overloaded', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:', queueLimit: 1 })
  const put = kv.put('a', '1')
  const watch = kv.watch('a')
  const [, revision] = await Promise.all([put, watch.ready])
  assert.equal(revision, 2)
  await watch.close()
})

it('a watch sees the writes after it and not those before it, though all share one commit', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const before = kv.put('a', 'before')
  const watch = kv.watch('a', { delivery: 'each' })
  const [, after] = await Promise.all([before, kv.put('a', 'after')])
  const told: string[] = []
  for await (const batch of watch) {
    told.push(...batch.changes.map((change) => text(change.kv?.value ?? new Uint8Array())))
    if (batch.revision >= after.revision) break
  }
  assert.deepEqual(told, ['after'])
  assert.equal((await kv.status()).commits, 1)
})

it('a lease ends by itself when nobody calls the store', async () => {
  const clock = createVirtualClock()
  await using kv = await openKv({ url: 'sqlite::memory:', clock })
  const { id } = await kv.leases.grant(2)
  await kv.put('a', '1', { lease: id })
  const watch = kv.watch('a')
  await watch.ready
  await clock.advance(2000)
  for await (const { changes } of watch) {
    assert.equal(changes[0]?.type, 'delete')
    break
  }
})

it('the position of a watch is what has been handled, not what the snapshot holds', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const { revision } = await kv.put('p', '1')
  const gate = Promise.withResolvers<void>()
  const watch = kv.watch('p', { initial: true }).on(() => gate.promise)
  await watch.ready
  await kv.status()
  assert.ok(watch.position < revision, `${watch.position}`)
  gate.resolve()
  while (watch.position < revision) await kv.status()
})

it('a token of another store says nothing about the position in this one', async () => {
  await using other = await openKv({ url: 'sqlite::memory:' })
  for (let i = 0; i < 10; i++) await other.put('a', String(i))
  let token = ''
  for await (const batch of other.watch('a', { from: 1 })) {
    token = batch.token
    break
  }
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const { revision } = await kv.put('a', 'here')
  const watch = kv.watch('a', { resume: token })
  await watch.ready
  assert.equal(watch.position, 0)
  const batches: Batch[] = []
  watch.on((batch) => void batches.push(batch))
  while (watch.position < revision) await kv.status()
  assert.deepEqual([watch.position, batches[0]?.snapshot], [revision, true])
})

it('an aborted or refused call leaves nothing on its signal', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:', queueLimit: 1 })
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--
    remove(...args)
  }
  const first = kv.put('a', '1', { signal })
  await assert.rejects(kv.put('a', '2', { signal }), /TM_KV_OVERLOADED/u)
  await first
  assert.equal(listeners, 0)
})

it('a lease granted while the store closes is over at once', async () => {
  const clock = createVirtualClock()
  const kv = await openKv({ url: 'sqlite::memory:', clock })
  const granting = kv.lease(60)
  await kv.close()
  const lease = await granting
  assert.deepEqual([lease.alive, (await lease.lost).reason], [false, 'closed'])
  assert.equal(clock.pending, 0)
})

it('concurrent requests for the next batch are answered in order', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const watch = kv.watch('n', { from: 1 })
  const iterator = watch[Symbol.asyncIterator]()
  const [first, second, third] = [iterator.next(), iterator.next(), iterator.next()]
  await kv.put('n', '1')
  const one = await first
  await kv.put('n', '2')
  const two = await second
  await watch.close()
  assert.deepEqual([one.value.revision, two.value.revision], [2, 3])
  assert.equal((await third).done, true)
})

it('a put whose key the same transaction has deleted takes the delete back with it', () => {
  using store = openTestStore()
  const clear = op.delete({ key: 'a', end: '\0' })
  const keep = op.put('b', '', { ignoreValue: true })
  const { replies, revision } = store.run(
    [op.put('b', '1'), op.txn({ success: [clear, keep] }), op.range('b', { countOnly: true })],
    0,
  )
  assert.equal(replies[1]?.[1]?.code, 'TM_KV_KEY_NOT_FOUND')
  assert.deepEqual(replies[2]?.[0], { revision: 2, kvs: [], more: false, count: 1 })
  assert.equal(revision, 2)
})

it('a lease that cannot be ended fails no reads, is tried again later, and is then told of', () => {
  using store = openTestStore()
  const { range } = op.range({ key: '\0', end: '\0' })
  store.run([{ kind: 'watch', range, prevKv: false }], 0)
  store.run([{ kind: 'grant', id: 1n, ttl: 2 }, op.put('a', '1', { lease: 1n })], 0)
  store.db.exec('PRAGMA query_only = 1')
  const refused = store.run([op.range('a')], 2500)
  assert.equal(refused.replies[0]?.[1], undefined)
  assert.equal(refused.nextExpiry, 3500)
  assert.deepEqual(refused.events, [])
  assert.equal(store.run([op.put('b', '1')], 2600).replies[0]?.[1]?.code, 'TM_SQLITE_READONLY')
  store.db.exec('PRAGMA query_only = 0')
  const { events, revision } = store.run([op.put('b', '1')], 3500)
  assert.deepEqual(
    events.map(({ type, kv }) => `${type} ${text(kv.key)}@${kv.modRevision}`),
    ['delete a@3', 'put b@4'],
  )
  assert.equal(revision, 4)
})

it('what expired is told of although the batch after it failed', () => {
  using store = openTestStore()
  const { range } = op.range({ key: '\0', end: '\0' })
  store.run([{ kind: 'watch', range, prevKv: false }], 0)
  store.run([{ kind: 'grant', id: 1n, ttl: 2 }, op.put('a', '1', { lease: 1n })], 0)
  store.db.exec(
    "CREATE TRIGGER refuse BEFORE INSERT ON log WHEN NEW.version > 0 BEGIN SELECT RAISE(FAIL, 'no'); END",
  )
  const { events, replies } = store.run([op.put('b', '1')], 2500)
  assert.ok(replies[0]?.[1])
  assert.deepEqual(
    events.map(({ type, kv }) => `${type} ${text(kv.key)}@${kv.modRevision}`),
    ['delete a@3'],
  )
})
