import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { hello, listening, openRig, openUpstream, type RawPeer } from './rig.ts'

const end = '\r\n\r\n'
const request = `GET / HTTP/1.1\r\nHost: a${end}`

function answering(text: string, close: boolean = false): (peer: RawPeer) => void {
  return (peer) => {
    void peer.until(end).then(() => {
      peer.send(text)
      if (close) peer.socket.end()
    })
  }
}

/** What an upstream may not send, before its head is accepted: always 502. */
const broken: readonly (readonly [string, string, boolean])[] = [
  ['a negative length', `HTTP/1.1 200 OK\r\nContent-Length: -2${end}`, false],
  ['two lengths', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3${end}abc`, false],
  ['20 KiB of header', `HTTP/1.1 200 OK\r\nA: ${'a'.repeat(20_000)}${end}`, false],
  ['an SSH banner', 'SSH-2.0-OpenSSH_9.2p1\r\n', false],
  ['a close without a byte', '', true],
  ['interim responses without end', `HTTP/1.1 102 Processing${end}`.repeat(1000), false],
  ['status 99', `HTTP/1.1 99 Odd${end}`, false],
  ['status 1000', `HTTP/1.1 1000 Odd${end}`, false],
  ['status 999', `HTTP/1.1 999 Odd\r\nContent-Length: 0${end}`, false],
  ['a NUL in a value', `HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0${end}`, false],
  ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', false],
  ['Transfer-Encoding gzip', `HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip${end}`, false],
  ['chunked twice', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked${end}0${end}`, false],
  ['chunked in HTTP/1.0', `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked${end}0${end}`, false],
  [
    '101 that nobody asked for',
    `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x${end}`,
    false,
  ],
]

describe('an upstream that sends', () => {
  for (const [what, text, close] of broken) {
    it(`${what} makes 502, told as its failure`, async (t) => {
      const upstream = await openUpstream(t, answering(text, close))
      const rig = await openRig(t, upstream.port)
      const client = rig.client().send(request)
      await client.until('"requestId"')
      // Interim responses may have gone on before it was too much.
      assert.match(client.text, /HTTP\/1\.1 502 Bad Gateway\r\n/u)
      assert.match(client.text, /proxy-status: tidemill; error=/u)
      assert.doesNotMatch(client.text, /connection: close/u)
      const [told] = rig.told
      assert.deepEqual([told?.status, told?.settled.join(), told?.finishes], [502, 'fail', 1])
      assert.ok(['UPE', 'UC'].includes(told?.flag ?? ''))
    })
  }

  it('bytes behind the body is not asked again on that connection', async (t) => {
    const upstream = await openUpstream(t, answering(`${hello}HTTP/1.1 200 OK${end}`))
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(request)
    await client.until('hello')
    client.text = ''
    client.send(request)
    await client.until('hello')
    assert.equal(upstream.peers.length, 2)
  })
})

describe('an upstream that breaks off', () => {
  const cuts: readonly (readonly [string, string])[] = [
    ['in a body of known length', `HTTP/1.1 200 OK\r\nContent-Length: 10${end}hello`],
    ['in a chunk', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked${end}a\r\nhello`],
    ['before the last chunk', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked${end}5\r\nhello\r\n`],
  ]
  for (const [where, text] of cuts) {
    it(`${where} makes the client see that it is cut`, async (t) => {
      const upstream = await openUpstream(t, answering(text, true))
      const rig = await openRig(t, upstream.port)
      const client = rig.client().send(request)
      await client.untilEnded()
      assert.doesNotMatch(client.text, /\r\n0\r\n\r\n$/u)
      const [told] = rig.told
      assert.deepEqual([told?.status, told?.settled.join(), told?.finishes], [200, 'fail', 1])
    })
  }

  it('with a reset in the middle of the body too', async (t) => {
    const upstream = await openUpstream(t, (peer) => {
      void peer.until(end).then(() => {
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 10${end}hello`)
        setImmediate(() => peer.socket.resetAndDestroy())
      })
    })
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(request)
    await client.untilEnded()
    assert.equal(rig.told[0]?.flag, 'UC')
  })
})

it('answers 502 where nobody listens', async (t) => {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  const rig = await openRig(t, port)
  const client = rig.client().send(request)
  await client.until('"requestId"')
  assert.match(client.text, /^HTTP\/1\.1 502 /u)
  assert.match(client.text, /proxy-status: tidemill; error=connection_refused/u)
  assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['UF', 'fail'])
})

describe('a client that goes away', () => {
  it('has its request given up, which is nobody’s failure', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig.client().send(request)
    const peer = await next
    await peer.until(end)
    client.socket.resetAndDestroy()
    await peer.untilEnded()
    const [told] = rig.told
    assert.deepEqual([told?.status, told?.flag, told?.settled.join()], [0, 'DC', 'ignore'])
    assert.equal(told?.finishes, 1)
    assert.equal(rig.plane.counts.requests, 0)
  })

  it('in the middle of its response too', async (t) => {
    const upstream = await openUpstream(
      t,
      answering(`HTTP/1.1 200 OK\r\nContent-Length: 100${end}hello`),
    )
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig.client().send(request)
    const peer = await next
    await client.until('hello')
    client.socket.resetAndDestroy()
    await peer.untilEnded()
    assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [200, 'DC'])
    assert.deepEqual(rig.told[0]?.settled, ['ignore'])
  })

  it('by an orderly close is found out by an interim response', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig.client().send(request)
    const peer = await next
    await peer.until(end)
    client.socket.destroy()
    await peer.untilEnded()
    assert.equal(rig.told[0]?.flag, 'DC')
  })

  it('or only ends its side is still answered', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig.client().send(request)
    const peer = await next
    await peer.until(end)
    client.socket.end()
    await client.until(`HTTP/1.1 100 Continue${end}`)
    peer.send(hello)
    await client.until('hello')
    await client.untilEnded()
    assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [200, ''])
  })

  it('in the middle of its body takes the upstream request with it', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig.client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10${end}abc`)
    const peer = await next
    await peer.until('abc')
    client.socket.resetAndDestroy()
    await peer.untilEnded()
    assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [0, 'DC'])
  })
})

describe('a client that breaks the rules in its body', () => {
  it('is answered 400 once, and the upstream request is given up', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig
      .client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked${end}3\r\nabc\r\n`)
    const peer = await next
    await peer.until('abc')
    client.send('zz\r\n')
    await client.until('"requestId"')
    assert.match(client.text, /^HTTP\/1\.1 400 /u)
    assert.match(client.text, /"reason":"chunk-size"/u)
    await peer.untilEnded()
    const [told] = rig.told
    assert.deepEqual([told?.status, told?.flag, told?.finishes], [400, 'DPE', 1])
    assert.equal(rig.told.length, 1)
    await client.untilEnded()
  })

  it('or sends it too slowly is answered 408', async (t) => {
    const clock = createVirtualClock()
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port, { clock })
    const next = upstream.next()
    const client = rig.client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000${end}x`)
    const peer = await next
    await peer.until(`${end}x`)
    for (let second = 0; second < 7 && !client.text.includes('408'); second++) {
      await clock.advance(1000)
      client.send('x'.repeat(100))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.until('TM_GATEWAY_CLIENT_TIMEOUT')
    assert.match(client.text, /^HTTP\/1\.1 408 .*connection: close/su)
    assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['DPE', 'ignore'])
    await peer.untilEnded()
  })
})

describe('a time that is over', () => {
  it('before a response head makes 504, a head that trickles too', async (t) => {
    const clock = createVirtualClock()
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port, { clock })
    const next = upstream.next()
    const client = rig.client().send(request)
    const peer = await next
    await peer.until(end)
    peer.send('HTTP/1.1 200 OK\r\n')
    for (let second = 0; second < 4; second++) {
      await clock.advance(1000)
      peer.send(`X-${second}: 1\r\n`)
    }
    assert.equal(client.text, '')
    await clock.advance(1100)
    await client.until('TM_GATEWAY_TIMEOUT')
    assert.match(client.text, /^HTTP\/1\.1 504 /u)
    assert.match(client.text, /proxy-status: tidemill; error=http_response_timeout/u)
    assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['UT', 'fail'])
    await peer.untilEnded()
    // The client's connection is as good as before.
    client.text = ''
    client.send(request)
    const second = await upstream.next()
    await second.until(end)
    second.send(hello)
    await client.until('hello')
  })

  it('of a body counts its silence alone', async (t) => {
    const clock = createVirtualClock()
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port, { clock })
    rig.decide = () => ({ forward: { idleMs: 10_000 } })
    const next = upstream.next()
    const client = rig.client().send(request)
    const peer = await next
    await peer.until(end)
    peer.send(`HTTP/1.1 200 OK\r\nContent-Length: 100${end}`)
    for (let i = 0; i < 4; i++) {
      await clock.advance(9000)
      peer.send('x')
      await client.until((text) => text.endsWith('x'.repeat(i + 1)))
    }
    await clock.advance(10_100)
    await client.untilEnded()
    assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [200, 'SI'])
  })

  it('while the client still sends is the client’s fault', async (t) => {
    const clock = createVirtualClock()
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port, { clock, settings: { minBodyRate: 0 } })
    rig.decide = () => ({ forward: { requestMs: 3000 } })
    const next = upstream.next()
    const client = rig.client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10${end}abc`)
    const peer = await next
    await peer.until('abc')
    await clock.advance(3100)
    await client.until('TM_GATEWAY_CLIENT_TIMEOUT')
    assert.match(client.text, /^HTTP\/1\.1 408 .*connection: close/su)
    assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['DPE', 'ignore'])
  })
})

it('answers 503 when there is no host', async (t) => {
  const upstream = await openUpstream(t)
  const rig = await openRig(t, upstream.port)
  rig.clusters.setHosts(rig.cluster.name, [])
  rig.decide = () => ({ retryAfter: 2 })
  const client = rig.client().send(request)
  await client.until('TM_GATEWAY_NO_ENDPOINT')
  assert.match(client.text, /^HTTP\/1\.1 503 /u)
  assert.match(client.text, /\r\nretry-after: 2\r\n/u)
  assert.match(client.text, /proxy-status: tidemill; error=destination_unavailable/u)
  assert.deepEqual([rig.told[0]?.flag, rig.told[0]?.settled.join()], ['UH', 'ignore'])
})

it('asks a second time when a kept connection was closed under it', async (t) => {
  const upstream = await openUpstream(t, answering(hello))
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(request)
  await client.until('hello')
  client.text = ''
  upstream.peers[0]?.socket.removeAllListeners('data')
  upstream.peers[0]?.socket.once('data', () => upstream.peers[0]?.socket.resetAndDestroy())
  client.send(request)
  await client.until('hello')
  assert.equal(rig.told[1]?.status, 200)
  assert.equal(rig.told[1]?.facts?.attempts, 2)
})

it('counts a stream that runs longer than a try may take, before it ends', async (t) => {
  const clock = createVirtualClock()
  const upstream = await openUpstream(t, answering(`HTTP/1.1 200 OK\r\nContent-Length: 10${end}he`))
  const rig = await openRig(t, upstream.port, { clock })
  const client = rig.client().send(request)
  await client.until('he')
  await clock.advance(4000)
  assert.deepEqual(rig.told[0]?.settled, [])
  await clock.advance(3000)
  assert.deepEqual(rig.told[0]?.settled, ['ok'])
  assert.equal(rig.told[0]?.finishes, 0)
  client.socket.destroy()
})
