import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Problem } from '@tidemill/core'
import { createVirtualClock } from '@tidemill/core'
import {
  clusterConfig,
  type ClusterEvent,
  ClusterRegistry,
  readClusterSpec,
} from '../../src/upstream/index.ts'
import { local, Outcome, request, rig, turns } from './rig.ts'
import { RawServer } from './raw-server.ts'

describe('a registry of clusters', () => {
  it('gives a cluster before anybody knows its hosts', async (t) => {
    const registry = new ClusterRegistry()
    t.after(() => registry.close())
    const cluster = registry.open('default/later:80')
    assert.equal(registry.open('default/later:80'), cluster)
    assert.equal(cluster.registered, false)
    const early = new Outcome()
    cluster.send(request(), early)
    assert.equal(early.over, false)
    await early.done()
    assert.equal(early.failure?.kind, 'no-host')
    assert.equal(early.failure.reason, 'nobody has said where the backend is')
    const server = await RawServer.start(t, (connection) => connection.answer())
    registry.setHosts('default/later:80', [local(server.port)])
    assert.equal(cluster.registered, true)
    const outcome = new Outcome()
    cluster.send(request(), outcome)
    assert.equal((await outcome.done()).status, 200)
    registry.setHosts('default/later:80', [])
    assert.equal(cluster.registered, true)
    const empty = new Outcome()
    cluster.send(request(), empty)
    assert.equal((await empty.done()).failure?.reason, 'the backend has no address')
    assert.deepEqual(registry.list(), [cluster])
    registry.drop('default/later:80')
    assert.deepEqual(registry.list(), [])
  })

  it('lets requests under way finish at a host that is removed, and sends it no more', async (t) => {
    const held: (() => void)[] = []
    const old = await RawServer.start(t, (connection) => {
      held.push(() => connection.answer('old'))
    })
    const fresh = await RawServer.start(t, (connection) => connection.answer('fresh'))
    const { registry, cluster, get } = rig(t, [old.port], { connections: 1 })
    const first = get()
    await turns(() => held.length === 1)
    const waits = get()
    registry.setHosts(cluster.name, [local(fresh.port)])
    const later = get()
    await new Promise<void>((resolve) => setImmediate(resolve))
    held[0]?.()
    assert.equal((await first).body, 'old')
    assert.equal((await waits).body, 'fresh')
    assert.equal((await later).body, 'fresh')
    await turns(() => old.open === 0)
    assert.equal(cluster.stats().connections, 1)
  })

  it('shares requests evenly among hosts, whenever they joined', async (t) => {
    const servers = await Promise.all(
      [1, 2, 3].map(() => RawServer.start(t, (connection) => connection.answer())),
    )
    const { get } = rig(
      t,
      servers.map(({ port }) => port),
      { loadBalancer: { type: 'round-robin' } },
    )
    for (let i = 0; i < 30; i++) await get()
    for (const server of servers) assert.equal(server.requests.length, 10)
  })

  it('changes hosts under load without a failure', async (t) => {
    const servers = await Promise.all(
      [1, 2, 3, 4].map(() =>
        RawServer.start(t, (connection) => connection.answer('x'.repeat(1000))),
      ),
    )
    const { registry, cluster, get } = rig(t, [servers[0]?.port ?? 0])
    const going = new AbortController()
    let served = 0
    const load = Array.from({ length: 16 }, async () => {
      while (!going.signal.aborted) {
        const outcome = await get()
        assert.equal(outcome.failure, undefined)
        served++
      }
    })
    for (let i = 0; i < 40; i++) {
      const before = served
      registry.setHosts(
        cluster.name,
        servers.filter((_, j) => (i + j) % 3 !== 0).map(({ port }) => local(port)),
      )
      await turns(() => served > before + 20)
    }
    going.abort()
    await Promise.all(load)
    assert.ok(servers.every((server) => server.requests.length > 0))
  })

  it('takes other settings while requests are under way', async (t) => {
    const held: (() => void)[] = []
    const server = await RawServer.start(t, (connection) => {
      held.push(() => connection.answer())
    })
    const { registry, cluster, get } = rig(t, [server.port], { connections: 1 })
    const calls = [get(), get()]
    await turns(() => held.length === 1)
    assert.equal(cluster.stats().connections, 1)
    registry.configure(cluster.name, {
      protocol: 'http1',
      tls: undefined,
      spec: { connectTimeout: '3s', loadBalancer: { type: 'maglev' }, outlier: {} },
    })
    await turns(() => held.length === 2)
    for (const answer of held) answer()
    for (const outcome of await Promise.all(calls)) assert.equal(outcome.status, 200)
    await turns(() => server.connections[0]?.closed === true)
  })

  it('goes on when a host is killed and comes back', async (t) => {
    const first = await RawServer.start(t, (connection) => connection.answer())
    const { get } = rig(t, [first.port])
    assert.equal((await get()).status, 200)
    first.stop()
    assert.notEqual((await get()).failure, undefined)
    await RawServer.start(t, (connection) => connection.answer('back'), { port: first.port })
    assert.equal((await get()).body, 'back')
  })

  it('ejects a host that fails, tells it, and asks the others', async (t) => {
    const bad = await RawServer.start(t, (connection) =>
      connection.send('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n'),
    )
    const good = await RawServer.start(t, (connection) => connection.answer())
    const events: ClusterEvent[] = []
    const { get, cluster } = rig(
      t,
      [bad.port, good.port],
      { outlier: { consecutive5xx: 3 }, loadBalancer: { type: 'round-robin', panicPercent: 0 } },
      { onEvent: (event) => events.push(event) },
    )
    for (let i = 0; i < 20; i++) await get()
    assert.equal(bad.requests.length, 3)
    assert.equal(cluster.stats().ejections, 1)
    assert.equal(cluster.stats().hosts.find((host) => host.ejected)?.key, `127.0.0.1:${bad.port}`)
    assert.equal(events[0]?.kind, 'ejected')
    assert.equal(events[0]?.host, `127.0.0.1:${bad.port}`)
  })

  it('sends nothing to a host that fails its checks', async (t) => {
    let healthy = true
    const one = await RawServer.start(t, (connection, { target }) =>
      target === '/health' && !healthy
        ? connection.send('HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n')
        : connection.answer(),
    )
    const events: ClusterEvent[] = []
    const { get, cluster } = rig(
      t,
      [one.port],
      {
        healthCheck: { path: '/health', interval: '20ms', unhealthy: 1, healthy: 1 },
        loadBalancer: { panicPercent: 0 },
      },
      { onEvent: (event) => events.push(event) },
    )
    await turns(() => cluster.hosts[0]?.healthy === true)
    assert.equal((await get()).status, 200)
    healthy = false
    await turns(() => cluster.hosts[0]?.healthy === false)
    assert.equal((await get()).failure?.kind, 'no-host')
    healthy = true
    await turns(() => cluster.hosts[0]?.healthy === true)
    assert.equal((await get()).status, 200)
    assert.deepEqual(
      events.map((event) => event.kind),
      ['healthy', 'unhealthy', 'healthy'],
    )
  })
})

describe('a backend that is given by name', () => {
  it('is asked for at most every 5 s, and keeps its last good answer while names fail', async (t) => {
    const clock = createVirtualClock()
    const server = await RawServer.start(t, (connection) => connection.answer())
    const answers: (readonly string[] | Error)[] = []
    let asked = 0
    const { registry, cluster, get } = rig(
      t,
      [],
      {},
      {
        clock,
        resolve: (name) => {
          assert.equal(name, 'web.internal')
          asked++
          const answer = answers.shift() ?? ['127.0.0.1']
          return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
        },
      },
    )
    registry.setHosts(cluster.name, [{ address: 'web.internal', port: server.port }])
    assert.equal((await get()).status, 200)
    assert.equal((await get()).status, 200)
    assert.equal(asked, 1)
    for (const answer of [new Error('SERVFAIL'), [], new Error('EAI_AGAIN')]) {
      answers.push(answer)
      await clock.advance(5001)
      assert.equal((await get()).status, 200)
      await clock.advance(0)
    }
    assert.equal(asked, 4)
    answers.push(['127.0.0.2', '127.0.0.1'])
    await clock.advance(5001)
    await get()
    await turns(() => cluster.hosts.length === 2)
    assert.deepEqual(
      cluster.hosts.map((host) => host.address),
      ['127.0.0.1', '127.0.0.2'],
    )
  })

  it('has no host while its name is not known, and says so', async (t) => {
    const { registry, cluster, get } = rig(
      t,
      [],
      {},
      {
        resolve: () => Promise.reject(new Error('ENOTFOUND')),
      },
    )
    registry.setHosts(cluster.name, [{ address: 'no.internal', port: 80 }])
    const outcome = await get()
    assert.equal(outcome.failure?.kind, 'no-host')
    assert.equal(outcome.failure.reason, 'the name of the backend has no address')
    assert.equal(cluster.stats().pending, 0)
  })
})

describe('the settings of a cluster', () => {
  it('have defaults', () => {
    const problems: Problem[] = []
    const config = readClusterSpec({}, '', problems)
    assert.deepEqual(problems, [])
    assert.equal(config.connectMs, 1000)
    assert.equal(config.connections, 1024)
    assert.equal(config.pending, 1024)
    assert.equal(config.active, 1024)
    assert.equal(config.retryBudget.percent, 20)
    assert.equal(config.retryBudget.minConcurrent, 3)
    assert.equal(config.outlier, undefined)
  })

  it('are refused with every problem and its path', () => {
    const problems: Problem[] = []
    readClusterSpec(
      {
        protocol: 'http3',
        tls: { ca: ['x'], insecure: true, clientCert: { cert: 'x' } },
        connectTimeout: '5',
        connections: 0,
        loadBalancer: { type: 'best' },
        colour: 1,
      },
      '/spec',
      problems,
    )
    assert.deepEqual(problems.map((problem) => problem.path).toSorted(), [
      '/spec/colour',
      '/spec/connectTimeout',
      '/spec/connections',
      '/spec/loadBalancer/type',
      '/spec/protocol',
      '/spec/tls/ca/0',
      '/spec/tls/clientCert/cert',
      '/spec/tls/clientCert/key',
      '/spec/tls/insecure',
      '/spec/tls/serverName',
    ])
  })

  it('come from the Service where the policy is silent', () => {
    const tls = { hostname: 'a', ca: [], names: [], client: undefined }
    const rows = [
      ['http1', undefined, {}, 'http1'],
      ['h2', undefined, {}, 'h2c'],
      ['auto', undefined, {}, 'http1'],
      ['h2', tls, {}, 'h2'],
      ['auto', tls, {}, 'auto'],
      ['http1', tls, { protocol: 'auto' }, 'auto'],
      ['http1', undefined, { protocol: 'h2c' }, 'h2c'],
      ['http1', undefined, { tls: { serverName: 'b' }, protocol: 'h2' }, 'h2'],
    ] as const
    for (const [protocol, plan, spec, expected] of rows)
      assert.equal(clusterConfig({ protocol, tls: plan, spec }).protocol, expected)
  })
})
