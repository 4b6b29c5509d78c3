import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import type { HeaderList, ResponseHead } from '@tidemill/http1'
import {
  type ClientExchange,
  type ClientHandler,
  type ClientRequest,
  connectHttp1,
  createHttp1Server,
  type Http1Client,
  type Http1ClientOptions,
} from '@tidemill/http1/node'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { RawPeer, turns } from './raw-peer.ts'

const get: ClientRequest = { method: 'GET', target: '/', headers: ['host', 'a'] }

/** What a request came to. */
class Answer implements ClientHandler {
  readonly informational: number[] = []
  head: ResponseHead | undefined = undefined
  body = ''
  trailers: HeaderList | undefined = undefined
  error: TidemillError | undefined = undefined
  writable = 0

  onInformational(_: ClientExchange, head: ResponseHead): void {
    this.informational.push(head.status)
  }
  onResponse(_: ClientExchange, head: ResponseHead): void {
    this.head = head
  }
  onBody(_: ClientExchange, chunk: Buffer): void {
    this.body += chunk.toString()
  }
  onEnd(_: ClientExchange, trailers: HeaderList): void {
    this.trailers = trailers
  }
  onWritable(): void {
    this.writable++
  }
  onError(_: ClientExchange, error: Error): void {
    this.error = error as TidemillError
  }

  async done(): Promise<this> {
    await turns(() => this.trailers !== undefined || this.error !== undefined)
    return this
  }
}

/** A server of bytes and a client connected to it. */
async function pair(
  t: TestContext,
  options: Partial<Http1ClientOptions> = {},
): Promise<{ client: Http1Client; peer: RawPeer; socket: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = await connectHttp1({ port: (server.address() as AddressInfo).port, ...options })
  const [socket] = (await accepted) as [Socket]
  t.after(async () => {
    await client.close()
    socket.destroy()
    server.close()
  })
  return { client, socket, peer: new RawPeer(socket) }
}

describe('a client connection', () => {
  it('carries one exchange after another, behind interim responses', async (t) => {
    const { client, peer } = await pair(t)
    for (let i = 1; i <= 3; i++) {
      const answer = new Answer()
      client.request({ ...get, target: `/${i}` }, answer)
      assert.throws(
        () => client.request(get, answer),
        (error: unknown) => TidemillError.is(error, 'TM_HTTP1_STATE'),
      )
      await peer.until((text) => text.includes(`GET /${i} HTTP/1.1\r\nhost: a\r\n\r\n`))
      peer.send(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      )
      await answer.done()
      assert.deepEqual(answer.informational, [100, 103])
      assert.equal(answer.head?.status, 200)
      assert.equal(answer.body, 'hi')
      assert.equal(client.ready, true)
    }
  })

  it('sends a body with trailers, and one of known length', async (t) => {
    const { client, peer } = await pair(t)
    const answer = new Answer()
    const exchange = client.request({ ...get, method: 'POST', length: -1 }, answer)
    exchange.write(Buffer.from('hello'))
    exchange.end(['x-sum', '1'])
    await peer.until((text) => text.endsWith('5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n'))
    peer.send('HTTP/1.1 204 No Content\r\n\r\n')
    await answer.done()
    assert.throws(
      () => exchange.write(Buffer.from('x')),
      (error: unknown) => TidemillError.is(error, 'TM_HTTP1_STATE'),
    )
    const second = client.request({ ...get, method: 'PUT', length: 2 }, new Answer())
    assert.throws(
      () => second.write(Buffer.from('abc')),
      (error: unknown) => TidemillError.is(error, 'TM_HTTP1_BODY_LENGTH'),
    )
    second.write(Buffer.from('ab'))
    second.end()
    await peer.until((text) => text.endsWith('content-length: 2\r\n\r\nab'))
  })

  it('gives nobody what comes behind a response in the same bytes', async (t) => {
    const { client, peer } = await pair(t)
    let next: unknown
    const answer = new Answer()
    answer.onEnd = (exchange, trailers) => {
      assert.equal(exchange.reusable, false)
      try {
        client.request(get, answer)
      } catch (error) {
        next = error
      }
      answer.trailers = trailers
    }
    client.request(get, answer)
    await peer.until((text) => text.includes('GET /'))
    const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged'
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi${forged}`)
    await answer.done()
    assert.equal(answer.body, 'hi')
    assert.ok(TidemillError.is(next, 'TM_HTTP1_CLOSED'))
    await turns(() => client.closed)
  })

  it('takes the next request inside the end of the last', async (t) => {
    const { client, peer } = await pair(t)
    const second = new Answer()
    const first = new Answer()
    first.onEnd = () => client.request({ ...get, target: '/second' }, second)
    client.request(get, first)
    await peer.until((text) => text.includes('GET / '))
    peer.send('HTTP/1.1 204 No Content\r\n\r\n')
    await peer.until((text) => text.includes('GET /second '))
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.equal((await second.done()).body, 'ok')
  })

  it('has times of its own for a request', async (t) => {
    const clock = createVirtualClock()
    const { client } = await pair(t, { clock })
    const answer = new Answer()
    client.request({ ...get, headerMs: 50, bodyMs: Infinity }, answer)
    await clock.advance(40)
    assert.equal(answer.error, undefined)
    await clock.advance(20)
    assert.ok(TidemillError.is(answer.error, 'TM_HTTP1_TIMEOUT'))
  })

  it('writes Host and TE that are said beside the fields', async (t) => {
    const { client, peer } = await pair(t)
    client.request(
      { method: 'GET', target: '/', headers: [], host: 'b', trailers: true },
      new Answer(),
    )
    await peer.until((text) =>
      text.endsWith('GET / HTTP/1.1\r\nhost: b\r\nte: trailers\r\nconnection: te\r\n\r\n'),
    )
    const twice = { ...get, host: 'b' }
    const { client: other } = await pair(t)
    assert.throws(
      () => other.request(twice, new Answer()),
      (error: unknown) => TidemillError.is(error, 'TM_HTTP1_HOST'),
    )
  })

  it('is not used again after an answer that came before the request was sent', async (t) => {
    const { client, peer } = await pair(t)
    const answer = new Answer()
    client.request({ ...get, method: 'POST', length: 100 }, answer)
    peer.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n')
    await answer.done()
    assert.equal(answer.head?.status, 413)
    assert.equal(client.closed, true)
    assert.throws(
      () => client.request(get, answer),
      (error: unknown) => TidemillError.is(error, 'TM_HTTP1_CLOSED'),
    )
  })

  it('is not used again after bytes behind the body', async (t) => {
    let closed = 0
    const { client, peer } = await pair(t, { onClose: () => closed++ })
    const answer = new Answer()
    client.request(get, answer)
    peer.send(
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    )
    await answer.done()
    assert.equal(answer.body, 'x')
    await turns(() => closed === 1)
    assert.equal(client.ready, false)
  })

  it('reads until the close, and reports a body that is cut', async (t) => {
    const whole = await pair(t)
    const first = new Answer()
    whole.client.request(get, first)
    whole.socket.end('HTTP/1.1 200 OK\r\n\r\nhello')
    await first.done()
    assert.equal(first.body, 'hello')
    assert.equal(whole.client.closed, true)
    const cut = await pair(t)
    const second = new Answer()
    cut.client.request(get, second)
    cut.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    await second.done()
    assert.equal(second.error?.code, 'TM_HTTP1_CLOSED')
    assert.equal(second.error.details['started'], true)
    assert.equal(second.error.details['reason'], 'truncated')
  })

  it('reports a response that breaks the rules', async (t) => {
    const { client, peer } = await pair(t)
    const answer = new Answer()
    client.request(get, answer)
    peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n')
    await answer.done()
    assert.equal(answer.error?.code, 'TM_HTTP1_PEER')
    assert.equal(answer.error.details['reason'], 'transfer-encoding-unknown')
    assert.equal(answer.error.http, 502)
    assert.equal(await peer.end().then(() => client.closed), true)
  })

  it('tells whether a request whose connection broke may have been seen', async (t) => {
    const { client, peer, socket } = await pair(t)
    const first = new Answer()
    client.request(get, first)
    await peer.until((text) => text.endsWith('\r\n\r\n'))
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    await first.done()
    const second = new Answer()
    client.request(get, second)
    await peer.until((text) => text.split('\r\n\r\n').length === 3)
    socket.resetAndDestroy()
    await second.done()
    assert.equal(second.error?.code, 'TM_HTTP1_CLOSED')
    const { sent, started, reused } = second.error.details
    assert.deepEqual({ sent, started, reused }, { sent: true, started: false, reused: true })
  })

  it('gives up on a server that is silent, trickles its head, or stops in the body', async (t) => {
    for (const sent of ['', 'HTTP/1.1 200', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi']) {
      const clock = createVirtualClock()
      const { client, peer } = await pair(t, { clock, headerTimeout: '5s', bodyTimeout: '20s' })
      const answer = new Answer()
      client.request(get, answer)
      await peer.until((text) => text.endsWith('\r\n\r\n'))
      const inBody = sent.endsWith('hi')
      if (sent !== '') peer.send(sent)
      if (inBody) await turns(() => answer.body === 'hi')
      await clock.advance(inBody ? 19_000 : 4900)
      assert.ok(!client.closed)
      await clock.advance(1100)
      assert.equal(answer.error?.code, 'TM_HTTP1_TIMEOUT')
      assert.equal(client.closed, true)
    }
  })

  it('gives the connection away after 101, with what followed it', async (t) => {
    const { client, peer } = await pair(t)
    const answer = new Answer()
    let tunnel: Socket | undefined
    answer.onResponse = (exchange, head) => {
      assert.equal(head.tunnel, true)
      tunnel = exchange.tunnel().socket
    }
    client.request({ ...get, upgrade: 'websocket' }, answer)
    await peer.until((text) => text.includes('upgrade: websocket\r\nconnection: upgrade\r\n\r\n'))
    peer.send(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst',
    )
    await turns(() => tunnel !== undefined)
    const waiting = once(tunnel as Socket, 'data') as Promise<[Buffer]>
    tunnel?.resume()
    const [chunk] = await waiting
    assert.equal(chunk.toString(), 'first')
    tunnel?.end('bye')
    await peer.until((text) => text.endsWith('bye'))
    tunnel?.destroy()
  })

  it('keeps a connection that no head made a tunnel', async (t) => {
    const { client, peer } = await pair(t)
    const answer = new Answer()
    const exchange = client.request(get, answer)
    const isState = (error: unknown): boolean => TidemillError.is(error, 'TM_HTTP1_STATE')
    assert.throws(() => exchange.tunnel(), isState)
    answer.onResponse = (one) => assert.throws(() => one.tunnel(), isState)
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
    await answer.done()
    assert.equal(answer.body, 'hi')
    assert.equal(client.ready, true)
  })

  it('holds the server back while the body is not read', async (t) => {
    const { client, peer, socket } = await pair(t)
    const answer = new Answer()
    let exchange: ClientExchange | undefined
    let received = 0
    answer.onResponse = (one) => {
      exchange = one
      one.pauseBody()
    }
    answer.onBody = (_, chunk) => void (received += chunk.length)
    client.request(get, answer)
    const total = 16 * 1024 * 1024
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
    socket.write(Buffer.alloc(total))
    await turns(() => exchange !== undefined)
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(received, 0)
    assert.ok(socket.writableLength > 0)
    exchange?.resumeBody()
    await answer.done()
    assert.equal(received, total)
  })

  it('holds a writer back while the server does not read', async (t) => {
    const { client, peer } = await pair(t)
    peer.socket.pause()
    const answer = new Answer()
    const exchange = client.request({ ...get, method: 'POST', length: -1 }, answer)
    let written = 0
    while (exchange.write(Buffer.alloc(64 * 1024))) written++
    assert.ok(written < 10)
    peer.socket.resume()
    await turns(() => answer.writable > 0)
    exchange.abort()
  })

  it('does not connect where nobody listens, nor wait for ever', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    await assert.rejects(connectHttp1({ port }), (error: unknown) =>
      TidemillError.is(error, 'TM_HTTP1_CLOSED'),
    )
  })

  it('speaks TLS with our server', async (t) => {
    const authority = createTestAuthority()
    await using server = createHttp1Server({
      drainIdle: '0s',
      tls: authority.issue({ names: ['localhost'] }),
      handler: { onRequest: (exchange) => exchange.respond(200, [], `hello ${exchange.head.uri}`) },
    })
    const { port } = await server.listen()
    const client = await connectHttp1({ port, tls: { ca: authority.ca, servername: 'localhost' } })
    t.after(() => client.close())
    const answer = new Answer()
    client.request({ ...get, target: 'https://b/x' }, answer)
    await answer.done()
    assert.equal(answer.body, 'hello /x')
    await client.close()
    await assert.rejects(
      connectHttp1({ port, tls: { servername: 'localhost' } }),
      (error: unknown) => TidemillError.is(error, 'TM_HTTP1_CLOSED'),
    )
    // Nobody speaks: the handshake does not end.
    const clock = createVirtualClock()
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    t.after(() => silent.close())
    const accepted = once(silent, 'connection') as Promise<[Socket]>
    const waiting = connectHttp1({
      port: (silent.address() as AddressInfo).port,
      tls: {},
      clock,
      connectTimeout: '1s',
    })
    const refused = assert.rejects(waiting, (error: unknown) =>
      TidemillError.is(error, 'TM_HTTP1_TIMEOUT'),
    )
    const [socket] = await accepted
    await clock.advance(1010)
    await refused
    socket.destroy()
  })
})
