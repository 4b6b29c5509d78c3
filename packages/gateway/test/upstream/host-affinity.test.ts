import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHost, hashKey, type Host } from '../../src/balance/index.ts'
import { hostOfSession } from '../../src/upstream/host-affinity.ts'
import { local, retryOn, rig } from './rig.ts'
import { RawServer } from './raw-server.ts'

const keys = Array.from({ length: 4000 }, (_, i) => hashKey(`session ${i}`))

function hostsOf(...weights: readonly number[]): Host[] {
  return weights.map((weight, i) => createHost({ address: `10.0.0.${i}`, port: 80, weight }, 0))
}

function shares(hosts: readonly Host[]): number[] {
  const counts = hosts.map(() => 0)
  for (const key of keys) {
    const at = hosts.indexOf(hostOfSession(hosts, key, undefined, false) as Host)
    counts[at] = (counts[at] ?? 0) + 1
  }
  return counts.map((count) => count / keys.length)
}

function sorted(counts: readonly number[]): number[] {
  return counts.toSorted((a, b) => a - b)
}

describe('the host of a session', () => {
  it('has sessions in proportion to its weight', () => {
    const expected = [0.1, 0.2, 0.3, 0.4]
    for (const [i, share] of shares(hostsOf(1, 2, 3, 4)).entries())
      assert.ok(Math.abs(share - (expected[i] ?? 0)) < 0.03, `${i}: ${share}`)
  })

  it('stays while another host comes or goes, but for those that the other takes or had', () => {
    const hosts = hostsOf(1, 1, 1, 1, 1)
    const fewer = hosts.slice(0, 4)
    for (const key of keys) {
      const before = hostOfSession(hosts, key, undefined, false)
      const after = hostOfSession(fewer, key, undefined, false)
      if (before !== hosts[4]) assert.equal(after, before)
    }
  })

  it('does not depend on the order in which the hosts are told', () => {
    const hosts = hostsOf(1, 1, 2)
    const turned = hosts.toReversed()
    for (const key of keys)
      assert.equal(
        hostOfSession(hosts, key, undefined, false),
        hostOfSession(turned, key, undefined, false),
      )
  })

  it('is one that is up and was not tried before; in panic any', () => {
    const hosts = hostsOf(1, 1, 1)
    const [one, two, three] = hosts as [Host, Host, Host]
    one.healthy = false
    two.ejected = true
    for (const key of keys.slice(0, 50)) {
      assert.equal(hostOfSession(hosts, key, undefined, false), three)
      assert.equal(hostOfSession(hosts, key, [three], false), undefined)
      assert.notEqual(hostOfSession(hosts, key, [three], true), three)
    }
  })

  it('answers all its requests, under every balancer, until it is gone', async (t) => {
    const servers = await Promise.all(
      [1, 2, 3].map(() => RawServer.start(t, (connection) => connection.answer())),
    )
    const ports = servers.map(({ port }) => port)
    for (const type of ['least-request', 'round-robin', 'random', 'peak-ewma', 'maglev'] as const) {
      const { cluster, get, registry } = rig(t, ports, { loadBalancer: { type } })
      const hash = hashKey(`a session under ${type}`)
      const before = servers.map(({ requests }) => requests.length)
      for (let i = 0; i < 10; i++) assert.equal((await get({ hash })).status, 200)
      const served = servers.map(({ requests }, i) => requests.length - (before[i] ?? 0))
      assert.deepEqual(sorted(served), [0, 0, 10], type)
      const gone = served.indexOf(10)
      registry.setHosts(cluster.name, ports.filter((_, i) => i !== gone).map(local))
      for (let i = 0; i < 5; i++) assert.equal((await get({ hash })).status, 200)
      const then = servers.map(({ requests }, i) => requests.length - (before[i] ?? 0))
      assert.deepEqual(sorted(then), [0, 5, 10], type)
    }
  })

  it('is left for a retry', async (t) => {
    const bad = await RawServer.start(t, ({ socket }) =>
      socket.end('HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n'),
    )
    const good = await RawServer.start(t, (connection) => connection.answer())
    const { cluster, get } = rig(t, [bad.port, good.port])
    const hash = keys.find(
      (key) => hostOfSession(cluster.hosts, key, undefined, false)?.port === bad.port,
    )
    const outcome = await get({ hash: hash ?? -1, retry: retryOn([503]) })
    assert.equal(outcome.status, 200)
    assert.equal(bad.requests.length, 1)
  })
})

describe('requests without a session', () => {
  for (const type of ['least-request', 'round-robin', 'random', 'maglev'] as const) {
    it(`come to every host with ${type}, whenever it joined`, async (t) => {
      const servers = await Promise.all(
        [1, 2, 3].map(() => RawServer.start(t, (connection) => connection.answer())),
      )
      const ports = servers.map(({ port }) => port)
      const { get } = rig(t, ports, { loadBalancer: { type } })
      for (let i = 0; i < 150; i++) await get()
      for (const { requests } of servers) assert.ok(requests.length > 15, `${requests.length}`)
    })
  }
})
