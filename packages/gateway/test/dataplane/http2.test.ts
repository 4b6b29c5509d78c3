import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { connect as connectTcp, createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { connectClient } from './http2-client.ts'
import { hello, listening, openRig, openUpstream, RawPeer, replying, viewOf } from './rig.ts'

const end = '\r\n\r\n'

function lines(head: string | undefined): string[] {
  return (head ?? '').split('\r\n').filter((line) => line !== '')
}

describe('HTTP/2 to HTTP/1.1', () => {
  it('carries a request and its response', async (t) => {
    const heads: string[] = []
    const upstream = await openUpstream(
      t,
      replying((head) => {
        heads.push(head)
        return `HTTP/1.1 103 Early Hints\r\nLink: </a>${end}${hello}`
      }),
    )
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const call = client.get('/a/%2e%2e/b?x=1', [
      ['x-env', 'prod'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
      ['x_user', 'root'],
      ['te', 'trailers'],
    ])
    await call.done()
    assert.deepEqual(lines(heads[0]), [
      'GET /b?x=1 HTTP/1.1',
      'host: a.example',
      'x-env: prod',
      'cookie: a=1; b=2',
      'x-request-id: id-1',
      'x-forwarded-for: 127.0.0.1',
      'x-forwarded-proto: http',
      'x-forwarded-host: a.example',
      'x-forwarded-port: 80',
      'via: 2.0 tidemill-test',
      'x-envoy-expected-rq-timeout-ms: 5000',
      'te: trailers',
      'connection: te',
    ])
    assert.deepEqual(call.interim, [[':status', '103', 'link', '</a>']])
    assert.equal(call.field(':status'), '200')
    assert.equal(call.field('content-length'), '5')
    assert.equal(call.field('via'), '1.1 tidemill-test')
    assert.ok(call.field('date') !== undefined)
    assert.equal(call.text, 'hello')
    assert.deepEqual(call.closed, { code: 0, how: 'done' })
    assert.equal(viewOf(rig).version, 20)
  })

  it('is understood by the client of Node', async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    const session = connect(`http://127.0.0.1:${rig.port}`)
    const status = await new Promise((resolve, reject) => {
      const stream = session.request({ ':path': '/' })
      stream.on('response', (headers) => resolve(headers[':status']))
      stream.on('error', reject)
      stream.resume()
    })
    assert.equal(status, 200)
    await new Promise<void>((resolve) => session.close(resolve))
  })

  it('carries bodies of known and unknown length with trailers both ways', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const next = upstream.next()
    const call = client.request([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
    ])
    call.data('abc', false)
    call.stream?.trailers(['x-sum', '1', 'content-type', 'evil/none'])
    const peer = await next
    await peer.until(`3\r\nabc\r\n0\r\nx-sum: 1${end}`)
    peer.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked${end}2\r\nok\r\n0\r\nX-End: 2${end}`)
    await call.done()
    assert.equal(call.text, 'ok')
    assert.deepEqual(call.trailers, ['x-end', '2'])
    const known = client.request([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
      ['content-length', '3'],
    ])
    peer.text = ''
    known.data('abc', true)
    const other = await peer.until(`${end}abc`)
    assert.match(other, /content-length: 3/u)
    peer.send(`HTTP/1.1 204 No Content${end}`)
    await known.done()
    assert.equal(known.field('content-length'), undefined)
    assert.equal(rig.told[1]?.facts?.bytesIn, 3)
  })

  it('works on bytes that come one at a time', async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    const { port: relayed, close } = await relay(t, rig.port)
    const client = await connectClient(t, relayed)
    const call = await client.get('/').done()
    assert.equal(call.text, 'hello')
    close()
  })

  it('keeps what one stream does from the others', async (t) => {
    const part = 'x'.repeat(64 * 1024)
    const upstream = await openUpstream(t, (peer) => {
      void peer.until(end).then((head) => {
        if (head.startsWith('GET /large')) {
          peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${part.length * 512}${end}`)
          for (let i = 0; i < 512; i++) peer.send(part)
        } else peer.send(hello)
      })
    })
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const slow = client.get('/large')
    slow.reading = false
    await slow.until((call) => call.bytes > 0)
    const quick = await client.get('/small').done()
    assert.equal(quick.text, 'hello')
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(slow.bytes < part.length * 512)
    slow.reading = true
    slow.stream?.consume(slow.stream.unconsumedBytes)
    await slow.done()
    assert.equal(slow.bytes, part.length * 512)
  })

  it('gives the client credit only as the upstream takes the body', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    rig.decide = () => ({ forward: { maxBodyBytes: 1024 ** 3 } })
    const next = upstream.next()
    const call = client.request([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
    ])
    const peer = await next
    await peer.until(end)
    peer.socket.pause()
    const part = Buffer.alloc(64 * 1024, 'x')
    let sent = 0
    for (let idle = 0; idle < 200 && sent < 1024; idle++) {
      while (sent < 1024 && call.stream?.bufferedBytes === 0) {
        call.data(part, false)
        sent++
        idle = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(sent < 1024, `${sent} parts were taken`)
    call.stream?.reset(8)
    peer.socket.resume()
    await peer.untilEnded()
    assert.equal(rig.told[0]?.flag, 'DC')
  })
})

describe('HTTP/2 requests', () => {
  const refused: readonly (readonly [string, readonly (readonly [string, string])[], string])[] = [
    ['a target with a fragment', [[':path', '/a#b']], '400'],
    ['a target that is no path', [[':path', 'a']], '400'],
    ['a bad escape', [[':path', '/%zz']], '400'],
    ['another scheme', [[':scheme', 'https']], '400'],
    ['a long target', [[':path', `/${'a'.repeat(9000)}`]], '414'],
    ['another expectation', [['expect', 'tea']], '417'],
    ['TRACE', [[':method', 'TRACE']], '405'],
    ['an unknown method', [[':method', 'BREW']], '501'],
    [
      'more than 100 fields',
      Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1'] as const),
      '431',
    ],
  ]
  for (const [what, fields, status] of refused) {
    it(`with ${what} are answered ${status}`, async (t) => {
      const upstream = await openUpstream(t, replying(hello))
      const rig = await openRig(t, upstream.port)
      const client = await connectClient(t, rig.port)
      const list = new Map<string, string>([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'a'],
      ])
      for (const [name, value] of fields) list.set(name, value)
      const call = await client.request([...list], true).done()
      assert.equal(call.field(':status'), status)
      assert.equal(upstream.peers.length, 0)
    })
  }

  it('to which the answer does not fit any more are reset', async (t) => {
    const upstream = await openUpstream(t, (peer) => {
      void peer.until(end).then(() => {
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 10${end}hello`)
        peer.socket.end()
      })
    })
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const call = await client.get('/').done()
    assert.equal(call.field(':status'), '200')
    assert.deepEqual(call.closed, { code: 2, how: 'remote' })
    assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['UC', 'fail'])
  })

  it('that the client resets take the upstream request with them', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const next = upstream.next()
    const call = client.get('/')
    const peer = await next
    await peer.until(end)
    call.stream?.reset(8)
    await peer.untilEnded()
    assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['DC', 'ignore'])
    assert.equal(rig.plane.counts.requests, 0)
  })

  it('that are answered before their body is read are told so', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    rig.decide = () => ({ answer: { status: 429, headers: [], body: 'slow down' } })
    const call = client.request([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
      ['content-length', '1000000'],
    ])
    await call.done()
    assert.equal(call.text, 'slow down')
    assert.deepEqual(call.closed, { code: 0, how: 'remote' })
    // A small rest is read, and the stream ends in order.
    const small = client.request([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
      ['content-length', '3'],
    ])
    await small.until('slow down')
    small.data('abc', true)
    await small.done()
    assert.deepEqual(small.closed, { code: 0, how: 'done' })
  })

  it('for other hosts of a connection are 421', async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    rig.resolve = () => 'misdirected'
    const client = await connectClient(t, rig.port)
    const call = await client.get('/').done()
    assert.equal(call.field(':status'), '421')
  })

  it('for a tunnel that the route does not let through are 405', async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    rig.decide = () => ({ forward: { upgrade: false } })
    const client = await connectClient(t, rig.port)
    const call = client.request([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'a'],
    ])
    await call.until((one) => one.field(':status') !== undefined)
    assert.equal(call.field(':status'), '405')
  })
})

it('closes a connection that opens and resets streams without end', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  const client = await connectClient(t, rig.port)
  let sent = 0
  while (!client.closed && sent < 10_000) {
    for (let i = 0; i < 50 && client.connection.slots > 0; i++, sent++) {
      client.get('/').stream?.reset(8)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  while (rig.plane.counts.http2 > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(sent < 10_000, `${sent} streams`)
  assert.equal(rig.plane.counts.requests, 0)
  assert.ok(rig.told.every((told) => told.finishes === 1))
})

/** Passes bytes on one at a time. */
async function relay(t: TestContext, port: number): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => {
    const out = connectTcp({ port, host: '127.0.0.1', noDelay: true })
    const peer = new RawPeer(t, out)
    const queue: Buffer[] = []
    let busy = false
    const pump = async (): Promise<void> => {
      if (busy) return
      busy = true
      for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) {
        for (let i = 0; i < chunk.length; i++) {
          out.write(chunk.subarray(i, i + 1))
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      busy = false
    }
    socket.on('data', (chunk) => {
      queue.push(chunk)
      void pump()
    })
    peer.socket.on('data', (chunk) => socket.write(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => out.destroy())
  })
  return {
    port: await listening(server),
    close: () => server.close(),
  }
}
