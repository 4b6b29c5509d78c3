import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { prefix, text } from '../bytes.ts'
import { readUntil, refused, type Subject, using } from './subject.ts'

const notFound = { grpcCode: 5, etcdMessage: 'etcdserver: requested lease not found' }

/** Leases: granting, expiry, keeping alive. */
export function leaseContract(subject: Subject): void {
  describe('leases', () => {
    it('grants at least 2 s, the id asked for, and each id once', () =>
      using(subject, async (kv) => {
        const id = 0x7bcd_ef01_2345_6789n
        for (const ttl of [1, 0, -1]) {
          const granted = await kv.leases.grant(ttl)
          assert.equal(granted.ttl, 2)
          await kv.leases.revoke(granted.id)
        }
        assert.equal((await kv.leases.grant(60, { id })).id, id)
        assert.ok((await kv.leases.list()).includes(id))
        await refused(kv.leases.grant(60, { id }), 'TM_KV_LEASE_EXISTS', {
          grpcCode: 9,
          etcdMessage: 'etcdserver: lease already exists',
        })
        await refused(kv.leases.grant(9_000_000_001), 'TM_KV_LEASE_TTL', {
          grpcCode: 11,
          etcdMessage: 'etcdserver: too large lease TTL',
        })
        await kv.leases.revoke(id)
        await refused(kv.leases.revoke(id), 'TM_KV_LEASE_NOT_FOUND', notFound)
        assert.equal(await kv.leases.keepAlive(id), 0)
        assert.equal((await kv.leases.timeToLive(id)).ttl, -1)
        await refused(kv.put('a', '1', { lease: id }), 'TM_KV_LEASE_NOT_FOUND', notFound)
      }))

    it('expiry deletes its keys at one revision, in key order', () =>
      using(subject, async (kv) => {
        const { id } = await kv.leases.grant(2)
        for (const name of ['c', 'a', 'b']) await kv.put(`l/${name}`, '', { lease: id })
        const { revision } = await kv.put('l/stays', '')
        const about = await kv.leases.timeToLive(id, { keys: true })
        assert.deepEqual(
          about.keys.map((key) => text(key)),
          ['l/a', 'l/b', 'l/c'],
        )
        assert.equal(about.grantedTtl, 2)
        const watch = kv.watch(prefix('l/'), { from: revision + 1, delivery: 'each' })
        await watch.ready
        const seen = readUntil(watch, revision + 1)
        await subject.passTime(kv, 4000)
        assert.deepEqual(
          await seen,
          ['a', 'b', 'c'].map((name) => `delete l/${name}@${revision + 1}`),
        )
        assert.equal((await kv.range(prefix('l/'))).count, 1)
        assert.equal((await kv.leases.timeToLive(id)).ttl, -1)
      }))

    it('a key hangs on the lease of its last put only', () =>
      using(subject, async (kv) => {
        const { id } = await kv.leases.grant(60)
        await kv.put('one', '', { lease: id })
        await kv.put('one', '')
        await kv.put('two', '', { lease: id })
        await kv.leases.revoke(id)
        assert.notEqual(await kv.get('one'), undefined)
        assert.equal(await kv.get('two'), undefined)
      }))

    it('is kept alive until it is revoked', () =>
      using(subject, async (kv) => {
        const lease = await kv.lease(1)
        assert.equal(lease.ttl, 2)
        await kv.put('alive', '', { lease: lease.id })
        await subject.passTime(kv, 5000)
        assert.equal(lease.alive, true)
        assert.notEqual(await kv.get('alive'), undefined)
        await lease.revoke()
        assert.deepEqual(await lease.lost, { id: lease.id, reason: 'revoked' })
        assert.equal(lease.alive, false)
        assert.equal(await kv.get('alive'), undefined)
      }))

    it('tells its owner when it is lost', () =>
      using(subject, async (kv) => {
        const lease = await kv.lease(2)
        await kv.leases.revoke(lease.id)
        await subject.passTime(kv, 3000)
        assert.deepEqual(await lease.lost, { id: lease.id, reason: 'expired' })
      }))
  })
}
