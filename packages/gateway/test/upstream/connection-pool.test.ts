import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import fc from 'fast-check'
import type { UpstreamCall } from '../../src/upstream/index.ts'
import { local, Outcome, request, rig, turns } from './rig.ts'
import { type RawConnection, RawServer } from './raw-server.ts'

describe('a pool of HTTP/1.1 connections', () => {
  it('opens no more than its limit; who comes later waits in turn', async (t) => {
    const held: (() => void)[] = []
    const server = await RawServer.start(t, (connection, { target }) => {
      held.push(() => connection.answer(target))
    })
    const { get, cluster } = rig(t, [server.port], { connections: 2 })
    const order: string[] = []
    const calls = Array.from({ length: 6 }, async (_, i) => {
      const outcome = await get({ target: `/${i}` })
      order.push(outcome.body)
    })
    await turns(() => held.length === 2)
    assert.deepEqual(
      { ...cluster.stats(), hosts: [] },
      {
        hosts: [],
        active: 6,
        pending: 4,
        connections: 2,
        retries: 0,
        retriesRefused: 0,
        ejections: 0,
        overflows: 0,
      },
    )
    for (let done = 0; done < 6; done++) {
      await turns(() => held.length > 0)
      held.shift()?.()
      await turns(() => order.length === done + 1)
    }
    await Promise.all(calls)
    assert.deepEqual(order, ['/0', '/1', '/2', '/3', '/4', '/5'])
    assert.equal(server.connections.length, 2)
    assert.equal(cluster.stats().pending, 0)
  })

  it('refuses what its limits do not allow, and counts it', async (t) => {
    const server = await RawServer.start(t, () => undefined)
    const { get, cluster } = rig(t, [server.port], { connections: 1, pending: 2, active: 4 })
    const calls = [cluster.send(request(), new Outcome())]
    await turns(() => server.requests.length === 1)
    for (let i = 0; i < 2; i++) calls.push(cluster.send(request(), new Outcome()))
    const waits = await get()
    assert.equal(waits.failure?.kind, 'overflow')
    assert.equal(waits.failure.processed, false)
    assert.equal(cluster.active, 3)
    for (const call of calls) call.abort()
    assert.equal(cluster.active, 0)
    assert.equal(cluster.stats().pending, 0)
    assert.equal(cluster.stats().overflows, 1)
    const fifth = Array.from({ length: 5 }, () => new Outcome())
    const more = fifth.map((outcome) => cluster.send(request(), outcome))
    await turns(() => fifth.some((outcome) => outcome.over))
    assert.match(fifth[4]?.failure?.reason ?? '', /^4 requests are under way already$/u)
    for (const call of more) call.abort()
  })

  it('gives a host its turn where the limit is used up by another', async (t) => {
    const one = await RawServer.start(t, (connection) => connection.answer('one'))
    const two = await RawServer.start(t, (connection) => connection.answer('two'))
    const { get, registry, cluster } = rig(t, [one.port], { connections: 1 })
    assert.equal((await get()).body, 'one')
    const before = cluster.hosts[0]
    registry.setHosts(cluster.name, [local(one.port), local(two.port)])
    assert.equal(cluster.hosts[0], before)
    const bodies = new Set<string>()
    for (let i = 0; i < 40; i++) bodies.add((await get()).body)
    assert.deepEqual([...bodies].toSorted(), ['one', 'two'])
    assert.equal(cluster.stats().connections, 1)
  })

  it('closes a connection after so many requests', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.answer())
    const { get } = rig(t, [server.port], { requestsPerConnection: 3 })
    for (let i = 0; i < 7; i++) assert.equal((await get()).status, 200)
    assert.deepEqual(
      server.connections.map((each) => each.requests.length),
      [3, 3, 1],
    )
  })

  it('closes what is unused: 4 s before its server would, else after 4 s', async (t) => {
    const clock = createVirtualClock()
    const fields = ['', 'Keep-Alive: timeout=75\r\n', 'Keep-Alive: timeout=5, max=9\r\n']
    const server = await RawServer.start(t, (connection, { target }) =>
      connection.answer('ok', fields[Number(target.slice(1))]),
    )
    const { get, cluster } = rig(t, [server.port], {}, { clock })
    for (const [i, ms] of [4000, 71_000, 1000].entries()) {
      assert.equal((await get({ target: `/${i}` })).status, 200)
      assert.equal(cluster.stats().connections, 1)
      await clock.advance(ms - 10)
      assert.equal(cluster.stats().connections, 1)
      await clock.advance(30)
      assert.equal(cluster.stats().connections, 0, fields[i])
    }
  })

  it('keeps one as long as its settings say', async (t) => {
    const clock = createVirtualClock()
    const server = await RawServer.start(t, (connection) => connection.answer())
    const { get, cluster } = rig(t, [server.port], { idleTimeout: '10s' }, { clock })
    await get()
    await clock.advance(9900)
    await get()
    assert.equal(server.connections.length, 1)
    await clock.advance(10_010)
    assert.equal(cluster.stats().connections, 0)
  })

  it('takes note when an unused connection is closed or speaks', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.answer())
    const { get, cluster } = rig(t, [server.port])
    await get()
    server.connections[0]?.socket.end()
    await turns(() => cluster.stats().connections === 0)
    await get()
    server.connections[1]?.send('HTTP/1.1 408 Request Timeout\r\n\r\n')
    await turns(() => cluster.stats().connections === 0)
    assert.equal((await get()).status, 200)
  })
})

/** What a random upstream does with a request, and a random caller with its call. */
const behaviour = fc.constantFrom(
  'answer',
  'answer',
  'answer',
  'chunked',
  'close',
  'reset',
  'cut',
  'extra',
  'garbage',
  'last',
  'abort',
  'abort-later',
)

describe('whatever upstreams and callers do', () => {
  it('each call ends once, no connection carries two exchanges, no limit is passed', async (t) => {
    let plan: readonly string[] = []
    let overlaps = 0
    let mostOpen = 0
    const busy = new Set<RawConnection>()
    const server = await RawServer.start(t, (connection, { target }) => {
      if (busy.has(connection)) overlaps++
      busy.add(connection)
      mostOpen = Math.max(mostOpen, server.open)
      const act = plan[Number(target.slice(1))] ?? ''
      const reply = `body of ${target}`
      setImmediate(() => {
        busy.delete(connection)
        const { socket } = connection
        if (act === 'close') socket.end()
        else if (act === 'reset') socket.resetAndDestroy()
        else if (act === 'cut') socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n${reply}`)
        else if (act === 'garbage') connection.send('what?\r\n\r\n')
        else if (act === 'last') connection.answer(reply, 'Connection: close\r\n')
        else if (act === 'chunked')
          connection.send(
            `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${reply.length.toString(16)}\r\n${reply}\r\n0\r\n\r\n`,
          )
        else if (act === 'extra')
          connection.send(
            `HTTP/1.1 200 OK\r\nContent-Length: ${reply.length}\r\n\r\n${reply}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`,
          )
        else if (act !== 'abort-later') connection.answer(reply)
      })
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(behaviour, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        async (acts, connections) => {
          plan = acts
          mostOpen = 0
          overlaps = 0
          const { cluster, registry } = rig(t, [server.port], { connections })
          try {
            const aborted: Outcome[] = []
            const waiting: Promise<Outcome>[] = []
            for (const [i, act] of acts.entries()) {
              const outcome = new Outcome()
              const call: UpstreamCall = cluster.send(request({ target: `/${i}` }), outcome)
              assert.ok(cluster.stats().connections <= connections)
              if (act === 'abort') call.abort()
              else if (act === 'abort-later') {
                setImmediate(() => setImmediate(() => call.abort()))
              }
              if (act.startsWith('abort')) aborted.push(outcome)
              else waiting.push(outcome.done())
            }
            for (const outcome of await Promise.all(waiting)) {
              assert.equal(outcome.ends, 1)
              if (outcome.trailers !== undefined) assert.match(outcome.body, /^body of \/\d+$/u)
            }
            await turns(() => cluster.active === 0)
            for (const outcome of aborted) assert.ok(outcome.ends <= 1)
            assert.equal(overlaps, 0)
            assert.equal(cluster.stats().pending, 0)
            assert.equal(cluster.hosts[0]?.active, 0)
            assert.ok(cluster.stats().connections <= connections)
          } finally {
            // A run that fails must leave no connections to the next.
            await registry.close()
          }
          assert.equal(cluster.stats().connections, 0)
          await turns(() => server.open === 0)
        },
      ),
      { numRuns: 60 },
    )
  })
})
