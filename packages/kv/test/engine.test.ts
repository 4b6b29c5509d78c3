import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import { type Batch, type Kv, openKv, op, prefix, text } from '@tidemill/kv'
import fc from 'fast-check'

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-kv-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function refused(call: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(call, (error: unknown) => {
    assert.ok(TidemillError.is(error), String(error))
    assert.equal(error.code, code)
    return true
  })
}

const problemsOf = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    await call
  } catch (error) {
    if (TidemillError.is(error, 'TM_KV_ARGUMENT')) {
      const problems = error.details['problems'] as { path: string }[]
      return problems.map((problem) => problem.path)
    }
    throw error
  }
  return []
}

it('keeps everything when it is closed and opened again, leases with their whole TTL', () =>
  inFolder(async (folder) => {
    const url = `sqlite:${folder}/kv.db`
    const clock = createVirtualClock()
    const first = await openKv({ url, clock })
    const { id } = await first.leases.grant(60)
    await first.put('a', '1', { lease: id })
    const { revision } = await first.put('b', '2')
    await first.compact(revision - 1)
    await clock.advance(50_000)
    const { storeId } = await first.status()
    assert.equal((await first.leases.timeToLive(id)).ttl, 10)
    await first.close()
    await using second = await openKv({ url, clock })
    const status = await second.status()
    assert.equal(status.revision, revision)
    assert.equal(status.compacted, revision - 1)
    assert.equal(status.storeId, storeId)
    assert.equal((await second.leases.timeToLive(id)).ttl, 60)
    const { kvs } = await second.range(prefix('', { allowAll: true }))
    assert.deepEqual(
      kvs.map((kv) => [text(kv.key), text(kv.value), kv.lease]),
      [
        ['a', '1', id],
        ['b', '2', 0n],
      ],
    )
  }))

it('refuses a file that another store has open, and takes it after close', () =>
  inFolder(async (folder) => {
    const url = `sqlite:${folder}/kv.db`
    const first = await openKv({ url })
    await refused(openKv({ url }), 'TM_SQLITE_OWNED')
    await first.close()
    await (await openKv({ url })).close()
  }))

it('says that a file is corrupt, and lets go of it', () =>
  inFolder(async (folder) => {
    const file = path.join(folder, 'kv.db')
    const handle = openSync(file, 'w')
    writeSync(handle, 'this is not a database, but it is long enough to look like one'.repeat(100))
    closeSync(handle)
    await refused(openKv({ url: `sqlite:${file}` }), 'TM_SQLITE_CORRUPT')
    rmSync(file)
    await (await openKv({ url: `sqlite:${file}` })).close()
  }))

it('refuses URLs that name no store', async () => {
  for (const url of ['', 'sqlite:', 'sqlite://x', 'etcd://127.0.0.1:2379', 'kv.db']) {
    await refused(openKv({ url }), 'TM_KV_URL')
  }
})

it('names every wrong argument at once', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const bad = openKv({
    url: 'sqlite::memory:',
    quotaBytes: -1,
    queueLimit: 1.5,
    history: { age: '5 minutes' },
  })
  assert.deepEqual(await problemsOf(bad), ['/quotaBytes', '/queueLimit', '/history/age'])
  const number = 7 as unknown as string
  assert.deepEqual(await problemsOf(kv.put(number, number)), ['/key', '/value'])
  assert.deepEqual(await problemsOf(kv.delete({ key: number, end: number })), ['/key', '/end'])
  const wrong = kv.range('a', { revision: -1, limit: Number.NaN, minModRevision: 2 ** 53 })
  assert.deepEqual(await problemsOf(wrong), ['/revision', '/limit', '/minModRevision'])
  assert.deepEqual(await problemsOf(kv.lease(0)), ['/ttlSeconds'])
  assert.deepEqual(await problemsOf(kv.leases.grant(1.5, { id: 2n ** 63n })), ['/ttl', '/id'])
  assert.throws(() => kv.watch('a', { from: -1 }), /TM_KV_ARGUMENT/u)
  assert.throws(() => kv.watch('a', { from: 1, initial: true }), /TM_KV_ARGUMENT/u)
  assert.throws(() => kv.watch('a', { resume: 'x' }), /TM_KV_ARGUMENT/u)
  assert.throws(() => prefix(''), /TM_KV_EMPTY_KEY/u)
})

it('an awaited transaction without commit() is an error, not a hang', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  await refused(Promise.resolve(kv.txn().if() as unknown), 'TM_KV_ARGUMENT')
})

it('refuses puts above the quota, but not deletes', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:', quotaBytes: 300_000 })
  await kv.put('a', new Uint8Array(400_000))
  await refused(kv.put('b', 'x'), 'TM_KV_NO_SPACE')
  await refused(kv.txn().then(op.put('b', 'x')).commit(), 'TM_KV_NO_SPACE')
  await refused(kv.leases.grant(5), 'TM_KV_NO_SPACE')
  const { revision } = await kv.delete('a')
  await kv.compact(revision, { physical: true })
  await kv.put('b', 'x')
})

it('refuses calls above its limits at once and takes them again later', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:', queueLimit: 3, queueBytes: 1000 })
  const three = [kv.put('a', '1'), kv.put('a', '2'), kv.put('a', '3')]
  await refused(kv.put('a', '4'), 'TM_KV_OVERLOADED')
  await Promise.all(three)
  const large = kv.put('a', new Uint8Array(5000))
  await refused(kv.put('a', new Uint8Array(10)), 'TM_KV_OVERLOADED')
  await large
  assert.equal((await kv.put('a', '5')).revision, 6)
})

it('close finishes what was begun and refuses what comes after', async () => {
  const kv = await openKv({ url: 'sqlite::memory:' })
  const watch = kv.watch('a')
  await watch.ready
  const lease = await kv.lease(60)
  const put = kv.put('a', '1')
  const closing = kv.close()
  assert.equal((await put).revision, 2)
  await closing
  await watch.ended
  assert.equal((await lease.lost).reason, 'closed')
  await refused(kv.put('a', '2'), 'TM_KV_CLOSED')
  await kv.close()
})

it('says that an outcome is unknown when its thread ends in the middle', async () => {
  const thread = Promise.withResolvers<Worker>()
  process.once('worker', thread.resolve)
  const kv = await openKv({ url: 'sqlite::memory:' })
  const watch = kv.watch('a')
  await watch.ready
  const put = kv.put('a', '1')
  const [ended] = await Promise.all([
    refused(put, 'TM_KV_OUTCOME_UNKNOWN'),
    (await thread.promise).terminate(),
  ])
  assert.equal(ended, undefined)
  await refused(watch.ended, 'TM_KV_OUTCOME_UNKNOWN')
  await refused(kv.put('a', '1'), 'TM_KV_CLOSED')
  await kv.close()
})

it('gives up waiting when its signal says so', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const reason = new Error('enough')
  await assert.rejects(kv.put('a', '1', { signal: AbortSignal.abort(reason) }), reason)
  const controller = new AbortController()
  const put = kv.put('a', '1', { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(put, reason)
  assert.equal((await kv.range('a')).count, 1)
})

it('puts of one turn share a commit, each with a revision of its own', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => kv.put('a', String(i))))
  assert.deepEqual(
    answers.map((answer) => answer.revision),
    answers.map((_, i) => i + 2),
  )
  const { commits, writes } = await kv.status()
  assert.deepEqual([commits, writes], [1, 200])
})

it('the caller may reuse his buffer as soon as put has returned', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const bytes = Buffer.from('before')
  const put = kv.put(bytes, bytes)
  bytes.fill(0)
  await put
  assert.equal(text((await kv.get('before'))?.value ?? new Uint8Array()), 'before')
})

/** Applies batches the way a consumer does. */
function follow(state: Map<string, string>, batch: Batch): void {
  if (batch.snapshot) state.clear()
  for (const { type, key, kv } of batch.changes) {
    if (type === 'delete') state.delete(text(key))
    else state.set(text(key), text(kv?.value ?? new Uint8Array()))
  }
}

async function stateOf(kv: Kv): Promise<Map<string, string>> {
  const { kvs } = await kv.range(prefix('k'))
  return new Map(kvs.map((one) => [text(one.key), text(one.value)]))
}

const sorted = (state: Map<string, string>): unknown =>
  [...state].toSorted(([a], [b]) => (a < b ? -1 : 1))

const action = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('put'), fc.nat(5), fc.nat(9)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('delete'), fc.nat(5), fc.nat(9)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('compact'), fc.nat(3), fc.nat(9)) },
)

it('every kind of watch ends with the state of the store, however slow its handler', () =>
  fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      await using kv = await openKv({ url: 'sqlite::memory:' })
      const views = (['each', 'latest'] as const).flatMap((delivery) =>
        [{ initial: true }, { from: 1 }].map((start) => {
          const state = new Map<string, string>()
          // A queue of one byte: the watch is behind after every batch and reads the log again.
          const watch = kv.watch(prefix('k'), { ...start, delivery, maxQueueBytes: 1 })
          watch.on(async (batch) => {
            await new Promise((resolve) => setImmediate(resolve))
            follow(state, batch)
          })
          return { state, watch }
        }),
      )
      for (const [kind, number, digit] of actions) {
        if (kind === 'put') await kv.put(`k${number}`, String(digit))
        else if (kind === 'delete') await kv.delete({ key: `k${number}`, end: `k${number + 2}` })
        else {
          const { revision } = await kv.status()
          await kv.compact(Math.max(revision - number, 0)).catch(() => undefined)
        }
      }
      const { revision } = await kv.status()
      const expected = sorted(await stateOf(kv))
      for (const { state, watch } of views) {
        while (watch.position < revision) await kv.status()
        assert.deepEqual(sorted(state), expected)
        await watch.close()
      }
    }),
    { numRuns: 8 },
  ))

it('redelivers a batch to a handler that failed, and merges meanwhile', async () => {
  const clock = createVirtualClock()
  await using kv = await openKv({ url: 'sqlite::memory:', clock })
  const watch = kv.watch('a', { from: 1 })
  const seen: string[] = []
  watch.on((batch) => {
    seen.push(...batch.changes.map((change) => text(change.kv?.value ?? new Uint8Array())))
    if (seen.length < 3) throw new Error('not yet')
  })
  await kv.put('a', '1')
  await kv.put('a', '2')
  await kv.put('a', '3')
  while (watch.position < 4) {
    await clock.advance(5000)
    await kv.status()
  }
  assert.equal(seen.at(-1), '3')
  assert.equal(new Set(seen.slice(0, 3)).size, 1)
})

it('a window merges what comes within it', async () => {
  const clock = createVirtualClock()
  await using kv = await openKv({ url: 'sqlite::memory:', clock })
  const sizes: number[] = []
  const watch = kv.watch(prefix('w'), { window: { ms: 100, maxWaitMs: 250, maxKeys: 3 } })
  watch.on((batch) => void sizes.push(batch.changes.length))
  await watch.ready
  await kv.put('w1', '')
  await clock.advance(90)
  await kv.put('w2', '')
  await clock.advance(90)
  assert.deepEqual(sizes, [])
  await clock.advance(20)
  assert.deepEqual(sizes, [2])
  for (const name of ['w1', 'w2', 'w3']) await kv.put(name, '')
  await kv.status()
  assert.deepEqual(sizes, [2, 3])
})

it('one slow watch does not hold up another, and both share one range', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const gate = Promise.withResolvers<void>()
  const slow = kv.watch(prefix('s')).on(() => gate.promise)
  const values: string[] = []
  const fast = kv.watch(prefix('s'), { delivery: 'each' })
  fast.on((batch) => {
    values.push(...batch.changes.map((change) => text(change.kv?.value ?? new Uint8Array())))
  })
  await Promise.all([slow.ready, fast.ready])
  for (const value of ['1', '2', '3']) await kv.put('s', value)
  await kv.status()
  assert.deepEqual(values, ['1', '2', '3'])
  assert.ok(slow.position < fast.position)
  gate.resolve()
})

it('replays a long log page by page and joins the live changes without a gap', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  const write = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => kv.put('long', '')))
  await write(2500)
  const watch = kv.watch('long', { from: 2, delivery: 'each' })
  const more = write(2500)
  const seen: number[] = []
  for await (const batch of watch) {
    seen.push(...batch.changes.map((change) => change.revisions[1]))
    if (batch.revision >= 5001) break
  }
  await more
  assert.deepEqual(
    seen,
    Array.from({ length: 5000 }, (_, i) => i + 2),
  )
})

it('a key that came and went while the handler was busy is not told of, one that came back is', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  await kv.put('w/old', '1')
  const gate = Promise.withResolvers<void>()
  const batches: Batch[] = []
  const watch = kv.watch(prefix('w/'), { prevKv: true }).on((batch) => {
    batches.push(batch)
    return batches.length === 1 ? gate.promise : undefined
  })
  await watch.ready
  await kv.put('w/first', '')
  await kv.put('w/short', '')
  await kv.delete('w/short')
  await kv.delete('w/old')
  const { revision } = await kv.put('w/old', '2')
  gate.resolve()
  while (watch.position < revision) await kv.status()
  const [change, ...others] = batches[1]?.changes ?? []
  assert.deepEqual(others, [])
  assert.equal(text(change?.key ?? new Uint8Array()), 'w/old')
  assert.equal(text(change?.prev?.value ?? new Uint8Array()), '1')
  assert.deepEqual([change?.recreated, change?.merged], [true, 2])
})

it('a watch that fell behind a compaction hears exactly what differs, deletes too', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  for (const name of ['same', 'changes', 'goes']) await kv.put(`r/${name}`, '1')
  const gate = Promise.withResolvers<void>()
  const batches: Batch[] = []
  const watch = kv.watch(prefix('r/'), { initial: true, delivery: 'each', maxQueueBytes: 1 })
  watch.on((batch) => {
    batches.push(batch)
    return batches.length === 2 ? gate.promise : undefined
  })
  await watch.ready
  await kv.put('r/x', '')
  await kv.put('r/x', '2')
  await kv.put('r/changes', '2')
  await kv.delete('r/goes')
  const { revision } = await kv.put('r/new', '')
  await kv.compact(revision, { physical: true })
  gate.resolve()
  while (watch.position < revision) await kv.status()
  const last = batches.at(-1)
  assert.equal(last?.cause, 'resync')
  assert.equal(last?.snapshot, false)
  const told = batches
    .slice(2)
    .flatMap((batch) => batch.changes.map((change) => `${change.type} ${text(change.key)}`))
  assert.deepEqual(
    new Set(told),
    new Set(['put r/x', 'delete r/goes', 'put r/changes', 'put r/new']),
  )
})
