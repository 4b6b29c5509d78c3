import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { it, type TestContext } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import {
  createHttp1Server,
  type Http1Server,
  type Http1ServerOptions,
  type ServerExchange,
} from '@tidemill/http1/node'
import { RawPeer, turns } from './raw-peer.ts'

const end = '\r\n\r\n'

/** A server whose connections somebody else accepts. */
async function serve(
  t: TestContext,
  options: Http1ServerOptions,
): Promise<{ readonly server: Http1Server; readonly connect: () => Promise<RawPeer> }> {
  const server = createHttp1Server(options)
  let count = 0
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    server.accept(socket, `connection ${++count}`),
  )
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const peers: RawPeer[] = []
  t.after(() => {
    for (const peer of peers) peer.socket.destroy()
    server.cut()
    listener.close()
  })
  return {
    server,
    async connect() {
      const peer = await RawPeer.connect(port)
      peers.push(peer)
      return peer
    },
  }
}

it('gives every exchange what its connection was accepted with', async (t) => {
  const { connect } = await serve(t, {
    handler: {
      onRequest: (exchange) => exchange.respond(200, [], String(exchange.connectionState)),
    },
  })
  const first = await connect()
  first.send(`GET / HTTP/1.1\r\nHost: a${end}GET / HTTP/1.1\r\nHost: a${end}`)
  await first.until((text) => text.split('connection 1').length === 3)
  const second = await connect()
  second.send(`GET / HTTP/1.1\r\nHost: a${end}`)
  await second.until((text) => text.endsWith('connection 2'))
})

it('says what the handler wants in the answer to a refused message', async (t) => {
  const { connect } = await serve(t, {
    handler: {
      onRequest: () => undefined,
      refusal: (verdict, exchange, connection) => ({
        headers: ['x-reason', verdict.reason],
        body: `${String(connection.state)} ${exchange?.head.path ?? 'no head'}`,
      }),
    },
  })
  const broken = await connect()
  broken.send('GET / HTTP/1.1\nHost')
  assert.match(await broken.end(), /^HTTP\/1\.1 400 .*x-reason: bare-lf.*connection 1 no head$/su)
  const refused = await connect()
  refused.send(`TRACE /x HTTP/1.1\r\nHost: a${end}`)
  await refused.until((text) => text.endsWith('connection 2 /x'))
  assert.match(refused.text, /^HTTP\/1\.1 405 .*x-reason: method-not-allowed/su)
  const body = await connect()
  body.send(`POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked${end}zz\r\n`)
  assert.match(await body.end(), /^HTTP\/1\.1 400 .*x-reason: chunk-size.*connection 3 \/y$/su)
})

const upgrade = `GET /t HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket${end}`

it('keeps a tunnel on the connection, both directions and their ends', async (t) => {
  const got: string[] = []
  const exchanges: ServerExchange[] = []
  const ends: string[] = []
  const { connect, server } = await serve(t, {
    upgrades: ['websocket'],
    handler: {
      onRequest: (exchange) => void exchanges.push(exchange),
      onBody: (_, chunk) => void got.push(chunk.toString('latin1')),
      onEnd: (exchange) => void ends.push(exchange.open ? 'end' : 'late'),
      onAbort: (_, reason) => void ends.push(reason),
    },
  })
  const peer = await connect()
  peer.send(`${upgrade}early`)
  await turns(() => ends.length === 1)
  const [exchange] = exchanges
  exchange?.tunnel(['x-a', '1'])
  exchange?.write(Buffer.from('first'))
  await peer.until((text) => text.endsWith('first'))
  assert.match(peer.text, /^HTTP\/1\.1 101 Switching Protocols\r\nx-a: 1\r\n/u)
  assert.equal(got.join(''), 'early')
  peer.send('\0\xff\r\n')
  await turns(() => got.join('') === 'early\0\xff\r\n')
  exchange?.pauseBody()
  peer.send('held')
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(got.join(''), 'early\0\xff\r\n')
  exchange?.resumeBody()
  await turns(() => got.join('').endsWith('held'))
  peer.socket.end()
  await turns(() => ends.length === 2)
  exchange?.write(Buffer.from('bye'))
  exchange?.end()
  assert.match(await peer.end(), /bye$/u)
  await turns(() => server.connections === 0)
  assert.deepEqual(ends, ['end', 'end'])
})

it('tells when a tunnel is lost', async (t) => {
  const reasons: string[] = []
  const { connect, server } = await serve(t, {
    upgrades: ['websocket'],
    handler: {
      onRequest: () => undefined,
      onEnd: (exchange) => exchange.tunnel([]),
      onAbort: (_, reason) => void reasons.push(reason),
    },
  })
  const peer = await connect()
  peer.send(upgrade)
  await peer.until((text) => text.includes(' 101 '))
  peer.socket.resetAndDestroy()
  await turns(() => server.connections === 0)
  assert.equal(reasons.length, 1)
})

it('probes a client that ended its side: one that is gone, and one that reads', async (t) => {
  const clock = createVirtualClock()
  const reasons: string[] = []
  const exchanges: ServerExchange[] = []
  const { connect } = await serve(t, {
    clock,
    handler: {
      onRequest: (exchange) => void exchanges.push(exchange),
      onHalfClose: (exchange) => {
        reasons.push('half-close')
        exchange.probe()
      },
      onAbort: () => void reasons.push('gone'),
    },
  })
  const gone = await connect()
  gone.send(`GET / HTTP/1.1\r\nHost: a${end}`)
  await turns(() => exchanges.length === 1)
  gone.socket.destroy()
  await turns(() => reasons.length === 1)
  for (let i = 0; i < 10 && reasons.length < 2; i++) await clock.advance(50)
  await turns(() => reasons.length === 2)
  const there = await connect()
  there.send(`GET / HTTP/1.1\r\nHost: a${end}`)
  await turns(() => exchanges.length === 2)
  there.socket.end()
  await turns(() => reasons.length === 3)
  await clock.advance(500)
  exchanges[1]?.respond(200, [], 'here')
  const text = await there.end()
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/u)
  assert.match(text, /here$/u)
  assert.deepEqual(reasons, ['half-close', 'gone', 'half-close'])
})

it('drains with the times of the call, and serves what is accepted meanwhile once', async (t) => {
  const clock = createVirtualClock()
  const { connect, server } = await serve(t, {
    clock,
    handler: { onRequest: (exchange) => exchange.respond(200, [], 'hello') },
  })
  const request = `GET / HTTP/1.1\r\nHost: a${end}`
  const idle = await connect()
  idle.send(request)
  await idle.until((text) => text.endsWith('hello'))
  const drained = server.drain({ idle: '3s', timeout: '5s' })
  const late = await connect()
  late.send(request)
  assert.match(await late.end(), /connection: close/u)
  late.socket.end()
  await clock.advance(2900)
  assert.equal(idle.closed, false)
  await clock.advance(200)
  await idle.end()
  idle.socket.end()
  await clock.advance(2000)
  await drained
  assert.equal(server.connections, 0)
})

it('resets a connection whose end would look like the end of the body', async (t) => {
  const { connect } = await serve(t, {
    handler: {
      onRequest: (exchange) => {
        exchange.writeHead(200, [], -1)
        exchange.write(Buffer.from('half'))
        setImmediate(() => exchange.abort())
      },
    },
  })
  const peer = await connect()
  const failed = new Promise<string | undefined>((resolve) => {
    peer.socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    peer.socket.on('end', () => resolve('an end'))
  })
  peer.send(`GET / HTTP/1.0\r\n\r\n`)
  assert.equal(await failed, 'ECONNRESET')
})
