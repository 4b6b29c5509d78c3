import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, type Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { type ConnectionOptions, connect as connectTls, createServer as createTls } from 'node:tls'
import { createVirtualClock } from '@tidemill/core'
import { NO_ERROR, SETTINGS_TIMEOUT } from '@tidemill/http2'
import { connectHttp2, createHttp2Server, type Http2ServerOptions } from '@tidemill/http2/node'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import {
  describe,
  frame,
  frames,
  get,
  HeaderWriter,
  post,
  readFrames,
  settings,
} from '../lib/frames.ts'
import { ConnectionRecorder } from '../lib/recorder.ts'
import { waitFor } from '../lib/wait.ts'

const host = '127.0.0.1'
const hello = Buffer.concat([frames.clientPreface, settings(), frame(frames.SETTINGS, 1, 0)])

/** A server that keeps its connections; it answers nothing by itself. */
function make(t: TestContext, options: Partial<Http2ServerOptions> = {}) {
  const sides: ConnectionRecorder[] = []
  const connections: { settings(changes: { maxConcurrentStreams: number }): void }[] = []
  const server = createHttp2Server({
    onConnection: (connection) => {
      const side = new ConnectionRecorder()
      sides.push(side)
      connections.push(connection)
      return side
    },
    ...options,
  })
  t.after(() => server.close())
  const closed = (): ConnectionRecorder['closed'] => sides[0]?.closed
  return { server, sides, connections, closed }
}

/** Keeps what comes from a socket. */
function listenTo(socket: Socket): { said: () => string[]; done: () => boolean } {
  const parts: Buffer[] = []
  let ended = false
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.on('error', () => undefined)
  socket.on('end', () => (ended = true))
  socket.on('close', () => (ended = true))
  return { said: () => describe(readFrames(Buffer.concat(parts))), done: () => ended }
}

async function raw(port: number, t: TestContext) {
  const socket = connect({ host, port, allowHalfOpen: true })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return { socket, ...listenTo(socket) }
}

test('listens on and connects to a unix socket, with and without TLS', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'http2-'))
  t.after(() => rm(folder, { recursive: true }))
  const authority = createTestAuthority()
  for (const tls of [false, true]) {
    const file = path.join(folder, tls ? 'tls' : 'plain')
    const { server, sides } = make(t, tls ? { tls: authority.issue({ names: ['localhost'] }) } : {})
    const address = await server.listen({ path: file })
    assert.deepEqual(address, { address: file, family: 'unix', port: 0 })
    const side = new ConnectionRecorder()
    const client = await connectHttp2(side, {
      path: file,
      ...(tls ? { tls: { ca: authority.ca } } : {}),
    })
    const stream = client.request(get, true, side.streams)
    await waitFor(() => sides[0]?.streams.logs.size === 1)
    sides[0]?.streams.all[0]?.stream.headers([':status', '204'], true)
    await waitFor(() => side.streams.log(stream).how === 'done')
    const second = make(t).server
    await assert.rejects(second.listen({ path: file }), { code: 'TM_HTTP2_LISTEN' })
    client.goaway(NO_ERROR)
    await server.close()
    assert.equal(existsSync(file), false)
    await assert.rejects(connectHttp2(side, { path: file }), { code: 'TM_HTTP2_CONNECT' })
  }
})

for (const tls of [false, true]) {
  test(`whole requests of a client that has ended its side are answered late${tls ? ' over TLS' : ''}`, async (t) => {
    const authority = createTestAuthority()
    const certificate = authority.issue({ names: ['localhost'] })
    const { server, sides } = make(t, tls ? { tls: certificate } : {})
    const { port } = await server.listen()
    const options = { host, port, allowHalfOpen: true }
    const secure: ConnectionOptions & { allowHalfOpen: boolean } = {
      ...options,
      ca: authority.ca,
      servername: 'localhost',
      ALPNProtocols: ['h2'],
    }
    const socket = tls ? connectTls(secure) : connect(options)
    t.after(() => socket.destroy())
    await once(socket, tls ? 'secureConnect' : 'connect')
    const peer = listenTo(socket)
    socket.end(Buffer.concat([hello, new HeaderWriter().headers(1, get, true)]))
    await waitFor(() => sides[0]?.streams.logs.size === 1)
    for (let i = 0; i < 20; i++) await new Promise((next) => setImmediate(next))
    const log = sides[0]?.streams.all[0] ?? assert.fail()
    assert.equal(log.how, undefined)
    log.stream.headers([':status', '200'], false)
    log.stream.data(Buffer.from('late'), true)
    await waitFor(peer.done)
    assert.ok(peer.said().includes('DATA 1 4 end'))
    assert.deepEqual(sides[0]?.closed, { code: NO_ERROR, reason: '' })
  })
}

test('a client that has ended its side does not wait for an answer for ever', async (t) => {
  const clock = createVirtualClock()
  const { server, sides } = make(t, { clock, progress: '5s' })
  const { port } = await server.listen()
  const peer = await raw(port, t)
  peer.socket.end(Buffer.concat([hello, new HeaderWriter().headers(1, get, true)]))
  await waitFor(() => sides[0]?.streams.logs.size === 1)
  await waitFor(() => clock.pending > 0)
  for (let i = 0; i < 20; i++) await new Promise((next) => setImmediate(next))
  await clock.advance(5100)
  assert.equal(sides[0]?.streams.all[0]?.how, 'lost')
  assert.equal(sides[0]?.closed?.reason, 'the peer has ended its side')
})

test('who does not acknowledge later SETTINGS is sent away', async (t) => {
  const clock = createVirtualClock()
  const { server, sides, connections, closed } = make(t, { clock, handshake: '3s' })
  const { port } = await server.listen()
  const peer = await raw(port, t)
  peer.socket.write(Buffer.concat([hello, new HeaderWriter().headers(1, post)]))
  await waitFor(() => sides[0]?.streams.logs.size === 1)
  await clock.advance(4000)
  connections[0]?.settings({ maxConcurrentStreams: 7 })
  await waitFor(() => peer.said().filter((text) => text === 'SETTINGS').length === 2)
  await clock.advance(2000)
  peer.socket.write(frame(frames.SETTINGS, 1, 0))
  peer.socket.write(frame(frames.PING, 0, 0, Buffer.alloc(8)))
  await waitFor(() => peer.said().includes('PING ack'))
  await clock.advance(10_000)
  assert.equal(closed(), undefined)
  connections[0]?.settings({ maxConcurrentStreams: 8 })
  await waitFor(() => peer.said().filter((text) => text === 'SETTINGS').length === 3)
  await clock.advance(3100)
  assert.equal(closed()?.code, SETTINGS_TIMEOUT)
})

test('an idle peer that does not go when it is told is cut', async (t) => {
  const clock = createVirtualClock()
  const { server, closed } = make(t, { clock, idle: '60s', handshake: '3s' })
  const { port } = await server.listen()
  const peer = await raw(port, t)
  peer.socket.write(hello)
  await waitFor(() => peer.said().includes('SETTINGS ack'))
  await clock.advance(60_100)
  await waitFor(() => peer.said().some((text) => text.startsWith('GOAWAY last 2147483647')))
  assert.equal(closed(), undefined)
  await clock.advance(3100)
  assert.equal(closed()?.reason, 'idle, and does not end')
})

test('TLS: a server that does not speak h2 is refused with the reason', async () => {
  const authority = createTestAuthority()
  const certificate = authority.issue({ names: ['localhost', host] })
  for (const ALPNProtocols of [undefined, ['http/1.1']]) {
    const server = createTls({ ...certificate, ...(ALPNProtocols ? { ALPNProtocols } : {}) })
    server.on('tlsClientError', () => undefined)
    server.listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const options = { host, port, tls: { ca: authority.ca } }
    await assert.rejects(connectHttp2(new ConnectionRecorder(), options), {
      code: 'TM_HTTP2_CONNECT',
      message: /ALPN|application protocol/u,
    })
    server.close()
    await once(server, 'close')
  }
})

test('TLS: no h2, no renegotiation, no old ciphers, no endless handshake', async (t) => {
  const authority = createTestAuthority()
  const tls = authority.issue({ names: ['localhost', host] })
  const { server, sides } = make(t, { tls, handshake: '50ms' })
  const { port } = await server.listen()
  const options = { host, port, ca: authority.ca, servername: 'localhost' }
  const without = connectTls(options)
  without.on('error', () => undefined)
  await once(without, 'close')
  assert.equal(sides.length, 0)
  const old = connectTls({
    ...options,
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA',
    ALPNProtocols: ['h2'],
  })
  await assert.rejects(once(old, 'secureConnect'), /handshake failure/u)
  const silent = connect({ host, port })
  silent.on('error', () => undefined).resume()
  await once(silent, 'close')
  const eager = connectTls({ ...options, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] })
  await once(eager, 'secureConnect')
  eager.on('error', () => undefined).resume()
  await waitFor(() => sides.length === 1)
  eager.renegotiate({}, () => undefined)
  await waitFor(() => sides[0]?.closed !== undefined)
  assert.match(sides[0]?.closed?.reason ?? '', /renegotiation/u)
  eager.destroy()
})
