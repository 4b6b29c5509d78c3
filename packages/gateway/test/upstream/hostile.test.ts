import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UpstreamFailure } from '../../src/upstream/index.ts'
import { rig, turns } from './rig.ts'
import { RawServer } from './raw-server.ts'

const many = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)
const body = 'Content-Length: 2\r\n\r\nok'

/** What an upstream sends, and what comes of it before a response could be given. */
const rows: readonly (readonly [string, string, UpstreamFailure['kind']])[] = [
  ['garbage', '\0\u0001\u0002 garbage garbage\r\n\r\n', 'protocol'],
  ['an SSH banner', 'SSH-2.0-OpenSSH_9.6\r\n', 'protocol'],
  ['nothing, and the end', '', 'protocol'],
  ['a thousand interim responses', `${many}HTTP/1.1 200 OK\r\n${body}`, 'protocol'],
  ['status 99', `HTTP/1.1 099 OK\r\n${body}`, 'protocol'],
  ['status 1000', `HTTP/1.1 1000 OK\r\n${body}`, 'protocol'],
  ['status 999', `HTTP/1.1 999 OK\r\n${body}`, 'protocol'],
  ['another version', `HTTP/2.0 200 OK\r\n${body}`, 'protocol'],
  ['a length below zero', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok', 'protocol'],
  [
    'two lengths',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
    'protocol',
  ],
  ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok', 'protocol'],
  ['a head of 20 KB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n${body}`, 'protocol'],
  ['a NUL in a value', `HTTP/1.1 200 OK\r\nX: a\0b\r\n${body}`, 'protocol'],
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 'protocol'],
  ['a folded field', `HTTP/1.1 200 OK\r\nX: a\r\n b\r\n${body}`, 'protocol'],
  ['a space before the colon', `HTTP/1.1 200 OK\r\nX : a\r\n${body}`, 'protocol'],
  ['Transfer-Encoding gzip', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok', 'protocol'],
  [
    'chunked twice',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
    'protocol',
  ],
  [
    'chunks in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'protocol',
  ],
  [
    'chunks with a length',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    'protocol',
  ],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    'protocol',
  ],
  ['half a head, and the end', 'HTTP/1.1 200 OK\r\nContent-Le', 'reset'],
]

describe('a hostile HTTP/1.1 upstream', () => {
  for (const [name, bytes, kind] of rows) {
    it(`that sends ${name} is a ${kind} failure`, async (t) => {
      const server = await RawServer.start(t, ({ socket }) =>
        socket.end(Buffer.from(bytes, 'latin1')),
      )
      const { get, cluster } = rig(t, [server.port])
      const outcome = await get()
      assert.equal(outcome.failure?.kind, kind)
      assert.equal(outcome.failure.responded, false)
      assert.equal(outcome.failure.processed, true)
      assert.equal(outcome.status, 0)
      assert.equal(server.connections.length, 1)
      assert.equal(cluster.active, 0)
      await turns(() => cluster.stats().connections === 0)
    })
  }

  const cut: readonly (readonly [string, string])[] = [
    ['a short body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['a cut chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello'],
    ['no last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ]
  for (const [name, bytes] of cut) {
    it(`that sends ${name} has its response broken off, never ended`, async (t) => {
      const server = await RawServer.start(t, ({ socket }) => socket.end(bytes))
      const outcome = await rig(t, [server.port]).get()
      assert.equal(outcome.status, 200)
      assert.equal(outcome.body, 'hello')
      assert.equal(outcome.trailers, undefined)
      assert.equal(outcome.failure?.kind, 'reset')
      assert.equal(outcome.failure.responded, true)
    })
  }

  it('that cuts the connection in the middle of a body has its response broken off', async (t) => {
    const server = await RawServer.start(t, (connection) => {
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    })
    const { cluster, get } = rig(t, [server.port])
    const going = get()
    await turns(() => cluster.hosts[0]?.active === 1 && server.requests.length === 1)
    setImmediate(() => server.connections[0]?.socket.resetAndDestroy())
    const outcome = await going
    assert.equal(outcome.failure?.kind, 'reset')
  })

  it('that sends a broken chunk is a protocol failure in the middle of the response', async (t) => {
    const server = await RawServer.start(t, (connection) =>
      connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n'),
    )
    const outcome = await rig(t, [server.port]).get()
    assert.equal(outcome.body, 'hello')
    assert.equal(outcome.failure?.kind, 'protocol')
    assert.equal(outcome.failure.responded, true)
  })

  it('that sends bytes behind the body is not used again, whoever waits', async (t) => {
    const server = await RawServer.start(t, (connection, { target }) => {
      if (target === '/first') connection.answer('one', '')
      else connection.answer(`at ${target}`)
      if (target === '/first') connection.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged')
    })
    const { get } = rig(t, [server.port], { connections: 1 })
    const [first, second] = await Promise.all([
      get({ target: '/first' }),
      get({ target: '/second' }),
    ])
    assert.equal(first.body, 'one')
    assert.equal(second.body, 'at /second')
    const third = await get({ target: '/third' })
    assert.equal(third.body, 'at /third')
    assert.ok(server.connections.length >= 2)
    assert.equal(server.connections[0]?.requests.length, 1)
  })

  it('may send a length with HEAD, 204 and 304, and no body', async (t) => {
    const server = await RawServer.start(t, (connection, { method, target }) =>
      connection.send(
        `HTTP/1.1 ${method === 'HEAD' ? '200' : target.slice(1)} X\r\nContent-Length: 5\r\n\r\n`,
      ),
    )
    const { get } = rig(t, [server.port])
    for (const changes of [{ method: 'HEAD' }, { target: '/204' }, { target: '/304' }]) {
      const outcome = await get(changes)
      assert.equal(outcome.bodyLength, 0)
      assert.deepEqual(outcome.trailers, [])
      assert.equal(outcome.headers.includes('content-length'), outcome.status !== 204)
    }
    assert.equal(server.connections.length, 1)
  })

  it('may answer in HTTP/1.0 until the end of the connection', async (t) => {
    const server = await RawServer.start(t, ({ socket }) =>
      socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'),
    )
    const outcome = await rig(t, [server.port]).get()
    assert.equal(outcome.body, 'all of it')
    assert.equal(outcome.bodyLength, -1)
    assert.deepEqual(outcome.trailers, [])
  })

  it('gets no request that could break out of its place', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.answer())
    const { get, cluster } = rig(t, [server.port])
    const wrong = [
      { target: '/a b' },
      { target: '/a\r\nx: y' },
      { host: 'a\r\nx: y' },
      { host: '' },
      { headers: ['x', 'a\r\nb: c'] },
      { headers: ['x y', 'a'] },
      { headers: ['transfer-encoding', 'chunked'] },
    ]
    for (const changes of wrong) {
      const outcome = await get(changes)
      assert.equal(outcome.failure?.kind, 'protocol', JSON.stringify(changes))
      assert.equal(outcome.failure.processed, false)
    }
    assert.equal((await get()).status, 200)
    assert.equal(server.requests.length, 1)
    assert.equal(cluster.hosts[0]?.active, 0)
  })
})
