import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { Outcome, request, retryOn, rig, turns } from './rig.ts'

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

interface Peer {
  readonly port: number
  readonly sessions: ServerHttp2Session[]
  readonly server: Http2Server | Http2SecureServer
}

/** A server of another make. */
async function peer(
  t: TestContext,
  onStream: OnStream,
  options: ServerOptions & { readonly tls?: { readonly cert: string; readonly key: string } } = {},
): Promise<Peer> {
  const { tls, ...rest } = options
  const server = tls === undefined ? createServer(rest) : createSecureServer({ ...rest, ...tls })
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session: ServerHttp2Session) => {
    sessions.push(session)
    session.on('error', () => undefined)
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined)
    onStream(stream, headers)
  })
  server.on('sessionError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sessions, server }
}

const echo: OnStream = (stream, headers) => {
  let body = ''
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString()
  })
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'x-path': headers[':path'], 'x-te': headers['te'] ?? '' })
    stream.end(`${headers[':method']} ${body}`)
  })
}

describe('an h2c upstream', () => {
  it('is sent requests as streams of one connection', async (t) => {
    let seen: IncomingHttpHeaders = {}
    const { port, sessions } = await peer(t, (stream, headers) => {
      seen = headers
      echo(stream, headers)
    })
    const { get } = rig(t, [port], { protocol: 'h2c' })
    await get({ scheme: 'https', headers: ['x-a', '1', 'cookie', 'b=c'], acceptsTrailers: true })
    assert.equal(seen[':scheme'], 'https')
    assert.equal(seen[':authority'], 'web.example')
    assert.equal(seen['x-a'], '1')
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, i) => get({ method: 'PUT', target: `/${i}` }, `body ${i}`)),
    )
    for (const [i, outcome] of outcomes.entries()) {
      assert.equal(outcome.status, 200)
      assert.equal(outcome.body, `PUT body ${i}`)
      assert.equal(outcome.headers[outcome.headers.indexOf('x-path') + 1], `/${i}`)
    }
    assert.equal(sessions.length, 1)
  })

  it('has interim responses, trailers and lengths passed on', async (t) => {
    const { port } = await peer(t, (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' })
      stream.respond({ ':status': 200, 'content-length': '2' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end('hi')
    })
    const outcome = await rig(t, [port], { protocol: 'h2c' }).get({ acceptsTrailers: true })
    assert.deepEqual(outcome.informational, [103])
    assert.equal(outcome.bodyLength, 2)
    assert.equal(outcome.body, 'hi')
    assert.deepEqual(outcome.trailers, ['grpc-status', '0'])
  })

  it('is opened more connections when the slots of one are used up', async (t) => {
    const held: ServerHttp2Stream[] = []
    const { port, sessions } = await peer(t, (stream) => held.push(stream), {
      settings: { maxConcurrentStreams: 2 },
    })
    const { get, cluster } = rig(t, [port], { protocol: 'h2c' })
    const calls = [get()]
    await turns(() => held.length === 1)
    for (let i = 0; i < 6; i++) calls.push(get())
    await turns(() => held.length === 7)
    assert.ok(sessions.length >= 4)
    assert.equal(cluster.stats().connections, sessions.length)
    for (const stream of held) {
      stream.respond({ ':status': 204 })
      stream.end()
    }
    for (const outcome of await Promise.all(calls)) assert.equal(outcome.status, 204)
  })

  it('that goes away has its open streams finish and later ones on another connection', async (t) => {
    const held: ServerHttp2Stream[] = []
    const { port, sessions } = await peer(t, (stream, headers) => {
      if (headers[':path'] === '/hold') held.push(stream)
      else echo(stream, headers)
    })
    const { get } = rig(t, [port], { protocol: 'h2c' })
    const first = get({ target: '/hold' })
    await turns(() => held.length === 1)
    sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, held[0]?.id ?? 1)
    const second = get({ method: 'POST' }, 'x')
    assert.equal((await second).status, 200)
    assert.equal(sessions.length, 2)
    held[0]?.respond({ ':status': 200 })
    held[0]?.end('late')
    assert.equal((await first).body, 'late')
  })

  it('that refuses a stream gets it again, even a POST, once', async (t) => {
    let refused = 0
    const { port } = await peer(t, (stream, headers) => {
      if (refused < 1) {
        refused++
        stream.close(constants.NGHTTP2_REFUSED_STREAM)
      } else echo(stream, headers)
    })
    const { get, cluster } = rig(t, [port], { protocol: 'h2c' })
    const outcome = await get({ method: 'POST' }, 'once')
    assert.equal(outcome.body, 'POST once')
    assert.equal(cluster.stats().retries, 1)
    refused = -1
    assert.equal((await get({ method: 'POST' }, 'x')).failure?.kind, 'reset')
  })

  it('that resets a stream fails it alone, and a caller that gives up cancels its own alone', async (t) => {
    const held: ServerHttp2Stream[] = []
    const { port, sessions } = await peer(t, (stream) => held.push(stream))
    const { get, cluster } = rig(t, [port], { protocol: 'h2c' })
    const one = get()
    await turns(() => held.length === 1)
    const outcome = new Outcome()
    const two = cluster.send(request(), outcome)
    const three = get()
    await turns(() => held.length === 3)
    held[0]?.close(constants.NGHTTP2_INTERNAL_ERROR)
    assert.equal((await one).failure?.kind, 'reset')
    const closed = once(held[1] as ServerHttp2Stream, 'close')
    two.abort()
    await closed
    assert.equal(held[1]?.rstCode, constants.NGHTTP2_CANCEL)
    assert.equal(outcome.ends, 0)
    held[2]?.respond({ ':status': 200 })
    held[2]?.end('fine')
    assert.equal((await three).body, 'fine')
    assert.equal(sessions.length, 1)
  })

  it('is not read faster than the body is taken, and nothing is lost', async (t) => {
    const size = 8 * 1024 * 1024
    const { port } = await peer(t, (stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(size, 97))
    })
    const { cluster, get } = rig(t, [port], { protocol: 'h2c' })
    const outcome = new Outcome()
    let paused = 0
    outcome.react = (call, event) => {
      if (event !== 'body') return
      paused++
      call.pauseBody()
      setImmediate(() => call.resumeBody())
    }
    cluster.send(request(), outcome)
    await outcome.done()
    assert.equal(outcome.body.length, size)
    assert.ok(paused > 10)
    assert.equal((await get()).body.length, size)
  })

  it('holds a writer up that is faster than it reads', async (t) => {
    const { port } = await peer(t, (stream) => {
      let bytes = 0
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      stream.on('end', () => {
        stream.respond({ ':status': 200 })
        stream.end(String(bytes))
      })
    })
    const { cluster } = rig(t, [port], { protocol: 'h2c' })
    const outcome = new Outcome()
    const part = Buffer.alloc(64 * 1024)
    const call = cluster.send(request({ method: 'POST', bodyLength: -1 }), outcome)
    let left = 100
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
    assert.equal(outcome.body, String(100 * part.length))
    assert.ok(held > 2)
  })

  it('has the times of an attempt kept: its head, its silence', async (t) => {
    const clock = createVirtualClock()
    const held: ServerHttp2Stream[] = []
    const { port } = await peer(t, (stream) => held.push(stream))
    const { cluster } = rig(t, [port], { protocol: 'h2c' }, { clock })
    const slow = new Outcome()
    cluster.send(request({ attemptMs: 300 }), slow)
    await turns(() => held.length === 1)
    await clock.advance(290)
    assert.equal(slow.over, false)
    await clock.advance(20)
    assert.equal(slow.failure?.kind, 'attempt-timeout')
    const silent = new Outcome()
    cluster.send(request({ attemptMs: 300, idleMs: 500 }), silent)
    await turns(() => held.length === 2)
    held[1]?.respond({ ':status': 200 })
    await silent.until(() => silent.status === 200)
    await clock.advance(400)
    held[1]?.write('x')
    await silent.until(() => silent.body === 'x')
    await clock.advance(400)
    assert.equal(silent.over, false)
    await clock.advance(150)
    assert.equal(silent.failure?.kind, 'idle')
    assert.equal(silent.failure.responded, true)
  })

  it('is asked again for the statuses that the route names', async (t) => {
    let bad = 2
    const { port, sessions } = await peer(t, (stream, headers) => {
      if (bad-- > 0) {
        stream.respond({ ':status': 503 })
        stream.write('not now')
      } else echo(stream, headers)
    })
    const { get } = rig(t, [port], { protocol: 'h2c' })
    const outcome = await get({ method: 'PUT', retry: retryOn([503]) }, 'again')
    assert.equal(outcome.body, 'PUT again')
    assert.equal(sessions.length, 1)
  })

  it('gets a long body again no faster than it reads', async (t) => {
    let bad = true
    const { port } = await peer(t, (stream) => {
      const status = bad ? 503 : 200
      bad = false
      let bytes = 0
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      stream.on('end', () => {
        stream.respond({ ':status': status })
        stream.end(String(bytes))
      })
    })
    const { cluster } = rig(t, [port], { protocol: 'h2c' })
    const outcome = new Outcome()
    const part = Buffer.alloc(64 * 1024)
    const retry = retryOn([503], { bufferBytes: 16 * 1024 * 1024 })
    const bodyLength = 80 * part.length
    const call = cluster.send(request({ method: 'PUT', bodyLength, retry }), outcome)
    let left = 80
    const pump = (): void => {
      while (left > 0) {
        left--
        if (!call.write(part)) return
      }
      call.end()
    }
    outcome.react = (_, event) => {
      if (event === 'writable') pump()
    }
    pump()
    await outcome.done()
    assert.equal(outcome.status, 200)
    assert.equal(outcome.body, String(bodyLength))
    assert.equal(call.attempts, 2)
  })

  it('that is lost in the middle of a response breaks it off', async (t) => {
    const { port, sessions } = await peer(t, (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('half')
    })
    const { cluster } = rig(t, [port], { protocol: 'h2c' })
    const outcome = new Outcome()
    cluster.send(request(), outcome)
    await outcome.until(() => outcome.body === 'half')
    sessions[0]?.socket.destroy()
    await outcome.done()
    assert.equal(outcome.failure?.kind, 'reset')
    assert.equal(outcome.failure.responded, true)
    await turns(() => cluster.stats().connections === 0)
  })

  it('that speaks no HTTP/2 fails what waits for it', async (t) => {
    const { port, server } = await peer(t, echo)
    server.removeAllListeners('connection')
    server.on('connection', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const outcome = await rig(t, [port], { protocol: 'h2c' }).get()
    assert.equal(outcome.failure?.kind, 'connect')
    assert.match(outcome.failure.reason, /it does not speak HTTP\/2$/u)
  })
})
