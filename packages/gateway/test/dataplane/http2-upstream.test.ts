import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connectClient } from './http2-client.ts'
import { answer, openH2Upstream } from './http2-upstream.ts'
import { openRig } from './rig.ts'

const end = '\r\n\r\n'

describe('HTTP/1.1 to HTTP/2', () => {
  it('carries a request and its response', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = rig
      .client()
      .send(
        `GET /a?b HTTP/1.1\r\nHost: a.example\r\nConnection: X-Drop\r\nX-Drop: 1\r\nX-Keep: 2${end}`,
      )
    const request = await upstream.next()
    assert.equal(request.field(':path'), '/a?b')
    assert.equal(request.field(':authority'), 'a.example')
    assert.equal(request.field('x-keep'), '2')
    assert.equal(request.field('x-drop'), undefined)
    assert.equal(request.field('host'), undefined)
    assert.equal(request.field('via'), '1.1 tidemill-test')
    assert.ok(request.ended)
    request.stream.headers([':status', '103', 'link', '</a>'], false)
    answer(request, 'hello', ['content-length', '5', 'set-cookie', 'a=1', 'set-cookie', 'b=2'])
    const text = await client.until('hello')
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK\r\n/u)
    assert.match(text, /set-cookie: a=1\r\nset-cookie: b=2\r\n/u)
    assert.equal(text.split('content-length: 5').length, 2)
  })

  it('frames a body of unknown length in chunks, with trailers', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = rig
      .client()
      .send(
        `POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked${end}3\r\nabc\r\n0\r\nX-Sum: 1${end}`,
      )
    const request = await upstream.next()
    await request.until((one) => one.ended)
    assert.equal(request.text, 'abc')
    assert.deepEqual(request.trailers, ['x-sum', '1'])
    assert.equal(request.field('te'), 'trailers')
    request.stream.headers([':status', '200'], false)
    request.stream.data(Buffer.from('ok'), false)
    request.stream.trailers(['x-end', '2', 'content-type', 'no/trailer'])
    const text = await client.until(`0\r\nx-end: 2${end}`)
    assert.match(text, /transfer-encoding: chunked/u)
  })

  it('breaks the response off when the stream is reset, and gives a request up', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const cut = rig.client().send(`GET / HTTP/1.1\r\nHost: a${end}`)
    const request = await upstream.next()
    request.stream.headers([':status', '200', 'content-length', '10'], false)
    request.stream.data(Buffer.from('hello'), false)
    await cut.until('hello')
    request.stream.reset(2)
    await cut.untilEnded()
    assert.equal(rig.told[0]?.flag, 'UC')
    const gone = rig.client().send(`GET / HTTP/1.1\r\nHost: a${end}`)
    const second = await upstream.next()
    gone.socket.resetAndDestroy()
    await second.until((one) => one.closed !== undefined)
    assert.equal(second.closed, 8)
  })

  it('carries a WebSocket as an extended CONNECT', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = rig
      .client()
      .send(
        `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13${end}early`,
      )
    const request = await upstream.next()
    assert.equal(request.field(':method'), 'CONNECT')
    assert.equal(request.field(':protocol'), 'websocket')
    assert.equal(request.field(':path'), '/chat')
    assert.equal(request.field('sec-websocket-key'), undefined)
    assert.equal(request.field('sec-websocket-version'), '13')
    request.stream.headers([':status', '200', 'sec-websocket-protocol', 'chat'], false)
    request.stream.data(Buffer.from('first'), false)
    const text = await client.until('first')
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n/u)
    assert.match(text, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/u)
    assert.match(text, /sec-websocket-protocol: chat\r\n/u)
    await request.until((one) => one.text === 'early')
    client.send('more')
    client.socket.end()
    await request.until((one) => one.ended)
    assert.equal(request.text, 'earlymore')
    request.stream.data(Buffer.from('bye'), true)
    await client.until('bye')
    await client.untilEnded()
    assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [101, ''])
  })

  it('passes on a refusal to tunnel', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = rig
      .client()
      .send(
        `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==${end}`,
      )
    const request = await upstream.next()
    request.stream.headers([':status', '403', 'content-length', '0'], true)
    assert.match(await client.until(end), /^HTTP\/1\.1 403 /u)
    assert.equal(rig.told[0]?.released, false)
  })
})

describe('HTTP/2 to HTTP/2', () => {
  it('carries gRPC both ways at once, with its trailers', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = await connectClient(t, rig.port)
    const call = client.request([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', '/s/Chat'],
      [':authority', 'a'],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
    ])
    const request = await upstream.next()
    assert.equal(request.field('te'), 'trailers')
    request.stream.headers([':status', '200', 'content-type', 'application/grpc'], false)
    await call.until((one) => one.field(':status') === '200')
    for (let i = 0; i < 5; i++) {
      call.data(`ping${i}`, false)
      await request.until((one) => one.text.endsWith(`ping${i}`))
      request.stream.data(Buffer.from(`pong${i}`), false)
      await call.until(`pong${i}`)
    }
    call.data('', true)
    await request.until((one) => one.ended)
    request.stream.trailers(['grpc-status', '0', 'grpc-message', 'fine'])
    await call.done()
    assert.deepEqual(call.trailers, ['grpc-status', '0', 'grpc-message', 'fine'])
    assert.deepEqual(call.closed, { code: 0, how: 'done' })
    assert.equal(rig.told[0]?.facts?.bytesIn, 25)
  })

  it('carries a response of trailers alone', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = await connectClient(t, rig.port)
    const call = client.get('/s/M', [['content-type', 'application/grpc']])
    const request = await upstream.next()
    const fields = ['content-type', 'application/grpc', 'grpc-status', '7']
    request.stream.headers([':status', '200', ...fields], true)
    await call.done()
    assert.equal(call.field('grpc-status'), '7')
    assert.equal(call.bytes, 0)
  })

  it('resets one side when the other is reset', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = await connectClient(t, rig.port)
    const call = client.get('/')
    const request = await upstream.next()
    call.stream?.reset(8)
    await request.until((one) => one.closed !== undefined)
    assert.equal(request.closed, 8)
    const second = client.get('/')
    const other = await upstream.next()
    other.stream.headers([':status', '200'], false)
    other.stream.data(Buffer.from('x'), false)
    await second.until('x')
    other.stream.reset(2)
    await second.done()
    assert.equal(second.closed?.code, 2)
  })

  it('tunnels a WebSocket', async (t) => {
    const upstream = await openH2Upstream(t)
    const rig = await openRig(t, upstream.port, { protocol: 'h2' })
    const client = await connectClient(t, rig.port)
    const call = client.request([
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'http'],
      [':path', '/chat'],
      [':authority', 'a'],
    ])
    const request = await upstream.next()
    assert.equal(request.field(':protocol'), 'websocket')
    request.stream.headers([':status', '200'], false)
    await call.until((one) => one.field(':status') === '200')
    call.data('ping', false)
    await request.until((one) => one.text === 'ping')
    request.stream.data(Buffer.from('pong'), true)
    await call.until('pong')
    call.data('', true)
    await call.done()
    assert.equal(rig.told[0]?.status, 101)
  })
})
