import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { connectClient } from './http2-client.ts'
import { hello, openRig, openUpstream, replying } from './rig.ts'

const end = '\r\n\r\n'
const request = `GET / HTTP/1.1\r\nHost: a${end}`

it('answers what was asked with Connection: close, and lets idle connections learn of it', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port, { clock })
  const idle = rig.client().send(request)
  const first = await upstream.next()
  await first.until(end)
  first.send(hello)
  await idle.until('hello')
  const silent = rig.client().send(request)
  await first.until((text) => text.split(end).length === 3)
  first.send(hello)
  await silent.until('hello')
  const busy = rig.client().send(request)
  await first.until((text) => text.split(end).length === 4)
  assert.equal(rig.plane.counts.http1, 3)
  const done = rig.plane.drain(5000, 30_000)
  // A connection that was idle may still be asked: it is told then.
  idle.text = ''
  idle.send(request)
  const second = await upstream.next()
  await second.until(end)
  second.send(hello)
  assert.match(await idle.untilEnded(), /connection: close.*hello$/su)
  first.send(hello)
  assert.match(await busy.untilEnded(), /connection: close.*hello$/su)
  idle.socket.end()
  busy.socket.end()
  await clock.advance(4000)
  assert.equal(silent.ended, false)
  await clock.advance(1100)
  await silent.untilEnded()
  silent.socket.end()
  await done
  assert.deepEqual(
    rig.told.map((told) => [told.status, told.flag]),
    Array.from({ length: 4 }, () => [200, '']),
  )
})

it('serves a connection that comes while draining, for one answer', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t, replying(hello))
  const rig = await openRig(t, upstream.port, { clock })
  const held = rig.client().send(request)
  await held.until('hello')
  const done = rig.plane.drain(5000, 1000)
  const late = rig.client().send(request)
  assert.match(await late.untilEnded(), /connection: close.*hello$/su)
  late.socket.end()
  await clock.advance(7000)
  await done
  assert.equal(rig.plane.counts.http1, 0)
})

it('cuts what is left when its time is over', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port, { clock })
  rig.decide = () => ({ forward: { requestMs: Infinity, backendMs: Infinity } })
  const next = upstream.next()
  const client = rig.client().send(request)
  const peer = await next
  await peer.until(end)
  const h2 = await connectClient(t, rig.port)
  const call = h2.get('/')
  while (rig.told.length < 2) await new Promise((resolve) => setImmediate(resolve))
  const undecided = rig.client().send('PRI * HTTP/2.0')
  while (rig.plane.counts.undecided === 0) await new Promise((resolve) => setImmediate(resolve))
  const done = rig.plane.drain(5000, 1000)
  await clock.advance(6100)
  await done
  await client.untilEnded()
  await undecided.untilEnded()
  await call.done()
  assert.deepEqual(
    rig.told.map((told) => told.flag),
    ['DC', 'DC'],
  )
  const { http1, http2, undecided: waiting, requests } = rig.plane.counts
  assert.deepEqual([http1, http2, waiting, requests], [0, 0, 0, 0])
})

it('says GOAWAY to HTTP/2 and ends after the answers under way', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  const client = await connectClient(t, rig.port)
  const next = upstream.next()
  const call = client.get('/')
  const peer = await next
  await peer.until(end)
  const done = rig.plane.drain(1000, 1000)
  while (client.goaway === undefined) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(client.goaway, 0)
  assert.equal(call.closed, undefined)
  peer.send(hello)
  await call.done()
  assert.equal(call.text, 'hello')
  await done
  assert.equal(rig.plane.counts.http2, 0)
})

it('closes a connection that says nothing', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port, { clock })
  const silent = rig.client()
  const partial = rig.client().send('PRI * HT')
  const slow = rig.client().send('GET / HTTP/1.1\r\nHost')
  while (rig.plane.counts.undecided < 2 || rig.plane.counts.http1 < 1)
    await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(10_100)
  await silent.untilEnded()
  await partial.untilEnded()
  assert.match(await slow.untilEnded(), /^HTTP\/1\.1 408 /u)
  assert.equal(rig.told[0]?.code, 'TM_GATEWAY_CLIENT_TIMEOUT')
})

it('tells WebSocket clients between two frames that it goes away, once the grace is over', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port, { clock })
  const next = upstream.next()
  const client = rig
    .client()
    .send(
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${end.slice(2)}`,
    )
  const peer = await next
  await peer.until(end)
  peer.send(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket${end}\x81\x05he`,
  )
  await client.until('\x81\x05he')
  const done = rig.plane.drain(1000, 1000)
  await clock.advance(1100)
  assert.ok(client.text.endsWith('\x81\x05he'), 'not in the middle of a frame')
  peer.send('llo\x81\x01x')
  await client.until('\x81\x05hello\x88\x02\x03\xe9')
  client.send('\x88\x82\0\0\0\0\x03\xe9')
  await peer.until('\x88\x82\0\0\0\0\x03\xe9')
  peer.socket.end()
  await client.untilEnded()
  assert.ok(client.text.endsWith('\x88\x02\x03\xe9'))
  client.socket.end()
  await clock.advance(1000)
  await done
})
