import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { UpstreamCall, UpstreamFailure } from '../../src/upstream/index.ts'
import { Outcome, request, rig, turns } from './rig.ts'
import { type RawConnection, RawServer } from './raw-server.ts'

const accepted =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
const ask = {
  upgrade: 'websocket',
  idleMs: Infinity,
  headers: ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version', '13'],
}

function toRaw(connection: RawConnection, text: string): void {
  connection.raw = true
  connection.send(text)
}

describe('a tunnel through HTTP/1.1', () => {
  it('is asked for with our Upgrade, and carries bytes both ways until the upstream ends', async (t) => {
    const server = await RawServer.start(t, (connection) => toRaw(connection, `${accepted}early`))
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    const call = cluster.send(request(ask), outcome)
    await outcome.until(() => outcome.body === 'early')
    assert.match(
      server.requests[0]?.head ?? '',
      /\r\nupgrade: websocket\r\nconnection: upgrade\r\n/u,
    )
    assert.equal(outcome.status, 101)
    assert.deepEqual(outcome.headers, ['sec-websocket-accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='])
    assert.equal(cluster.stats().connections, 1)
    call.write(Buffer.from('ping'))
    const peer = server.connections[0] as RawConnection
    await turns(() => peer.rest === 'ping')
    peer.send(' pong')
    await outcome.until(() => outcome.body === 'early pong')
    assert.equal(outcome.over, false)
    peer.socket.end()
    await outcome.done()
    assert.equal(outcome.failure, undefined)
    await turns(() => cluster.stats().connections === 0)
    assert.equal(cluster.active, 0)
  })

  it('is ended by our side, and what the upstream still says is heard', async (t) => {
    const server = await RawServer.start(t, (connection) => toRaw(connection, accepted))
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    const call = cluster.send(request(ask), outcome)
    await outcome.until(() => outcome.status === 101)
    const peer = server.connections[0] as RawConnection
    peer.socket.allowHalfOpen = true
    call.write(Buffer.from('bye'))
    call.end()
    await once(peer.socket, 'end')
    assert.equal(peer.rest, 'bye')
    peer.send('last words')
    peer.socket.end()
    await outcome.done()
    assert.equal(outcome.body, 'last words')
    assert.equal(outcome.failure, undefined)
  })

  it('that breaks is a failure; one that the caller gives up is closed', async (t) => {
    const server = await RawServer.start(t, (connection) => toRaw(connection, accepted))
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    cluster.send(request(ask), outcome)
    await outcome.until(() => outcome.status === 101)
    server.connections[0]?.socket.resetAndDestroy()
    await outcome.done()
    assert.equal(outcome.failure?.kind, 'reset')
    assert.equal(outcome.failure.responded, true)
    const second = new Outcome()
    const call = cluster.send(request(ask), second)
    await second.until(() => second.status === 101)
    call.abort()
    await turns(() => server.open === 0 && cluster.stats().connections === 0)
    assert.equal(second.ends, 0)
  })

  it('is held up by whoever reads slowly, on both sides', async (t) => {
    const server = await RawServer.start(t, (connection) => toRaw(connection, accepted))
    const { cluster } = rig(t, [server.port])
    const outcome = new Outcome()
    const call: UpstreamCall = cluster.send(request(ask), outcome)
    await outcome.until(() => outcome.status === 101)
    const socket = server.connections[0]?.socket as Socket
    socket.pause()
    const part = Buffer.alloc(1024 * 1024)
    let sent = 0
    while (call.write(part)) sent++
    for (; sent < 10; sent++) call.write(part)
    assert.equal(outcome.writable, 0)
    socket.resume()
    await outcome.until(() => outcome.writable > 0)
    call.pauseBody()
    socket.write(Buffer.alloc(16 * 1024 * 1024))
    for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => setImmediate(resolve))
    assert.equal(socket.writableNeedDrain, true)
    call.resumeBody()
    await outcome.until(() => outcome.body.length === 16 * 1024 * 1024)
    call.abort()
  })

  it('that is not agreed to is an ordinary response', async (t) => {
    const server = await RawServer.start(t, (connection) => connection.answer('no'))
    const { cluster, get } = rig(t, [server.port])
    const outcome = new Outcome()
    outcome.react = (call, event) => {
      if (event === 'response') call.end()
    }
    cluster.send(request(ask), outcome)
    await outcome.done()
    assert.equal(outcome.status, 200)
    assert.equal(outcome.body, 'no')
    assert.equal((await get()).status, 200)
    assert.equal(server.connections.length, 1)
  })

  it('counts against the limit of connections', async (t) => {
    const server = await RawServer.start(t, (connection, { head }) =>
      /upgrade/u.test(head) ? toRaw(connection, accepted) : connection.answer(),
    )
    const { cluster, get } = rig(t, [server.port], { connections: 1 })
    const outcome = new Outcome()
    const call = cluster.send(request(ask), outcome)
    await outcome.until(() => outcome.status === 101)
    const waits = get()
    for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
    assert.equal(cluster.stats().connections, 1)
    assert.equal(cluster.stats().pending, 1)
    call.abort()
    assert.equal((await waits).status, 200)
  })
})

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

async function h2Peer(
  t: TestContext,
  enableConnectProtocol: boolean,
  onStream: OnStream,
): Promise<number> {
  const server = createServer({ settings: { enableConnectProtocol } })
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session: ServerHttp2Session) => sessions.push(session))
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined)
    onStream(stream, headers)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

describe('a tunnel through HTTP/2', () => {
  it('is an extended CONNECT, whose 200 is given as 101', async (t) => {
    let seen: IncomingHttpHeaders = {}
    const port = await h2Peer(t, true, (stream, headers) => {
      seen = headers
      stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' })
      stream.on('data', (chunk: Buffer) => stream.write(`<${chunk.toString()}>`))
      stream.on('end', () => stream.end('bye'))
    })
    const { cluster } = rig(t, [port], { protocol: 'h2c' })
    const outcome = new Outcome()
    const call = cluster.send(request({ ...ask, target: '/chat' }), outcome)
    await outcome.until(() => outcome.status !== 0)
    assert.equal(outcome.status, 101)
    assert.ok(outcome.headers.includes('sec-websocket-protocol'))
    assert.equal(seen[':method'], 'CONNECT')
    assert.equal(seen[':protocol'], 'websocket')
    assert.equal(seen[':path'], '/chat')
    assert.equal(seen['sec-websocket-key'], undefined)
    assert.equal(seen['sec-websocket-version'], '13')
    call.write(Buffer.from('a'))
    await outcome.until(() => outcome.body === '<a>')
    call.end()
    await outcome.done()
    assert.equal(outcome.body, '<a>bye')
  })

  it('is not asked for where the server lets none through', async (t) => {
    let streams = 0
    const port = await h2Peer(t, false, () => {
      streams++
    })
    const { cluster } = rig(t, [port], { protocol: 'h2c' })
    const outcome = new Outcome()
    cluster.send(request(ask), outcome)
    await outcome.done()
    assert.equal(outcome.failure?.kind, 'protocol')
    assert.equal(outcome.failure.processed, false)
    assert.equal(streams, 0)
  })
})

describe('a connection for bytes', () => {
  const open = (cluster: {
    connect: (
      hash: number,
      done: (socket: Socket | undefined, failure?: UpstreamFailure) => void,
    ) => void
  }): Promise<Socket | UpstreamFailure> =>
    new Promise((resolve, reject) => {
      cluster.connect(-1, (socket, failure) => {
        const given = socket ?? failure
        if (given === undefined) reject(new Error('neither'))
        else resolve(given)
      })
    })

  it('is made to a host that is up, and counted until it closes', async (t) => {
    const dead = await RawServer.start(t)
    dead.stop()
    const server = await RawServer.start(t)
    const { cluster } = rig(t, [dead.port, server.port], { loadBalancer: { type: 'round-robin' } })
    for (let i = 0; i < 2; i++) {
      const socket = (await open(cluster)) as Socket
      assert.equal(socket.remotePort, server.port)
      assert.equal(cluster.active, 1)
      assert.equal(cluster.stats().connections, 1)
      socket.destroy()
      await turns(() => cluster.active === 0)
      assert.equal(cluster.stats().connections, 0)
    }
  })

  it('fails where no host is up, none is known, or too much is under way', async (t) => {
    const dead = await RawServer.start(t)
    dead.stop()
    const refused = (await open(rig(t, [dead.port]).cluster)) as UpstreamFailure
    assert.equal(refused.kind, 'connect')
    const none = (await open(rig(t, []).cluster)) as UpstreamFailure
    assert.equal(none.kind, 'no-host')
    const server = await RawServer.start(t)
    const { cluster } = rig(t, [server.port], { active: 1 })
    const socket = (await open(cluster)) as Socket
    assert.equal(((await open(cluster)) as UpstreamFailure).kind, 'overflow')
    socket.destroy()
  })
})
