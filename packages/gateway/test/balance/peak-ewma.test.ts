import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import fc from 'fast-check'
import { attempt, type Host } from '../../src/balance/index.ts'
import { pickCounts, someBalancer, someHosts } from './fixtures.ts'

describe('peak EWMA', () => {
  it('takes a peak at once and forgets it by e in each decay time', async () => {
    const clock = createVirtualClock()
    const [host] = someHosts(1)
    assert.ok(host)
    const balancer = someBalancer({ type: 'peak-ewma' }, [host], clock)
    balancer.finished(host, 10, 200)
    assert.equal(host.ewmaMs, 10)
    balancer.finished(host, 100, 200)
    assert.equal(host.ewmaMs, 100)
    await clock.advance(10_000)
    balancer.finished(host, 10, 200)
    assert.ok(Math.abs(host.ewmaMs - (100 / Math.E + 10 * (1 - 1 / Math.E))) < 1e-9)
  })

  it('picks the lower of average * (requests in flight + 1), as a clock would show it', async () => {
    const event = fc.record({
      host: fc.nat(1),
      ms: fc.integer({ min: 1, max: 5000 }),
      wait: fc.integer({ min: 0, max: 400_000 }),
      active: fc.nat(20),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const clock = createVirtualClock()
        const hosts = someHosts(2)
        const balancer = someBalancer({ type: 'peak-ewma' }, hosts, clock)
        const cost = (host: Host): number =>
          host.ewmaMs * Math.exp((host.ewmaAt - clock.monotonic()) / 10_000) * (host.active + 1)
        for (const host of hosts) balancer.finished(host, 1, 200)
        for (const { active, host: i, ms, wait } of events) {
          await clock.advance(wait)
          const host = hosts[i] as Host
          balancer.finished(host, ms, 200)
          host.active = active
          const [a, b] = hosts.map(cost) as [number, number]
          if (Math.abs(a / b - 1) < 1e-6) continue
          assert.equal(balancer.pick(-1, undefined), hosts[a < b ? 0 : 1])
        }
      }),
      { numRuns: 30 },
    )
  })

  it('comes back to a host that was slow without another request to it', async () => {
    const clock = createVirtualClock()
    const hosts = someHosts(2)
    const balancer = someBalancer({ type: 'peak-ewma' }, hosts, clock)
    const [slow, fast] = hosts as [Host, Host]
    balancer.finished(slow, 2000, 200)
    balancer.finished(fast, 10, 200)
    assert.equal(balancer.pick(-1, undefined), fast)
    await clock.advance(60_000)
    balancer.finished(fast, 10, 200)
    assert.equal(balancer.pick(-1, undefined), slow)
  })

  it('does not take a host that fails at once for a fast one, nor a client that leaves', async () => {
    const clock = createVirtualClock()
    const hosts = someHosts(2)
    const [broken, sound] = hosts as [Host, Host]
    const balancer = someBalancer({ type: 'peak-ewma' }, hosts, clock)
    balancer.finished(broken, 50, 200)
    balancer.finished(sound, 40, 200)
    for (let i = 0; i < 60; i++) {
      await clock.advance(1000)
      balancer.finished(broken, 0.1, attempt.connect)
      balancer.finished(sound, 40, 200)
    }
    balancer.finished(sound, 5000, attempt.aborted)
    assert.ok(Math.abs(broken.ewmaMs - 50) < 1e-9)
    assert.equal(balancer.pick(-1, undefined), sound)
  })

  it('does not send everything to a new host that refuses at once', () => {
    const hosts = someHosts(2)
    const [broken, sound] = hosts as [Host, Host]
    const balancer = someBalancer({ type: 'peak-ewma' }, hosts)
    balancer.finished(sound, 40, 200)
    assert.equal(balancer.pick(-1, undefined), broken)
    balancer.finished(broken, 0.1, attempt.connect)
    assert.equal(balancer.pick(-1, undefined), sound)
  })

  it('compares as well after days as in the first second', async () => {
    const clock = createVirtualClock()
    const hosts = someHosts(2)
    const [slow, fast] = hosts as [Host, Host]
    const balancer = someBalancer({ type: 'peak-ewma' }, hosts, clock)
    for (let hour = 0; hour < 72; hour++) {
      balancer.finished(fast, 10, 200)
      balancer.finished(slow, 11, 200)
      assert.ok(Number.isFinite(slow.ewmaScore))
      assert.equal(balancer.pick(-1, undefined), fast)
      await clock.advance(3_600_000)
    }
  })

  it('tries a new host, but with one request until it has answered', () => {
    const hosts = someHosts(5)
    const fresh = hosts[0] as Host
    const balancer = someBalancer({ type: 'peak-ewma' }, hosts)
    for (const host of hosts.slice(1)) balancer.finished(host, 10, 200)
    assert.ok((pickCounts(balancer, 1000).get(fresh.key) ?? 0) > 300)
    fresh.active = 1
    assert.equal(pickCounts(balancer, 1000).get(fresh.key), undefined)
  })
})
