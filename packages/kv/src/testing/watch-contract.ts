import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { prefix, text } from '../bytes.ts'
import type { Batch } from '../kv.ts'
import { op } from '../operation.ts'
import { lines, readUntil, refused, type Subject, using } from './subject.ts'

/** Watches: order, resuming, merging, compaction. */
export function watchContract(subject: Subject): void {
  describe('watch', () => {
    it('delivers every change after it is ready, and none of other keys', () =>
      using(subject, async (kv) => {
        await kv.put('w/a', '0')
        await using2(kv.watch(prefix('w/'), { delivery: 'each' }), async (watch) => {
          await watch.ready
          const { revision } = await kv.put('w/a', '1')
          await kv.put('x', '1')
          await kv.delete('w/a')
          const last = await kv.put('w/b', '2')
          assert.deepEqual(await readUntil(watch, last.revision), [
            `put w/a=1@${revision}`,
            `delete w/a@${revision + 2}`,
            `put w/b=2@${revision + 3}`,
          ])
        })
      }))

    it('replays the log from a revision on, operations of a transaction in order', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('w/c', '1')
        await kv.txn().then(op.put('w/z', '2'), op.delete('w/c'), op.put('w/a', '2')).commit()
        await kv.delete(prefix('w/'))
        const expected = [
          `put w/c=1@${revision}`,
          `put w/z=2@${revision + 1}`,
          `delete w/c@${revision + 1}`,
          `put w/a=2@${revision + 1}`,
          `delete w/a@${revision + 2}`,
          `delete w/z@${revision + 2}`,
        ]
        const whole = kv.watch(prefix('w/'), { from: revision, delivery: 'each' })
        assert.deepEqual(await readUntil(whole, revision + 2), expected)
        const part = kv.watch(prefix('w/'), { from: revision + 2, delivery: 'each' })
        assert.deepEqual(await readUntil(part, revision + 2), expected.slice(4))
      }))

    it('waits for a revision that is still to come', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('f', '0')
        const watch = kv.watch('f', { from: revision + 3, delivery: 'each' })
        await watch.ready
        assert.equal(watch.state, 'future')
        for (const value of ['1', '2', '3']) await kv.put('f', value)
        assert.deepEqual(await readUntil(watch, revision + 3), [`put f=3@${revision + 3}`])
      }))

    it('gives the pair before when asked, but not for a creation', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('v', '1')
        await kv.put('v', '2')
        await kv.delete('v')
        const watch = kv.watch('v', { from: revision, delivery: 'each', prevKv: true })
        const previous: (string | undefined)[] = []
        for await (const batch of watch) {
          for (const { prev } of batch.changes) {
            previous.push(prev === undefined ? undefined : text(prev.value))
          }
          if (previous.length === 3) break
        }
        assert.deepEqual(previous, [undefined, '1', '2'])
      }))

    it('leaves out the filtered kinds', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('k/a', '1')
        await kv.delete('k/a')
        await kv.put('k/b', '1')
        const deletes = kv.watch(prefix('k/'), {
          from: revision,
          delivery: 'each',
          filters: ['put'],
        })
        assert.deepEqual(await readUntil(deletes, revision + 1), [`delete k/a@${revision + 1}`])
        const puts = kv.watch(prefix('k/'), {
          from: revision,
          delivery: 'each',
          filters: ['delete'],
        })
        assert.deepEqual(await readUntil(puts, revision + 2), [
          `put k/a=1@${revision}`,
          `put k/b=1@${revision + 2}`,
        ])
      }))

    it('100 changes of one key while the handler is busy are one more call, with the newest', () =>
      using(subject, async (kv) => {
        const gate = Promise.withResolvers<void>()
        const finished = Promise.withResolvers<void>()
        const batches: Batch[] = []
        const watch = kv.watch('busy')
        watch.on(async (batch) => {
          batches.push(batch)
          if (batches.length === 1) await gate.promise
          else finished.resolve()
        })
        await watch.ready
        const first = await kv.put('busy', 'first')
        for (let i = 1; i <= 100; i++) await kv.put('busy', String(i))
        gate.resolve()
        await finished.promise
        const after = await kv.get('busy')
        await kv.status()
        assert.equal(batches.length, 2)
        const [change] = batches[1]?.changes ?? []
        assert.equal(change?.merged, 100)
        assert.deepEqual(change?.revisions, [first.revision + 1, first.revision + 100])
        assert.equal(text(change?.kv?.value ?? new Uint8Array()), '100')
        assert.equal(after?.version, 101)
        await watch.close()
      }))

    it('starts with the present state when asked, then goes on', () =>
      using(subject, async (kv) => {
        await kv.put('i/a', '1')
        await kv.put('i/b', '1')
        const watch = kv.watch(prefix('i/'), { initial: true })
        const seen: string[][] = []
        for await (const batch of watch) {
          seen.push(batch.changes.map((change) => `${change.type} ${text(change.key)}`))
          if (seen.length === 1) {
            assert.equal(batch.snapshot, true)
            await watch.ready
            await kv.delete('i/a')
          } else break
        }
        assert.deepEqual(seen, [['put i/a', 'put i/b'], ['delete i/a']])
      }))

    it('goes on after a token', () =>
      using(subject, async (kv) => {
        const watch = kv.watch(prefix('t/'), { delivery: 'each' })
        await watch.ready
        await kv.put('t/a', '1')
        let token = ''
        for await (const batch of watch) {
          token = batch.token
          break
        }
        const { revision } = await kv.put('t/b', '2')
        const next = kv.watch(prefix('t/'), { resume: token, delivery: 'each' })
        assert.deepEqual(await readUntil(next, revision), [`put t/b=2@${revision}`])
      }))

    it('reads the range again when the revisions are compacted, or fails when asked', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('z/a', '1')
        await kv.put('z/a', '2')
        await kv.put('z/b', '1')
        await kv.compact(revision + 2, { physical: true })
        const resync = kv.watch(prefix('z/'), { from: revision })
        for await (const batch of resync) {
          assert.equal(batch.cause, 'resync')
          assert.equal(batch.snapshot, true)
          assert.deepEqual(lines(batch), [`put z/a=2@${revision + 1}`, `put z/b=1@${revision + 2}`])
          break
        }
        const strict = kv.watch(prefix('z/'), { from: revision, onCompacted: 'error' })
        await refused(strict.ended, 'TM_KV_COMPACTED')
        assert.equal(strict.state, 'closed')
      }))

    it('may start at the compaction revision and then sees a delete there', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('d', '1')
        await kv.delete('d')
        await kv.compact(revision + 1, { physical: true })
        const watch = kv.watch('d', { from: revision + 1, onCompacted: 'error', delivery: 'each' })
        assert.deepEqual(await readUntil(watch, revision + 1), [`delete d@${revision + 1}`])
      }))
  })
}

async function using2<T extends AsyncDisposable>(
  resource: T,
  run: (resource: T) => Promise<void>,
): Promise<void> {
  await using held = resource
  await run(held)
}
