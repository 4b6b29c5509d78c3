import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { createVirtualClock } from '@tidemill/core'
import { ENHANCE_YOUR_CALM, NO_ERROR, SETTINGS_TIMEOUT } from '@tidemill/http2'
import { connectHttp2, createHttp2Server, type Http2ServerOptions } from '@tidemill/http2/node'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import {
  describe,
  frame,
  frames,
  get,
  HeaderWriter,
  ping,
  post,
  readFrames,
  rst,
  settings,
} from '../lib/frames.ts'
import { ConnectionRecorder } from '../lib/recorder.ts'
import { waitFor } from '../lib/wait.ts'

const host = '127.0.0.1'

/** A server whose connections are recorded. */
async function serve(options: Partial<Http2ServerOptions> = {}) {
  const sides: ConnectionRecorder[] = []
  const server = createHttp2Server({
    onConnection: () => {
      const side = new ConnectionRecorder()
      side.streams.onEnd = ({ stream }) => {
        stream.headers([':status', '200'], false)
        stream.data(Buffer.from('ok'), true)
      }
      sides.push(side)
      return side
    },
    ...options,
  })
  const { port } = await server.listen()
  return { server, port, sides }
}

/** A peer by hand: writes bytes and keeps what comes. */
async function raw(
  port: number,
): Promise<{ socket: Socket; said: () => string[]; done: () => boolean }> {
  const socket = connect({ host, port, allowHalfOpen: true })
  await once(socket, 'connect')
  const parts: Buffer[] = []
  let ended = false
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.on('error', () => undefined)
  socket.on('end', () => (ended = true))
  socket.on('close', () => (ended = true))
  return { socket, said: () => describe(readFrames(Buffer.concat(parts))), done: () => ended }
}

const hello = Buffer.concat([frames.clientPreface, settings(), frame(frames.SETTINGS, 1, 0)])

test('answers what was whole when the client has ended its side', async () => {
  const { server, port } = await serve()
  const peer = await raw(port)
  peer.socket.end(Buffer.concat([hello, new HeaderWriter().headers(1, get, true)]))
  await waitFor(peer.done)
  assert.ok(peer.said().includes('DATA 1 2 end'))
  await server.close()
})

test('who is not speaking HTTP/2 is told so and sent away', async () => {
  const { server, port } = await serve()
  const peer = await raw(port)
  peer.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await waitFor(peer.done)
  assert.ok(peer.said().includes('GOAWAY last 0 code 1'))
  peer.socket.destroy()
  await server.close()
})

test('a client that does not finish the greeting is sent away in time', async () => {
  const clock = createVirtualClock()
  const { server, port, sides } = await serve({ clock, handshake: '3s' })
  const peer = await raw(port)
  peer.socket.write(frames.clientPreface)
  await waitFor(() => sides.length === 1)
  await clock.advance(2900)
  assert.equal(server.connections, 1)
  await clock.advance(200)
  assert.equal(sides[0]?.closed?.code, SETTINGS_TIMEOUT)
  await waitFor(peer.done)
  peer.socket.destroy()
  await server.close()
})

test('a connection without streams is drained after its idle time, one with streams is not', async () => {
  const clock = createVirtualClock()
  const { server, port, sides } = await serve({ clock, idle: '60s' })
  const peer = await raw(port)
  const writer = new HeaderWriter()
  peer.socket.write(Buffer.concat([hello, writer.headers(1, post)]))
  await waitFor(() => sides[0]?.streams.logs.size === 1)
  await clock.advance(100_000)
  assert.equal(sides[0]?.closed, undefined)
  peer.socket.write(rst(1, 8))
  await waitFor(() => sides[0]?.streams.all[0]?.how !== undefined)
  await waitFor(() => clock.pending > 0)
  await clock.advance(61_000)
  await waitFor(() => peer.said().some((text) => text.startsWith('GOAWAY last 2147483647')))
  peer.socket.destroy()
  await server.close()
})

test('a peer that reads nothing is cut after the progress time', async () => {
  const clock = createVirtualClock()
  const { server, port, sides } = await serve({ clock, progress: '5s', autoTune: false })
  const socket = connect({ host, port })
  await once(socket, 'connect')
  socket.pause()
  socket.on('error', () => undefined)
  socket.write(
    Buffer.concat([frames.clientPreface, settings(4, 0x7fffffff), frame(frames.SETTINGS, 1, 0)]),
  )
  socket.write(
    Buffer.concat([
      frame(frames.WINDOW_UPDATE, 0, 0, [0x70, 0, 0, 0]),
      new HeaderWriter().headers(1, post),
    ]),
  )
  await waitFor(() => sides[0]?.streams.logs.size === 1)
  const stream = sides[0]?.streams.all[0]?.stream
  stream?.headers([':status', '200'], false)
  stream?.data(Buffer.alloc(64 * 1024 * 1024), true)
  await waitFor(() => clock.pending > 0)
  // The kernel takes some megabytes first; then nothing moves, however busy the peer is with other things.
  for (let i = 1; i < 20 && sides[0]?.closed === undefined; i++) {
    socket.write(ping())
    await waitFor(() => sides[0]?.pings === i)
    await clock.advance(1000)
  }
  assert.equal(sides[0]?.closed?.reason, 'the peer reads nothing')
  assert.equal(sides[0]?.streams.all[0]?.how, 'lost')
  socket.destroy()
  await server.close()
})

test('a server that is asked more than its answers are read stops reading requests', async () => {
  const { server, port, sides } = await serve({ limits: { pings: 1_000_000 } })
  const socket = connect({ host, port })
  await once(socket, 'connect')
  socket.pause()
  socket.on('error', () => undefined)
  socket.write(hello)
  const writer = new HeaderWriter()
  let id = 1
  let answered = 0
  // Each answer is 10 KB of headers; the client never reads.
  await waitFor(() => sides.length === 1)
  const [side] = sides
  assert.ok(side)
  side.streams.onEnd = ({ stream }) => {
    answered++
    stream.headers([':status', '200', 'x-big', `${answered}`.repeat(2500)], true)
  }
  for (let round = 0; round < 400; round++) {
    const batch: Buffer[] = []
    for (let i = 0; i < 20; i++, id += 2) batch.push(writer.headers(id, get, true))
    socket.write(Buffer.concat(batch))
    await new Promise((next) => setImmediate(next))
  }
  assert.ok(answered < 8000, `${answered}`)
  assert.equal(side.closed, undefined)
  socket.resume()
  await waitFor(() => answered === 8000)
  socket.destroy()
  await server.close()
})

test('10,000 rapid resets end their connection and no other', async () => {
  const { server, port, sides } = await serve()
  const peer = await raw(port)
  const other = await connectHttp2(new ConnectionRecorder(), { host, port })
  const writer = new HeaderWriter()
  const list: Buffer[] = [hello]
  for (let i = 0; i < 10_000; i++) list.push(writer.headers(2 * i + 1, post), rst(2 * i + 1, 8))
  peer.socket.write(Buffer.concat(list))
  await waitFor(peer.done)
  assert.ok(sides.some(({ closed }) => closed?.code === ENHANCE_YOUR_CALM))
  const { streams } = new ConnectionRecorder()
  const stream = other.request(get, true, streams)
  await waitFor(() => streams.log(stream).how === 'done')
  peer.socket.destroy()
  other.goaway(NO_ERROR)
  await server.close()
})

test('a peer that is killed leaves its streams lost on both sides', async () => {
  const script = `
    import { connectHttp2 } from '@tidemill/http2/node'
    const handler = { onHeaders() {}, onData() {}, onTrailers() {}, onWritable() {}, onClose() {} }
    const client = await connectHttp2({ onStream: () => handler, onClose() {} }, { host: '${host}', port: Number(process.argv[1]) })
    client.request([':method', 'POST', ':scheme', 'http', ':path', '/', ':authority', 'a'], false, handler)
    setInterval(() => undefined, 1000)`
  const { server, port, sides } = await serve()
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv.filter((arg) => !arg.startsWith('--test')),
      '--input-type=module',
      '-e',
      script,
      String(port),
    ],
    {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  await waitFor(() => sides[0]?.streams.logs.size === 1)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await waitFor(() => sides[0]?.closed !== undefined)
  assert.equal(sides[0]?.streams.all[0]?.how, 'lost')
  assert.equal(server.connections, 0)
  await server.close()
})

test('drain finishes what runs, cuts what does not end and takes nothing new', async () => {
  const { server, port, sides } = await serve()
  const clientSide = new ConnectionRecorder()
  const client = await connectHttp2(clientSide, { host, port })
  const quick = client.request(post, false, clientSide.streams)
  await waitFor(() => sides[0]?.streams.logs.size === 1)
  const drained = server.drain({ grace: '5s' })
  await waitFor(() => clientSide.goaways.length === 2)
  assert.equal(client.slots, 0)
  quick.data(Buffer.from('x'), true)
  await drained
  assert.equal(clientSide.streams.log(quick).how, 'done')
  await assert.rejects(connectHttp2(new ConnectionRecorder(), { host, port }), {
    code: 'TM_HTTP2_CONNECT',
  })
  const slow = await serve()
  const stuckSide = new ConnectionRecorder()
  const stuck = await connectHttp2(stuckSide, { host, port: slow.port })
  const stream = stuck.request(post, false, stuckSide.streams)
  await waitFor(() => slow.sides[0]?.streams.logs.size === 1)
  await slow.server.drain({ grace: '20ms' })
  await waitFor(() => stuckSide.closed !== undefined)
  assert.equal(stuckSide.streams.log(stream).how, 'lost')
})

test('TLS speaks h2 by ALPN alone, and asks for a certificate when told to', async () => {
  const authority = createTestAuthority()
  const names = ['localhost', host]
  const clientCa = authority.ca
  const { server, port } = await serve({ tls: { ...authority.issue({ names }), clientCa } })
  const refused = [{ tls: {} }, { tls: { ca: authority.ca, serverName: 'elsewhere.test' } }]
  for (const options of refused) {
    await assert.rejects(connectHttp2(new ConnectionRecorder(), { host, port, ...options }), {
      code: 'TM_HTTP2_CONNECT',
    })
  }
  const without = new ConnectionRecorder()
  // In TLS 1.3 the client learns of the refusal after its own handshake.
  await connectHttp2(without, { host, port, tls: { ca: authority.ca } }).catch(() => undefined)
  const identity = authority.issue({ names: ['client'], client: true })
  const side = new ConnectionRecorder()
  const client = await connectHttp2(side, { host, port, tls: { ca: authority.ca, ...identity } })
  const stream = client.request(get, true, side.streams)
  await waitFor(() => side.streams.log(stream).how === 'done')
  client.goaway(NO_ERROR)
  const plain = connectTls({
    host,
    port,
    ca: authority.ca,
    ALPNProtocols: ['http/1.1'],
    ...identity,
  })
  let refusal = ''
  plain.on('error', ({ message }) => (refusal = message))
  await waitFor(() => plain.destroyed)
  assert.match(refusal, /no application protocol/u)
  await server.close()
})

test('no connection: refused, not answered in time, given up, without h2', async () => {
  const silent = createServer(() => undefined)
  silent.listen(0, host)
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const rejected = { code: 'TM_HTTP2_CONNECT' }
  const side = new ConnectionRecorder()
  await assert.rejects(connectHttp2(side, { host, port: 1 }), rejected)
  const late = { host, port, tls: {}, connectTimeout: '30ms' }
  await assert.rejects(connectHttp2(side, late), rejected)
  const signal = AbortSignal.abort()
  await assert.rejects(connectHttp2(side, { host, port, signal }), rejected)
  const busy = createHttp2Server({ onConnection: () => side })
  await assert.rejects(busy.listen({ port }), { code: 'TM_HTTP2_LISTEN' })
  silent.close()
})

test('more connections than allowed are closed at once', async () => {
  const { server, port } = await serve({ maxConnections: 1 })
  const first = await raw(port)
  first.socket.write(hello)
  await waitFor(() => server.connections === 1)
  const second = await raw(port)
  await waitFor(second.done)
  assert.equal(server.connections, 1)
  first.socket.write(ping())
  await waitFor(() => first.said().includes('PING ack'))
  first.socket.destroy()
  await server.close()
})

test('a silent server does not keep a client waiting for ever', async () => {
  const clock = createVirtualClock()
  const sockets: Socket[] = []
  const silent = createServer((socket) => sockets.push(socket))
  silent.listen(0, host)
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const side = new ConnectionRecorder()
  const client = await connectHttp2(side, { host, port, clock, handshake: '2s' })
  const stream = client.request(get, true, side.streams)
  await clock.advance(2100)
  assert.equal(side.closed?.code, SETTINGS_TIMEOUT)
  assert.equal(side.streams.log(stream).how, 'lost')
  for (const socket of sockets) socket.destroy()
  silent.close()
})
