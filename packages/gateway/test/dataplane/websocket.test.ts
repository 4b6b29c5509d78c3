import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { connectClient } from './http2-client.ts'
import { hello, openRig, openUpstream, replying, viewOf } from './rig.ts'

const end = '\r\n\r\n'
const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const fields = `Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13`
const handshake = `GET /chat HTTP/1.1\r\n${fields}\r\nSec-WebSocket-Protocol: chat${end}`
const agreed = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat${end}`

it('tunnels a WebSocket, with what came behind the heads', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  const next = upstream.next()
  const client = rig.client().send(`${handshake}early`)
  const peer = await next
  const head = await peer.until(end)
  assert.match(head, /\r\nupgrade: websocket\r\n/iu)
  assert.match(head, /\r\nconnection: upgrade\r\n/iu)
  assert.match(head, new RegExp(`sec-websocket-key: ${key}`, 'u'))
  peer.send(`${agreed}first`)
  await client.until('first')
  assert.match(client.text, /^HTTP\/1\.1 101 Switching Protocols\r\n/u)
  assert.ok(client.text.includes(`sec-websocket-accept: ${accept}\r\n`))
  assert.match(client.text, /\r\nsec-websocket-protocol: chat\r\n/u)
  await peer.until('early')
  client.send('\x81\x05\0\xff\r\n')
  await peer.until('\x81\x05\0\xff\r\n')
  const [told] = rig.told
  // The permit is given back at 101, not held for the tunnel's life.
  assert.deepEqual(
    [told?.heads, told?.settled, told?.released, told?.finishes],
    [[101], ['ok'], true, 0],
  )
  peer.socket.end()
  await client.untilEnded()
  assert.deepEqual([told?.status, told?.flag, told?.finishes], [101, '', 1])
})

it('passes on the end of the client’s side of a tunnel and what the upstream still says', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  const next = upstream.next()
  const client = rig.client().send(handshake)
  const peer = await next
  await peer.until(end)
  peer.send(agreed)
  await client.until('101')
  client.send('last')
  client.socket.end()
  await peer.until('last')
  await peer.untilEnded()
  peer.send('bye')
  peer.socket.end()
  await client.until('bye')
  await client.untilEnded()
  assert.equal(rig.told[0]?.flag, '')
})

it('holds each side of a tunnel back while the other does not read', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  const next = upstream.next()
  const client = rig.client().send(handshake)
  const peer = await next
  await peer.until(end)
  peer.send(agreed)
  await client.until('101')
  const part = Buffer.alloc(1024 * 1024, 'x')
  for (const [from, to] of [
    [peer, client],
    [client, peer],
  ] as const) {
    to.socket.removeAllListeners('data')
    to.socket.pause()
    let sent = 0
    for (let idle = 0; idle < 200; idle++) {
      while (sent < 64 && from.socket.writableLength === 0) {
        from.socket.write(part)
        sent++
        idle = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(sent < 64, `${sent} MiB were taken`)
    let got = 0
    to.socket.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    to.socket.resume()
    while (got < sent * part.length) await new Promise((resolve) => setImmediate(resolve))
  }
})

it('drops an upgrade that the route does not let through, and goes on', async (t) => {
  const heads: string[] = []
  const upstream = await openUpstream(
    t,
    replying((head) => {
      heads.push(head)
      return hello
    }),
  )
  const rig = await openRig(t, upstream.port)
  rig.decide = () => ({ forward: { upgrade: false } })
  const client = rig.client().send(handshake)
  await client.until('hello')
  assert.doesNotMatch(heads[0] ?? '', /\r\nupgrade|\r\nconnection/iu)
})

it('passes on a refusal of the upstream and keeps the connection', async (t) => {
  const upstream = await openUpstream(t, replying(`HTTP/1.1 403 No\r\nContent-Length: 2${end}no`))
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(handshake)
  await client.until(`${end}no`)
  assert.match(client.text, /^HTTP\/1\.1 403 /u)
  client.text = ''
  client.send(`GET / HTTP/1.1\r\nHost: a${end}`)
  await client.until(`${end}no`)
  assert.deepEqual(rig.told[0]?.settled, ['ok'])
  assert.equal(rig.told[0]?.released, false)
})

it('refuses a handshake without a key, and an upstream that does not answer it', async (t) => {
  const upstream = await openUpstream(
    t,
    replying(agreed.replace(accept, 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=')),
  )
  const rig = await openRig(t, upstream.port)
  const keyless = rig.client().send(handshake.replace(key, 'short'))
  assert.match(await keyless.until('Sec-WebSocket-Key'), /^HTTP\/1\.1 400 /u)
  const client = rig.client().send(handshake)
  assert.match(await client.until('"requestId"'), /^HTTP\/1\.1 502 /u)
  assert.deepEqual([rig.told[1]?.flag, rig.told[1]?.settled.join()], ['UPE', 'fail'])
})

it('gives a tunnel up when one side is gone, and when it is silent for long', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port, { clock, settings: { tunnelIdleMs: 10_000 } })
  const open = async () => {
    const next = upstream.next()
    const client = rig.client().send(handshake)
    const peer = await next
    await peer.until(end)
    peer.send(agreed)
    await client.until('101')
    return { client, peer }
  }
  const first = await open()
  first.client.socket.resetAndDestroy()
  await first.peer.untilEnded()
  const second = await open()
  second.peer.socket.resetAndDestroy()
  await second.client.untilEnded()
  const third = await open()
  await clock.advance(9000)
  third.client.send('x')
  await third.peer.until('x')
  await clock.advance(9000)
  assert.equal(third.client.ended, false)
  await clock.advance(3000)
  await third.client.untilEnded()
  await third.peer.untilEnded()
  assert.deepEqual(
    rig.told.map((told) => told.flag),
    ['DC', 'UC', 'SI'],
  )
})

it('carries a WebSocket of HTTP/2 to an upstream of HTTP/1.1', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  const client = await connectClient(t, rig.port)
  const next = upstream.next()
  const call = client.request([
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    [':scheme', 'http'],
    [':path', '/chat'],
    [':authority', 'a'],
    ['sec-websocket-version', '13'],
    ['origin', 'http://a'],
  ])
  const peer = await next
  const head = await peer.until(end)
  assert.match(head, /^GET \/chat HTTP\/1\.1\r\n/u)
  assert.match(head, /\r\nupgrade: websocket\r\n/iu)
  const sent = /sec-websocket-key: (\S+)\r\n/u.exec(head)?.[1] ?? ''
  assert.equal(Buffer.from(sent, 'base64').length, 16)
  const answer = createHash('sha1')
    .update(`${sent}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  peer.send(`${agreed.replace(accept, answer)}first`)
  await call.until('first')
  assert.equal(call.field(':status'), '200')
  assert.equal(call.field('sec-websocket-accept'), undefined)
  assert.equal(call.field('sec-websocket-protocol'), 'chat')
  call.data('from the client', false)
  await peer.until('from the client')
  const view = viewOf(rig)
  assert.deepEqual([view.method, view.upgrade], ['GET', 'websocket'])
  call.data('', true)
  await peer.untilEnded()
  peer.socket.end()
  await call.done()
  assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [101, ''])
})
