import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Outcome, request, rig, turns } from './rig.ts'
import { RawServer, type Script } from './raw-server.ts'

const ok: Script = (connection, { target }) => connection.answer(`at ${target}`)

describe('an HTTP/1.1 upstream', () => {
  it('is sent the request as it was given, with our framing', async (t) => {
    const server = await RawServer.start(t, ok)
    const { get } = rig(t, [server.port])
    const outcome = await get({ target: '/a?b=c', headers: ['x-one', '1', 'x-one', '2'] })
    assert.equal(outcome.status, 200)
    assert.equal(outcome.body, 'at /a?b=c')
    assert.equal(outcome.bodyLength, 9)
    assert.deepEqual(outcome.trailers, [])
    assert.equal(
      server.requests[0]?.head,
      'GET /a?b=c HTTP/1.1\r\nhost: web.example\r\nx-one: 1\r\nx-one: 2\r\n\r\n',
    )
  })

  it('keeps its connection, and the last used is used first', async (t) => {
    const server = await RawServer.start(t, ok)
    const { get, cluster } = rig(t, [server.port])
    await Promise.all([get(), get(), get()])
    assert.equal(server.connections.length, 3)
    const before = server.connections.map((connection) => connection.requests.length)
    for (let i = 0; i < 5; i++) await get()
    const after = server.connections.map(
      (connection, j) => connection.requests.length - (before[j] ?? 0),
    )
    assert.deepEqual(
      after.toSorted((a, b) => a - b),
      [0, 0, 5],
    )
    assert.equal(cluster.stats().connections, 3)
    assert.equal(cluster.active, 0)
  })

  it('gets a body of known and of unknown length, with trailers behind the latter', async (t) => {
    const server = await RawServer.start(t, ok)
    const { cluster, get } = rig(t, [server.port])
    await get({ method: 'POST' }, 'hello')
    const outcome = new Outcome()
    const call = cluster.send(request({ method: 'POST', bodyLength: -1 }), outcome)
    call.write(Buffer.from('ab'))
    call.write(Buffer.from('cde'))
    call.end(['x-sum', '5', 'content-length', '7'])
    await outcome.done()
    assert.equal(outcome.status, 200)
    assert.equal(server.requests[0]?.body, 'hello')
    assert.match(server.requests[0]?.head ?? '', /\r\ncontent-length: 5\r\n/u)
    assert.equal(server.requests[1]?.body, '2\r\nab\r\n3\r\ncde\r\n0\r\nx-sum: 5\r\n\r\n')
  })

  it('sends head and small body in one write', async (t) => {
    const chunks: string[] = []
    const server = await RawServer.start(t, ok)
    const { cluster, get } = rig(t, [server.port])
    await get()
    server.connections[0]?.socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
    const outcome = new Outcome()
    const call = cluster.send(request({ method: 'PUT', bodyLength: 3 }), outcome)
    call.write(Buffer.from('abc'))
    call.end()
    await outcome.done()
    assert.equal(chunks.length, 1)
    assert.ok(chunks[0]?.endsWith('\r\n\r\nabc'))
  })

  it('says that trailers are read only where they are', async (t) => {
    const server = await RawServer.start(t, ok)
    const { get } = rig(t, [server.port])
    await get({ acceptsTrailers: true })
    await get()
    assert.match(server.requests[0]?.head ?? '', /te: trailers\r\nconnection: te\r\n/u)
    assert.doesNotMatch(server.requests[1]?.head ?? '', /te:/u)
  })

  it('has its interim responses, trailers and end-to-end fields passed on, no others', async (t) => {
    const server = await RawServer.start(t, (connection) =>
      connection.send(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n' +
          'Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: 2\r\nProxy-Authenticate: a\r\n' +
          'Transfer-Encoding: chunked\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nUpgrade: h2c\r\nTE: x\r\n\r\n' +
          '3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n',
      ),
    )
    const outcome = await rig(t, [server.port]).get()
    assert.deepEqual(outcome.informational, [100, 103])
    assert.deepEqual(outcome.headers, ['x-end', '2', 'set-cookie', 'a', 'set-cookie', 'b'])
    assert.equal(outcome.bodyLength, -1)
    assert.equal(outcome.body, 'abc')
    assert.deepEqual(outcome.trailers, ['x-sum', '9'])
  })

  it('is not read faster than the body is taken', async (t) => {
    const part = 'x'.repeat(1024 * 1024)
    const server = await RawServer.start(t, (connection) => connection.answer(part.repeat(16)))
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    outcome.react = (call, event) => {
      if (event === 'response') call.pauseBody()
    }
    const call = cluster.send(request(), outcome)
    await outcome.until(() => outcome.status === 200)
    const peer = server.connections[0]
    await turns(() => peer?.socket.writableNeedDrain === true)
    assert.equal(outcome.body, '')
    call.resumeBody()
    await outcome.done()
    assert.equal(outcome.body.length, part.length * 16)
  })

  it('holds a writer up that is faster than it reads, and lets it go on', async (t) => {
    const server = await RawServer.start(t, ok)
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    const part = Buffer.alloc(256 * 1024, 97)
    const call = cluster.send(request({ method: 'PUT', bodyLength: part.length * 40 }), outcome)
    let left = 40
    let held = 0
    const pump = (): void => {
      while (left > 0) {
        left--
        if (!call.write(part)) {
          held++
          return
        }
      }
      call.end()
    }
    outcome.react = (_, event) => {
      if (event === 'writable') pump()
    }
    pump()
    await outcome.done()
    assert.equal(outcome.status, 200)
    assert.ok(held > 5, `${held}`)
    assert.equal(server.requests[0]?.body.length, part.length * 40)
  })

  it('that answers before it has read the request is not used again', async (t) => {
    const server = await RawServer.start(t)
    const { cluster, get } = rig(t, [server.port])
    const outcome = new Outcome()
    const call = cluster.send(request({ method: 'POST', bodyLength: 10 }), outcome)
    call.write(Buffer.from('12345'))
    await turns(() => server.connections[0]?.rest.endsWith('12345') === true)
    server.connections[0]?.send('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
    await outcome.done()
    assert.equal(outcome.status, 413)
    assert.equal(call.write(Buffer.from('67890')), true)
    call.end()
    void get()
    await turns(() => server.connections.length === 2)
    await turns(() => server.connections[0]?.closed === true)
  })

  it('loses the connection when the caller gives up, and nothing is told', async (t) => {
    const server = await RawServer.start(t, () => undefined)
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    const call = cluster.send(request(), outcome)
    await turns(() => server.requests.length === 1)
    call.abort()
    call.abort()
    assert.equal(call.write(Buffer.from('x')), true)
    call.end()
    await turns(() => server.connections[0]?.closed === true)
    assert.equal(outcome.ends, 0)
    assert.equal(cluster.active, 0)
    assert.equal(cluster.hosts[0]?.active, 0)
    assert.equal(cluster.stats().connections, 0)
  })
})
