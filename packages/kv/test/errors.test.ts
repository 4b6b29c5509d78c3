import assert from 'node:assert/strict'
import { it } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { type Kv, openKv, op } from '@tidemill/kv'

/** What etcd 3.4 to 3.6 answer (gRPC code, message) and the call that provokes it. */
const refusals: readonly [code: string, grpc: number, text: string, call: (kv: Kv) => unknown][] = [
  ['TM_KV_EMPTY_KEY', 3, 'etcdserver: key is not provided', (kv) => kv.put('', '')],
  [
    'TM_KV_KEY_NOT_FOUND',
    3,
    'etcdserver: key not found',
    (kv) => kv.put('no', '', { ignoreLease: true }),
  ],
  [
    'TM_KV_VALUE_PROVIDED',
    3,
    'etcdserver: value is provided',
    (kv) => kv.put('a', 'x', { ignoreValue: true }),
  ],
  [
    'TM_KV_LEASE_PROVIDED',
    3,
    'etcdserver: lease is provided',
    (kv) => kv.put('a', '', { ignoreLease: true, lease: 5n }),
  ],
  [
    'TM_KV_TOO_MANY_OPS',
    3,
    'etcdserver: too many operations in txn request',
    (kv) =>
      kv
        .txn()
        .then(...Array.from({ length: 129 }, (_, i) => op.put(`${i}`, '')))
        .commit(),
  ],
  [
    'TM_KV_DUPLICATE_KEY',
    3,
    'etcdserver: duplicate key given in txn request',
    (kv) => kv.txn().else(op.put('a', ''), op.put('a', '')).commit(),
  ],
  [
    'TM_KV_REQUEST_TOO_LARGE',
    3,
    'etcdserver: request is too large',
    (kv) => kv.put('a', new Uint8Array(1_572_864)),
  ],
  [
    'TM_KV_COMPACTED',
    11,
    'etcdserver: mvcc: required revision has been compacted',
    (kv) => kv.get('a', { revision: 1 }),
  ],
  [
    'TM_KV_FUTURE',
    11,
    'etcdserver: mvcc: required revision is a future revision',
    (kv) => kv.compact(99),
  ],
  [
    'TM_KV_LEASE_NOT_FOUND',
    5,
    'etcdserver: requested lease not found',
    (kv) => kv.leases.revoke(4n),
  ],
  [
    'TM_KV_LEASE_EXISTS',
    9,
    'etcdserver: lease already exists',
    (kv) => kv.leases.grant(5, { id: 7n }),
  ],
  [
    'TM_KV_LEASE_TTL',
    11,
    'etcdserver: too large lease TTL',
    (kv) => kv.leases.grant(9_000_000_001),
  ],
]

it('refuses with the status that etcd gives, byte for byte, and changes nothing', async () => {
  await using kv = await openKv({ url: 'sqlite::memory:' })
  await kv.put('a', '1')
  await kv.leases.grant(60, { id: 7n })
  await kv.compact(2)
  for (const [code, grpcCode, etcdMessage, call] of refusals) {
    await assert.rejects(
      async () => call(kv),
      (error: unknown) => {
        assert.ok(TidemillError.is(error), String(error))
        const { details } = error
        assert.deepEqual(
          [error.code, details['grpcCode'], details['etcdMessage']],
          [code, grpcCode, etcdMessage],
        )
        return true
      },
    )
  }
  assert.equal((await kv.status()).revision, 2)
})
