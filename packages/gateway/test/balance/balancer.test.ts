import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import fc from 'fast-check'
import {
  type BalancerType,
  createHost,
  type Host,
  isUsable,
  mergeHosts,
} from '../../src/balance/index.ts'
import { chiSquare, chiSquareLimit, pickCounts, someBalancer, someHosts } from './fixtures.ts'

const types: readonly BalancerType[] = [
  'round-robin',
  'random',
  'least-request',
  'peak-ewma',
  'maglev',
  'ring-hash',
]

describe('balancer', () => {
  it('turns smoothly by weight: a:5 b:1 c:1 gives aabacaa', () => {
    const hosts = someHosts(3, [5, 1, 1])
    const balancer = someBalancer({ type: 'round-robin' }, hosts)
    const names = new Map(hosts.map((host, i) => [host, 'abc'[i]]))
    let order = ''
    for (let i = 0; i < 14; i++) order += names.get(balancer.pick(-1, undefined) as never) ?? '?'
    assert.equal(order, 'aabacaaaabacaa')
  })

  it('goes on with the turns when hosts join and leave', () => {
    const hosts = someHosts(3, [5, 1, 1])
    const [a, , c] = hosts
    assert.ok(a !== undefined && c !== undefined)
    const balancer = someBalancer({ type: 'round-robin' }, hosts)
    const turns = (): string[] =>
      [1, 2, 3].map(() => (balancer.pick(-1, undefined) === a ? 'a' : 'other'))
    turns()
    balancer.hosts([a, c])
    // After a a b the credits are a 1, c 3; a fresh start would give a a a.
    assert.deepEqual(turns(), ['a', 'a', 'other'])
  })

  it('gives equal hosts equal turns', () => {
    const hosts = someHosts(7)
    const counts = pickCounts(someBalancer({ type: 'round-robin' }, hosts), 700)
    assert.deepEqual(
      hosts.map((host) => counts.get(host.key)),
      hosts.map(() => 100),
    )
  })

  for (const type of ['random', 'least-request', 'peak-ewma'] as const) {
    it(`spreads idle traffic by weight with ${type}`, () => {
      for (const weights of [[], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]) {
        const hosts = someHosts(10, weights)
        const counts = pickCounts(someBalancer({ type }, hosts), 100_000)
        const statistic = chiSquare(hosts, counts, (host) => host.weight)
        assert.ok(statistic < chiSquareLimit(10), `${type} ${weights.length}: ${statistic}`)
      }
    })
  }

  it('keeps requests in flight even and by weight with least-request', () => {
    const hosts = someHosts(10, [1, 1, 1, 1, 1, 4, 4, 4, 4, 4])
    const balancer = someBalancer({}, hosts)
    const random = createSeededRandom(9)
    const inFlight: Host[] = []
    for (let i = 0; i < 20_000; i++) {
      const host = balancer.pick(-1, undefined)
      assert.ok(host)
      host.active++
      inFlight.push(host)
      if (inFlight.length <= 250) continue
      const [over] = inFlight.splice(random.integer(inFlight.length), 1)
      if (over !== undefined) over.active--
    }
    for (const host of hosts) assert.ok(Math.abs(host.active / host.weight - 10) < 4, host.key)
  })

  it('leaves unhealthy and ejected hosts out, whatever the balancer', () => {
    for (const type of types) {
      const hosts = someHosts(8)
      const balancer = someBalancer({ type }, hosts)
      Object.assign(hosts[0] as object, { healthy: false })
      Object.assign(hosts[5] as object, { ejected: true })
      balancer.changed()
      const counts = pickCounts(balancer, 2000, (i) => Math.imul(i, 2654435761) >>> 0)
      assert.equal(counts.size, 6, type)
      assert.ok([...counts.keys()].every((key) => hosts.some((h) => h.key === key && isUsable(h))))
      assert.equal(balancer.panicPicks, 0)
    }
  })

  it('uses all hosts when less than the panic threshold is usable, counts it and tells it', () => {
    for (const type of types) {
      const hosts = someHosts(4)
      const balancer = someBalancer({ type }, hosts)
      const set = (i: number, healthy: boolean): void => {
        Object.assign(hosts[i] as object, { healthy })
        balancer.changed()
      }
      set(0, false)
      set(1, false)
      assert.equal(balancer.panic, false, 'half is not less than half')
      set(2, false)
      assert.equal(balancer.panic, true)
      const counts = pickCounts(balancer, 1000, (i) => Math.imul(i, 2654435761) >>> 0)
      assert.equal(counts.size, 4, type)
      assert.equal(balancer.panicPicks, 1000)
      set(2, true)
      assert.equal(balancer.panic, false)
    }
  })

  it('has no host to give when none is known, or none is usable and panic is off', () => {
    for (const type of types) {
      const balancer = someBalancer({ type, panicPercent: 0 }, [])
      assert.equal(balancer.pick(7, undefined), undefined)
      const hosts = someHosts(3)
      for (const host of hosts) host.healthy = false
      balancer.hosts(hosts)
      assert.equal(balancer.pick(7, undefined), undefined)
      assert.equal(balancer.panicPicks, 0)
    }
  })

  it('picks a host that was tried before only when no other is left', () => {
    const chosen = fc.constantFrom(...types)
    const hash = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 0xffffffff }))
    fc.assert(
      fc.property(chosen, hash, fc.uniqueArray(fc.nat(5), { maxLength: 6 }), (type, key, tried) => {
        const hosts = someHosts(6)
        const excluded = hosts.filter((_, i) => tried.includes(i))
        const host = someBalancer({ type }, hosts).pick(key, excluded)
        assert.ok(host)
        assert.equal(excluded.includes(host), excluded.length === 6)
      }),
    )
  })

  it('lets a new host have its share bit by bit', async () => {
    for (const type of ['random', 'least-request', 'peak-ewma', 'round-robin'] as const) {
      const clock = createVirtualClock()
      await clock.advance(1000)
      const hosts = someHosts(4)
      const balancer = someBalancer({ type, slowStart: { window: '60s' } }, hosts, clock)
      const fresh = createHost({ address: '10.9.9.9', port: 80 }, clock.monotonic())
      balancer.hosts([...hosts, fresh])
      for (const [wait, factor] of [
        [0, 0.1],
        [15_000, 0.25],
        [15_000, 0.5],
        [30_000, 1],
      ] as const) {
        await clock.advance(wait)
        const picks = 20_000
        const share = (pickCounts(balancer, picks).get(fresh.key) ?? 0) / picks
        const expected = factor / (4 + factor)
        assert.ok(Math.abs(share - expected) < 0.012, `${type} ${factor}: ${share} ${expected}`)
      }
    }
  })

  it('raises the share of a new host by the aggression', async () => {
    const clock = createVirtualClock()
    const hosts = someHosts(1)
    const slowStart = { window: '100s', aggression: 2, leastPercent: 1 }
    const balancer = someBalancer({ type: 'random', slowStart }, hosts, clock)
    const fresh = createHost({ address: '10.9.9.9', port: 80 }, 0)
    balancer.hosts([...hosts, fresh])
    await clock.advance(25_000)
    // (1/4) ^ (1/2) is half its weight: a third of the requests.
    const share = (pickCounts(balancer, 20_000).get(fresh.key) ?? 0) / 20_000
    assert.ok(Math.abs(share - 1 / 3) < 0.02, String(share))
  })

  it('keeps what is known of hosts that stay when the list changes', () => {
    const first = mergeHosts(
      [],
      [
        { address: '10.0.0.1', port: 80 },
        { address: '::1', port: 443, weight: 3 },
      ],
      5,
    )
    assert.deepEqual(
      first.map((host) => [host.key, host.weight, host.since]),
      [
        ['10.0.0.1:80', 1, 5],
        ['[::1]:443', 3, 5],
      ],
    )
    const [a] = first
    assert.ok(a)
    a.active = 3
    a.ejected = true
    const second = mergeHosts(
      first,
      [
        { address: '10.0.0.1', port: 80, weight: 2 },
        { address: '10.0.0.1', port: 80, weight: 2 },
        { address: '10.0.0.2', port: 80 },
      ],
      9,
    )
    assert.equal(second[0], a)
    assert.deepEqual([a.weight, a.active, a.ejected, a.since], [4, 3, true, 5])
    assert.deepEqual([second.length, second[1]?.since], [2, 9])
  })

  it('tells when panic begins and ends', () => {
    const hosts = someHosts(2)
    const told: boolean[] = []
    const balancer = someBalancer({}, hosts, undefined, 1, (panic) => told.push(panic))
    for (const host of hosts) host.healthy = false
    balancer.changed()
    balancer.changed()
    for (const host of hosts) host.healthy = true
    balancer.changed()
    assert.deepEqual(told, [true, false])
  })
})
