import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashKey, type Host } from '../../src/balance/index.ts'
import { chiSquare, chiSquareLimit, pickCounts, someBalancer, someHosts } from './fixtures.ts'

const hashes = Array.from({ length: 50_000 }, (_, i) => hashKey(`user-${i}`))
const both = ['maglev', 'ring-hash'] as const

function places(type: (typeof both)[number], hosts: readonly Host[]): string[] {
  const balancer = someBalancer({ type }, hosts)
  return hashes.map((hash) => balancer.pick(hash, undefined)?.key ?? 'none')
}

describe('hash balancers', () => {
  it('send equal hashes to the same host in every process, whatever the order of the list', () => {
    for (const type of both) {
      const hosts = someHosts(20)
      assert.deepEqual(places(type, hosts), places(type, hosts.toReversed()))
    }
  })

  it('place keys by published values that no release may change', () => {
    const hosts = someHosts(10)
    const first = (type: (typeof both)[number]): string =>
      places(type, hosts)
        .slice(0, 12)
        .map((key) => hosts.findIndex((host) => host.key === key))
        .join('')
    assert.equal(first('maglev'), '483294737964')
    assert.equal(first('ring-hash'), '253379341631')
  })

  it('share the keys by weight: Maglev within 1 %, the ring within 20 %', () => {
    const hosts = someHosts(10, [1, 1, 1, 1, 1, 3, 3, 3, 3, 3])
    for (const [type, spec, most] of [
      ['maglev', {}, 0.01],
      ['ring-hash', { ringSize: { least: 65_536 } }, 0.2],
    ] as const) {
      const balancer = someBalancer({ type, ...spec }, hosts)
      const step = 0x1_0000_0000 / 655_370
      const counts = pickCounts(balancer, 655_370, (i) => Math.floor(i * step))
      for (const host of hosts) {
        const expected = (655_370 * host.weight) / 20
        const off = Math.abs((counts.get(host.key) ?? 0) / expected - 1)
        assert.ok(off < most, `${type} ${host.key}: ${off}`)
      }
    }
  })

  it('move only the keys of a host that leaves, and nearly no other with Maglev', () => {
    const hosts = someHosts(20)
    const gone = hosts[7] as Host
    const rest = hosts.filter((host) => host !== gone)
    for (const [type, most] of [
      ['maglev', 0.01],
      ['ring-hash', 0],
    ] as const) {
      const before = places(type, hosts)
      const after = places(type, rest)
      const moved = before.filter((key, i) => key !== gone.key && key !== after[i]).length
      assert.ok(moved / hashes.length <= most, `${type}: ${moved / hashes.length}`)
    }
  })

  it('move no other key while a host is ejected, spread its keys over all and give them back', () => {
    for (const type of both) {
      const hosts = someHosts(10)
      const balancer = someBalancer({ type }, hosts)
      const read = (): (string | undefined)[] =>
        hashes.map((hash) => balancer.pick(hash, undefined)?.key)
      const before = read()
      const gone = hosts[3] as Host
      gone.ejected = true
      balancer.changed()
      const during = read()
      const taken = new Map<string, number>()
      for (const [i, key] of before.entries()) {
        if (key !== gone.key) assert.equal(during[i], key)
        else taken.set(during[i] ?? '', (taken.get(during[i] ?? '') ?? 0) + 1)
      }
      const rest = hosts.filter((host) => host !== gone)
      if (type === 'maglev') {
        assert.ok(chiSquare(rest, taken, () => 1) < chiSquareLimit(9))
      } else assert.equal(taken.size, 9)
      gone.ejected = false
      balancer.changed()
      assert.deepEqual(read(), before)
    }
  })

  it('choose the same other host for a hash when the first was tried', () => {
    for (const type of both) {
      const hosts = someHosts(10)
      const balancer = someBalancer({ type }, hosts)
      for (const hash of hashes.slice(0, 100)) {
        const first = balancer.pick(hash, undefined) as Host
        const second = balancer.pick(hash, [first])
        assert.notEqual(second, first)
        assert.equal(balancer.pick(hash, [first]), second)
      }
    }
  })

  it('leave a request without a hash to chance', () => {
    for (const type of both) {
      const hosts = someHosts(10)
      const counts = pickCounts(someBalancer({ type }, hosts), 10_000)
      assert.equal(counts.size, 10)
    }
  })

  it('pass a host by that has its bound of the average load', () => {
    for (const type of both) {
      for (const boundedLoadPercent of [120, 200]) {
        const hosts = someHosts(10, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2])
        const balancer = someBalancer({ type, boundedLoadPercent }, hosts)
        // One key that everybody asks for: without a bound one host would have it all.
        for (let total = 1; total <= 600; total++) {
          const host = balancer.pick(hashes[0] as number, undefined) as Host
          host.active++
          balancer.started(host)
          const bound = Math.ceil((boundedLoadPercent / 100) * (total / 15) * host.weight)
          assert.ok(host.active <= bound, `${type} ${host.active} > ${bound} at ${total}`)
        }
        const first = someBalancer({ type }, hosts).pick(hashes[0] as number, undefined) as Host
        const share = first.active / (600 / 15) / first.weight
        assert.ok(share > boundedLoadPercent / 100 - 0.06, 'the first choice is full')
        for (const host of hosts) {
          for (; host.active > 0; host.active--) balancer.finished(host, 5, 200)
        }
        assert.equal(balancer.pick(hashes[0] as number, undefined), first)
      }
    }
  })

  it('build the table anew only when hosts or weights change', () => {
    const hosts = someHosts(200)
    const start = process.hrtime.bigint()
    const balancer = someBalancer({ type: 'maglev', tableSize: 1_000_003 }, hosts)
    const built = process.hrtime.bigint()
    for (let i = 0; i < 20; i++) balancer.hosts(hosts.toReversed())
    const again = Number(process.hrtime.bigint() - built)
    assert.ok(again < 10 * Number(built - start), 'twenty builds would take twenty times as long')
  })
})
