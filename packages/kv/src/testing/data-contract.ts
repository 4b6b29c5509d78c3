import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { prefix, text } from '../bytes.ts'
import { type Compare, compare, type Op, op } from '../operation.ts'
import { readUntil, refused, type Subject, using } from './subject.ts'

const compacted = {
  grpcCode: 11,
  etcdMessage: 'etcdserver: mvcc: required revision has been compacted',
}
const future = {
  grpcCode: 11,
  etcdMessage: 'etcdserver: mvcc: required revision is a future revision',
}
const duplicate = { grpcCode: 3, etcdMessage: 'etcdserver: duplicate key given in txn request' }

/** Revisions, reads, writes, transactions and compaction. */
export function dataContract(subject: Subject): void {
  describe('revisions', () => {
    it('one write is one revision, a read or a write of nothing is none', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('a', '1')
        assert.equal((await kv.put('a', '1')).revision, revision + 1)
        assert.deepEqual(await kv.delete('nothing'), {
          revision: revision + 1,
          deleted: 0,
          prevs: [],
        })
        const failed = await kv.txn().if(compare.missing('a')).then(op.put('a', '2')).commit()
        assert.equal(failed.revision, revision + 1)
        assert.equal((await kv.range('a')).revision, revision + 1)
      }))

    it('counts versions from the creation and starts again after a delete', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('a', '1')
        await kv.put('a', '1')
        const second = await kv.get('a')
        assert.equal(second?.version, 2)
        assert.equal(second?.createRevision, revision)
        assert.equal(second?.modRevision, revision + 1)
        await kv.delete('a')
        assert.equal(await kv.get('a'), undefined)
        await kv.put('a', '3')
        const third = await kv.get('a')
        assert.equal(third?.version, 1)
        assert.equal(third?.createRevision, revision + 3)
      }))

    it('reads the state as it was at a revision', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('k/a', '1')
        await kv.put('k/b', '1')
        await kv.put('k/a', '2')
        await kv.delete('k/b')
        const then = await kv.range(prefix('k/'), { revision: revision + 1 })
        assert.deepEqual(
          then.kvs.map((pair) => text(pair.value)),
          ['1', '1'],
        )
        assert.equal(then.revision, revision + 3)
        assert.equal((await kv.range(prefix('k/'), { revision })).count, 1)
        assert.equal((await kv.range(prefix('k/'))).count, 1)
        await refused(kv.get('k/a', { revision: revision + 4 }), 'TM_KV_FUTURE', future)
      }))
  })

  describe('range', () => {
    it('orders keys by bytes and keeps bytes that are no text', () =>
      using(subject, async (kv) => {
        const keys = [[0x62, 0], [0x62], [0x62, 0xff, 0xfe], [0x62, 0x7f]].map((bytes) =>
          Uint8Array.from(bytes),
        )
        for (const key of keys) await kv.put(key, Uint8Array.of(0, 255, 128))
        const { kvs } = await kv.range(prefix('b'))
        assert.deepEqual(
          kvs.map((pair) => [...pair.key]),
          [[0x62], [0x62, 0], [0x62, 0x7f], [0x62, 0xff, 0xfe]],
        )
        assert.deepEqual([...(kvs[0]?.value ?? [])], [0, 255, 128])
      }))

    it('counts everything whatever the limit, and says when it cut', () =>
      using(subject, async (kv) => {
        for (const name of ['a', 'b', 'c']) await kv.put(`n/${name}`, name)
        const two = await kv.range(prefix('n/'), { limit: 2 })
        assert.deepEqual([two.kvs.length, two.more, two.count], [2, true, 3])
        const three = await kv.range(prefix('n/'), { limit: 3 })
        assert.deepEqual([three.kvs.length, three.more, three.count], [3, false, 3])
        const only = await kv.range(prefix('n/'), { countOnly: true })
        assert.deepEqual([only.kvs.length, only.more, only.count], [0, false, 3])
        const keys = await kv.range(prefix('n/'), { keysOnly: true })
        assert.deepEqual(
          keys.kvs.map((pair) => pair.value.length),
          [0, 0, 0],
        )
      }))

    it('sorts by any target and filters by revisions without changing the count', () =>
      using(subject, async (kv) => {
        await kv.put('s/a', '3')
        const { revision } = await kv.put('s/b', '1')
        await kv.put('s/c', '2')
        await kv.put('s/a', '3')
        const order = async (options: object): Promise<string> => {
          const { kvs } = await kv.range(prefix('s/'), options)
          return kvs.map((pair) => text(pair.key).slice(2)).join('')
        }
        assert.equal(await order({ sortBy: 'value', order: 'ascend' }), 'bca')
        assert.equal(await order({ sortBy: 'value', order: 'descend' }), 'acb')
        assert.equal(await order({ sortBy: 'value', order: 'descend', keysOnly: true }), 'acb')
        assert.equal(await order({ sortBy: 'mod', order: 'descend' }), 'acb')
        assert.equal(await order({ sortBy: 'create', order: 'ascend' }), 'abc')
        assert.equal(await order({ sortBy: 'version', order: 'descend', limit: 1 }), 'a')
        assert.equal(await order({ order: 'descend' }), 'cba')
        // Without an order etcd reads one pair more than the limit, in key order, sorts these and cuts.
        assert.equal(await order({ sortBy: 'value', limit: 1 }), 'b')
        assert.equal(await order({ sortBy: 'mod', limit: 1 }), 'b')
        assert.equal(await order({ sortBy: 'value', limit: 2 }), 'bc')
        assert.equal(await order({ maxCreateRevision: revision }), 'ab')
        assert.equal(await order({ minCreateRevision: revision }), 'bc')
        assert.equal(await order({ minModRevision: revision + 1 }), 'ac')
        assert.equal(await order({ maxModRevision: revision }), 'b')
        assert.equal((await kv.range(prefix('s/'), { maxModRevision: revision })).count, 3)
      }))

    it('a reversed range is empty, an end of one zero byte has no bound', () =>
      using(subject, async (kv) => {
        await kv.put('y', '1')
        await kv.put(Uint8Array.of(0xff, 0xff), '2')
        assert.equal((await kv.range({ key: 'z', end: 'a' })).count, 0)
        assert.equal((await kv.range({ key: 'y', end: Uint8Array.of(0) })).count, 2)
        assert.equal((await kv.range(prefix(Uint8Array.of(0xff)))).count, 1)
        assert.equal((await kv.range(prefix('', { allowAll: true }))).count, 2)
      }))
  })

  describe('put and delete', () => {
    it('answers with the pair before when asked', () =>
      using(subject, async (kv) => {
        assert.equal((await kv.put('p', '1', { prevKv: true })).prev, undefined)
        const { prev } = await kv.put('p', '2', { prevKv: true })
        assert.equal(prev === undefined ? '' : text(prev.value), '1')
        const gone = await kv.delete(prefix('p'), { prevKv: true })
        assert.deepEqual(
          gone.prevs.map((pair) => text(pair.value)),
          ['2'],
        )
      }))

    it('keeps the value or the lease when asked, of a key that exists', () =>
      using(subject, async (kv) => {
        const { id } = await kv.leases.grant(60)
        await kv.put('i', 'old', { lease: id })
        await kv.put('i', '', { ignoreValue: true })
        const first = await kv.get('i')
        assert.deepEqual([text(first?.value ?? new Uint8Array()), first?.lease], ['old', 0n])
        await kv.put('i', 'x', { lease: id })
        await kv.put('i', 'new', { ignoreLease: true })
        const second = await kv.get('i')
        assert.deepEqual([text(second?.value ?? new Uint8Array()), second?.lease], ['new', id])
        await refused(kv.put('none', '', { ignoreValue: true }), 'TM_KV_KEY_NOT_FOUND', {
          grpcCode: 3,
          etcdMessage: 'etcdserver: key not found',
        })
        await refused(kv.put('i', 'x', { ignoreValue: true }), 'TM_KV_VALUE_PROVIDED', {
          grpcCode: 3,
          etcdMessage: 'etcdserver: value is provided',
        })
        await refused(kv.put('i', 'x', { ignoreLease: true, lease: id }), 'TM_KV_LEASE_PROVIDED', {
          grpcCode: 3,
          etcdMessage: 'etcdserver: lease is provided',
        })
      }))

    it('refuses an empty key', () =>
      using(subject, async (kv) => {
        const empty = { grpcCode: 3, etcdMessage: 'etcdserver: key is not provided' }
        await refused(kv.put('', 'x'), 'TM_KV_EMPTY_KEY', empty)
        await refused(kv.get(''), 'TM_KV_EMPTY_KEY', empty)
        await refused(kv.delete(''), 'TM_KV_EMPTY_KEY', empty)
        await refused(kv.txn().if(compare.exists('')).commit(), 'TM_KV_EMPTY_KEY', empty)
      }))

    it('takes a value of 1,572,664 bytes and refuses one of 1,572,844', () =>
      using(subject, async (kv) => {
        await kv.put('big', new Uint8Array(1_572_664))
        assert.equal((await kv.get('big'))?.value.length, 1_572_664)
        await refused(kv.put('big', new Uint8Array(1_572_844)), 'TM_KV_REQUEST_TOO_LARGE', {
          grpcCode: 3,
          etcdMessage: 'etcdserver: request is too large',
        })
      }))
  })

  describe('transactions', () => {
    it('runs the branch that the compares choose, all at one revision', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('t/a', '1')
        const { succeeded, results } = await kv
          .txn()
          .if(compare.value('t/a', '=', '1'), compare.version('t/a', '<', 2))
          .then(op.put('t/b', '2'), op.put('t/c', '3'), op.range(prefix('t/')))
          .else(op.delete('t/a'))
          .commit()
        assert.equal(succeeded, true)
        const [, , range] = results
        assert.equal(range?.kind === 'range' ? range.count : 0, 3)
        const { kvs } = await kv.range(prefix('t/'))
        assert.deepEqual(
          kvs.map((pair) => pair.modRevision),
          [revision, revision + 1, revision + 1],
        )
      }))

    it('compares a missing key as zeros, and its value as nothing at all', () =>
      using(subject, async (kv) => {
        const holds = async (...compares: Compare[]) =>
          (
            await kv
              .txn()
              .if(...compares)
              .commit()
          ).succeeded
        assert.equal(await holds(compare.version('m', '=', 0)), true)
        assert.equal(await holds(compare.create('m', '<', 1)), true)
        assert.equal(await holds(compare.mod('m', '!=', 0)), false)
        assert.equal(await holds(compare.lease('m', '=', 0n)), true)
        assert.equal(await holds(compare.value('m', '=', '')), false)
        assert.equal(await holds(compare.value('m', '!=', 'x')), false)
        assert.equal(await holds(compare.missing('m')), true)
        await kv.put('m', 'b')
        assert.equal(await holds(compare.exists('m'), compare.value('m', '>', 'a')), true)
        assert.equal(await holds(compare.value('m', '<', 'a')), false)
      }))

    it('a compare of a range holds when every key satisfies it', () =>
      using(subject, async (kv) => {
        await kv.put('r/a', '1')
        await kv.put('r/b', '1')
        const same = kv.txn().if(compare.value(prefix('r/'), '=', '1'))
        assert.equal((await same.commit()).succeeded, true)
        await kv.put('r/b', '2')
        const other = kv.txn().if(compare.value(prefix('r/'), '=', '1'))
        assert.equal((await other.commit()).succeeded, false)
      }))

    it('nested compares see the state before the outermost transaction', () =>
      using(subject, async (kv) => {
        const inner = op.txn({
          compare: [compare.missing('n/a')],
          success: [op.put('n/b', 'inner')],
          failure: [op.put('n/c', 'inner')],
        })
        const { results, revision } = await kv.txn().then(op.put('n/a', '1'), inner).commit()
        const [, nested] = results
        assert.equal(nested?.kind === 'txn' && nested.succeeded, true)
        const { kvs } = await kv.range(prefix('n/'))
        assert.deepEqual(
          kvs.map((pair) => [text(pair.key), pair.modRevision]),
          [
            ['n/a', revision],
            ['n/b', revision],
          ],
        )
      }))

    it('refuses to change a key twice, deletes twice are one', () =>
      using(subject, async (kv) => {
        const twice = (...ops: Op[]) =>
          kv
            .txn()
            .then(...ops)
            .commit()
        const put = op.put('abc', 'x')
        await refused(twice(put, put), 'TM_KV_DUPLICATE_KEY', duplicate)
        await refused(twice(put, op.delete('abc')), 'TM_KV_DUPLICATE_KEY', duplicate)
        await refused(twice(op.delete('abc'), put), 'TM_KV_DUPLICATE_KEY', duplicate)
        await refused(
          twice(put, op.delete({ key: 'a', end: 'b' })),
          'TM_KV_DUPLICATE_KEY',
          duplicate,
        )
        const nested = op.txn({ success: [op.delete('abc')] })
        await refused(twice(nested, put), 'TM_KV_DUPLICATE_KEY', duplicate)
        await refused(twice(op.txn({ success: [put] }), put), 'TM_KV_DUPLICATE_KEY', duplicate)
        await twice(put, op.delete({ key: 'abb', end: 'abc' }))
        await twice(op.txn({ success: [put], failure: [put] }))
        const { results } = await twice(op.delete('abc'), op.delete({ key: 'a', end: 'b' }))
        assert.deepEqual(
          results.map((result) => (result.kind === 'delete' ? result.deleted : -1)),
          [1, 0],
        )
      }))

    it('lets a key change twice where etcd does: a delete without upper bound, nested put before delete', () =>
      using(subject, async (kv) => {
        const start = await kv.put('abc', 'old')
        const put = op.put('abc', 'new')
        const cleared = await kv
          .txn()
          .then(op.delete({ key: 'a', end: '\0' }), put)
          .commit()
        const created = await kv.get('abc')
        const { revision } = await kv
          .txn()
          .then(op.txn({ success: [put] }), op.txn({ success: [op.delete('abc')] }))
          .commit()
        assert.equal(cleared.revision, start.revision + 1)
        assert.equal(revision, start.revision + 2)
        assert.deepEqual([created?.createRevision, created?.version], [cleared.revision, 1])
        // At a revision a key is what its last change there made of it.
        for (const [at, value] of [
          [start.revision, 'old'],
          [cleared.revision, 'new'],
          [revision, undefined],
        ] as const) {
          const { kvs, count } = await kv.range('abc', { revision: at })
          assert.equal(kvs[0] === undefined ? undefined : text(kvs[0].value), value)
          assert.equal(count, kvs.length)
        }
        const watch = kv.watch('abc', { from: cleared.revision, delivery: 'each' })
        assert.deepEqual(await readUntil(watch, revision), [
          `delete abc@${cleared.revision}`,
          `put abc=new@${cleared.revision}`,
          `put abc=new@${revision}`,
          `delete abc@${revision}`,
        ])
        await kv.compact(cleared.revision, { physical: true })
        const kept = await kv.range('abc', { revision: cleared.revision })
        assert.deepEqual(kept.kvs, [created])
        const rest = kv.watch('abc', { from: cleared.revision, delivery: 'each' })
        assert.deepEqual(await readUntil(rest, revision), [
          `put abc=new@${cleared.revision}`,
          `put abc=new@${revision}`,
          `delete abc@${revision}`,
        ])
      }))

    it('a transaction that is refused by its last operation has changed nothing', () =>
      using(subject, async (kv) => {
        const first = await kv.put('m/a', '1')
        const { revision } = first
        const lease = 999n
        const commit = (...ops: Op[]) =>
          kv
            .txn()
            .then(...ops)
            .commit()
        const kept = op.put('m/none', '', { ignoreValue: true, lease })
        // Of a put in a transaction etcd looks at the key first, of a lone one at the lease.
        await refused(commit(op.put('m/b', '1'), kept), 'TM_KV_KEY_NOT_FOUND')
        await refused(kv.put('m/none', '', { ignoreValue: true, lease }), 'TM_KV_LEASE_NOT_FOUND')
        await refused(
          commit(op.put('m/b', '1'), op.range('m/a', { revision: revision + 1 })),
          'TM_KV_FUTURE',
        )
        const { kvs, revision: after } = await kv.range(prefix('m/'))
        assert.deepEqual([kvs.length, after], [1, revision])
      }))

    it('takes 128 operations at most, counting the depth', () =>
      using(subject, async (kv) => {
        const puts = Array.from({ length: 128 }, (_, i) => op.put(`o/${i}`, ''))
        await kv
          .txn()
          .then(...puts)
          .commit()
        const many = { grpcCode: 3, etcdMessage: 'etcdserver: too many operations in txn request' }
        await refused(
          kv
            .txn()
            .then(...puts, op.put('o/128', ''))
            .commit(),
          'TM_KV_TOO_MANY_OPS',
          many,
        )
        const half = puts.slice(0, 65)
        const nested = op.txn({ success: puts.slice(65) })
        await refused(
          kv
            .txn()
            .then(...half, nested)
            .commit(),
          'TM_KV_TOO_MANY_OPS',
          many,
        )
        await kv
          .txn()
          .then(...half.slice(0, 60), nested)
          .commit()
      }))

    it('checks everything before it changes anything', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('c/a', '1')
        await refused(
          kv
            .txn()
            .then(op.put('c/a', '2'), op.put('c/b', '2', { lease: 4711n }))
            .commit(),
          'TM_KV_LEASE_NOT_FOUND',
          { grpcCode: 5, etcdMessage: 'etcdserver: requested lease not found' },
        )
        await refused(
          kv
            .txn()
            .then(op.put('c/a', '2'), op.range('c/a', { revision: revision + 1 }))
            .commit(),
          'TM_KV_FUTURE',
          future,
        )
        assert.equal((await kv.range('c/a')).revision, revision)
      }))
  })

  describe('compaction', () => {
    it('forgets what is older, keeps the state at the revision itself', () =>
      using(subject, async (kv) => {
        const { revision } = await kv.put('q/a', '1')
        await kv.put('q/a', '2')
        await kv.put('q/b', '1')
        await kv.delete('q/b')
        await kv.compact(revision + 1, { physical: true })
        const at = await kv.range(prefix('q/'), { revision: revision + 1 })
        assert.deepEqual(
          at.kvs.map((pair) => text(pair.value)),
          ['2'],
        )
        await refused(kv.get('q/a', { revision }), 'TM_KV_COMPACTED', compacted)
        assert.equal((await kv.range(prefix('q/'), { revision: revision + 2 })).count, 2)
        await refused(kv.compact(revision + 1), 'TM_KV_COMPACTED', compacted)
        await refused(kv.compact(revision), 'TM_KV_COMPACTED', compacted)
        await refused(kv.compact(revision + 4), 'TM_KV_FUTURE', future)
        assert.equal((await kv.get('q/a'))?.version, 2)
      }))
  })
}
