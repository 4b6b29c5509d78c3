import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock, type Random, realRandom } from '@tidemill/core'
import { Outcome, request, retryOn, rig, turns } from './rig.ts'
import { RawServer, type Script } from './raw-server.ts'

const ok: Script = (connection) => connection.answer()

/** Answers the first request of each connection, and cuts it when another one comes. */
const staleScript: Script = (connection) => {
  if (connection.requests.length === 1) connection.answer()
  else connection.socket.destroy()
}

const plainStatus = (status: number, fields = ''): string =>
  `HTTP/1.1 ${status} X\r\n${fields}Content-Length: 0\r\n\r\n`

/** A port on which nobody listens. */
async function deadPort(t: Parameters<typeof RawServer.start>[0]): Promise<number> {
  const server = await RawServer.start(t)
  server.stop()
  return server.port
}

describe('a kept connection that closes as it is used again', () => {
  it('is made up for once on a fresh one, unseen by anybody', async (t) => {
    const server = await RawServer.start(t, staleScript)
    const { get, cluster } = rig(t, [server.port])
    await get()
    const outcome = await get({ method: 'PUT' }, 'again')
    assert.equal(outcome.status, 200)
    assert.equal(server.connections.length, 2)
    assert.equal(server.connections[1]?.requests[0]?.body, 'again')
    assert.equal(cluster.stats().retries, 0)
  })

  it('costs a POST, which may have been processed', async (t) => {
    const server = await RawServer.start(t, staleScript)
    const { get } = rig(t, [server.port])
    await get()
    const outcome = await get({ method: 'POST' }, 'once')
    assert.equal(outcome.failure?.kind, 'reset')
    assert.equal(outcome.failure.processed, true)
    assert.equal(server.requests.filter(({ method }) => method === 'POST').length, 1)
  })

  it('costs a request whose body was not kept', async (t) => {
    const server = await RawServer.start(t, staleScript)
    const { get } = rig(t, [server.port])
    await get()
    const outcome = await get({ method: 'PUT' }, 'x'.repeat(65_537))
    assert.equal(outcome.failure?.kind, 'reset')
    assert.equal(server.connections.length, 1)
  })

  it('is not made up for where the connection was fresh', async (t) => {
    const server = await RawServer.start(t, ({ socket }) => socket.resetAndDestroy())
    const outcome = await rig(t, [server.port]).get()
    assert.equal(outcome.failure?.kind, 'reset')
    assert.equal(server.connections.length, 1)
  })

  it('is made up for over again for each request, never twice for one', async (t) => {
    let cutAll = false
    const server = await RawServer.start(t, (connection) => {
      if (cutAll || connection.requests.length > 1) connection.socket.resetAndDestroy()
      else connection.answer()
    })
    const { get } = rig(t, [server.port])
    await get()
    cutAll = true
    const outcome = await get()
    assert.equal(outcome.failure?.kind, 'reset')
    assert.equal(server.requests.length, 3)
  })
})

describe('an attempt that was never processed', () => {
  it('is repeated at another host, even a POST', async (t) => {
    const server = await RawServer.start(t, ok)
    const { get, cluster } = rig(t, [await deadPort(t), server.port], {
      loadBalancer: { type: 'round-robin' },
    })
    for (let i = 0; i < 4; i++) {
      const outcome = await get({ method: 'POST' }, 'x'.repeat(100_000))
      assert.equal(outcome.status, 200)
    }
    assert.equal(server.requests.length, 4)
    assert.ok(cluster.stats().retries >= 1)
  })

  it('fails at once where there is no other host', async (t) => {
    const { get } = rig(t, [await deadPort(t)])
    const outcome = await get()
    assert.equal(outcome.failure?.kind, 'connect')
    assert.equal(outcome.failure.processed, false)
    assert.match(outcome.failure.reason, /^no connection to 127\.0\.0\.1:\d+: refused$/u)
  })
})

describe('a route with retries', () => {
  it('repeats the statuses it names, at hosts not tried before', async (t) => {
    const bad = await RawServer.start(t, (connection) => connection.send(plainStatus(503)))
    const good = await RawServer.start(t, ok)
    const { get, cluster } = rig(t, [bad.port, good.port], {
      loadBalancer: { type: 'round-robin' },
    })
    for (let i = 0; i < 6; i++) {
      const outcome = await get({ retry: retryOn([503]) })
      assert.equal(outcome.status, 200)
    }
    assert.equal(good.requests.length, 6)
    assert.equal(cluster.stats().retries, bad.requests.length)
    // A small body that is not wanted is read, and its connection kept.
    assert.equal(bad.connections.length, 1)
  })

  it('gives the last answer when its tries are used up', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.send(plainStatus(502)))
    const { get } = rig(t, [server.port])
    const outcome = await get({ retry: retryOn([502], { attempts: 3 }) })
    assert.equal(outcome.status, 502)
    assert.equal(server.requests.length, 4)
  })

  it('leaves a POST alone unless it says otherwise', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.send(plainStatus(503)))
    const { get } = rig(t, [server.port])
    assert.equal((await get({ method: 'POST', retry: retryOn([503]) }, 'x')).status, 503)
    assert.equal(server.requests.length, 1)
    await get({ method: 'POST', retry: retryOn([503], { evenUnsafe: true }) }, 'xyz')
    assert.deepEqual(
      server.requests.map((each) => each.body),
      ['x', 'xyz', 'xyz', 'xyz'],
    )
  })

  it('repeats a body that comes bit by bit as long as it was kept whole', async (t) => {
    const server = await RawServer.start(t)
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    const call = cluster.send(
      request({ method: 'PUT', bodyLength: 10, retry: retryOn([503]) }),
      outcome,
    )
    call.write(Buffer.from('01234'))
    await turns(() => server.connections[0]?.rest.endsWith('01234') === true)
    server.connections[0]?.send(plainStatus(503))
    await turns(() => server.connections[1]?.rest.endsWith('01234') === true)
    call.write(Buffer.from('56789'))
    call.end()
    await turns(() => server.connections[1]?.requests.length === 1)
    server.connections[1]?.answer()
    await outcome.done()
    assert.equal(outcome.status, 200)
    assert.equal(server.connections[1]?.requests[0]?.body, '0123456789')
    assert.equal(call.attempts, 2)
  })

  it('sends a body that is longer than it keeps only once', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.send(plainStatus(503)))
    const { get } = rig(t, [server.port])
    const retry = retryOn([503], { bufferBytes: 1000 })
    const outcome = await get({ method: 'PUT', retry }, 'x'.repeat(1001))
    assert.equal(outcome.status, 503)
    await get({ method: 'PUT', retry }, 'x'.repeat(1000))
    assert.equal(server.requests.length, 1 + 3)
  })

  it('closes a connection whose unwanted answer is long', async (t) => {
    let bad = true
    const server = await RawServer.start(t, (connection) => {
      if (bad) connection.send(`HTTP/1.1 500 X\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100)}`)
      else connection.answer()
      bad = false
    })
    const outcome = await rig(t, [server.port]).get({ retry: retryOn([500]) })
    assert.equal(outcome.status, 200)
    await turns(() => server.connections[0]?.closed === true)
  })

  it('closes a connection whose unwanted answer goes on and on', async (t) => {
    const server = await RawServer.start(t, (connection) => {
      if (server.requests.length > 1) connection.answer()
      else {
        connection.send('HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n')
        for (let i = 0; i < 20; i++) connection.send(`2000\r\n${'x'.repeat(8192)}\r\n`)
      }
    })
    const outcome = await rig(t, [server.port]).get({ retry: retryOn([500]) })
    assert.equal(outcome.status, 200)
    await turns(() => server.connections[0]?.closed === true)
  })

  it('waits as long as a Retry-After of seconds says, and not for one of more than 300 s', async (t) => {
    const clock = createVirtualClock()
    let after = '2'
    const server = await RawServer.start(t, (connection) =>
      connection.send(plainStatus(503, `Retry-After: ${after}\r\n`)),
    )
    const random: Random = { ...createSeededRandom(1), next: () => 0 }
    const { cluster } = rig(t, [server.port], {}, { clock, random })
    const outcome = new Outcome()
    cluster.send(request({ retry: retryOn([503], { attempts: 1 }) }), outcome)
    await turns(() => server.requests.length === 1 && clock.pending > 0)
    for (let i = 0; i < 20; i++) await clock.advance(0)
    await clock.advance(1999)
    assert.equal(server.requests.length, 1)
    await clock.advance(10)
    await turns(() => outcome.over)
    assert.equal(server.requests.length, 2)
    after = '301'
    const second = new Outcome()
    cluster.send(request({ retry: retryOn([503]) }), second)
    await turns(() => second.over)
    assert.equal(second.status, 503)
    assert.equal(server.requests.length, 3)
  })

  it('waits at least as long as the route says', async (t) => {
    const clock = createVirtualClock()
    const server = await RawServer.start(t, (connection) => connection.send(plainStatus(503)))
    const random: Random = { ...createSeededRandom(1), next: () => 0.999 }
    const { cluster } = rig(t, [server.port], {}, { clock, random })
    const outcome = new Outcome()
    cluster.send(request({ retry: retryOn([503], { attempts: 1, backoffMs: 100 }) }), outcome)
    await turns(() => server.requests.length === 1 && clock.pending > 0)
    for (let i = 0; i < 20; i++) await clock.advance(0)
    await clock.advance(195)
    assert.equal(server.requests.length, 1)
    await clock.advance(15)
    await turns(() => outcome.over)
    assert.equal(server.requests.length, 2)
  })

  it('adds at most its budget to a load that fails', async (t) => {
    const waiting: (() => void)[] = []
    const server = await RawServer.start(t, (connection) => {
      waiting.push(() => connection.send(plainStatus(503)))
    })
    const { get, cluster } = rig(t, [server.port], { retryBudget: { minConcurrent: 0 } })
    const calls = Array.from({ length: 100 }, () => get({ retry: retryOn([503], { attempts: 3 }) }))
    let answered = 0
    while (cluster.active > 0) {
      await turns(() => waiting.length > 0 || cluster.active === 0)
      for (const answer of waiting.splice(0)) {
        answered++
        answer()
      }
    }
    for (const outcome of await Promise.all(calls)) assert.equal(outcome.status, 503)
    assert.ok(answered >= 110 && answered <= 130, `${answered}`)
    assert.ok(cluster.stats().retriesRefused > 0)
  })

  it('ends with the deadline, whatever is left to try', async (t) => {
    const clock = createVirtualClock()
    const server = await RawServer.start(t, () => undefined)
    const { cluster } = rig(t, [server.port], {}, { clock })
    const outcome = new Outcome()
    const call = cluster.send(
      request({
        attemptMs: 400,
        deadline: clock.monotonic() + 1000,
        retry: retryOn([503], { attempts: 9 }),
      }),
      outcome,
    )
    for (let i = 0; i < 200 && !outcome.over; i++) {
      for (let j = 0; j < 5; j++) await clock.advance(0)
      await clock.advance(10)
    }
    assert.equal(outcome.failure?.kind, 'deadline')
    assert.ok(call.attempts >= 2)
    assert.equal(cluster.active, 0)
    assert.equal(cluster.hosts[0]?.active, 0)
  })
})

describe('the times of an attempt', () => {
  it('end it when the head does not come, trickling or not', async (t) => {
    const clock = createVirtualClock()
    const server = await RawServer.start(t, (connection) => connection.send('HTTP/1.1 200'))
    const { cluster } = rig(t, [server.port], {}, { clock })
    const outcome = new Outcome()
    cluster.send(request({ attemptMs: 300 }), outcome)
    await turns(() => server.requests.length === 1)
    for (let i = 0; i < 29; i++) {
      server.connections[0]?.send(' ')
      await clock.advance(10)
    }
    assert.equal(outcome.over, false)
    await clock.advance(20)
    await turns(() => outcome.over)
    assert.equal(outcome.failure?.kind, 'attempt-timeout')
    assert.equal(outcome.failure.processed, true)
  })

  it('do not run while the body streams, but its silence ends it', async (t) => {
    const clock = createVirtualClock()
    const server = await RawServer.start(t, (connection) =>
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'),
    )
    const { cluster } = rig(t, [server.port], {}, { clock })
    const outcome = new Outcome()
    const deadline = clock.monotonic() + 500
    cluster.send(request({ attemptMs: 300, deadline, idleMs: 1000 }), outcome)
    await outcome.until(() => outcome.status === 200)
    for (let i = 1; i <= 5; i++) {
      await clock.advance(900)
      server.connections[0]?.send('x')
      await turns(() => outcome.body.length === i)
    }
    await clock.advance(1010)
    assert.equal(outcome.failure?.kind, 'idle')
    assert.equal(outcome.failure.responded, true)
  })

  it('end a connection that cannot be made', async (t) => {
    const clock = createVirtualClock()
    // TEST-NET-1: nobody is there, and nobody says so.
    const { registry, cluster } = rig(
      t,
      [],
      { connectTimeout: '700ms' },
      { clock, random: realRandom },
    )
    registry.setHosts(cluster.name, [{ address: '192.0.2.1', port: 9 }])
    const outcome = new Outcome()
    cluster.send(request(), outcome)
    await clock.advance(690)
    if (!outcome.over) await clock.advance(20)
    await turns(() => outcome.over)
    assert.equal(outcome.failure?.kind, 'connect')
  })
})
