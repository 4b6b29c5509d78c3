import assert from 'node:assert/strict'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { echo, exchange, type Harness, listen, openHarness, until } from './harness.ts'

/** A backend on bare sockets; `serve` is called with every piece of data that a connection receives. */
async function rawBackend(
  h: Harness,
  serve: (socket: Socket, piece: string, count: number) => void,
): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    let count = 0
    sockets.add(socket)
    socket.setEncoding('latin1')
    socket.on('error', () => socket.destroy())
    socket.on('data', (piece: string) => serve(socket, piece, ++count))
  })
  h.gateway.setBackend('shop/order', [await listen(server)])
  h.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
}

/** A client on a bare connection that stays open. */
async function rawClient(
  h: Harness,
): Promise<{ readonly socket: Socket; readonly text: () => string }> {
  let text = ''
  const socket = connect(h.gateway.port, '127.0.0.1')
  socket.setEncoding('latin1')
  socket.on('data', (piece: string) => {
    text += piece
  })
  socket.on('error', () => undefined)
  h.defer(() => socket.destroy())
  await new Promise((resolve) => {
    socket.once('connect', resolve)
  })
  return { socket, text: () => text }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const get = 'GET /orders HTTP/1.1\r\nHost: a\r\n\r\n'

describe('proxy: connections to the upstream', () => {
  it('sends a GET again on a new connection when kept ones turn out dead, and a POST never', async () => {
    await using h = await openHarness()
    const waiting: Socket[] = []
    let reused = 0
    await rawBackend(h, (socket, _piece, count) => {
      if (count > 1) {
        reused++
        socket.resetAndDestroy()
      } else if (waiting.length < 4) {
        waiting.push(socket)
        if (waiting.length === 4) for (const each of waiting) each.write(ok)
      } else socket.write(ok)
    })
    // Four connections are kept; each dies under its second request.
    const first = await Promise.all([1, 2, 3, 4].map(() => h.get('/orders')))
    for (const response of first) await response.text()
    const again = await h.get('/orders')
    assert.deepEqual([again.status, reused], [200, 1])
    await again.text()
    assert.equal((await h.get('/orders', { method: 'POST' })).status, 502)
    assert.equal(reused, 2)
    assert.equal(h.gateway.breakers()[0]?.failures, 1)
  })

  it('does not take what a server says unasked for the answer to the next request', async () => {
    await using h = await openHarness()
    let connections = 0
    let first: Socket | undefined
    await rawBackend(h, (socket, _piece, count) => {
      if (count === 1) connections++
      first ??= socket
      socket.write(ok)
    })
    await (await h.get('/orders')).text()
    first?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    for (let i = 0; i < 20; i++) await until(() => true)
    assert.equal(await (await h.get('/orders')).text(), 'ok')
    assert.equal(connections, 2)
  })

  const answers: readonly (readonly [string, string])[] = [
    ['a control character in the reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok'],
    [
      'a coding in HTTP/1.0',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    [
      'length and coding',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    [
      'chunked twice',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
  ]
  for (const [what, bytes] of answers) {
    it(`answers 502, not with a crash, to ${what}`, async () => {
      await using h = await openHarness()
      await rawBackend(h, (socket) => socket.end(bytes, 'latin1'))
      assert.equal((await h.get('/orders')).status, 502)
      assert.equal(h.gateway.requests(1)[0]?.flag, 'UPE')
    })
  }

  it('drops the fields that the answer names in Connection, and keeps every Set-Cookie', async () => {
    await using h = await openHarness()
    await rawBackend(h, (socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\nConnection: close, X-Inner\r\nX-Inner: 1\r\nKeep-Alive: x\r\nAlt-Svc: h3=":1"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n',
      ),
    )
    const { headers } = await h.get('/orders')
    for (const gone of ['x-inner', 'alt-svc']) assert.equal(headers.get(gone), null, gone)
    assert.notEqual(headers.get('keep-alive'), 'x')
    assert.deepEqual(headers.getSetCookie(), ['a=1', 'b=2'])
  })

  it('passes the trailers of an answer on to a client that takes them, and to no other', async () => {
    await using h = await openHarness()
    h.answer = (_req, res) => {
      res.write('x')
      res.addTrailers({ 'X-Sum': '7' })
      res.end()
    }
    const ask = (te: string): Promise<string> =>
      exchange(h.gateway.url, `GET /orders HTTP/1.1\r\nHost: a\r\n${te}Connection: close\r\n\r\n`)
    assert.match(await ask('TE: trailers\r\n'), /\r\n0\r\nx-sum: 7\r\n\r\n$/u)
    assert.match(await ask(''), /\r\n0\r\n\r\n$/u)
  })

  it('counts a response head that trickles as a timeout', async () => {
    await using h = await openHarness()
    let socket: Socket | undefined
    await rawBackend(h, (each) => {
      socket = each
      each.write('HTTP/1.1 200 OK\r\nX: ')
    })
    const response = h.get('/orders')
    await until(() => socket !== undefined)
    for (let i = 0; i < 5; i++) {
      socket?.write('x')
      await h.clock.advance(1000)
    }
    assert.equal((await response).status, 504)
    assert.deepEqual([h.gateway.breakers()[0]?.calls, h.gateway.breakers()[0]?.failures], [1, 1])
  })

  it('has one outcome when the answer comes in the moment of the timeout', async () => {
    await using h = await openHarness()
    let late: (() => void) | undefined
    h.answer = (_req, res) => {
      late = () => res.end('late')
    }
    const response = h.get('/orders')
    await until(() => late !== undefined)
    const passed = h.clock.advance(5000)
    late?.()
    const { status } = await response
    await passed
    assert.ok(status === 504 || status === 200)
    await until(() => h.gateway.metrics().every(({ active }) => active === 0))
    assert.equal(h.gateway.requests().length, 1)
    assert.equal(h.gateway.breakers()[0]?.calls, 1)
  })
})

describe('proxy: connections of clients', () => {
  it('keeps the connection in step after a body that nobody read', async () => {
    await using h = await openHarness()
    h.gateway.setBackend('shop/order', ['http://127.0.0.1:1'])
    const { socket, text } = await rawClient(h)
    // Fits what is read and thrown away to keep a connection.
    socket.write(
      `POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(30_000)}`,
    )
    await until(() => text().includes('TM_GATEWAY_UPSTREAM'))
    socket.write(`${'x'.repeat(30_000)}GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n`)
    await until(() => text().includes('TM_GATEWAY_NO_ROUTE'))
  })

  it('reads on after an early answer, so that the client can read it', async () => {
    await using h = await openHarness()
    await rawBackend(h, (socket, _piece, count) => {
      if (count === 1) socket.write('HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno')
    })
    const { socket, text } = await rawClient(h)
    let broken = false
    socket.on('error', () => {
      broken = true
    })
    const piece = 'x'.repeat(60_000)
    socket.write('POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 6000000\r\n\r\n')
    for (let i = 0; i < 100; i++) socket.write(piece)
    await until(() => broken || /HTTP\/1\.1 401[^]*\r\n\r\nno$/u.test(text()))
    assert.equal(broken, false)
    assert.match(text(), /connection: close/iu)
  })

  it('completes an answer that is under way, and refuses what follows when it is no HTTP', async () => {
    await using h = await openHarness()
    let release: (() => void) | undefined
    h.answer = (_req, res) => {
      res.writeHead(200, { 'Content-Length': 4 })
      res.write('ab')
      release = () => res.end('cd')
    }
    const { socket, text } = await rawClient(h)
    socket.write(get)
    await until(() => text().endsWith('ab'))
    const closed = new Promise((resolve) => {
      socket.once('close', resolve)
    })
    socket.write('\x00\x01nonsense\r\n\r\n')
    for (let i = 0; i < 20; i++) await until(() => true)
    assert.ok(text().endsWith('\r\n\r\nab'), text())
    release?.()
    await closed
    assert.match(text(), /\r\n\r\nabcdHTTP\/1\.1 400 /u)
  })

  it('answers 400 to a chunk that is none, and does not blame the upstream', async () => {
    await using h = await openHarness()
    const head = 'POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    const { socket, text } = await rawClient(h)
    socket.write(`${head}3\r\nabc\r\n`)
    await until(() => h.seen.length === 1)
    socket.write('zz\r\n')
    await until(() => text().includes('TM_GATEWAY_BAD_REQUEST'))
    assert.equal(h.gateway.breakers()[0]?.calls, 0)
    assert.equal(h.gateway.requests(1)[0]?.flag, 'DPE')
    assert.equal(h.gateway.requests().length, 1)
  })

  it('refuses an absolute target without a Host of its own', async () => {
    await using h = await openHarness()
    const answer = await exchange(
      h.gateway.url,
      'GET http://a/orders HTTP/1.1\r\nConnection: close\r\n\r\n',
    )
    assert.match(answer, /^HTTP\/1\.1 400 /u)
    assert.equal(h.seen.length, 0)
  })

  it('closes although a refused CONNECT is held open by its client', async () => {
    await using h = await openHarness()
    const { socket, text } = await rawClient(h)
    socket.on('end', () => undefined)
    socket.allowHalfOpen = true
    socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
    await until(() => text().includes('TM_GATEWAY_METHOD'))
    const closed = h.gateway.close()
    await h.clock.advance(1000)
    await closed
  })

  it('drains without losing the end of an answer that is not sent yet', async () => {
    await using h = await openHarness()
    const size = 12 * 1024 * 1024
    h.answer = (_req, res) => res.end(Buffer.alloc(size, 'x'))
    const { socket, text } = await rawClient(h)
    // Slower than the gateway, so that at its end the answer lies in the gateway's buffer.
    socket.on('data', () => {
      socket.pause()
      setImmediate(() => setImmediate(() => socket.resume()))
    })
    socket.write(get)
    await until(() => h.seen.length === 1)
    const drained = h.gateway.drain({ grace: '0s' })
    await drained
    await until(() => socket.destroyed)
    assert.equal(text().length - text().indexOf('\r\n\r\n') - 4, size)
  })

  it('drains under load: every request sent on a connection that may be used is answered', async () => {
    await using h = await openHarness()
    h.answer = echo
    let answered = 0
    let lost = 0
    /** Sends request after request until the gateway says that the connection ends. */
    const client = async (): Promise<void> => {
      const { socket, text } = await rawClient(h)
      for (let seen = 0; ; ) {
        socket.write(get)
        await until(() => text().slice(seen).includes('"body":0}') || socket.destroyed)
        const answer = text().slice(seen)
        seen = text().length
        if (!answer.includes('"body":0}')) {
          lost++
          return
        }
        answered++
        if (/\r\nconnection: close\r\n/iu.test(answer)) return
      }
    }
    const clients = Array.from({ length: 16 }, client)
    await until(() => answered > 200)
    const drained = h.gateway.drain()
    await Promise.all(clients)
    await h.clock.advance(5000)
    await drained
    assert.equal(lost, 0)
  })

  it('answers a request by the route that it began with', async () => {
    await using h = await openHarness()
    let release: (() => void) | undefined
    h.answer = (_req, res) => {
      release = () => res.end('done')
    }
    const running = h.get('/orders')
    await until(() => release !== undefined)
    await h.gateway.deleteRoute('shop/order')
    h.gateway.setBackend('shop/order', [])
    assert.equal((await h.get('/orders')).status, 404)
    release?.()
    assert.equal(await (await running).text(), 'done')
    assert.equal(h.gateway.follow('none'), undefined)
    assert.equal(h.gateway.requests(1)[0]?.route, 'shop/order')
  })
})
