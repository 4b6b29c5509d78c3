import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import type { Verdict } from '@tidemill/http1'
import {
  createHttp1Server,
  type Http1Server,
  type Http1ServerOptions,
  type ServerExchange,
} from '@tidemill/http1/node'
import { RawPeer, responses, turns } from './raw-peer.ts'

const hello = Buffer.from('hello')
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

async function serve(
  t: TestContext,
  options: Http1ServerOptions,
): Promise<{ server: Http1Server; peer: RawPeer; port: number }> {
  const server = createHttp1Server({ drainIdle: '0s', ...options })
  const { port } = await server.listen()
  const peer = await RawPeer.connect(port)
  t.after(async () => {
    peer.socket.destroy()
    await server.close()
  })
  return { server, peer, port }
}

const echo: Http1ServerOptions['handler'] = {
  onRequest: (exchange) => exchange.writeHead(200, [], exchange.head.bodyLength),
  onBody: (exchange, chunk) => void exchange.write(Buffer.from(chunk)),
  onEnd: (exchange, trailers) => exchange.end(trailers),
}

describe('a server', () => {
  it('answers with a date, keeps the connection and answers the next request', async (t) => {
    const clock = createVirtualClock(Date.UTC(2026, 0, 2, 3, 4, 5))
    const { peer } = await serve(t, {
      clock,
      handler: { onRequest: (exchange) => exchange.respond(200, ['x-a', '1'], hello) },
    })
    const expected =
      'HTTP/1.1 200 OK\r\nx-a: 1\r\ndate: Fri, 02 Jan 2026 03:04:05 GMT\r\ncontent-length: 5\r\n\r\nhello'
    peer.send(get)
    await peer.until((text) => text.endsWith('hello'))
    assert.equal(peer.text, expected)
    clock.step(1000)
    peer.send(get)
    await peer.until((text) => responses(text) === 2 && text.endsWith('hello'))
    assert.equal(peer.text, expected + expected.replace('04:05', '04:06'))
  })

  it('echoes chunks and trailers, and a body of known length', async (t) => {
    const { peer } = await serve(t, { handler: echo })
    peer.send(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n',
    )
    await peer.until((text) => text.endsWith('3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n'))
    peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz')
    await peer.until((text) => text.endsWith('content-length: 3\r\n\r\nxyz'))
  })

  it('answers a pipeline in its order, one request at a time', async (t) => {
    const waiting: ServerExchange[] = []
    const { peer } = await serve(t, {
      handler: { onRequest: (exchange) => waiting.push(exchange) },
    })
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`)
    peer.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    for (const path of paths) {
      await turns(() => waiting.length > 0)
      assert.equal(waiting.length, 1)
      const exchange = waiting.pop() as ServerExchange
      exchange.respond(200, ['x-path', exchange.head.path])
      assert.equal(exchange.head.path, path)
      assert.equal(exchange.open, false)
      assert.throws(() => exchange.respond(200, []), isState)
    }
    await peer.until((text) => responses(text) === 50)
    assert.deepEqual(
      [...peer.text.matchAll(/x-path: (\S+)/gu)].map((match) => match[1]),
      paths,
    )
  })

  it('reads no more of a pipeline than it may hold', async (t) => {
    let exchange: ServerExchange | undefined
    const { peer } = await serve(t, {
      handler: {
        onRequest: (one) => void ((exchange ??= one), one !== exchange && one.respond(200, [])),
      },
    })
    const many = get.repeat(20_000)
    let sent = 0
    // The kernel's buffers fill up, and then nothing is written any more.
    while (peer.socket.write(many) || sent < 40_000_000) {
      sent += many.length
      if (sent > 60_000_000) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    await turns(() => exchange !== undefined)
    assert.ok(peer.socket.writableLength > 1_000_000, 'the client has to wait')
    // A socket that is not read does not learn that its client is gone.
    exchange?.abort()
  })

  it('answers what was asked before the client ended its side', async (t) => {
    const { peer } = await serve(t, {
      handler: {
        onRequest: (exchange) => void setImmediate(() => exchange.respond(200, [], hello)),
      },
    })
    peer.socket.end(get + get)
    const text = await peer.end()
    assert.equal(responses(text), 2)
  })

  it('answers a refused message with its status and reason, then closes', async (t) => {
    const verdicts: Verdict[] = []
    const { peer } = await serve(t, {
      handler: {
        onRequest: () => assert.fail('it was delivered'),
        onRefused: (verdict) => verdicts.push(verdict),
      },
    })
    peer.send('GET / HTTP/1.1\r\nHost : a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const text = await peer.end()
    assert.match(
      text,
      /^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json\r\n/u,
    )
    assert.match(text, /\r\nconnection: close\r\n/u)
    assert.match(text, /"reason":"header-name-space"/u)
    assert.equal(responses(text), 1)
    assert.equal(verdicts[0]?.reason, 'header-name-space')
  })

  it('answers a request that its rules refuse and goes on', async (t) => {
    const { peer } = await serve(t, {
      maxBody: 4,
      handler: { onRequest: (exchange) => exchange.respond(200, []) },
    })
    peer.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${get}`)
    await peer.until((text) => responses(text) === 2)
    assert.match(peer.text, /^HTTP\/1\.1 413 /u)
    assert.match(peer.text, /HTTP\/1\.1 200 OK/u)
  })

  it('reads 64 KiB of a body that nobody wants to keep the connection, and closes for more', async (t) => {
    const { peer, port } = await serve(t, {
      handler: { onRequest: (exchange) => exchange.respond(200, []) },
    })
    const body = 'x'.repeat(64 * 1024)
    peer.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n${body}${get}`)
    await peer.until((text) => responses(text) === 2)
    assert.doesNotMatch(peer.text, /connection: close/u)
    const second = await RawPeer.connect(port)
    second.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\nx${body}${get}`)
    const text = await second.end()
    assert.equal(responses(text), 1)
    assert.match(text, /connection: close/u)
    second.socket.destroy()
    const third = await RawPeer.connect(port)
    third.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    third.send(`10001\r\nx${body}\r\n0\r\n\r\n${get}`)
    assert.equal(responses(await third.end()), 1)
    third.socket.destroy()
  })

  it('says 100 Continue by itself, or leaves it to the handler', async (t) => {
    const ask = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n'
    const { peer } = await serve(t, { handler: echo })
    peer.send(ask)
    await peer.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
    peer.send('x')
    await peer.until((text) => text.endsWith('\r\n\r\nx'))
    const own = await serve(t, {
      autoContinue: false,
      handler: { onRequest: (exchange) => exchange.respond(403, []) },
    })
    own.peer.send(ask)
    const text = await own.peer.end()
    assert.match(text, /^HTTP\/1\.1 403 [^]*connection: close/u)
  })

  it('hands over an allowed upgrade with the bytes that came behind it', async (t) => {
    const { peer } = await serve(t, {
      upgrades: ['websocket'],
      handler: {
        onRequest: () => undefined,
        onEnd(exchange) {
          setImmediate(() => {
            const { socket, head } = exchange.upgrade(['x-a', '1'])
            socket.write(`got ${head.toString()}`)
            socket.on('data', (chunk: Buffer) => socket.end(`then ${chunk.toString()}`))
            socket.resume()
          })
        },
      },
    })
    peer.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst')
    await peer.until((text) => text.endsWith('got first'))
    assert.match(peer.text, /^HTTP\/1\.1 101 Switching Protocols\r\nx-a: 1\r\n/u)
    peer.send('second')
    assert.match(await peer.end(), /then second$/u)
  })

  it('refuses to upgrade what did not ask, and drops what is not allowed', async (t) => {
    const { peer } = await serve(t, {
      handler: {
        onRequest: () => undefined,
        onEnd(exchange) {
          assert.throws(() => exchange.upgrade([]), isState)
          exchange.respond(200, [])
        },
      },
    })
    peer.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n')
    await peer.until((text) => text.startsWith('HTTP/1.1 200'))
  })

  it('opens a tunnel for CONNECT where it is allowed', async (t) => {
    const { peer } = await serve(t, {
      connect: true,
      handler: {
        onRequest: () => undefined,
        onEnd(exchange) {
          const { socket } = exchange.upgrade([])
          socket.pipe(socket)
        },
      },
    })
    peer.send('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nearly')
    await peer.until((text) => text.endsWith('\r\n\r\nearly'))
    peer.send('ping')
    await peer.until((text) => text.endsWith('ping'))
  })

  it('holds a writer back while the client does not read', async (t) => {
    let drained = 0
    let written = 0
    const total = 32 * 1024 * 1024
    const part = Buffer.alloc(64 * 1024, 0x61)
    const fill = (exchange: ServerExchange): void => {
      while (written < total) {
        written += part.length
        if (!exchange.write(part)) break
      }
      if (written === total) exchange.end()
    }
    const { peer } = await serve(t, {
      handler: {
        onRequest(exchange) {
          exchange.writeHead(200, [], total)
          fill(exchange)
        },
        onWritable(exchange) {
          drained++
          fill(exchange)
        },
      },
    })
    peer.socket.pause()
    peer.send(get)
    await turns(() => written > 0)
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(written < total / 2, `${written} bytes were taken`)
    let received = 0
    peer.socket.removeAllListeners('data')
    peer.socket.on('data', (chunk: Buffer) => (received += chunk.length))
    peer.socket.resume()
    await turns(() => received > total)
    assert.ok(drained > 0)
  })

  it('holds the client back while the handler does not read', async (t) => {
    let exchange: ServerExchange | undefined
    let received = 0
    const { peer } = await serve(t, {
      maxBody: '64MiB',
      handler: {
        onRequest(one) {
          exchange = one
          one.pauseBody()
        },
        onBody: (_, chunk) => void (received += chunk.length),
        onEnd: (one) => one.respond(200, [], `${received}`),
      },
    })
    const total = 32 * 1024 * 1024
    peer.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`)
    peer.socket.write(Buffer.alloc(total))
    await turns(() => exchange !== undefined)
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(received, 0)
    assert.ok(peer.socket.writableLength > 0)
    exchange?.resumeBody()
    await peer.until((text) => text.endsWith(`\r\n\r\n${total}`))
  })

  it('tells the handler when the client is gone, and when it only ended its side', async (t) => {
    const told: string[] = []
    let begun = 0
    const { peer, port, server } = await serve(t, {
      handler: {
        onRequest: () => begun++,
        onHalfClose(exchange) {
          told.push('half-closed')
          exchange.abort()
        },
        onAbort: (_, reason) => told.push(reason),
      },
    })
    peer.send(get)
    await turns(() => begun === 1)
    peer.socket.resetAndDestroy()
    await turns(() => server.connections === 0)
    assert.deepEqual(told, ['closed'])
    const second = await RawPeer.connect(port)
    second.socket.end(get)
    await turns(() => told.length === 3)
    assert.deepEqual(told.slice(1), ['half-closed', 'aborted'])
    second.socket.destroy()
  })

  it('cuts the connection when a response cannot be completed', async (t) => {
    const { peer } = await serve(t, {
      handler: {
        onRequest(exchange) {
          exchange.writeHead(200, [], 10)
          exchange.write(hello)
          assert.throws(
            () => exchange.end(),
            (error: unknown) => TidemillError.is(error, 'TM_HTTP1_BODY_LENGTH'),
          )
          exchange.abort()
        },
      },
    })
    peer.send(get)
    await peer.end()
    assert.ok(!peer.text.includes('\r\n\r\nhello') || peer.text.endsWith('hello'))
  })

  it('accepts no more connections than allowed', async (t) => {
    const { port, peer } = await serve(t, {
      maxConnections: 1,
      handler: { onRequest: (exchange) => exchange.respond(200, []) },
    })
    peer.send(get)
    await peer.until((text) => responses(text) === 1)
    const second = await RawPeer.connect(port)
    assert.equal(await second.end(), '')
    second.socket.destroy()
  })
})

const isState = (error: unknown): boolean => TidemillError.is(error, 'TM_HTTP1_STATE')

describe('a server in time', () => {
  it('answers 408 to a head that trickles, and closes a connection that never speaks', async (t) => {
    const clock = createVirtualClock()
    const { peer, port, server } = await serve(t, {
      clock,
      headerTimeout: '10s',
      handler: { onRequest: () => assert.fail('no request') },
    })
    const silent = await RawPeer.connect(port)
    await turns(() => server.connections === 2)
    for (const char of 'GET / HTT') {
      peer.send(char)
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(1000)
    }
    assert.equal(peer.closed, false)
    await clock.advance(1010)
    assert.match(await peer.end(), /^HTTP\/1\.1 408 [^]*"reason":"header-timeout"/u)
    assert.equal(await silent.end(), '')
    silent.socket.destroy()
  })

  it('closes an idle connection, and counts a trickled second head from its first byte', async (t) => {
    const clock = createVirtualClock()
    const { peer, port } = await serve(t, {
      clock,
      idleTimeout: '65s',
      headerTimeout: '10s',
      handler: { onRequest: (exchange) => exchange.respond(200, []) },
    })
    const second = await RawPeer.connect(port)
    for (const one of [peer, second]) {
      one.send(get)
      await one.until((text) => responses(text) === 1)
    }
    await clock.advance(60_000)
    second.send('G')
    // When a later byte of another connection is answered, this one has been read.
    const third = await RawPeer.connect(port)
    third.send(get)
    await third.until((text) => responses(text) === 1)
    third.socket.destroy()
    assert.equal(peer.closed, false)
    await clock.advance(5010)
    assert.equal(responses(await peer.end()), 1)
    assert.equal(second.closed, false)
    await clock.advance(5010)
    assert.match(await second.end(), /408/u)
    second.socket.destroy()
  })

  it('answers 408 to a body that stands still, not to one that moves', async (t) => {
    const clock = createVirtualClock()
    let received = 0
    const reasons: string[] = []
    const { peer } = await serve(t, {
      clock,
      bodyTimeout: '30s',
      handler: {
        onRequest: () => undefined,
        onBody: (_, chunk) => void (received += chunk.length),
        onAbort: (_, reason) => reasons.push(reason),
      },
    })
    peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n')
    for (let i = 1; i <= 4; i++) {
      peer.send('x')
      await turns(() => received === i)
      await clock.advance(20_000)
    }
    assert.equal(peer.closed, false)
    await clock.advance(10_010)
    assert.match(await peer.end(), /^HTTP\/1\.1 408 /u)
    assert.deepEqual(reasons, ['body-timeout'])
  })

  it('closes on a client that does not read its response', async (t) => {
    const clock = createVirtualClock()
    const reasons: string[] = []
    let begun = false
    const { peer, server } = await serve(t, {
      clock,
      writeTimeout: '30s',
      handler: {
        onRequest(exchange) {
          begun = true
          exchange.writeHead(200, [], 64 * 1024 * 1024)
          exchange.write(Buffer.alloc(32 * 1024 * 1024))
        },
        onAbort: (_, reason) => reasons.push(reason),
      },
    })
    peer.socket.pause()
    peer.send(get)
    await turns(() => begun)
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(29_000)
    assert.equal(server.connections, 1)
    await clock.advance(1010)
    await turns(() => server.connections === 0)
    assert.deepEqual(reasons, ['write timeout'])
  })
})

describe('a draining server', () => {
  it('finishes what it was asked with Connection: close, and gives idle connections time to learn of it', async () => {
    const clock = createVirtualClock()
    let exchange: ServerExchange | undefined
    const server = createHttp1Server({
      clock,
      drainIdle: '1s',
      handler: {
        onRequest: (one) => (one.head.path === '/wait' ? (exchange = one) : one.respond(200, [])),
      },
    })
    const { port } = await server.listen()
    const [busy, idle, late] = (await Promise.all([1, 2, 3].map(() => RawPeer.connect(port)))) as [
      RawPeer,
      RawPeer,
      RawPeer,
    ]
    busy.send(get.replace('/ ', '/wait '))
    for (const peer of [idle, late]) {
      peer.send(get)
      await peer.until((text) => responses(text) === 1)
    }
    await turns(() => exchange !== undefined)
    const closing = server.close()
    late.send(get)
    assert.match(await late.end(), /HTTP\/1\.1 200 OK[^]*HTTP\/1\.1 200 OK[^]*connection: close/u)
    assert.equal(idle.closed, false)
    await clock.advance(1010)
    await idle.end()
    assert.equal(busy.closed, false)
    exchange?.respond(200, [], hello)
    assert.match(await busy.end(), /connection: close\r\n\r\nhello$/u)
    for (const peer of [busy, idle, late]) peer.socket.end()
    await closing
    assert.equal(server.connections, 0)
  })

  it('cuts off what is left at its deadline', async () => {
    const clock = createVirtualClock()
    const reasons: string[] = []
    let begun = false
    await using server = createHttp1Server({
      clock,
      drainTimeout: '30s',
      handler: {
        onRequest: () => void (begun = true),
        onAbort: (_, reason) => reasons.push(reason),
      },
    })
    const { port } = await server.listen()
    const peer = await RawPeer.connect(port)
    peer.send(get)
    await turns(() => begun)
    const closing = server.close()
    await clock.advance(30_010)
    await closing
    assert.deepEqual(reasons, ['aborted'])
    peer.socket.destroy()
  })
})
