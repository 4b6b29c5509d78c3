import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hello, openRig, openUpstream, replying } from './rig.ts'

const end = '\r\n\r\n'

describe('request bodies', () => {
  it('go on as they come, framed as they came', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig
      .client()
      .send(
        `POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked${end}3\r\nabc\r\n`,
      )
    const peer = await next
    await peer.until('3\r\nabc\r\n')
    assert.match(peer.text, /transfer-encoding: chunked/u)
    client.send(`2\r\nde\r\n0\r\nX-Sum: 1${end}`)
    await peer.until(`0\r\nx-sum: 1${end}`)
    peer.send(
      `HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked${end}2\r\nok\r\n0\r\nX-End: 2\r\nSet-Cookie: a=1${end}`.replace(
        '\r\nSet-Cookie: a=1',
        '',
      ),
    )
    const text = await client.until(`0\r\nx-end: 2${end}`)
    assert.match(text, /\r\ntrailer: X-End\r\n/u)
    assert.match(text, /transfer-encoding: chunked/u)
    assert.equal(rig.told[0]?.facts?.bytesIn, 5)
  })

  it('of known length are announced with it, on GET too', async (t) => {
    const heads: string[] = []
    const upstream = await openUpstream(
      t,
      replying((head) => {
        heads.push(head)
        return hello
      }),
    )
    const rig = await openRig(t, upstream.port)
    const client = rig
      .client()
      .send(
        `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3${end}abcPOST / HTTP/1.1\r\nHost: a${end}`,
      )
    await client.until((text) => text.split('hello').length === 3)
    assert.match(heads[0] ?? '', /content-length: 3/u)
    assert.match(heads[1] ?? '', /content-length: 0/u)
  })

  it('over the limit of the route are answered 413, announced or not', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    rig.decide = () => ({ forward: { maxBodyBytes: 4 } })
    const announced = rig
      .client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5${end}abcde`)
    assert.match(await announced.until('TM_GATEWAY_BODY_TOO_LARGE'), /^HTTP\/1\.1 413 /u)
    assert.equal(upstream.peers.length, 0)
    const chunked = rig
      .client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked${end}3\r\nabc\r\n`)
    while (rig.told.length < 2) await new Promise((resolve) => setImmediate(resolve))
    chunked.send('3\r\ndef\r\n')
    assert.match(await chunked.until('TM_GATEWAY_BODY_TOO_LARGE'), /^HTTP\/1\.1 413 /u)
    assert.deepEqual(
      rig.told.map((told) => [told.status, told.flag, told.settled.join()]),
      [
        [413, 'DPE', 'ignore'],
        [413, 'DPE', 'ignore'],
      ],
    )
  })

  it('that nobody wants are read up to 64 KiB to keep the connection, else it closes', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    rig.decide = () => ({ answer: { status: 429, headers: [], body: '' } })
    const small = rig.client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000${end}`)
    await small.until(end)
    small.send('x'.repeat(60_000)).send(`GET / HTTP/1.1\r\nHost: a${end}`)
    await small.until((text) => text.split('HTTP/1.1 429').length === 3)
    assert.doesNotMatch(small.text, /connection: close/u)
    const large = rig.client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000${end}`)
    assert.match(await large.untilEnded(), /connection: close/u)
  })

  it('that an early final answer makes useless close the connection when much is left', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig
      .client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000${end}abc`)
    const peer = await next
    await peer.until('abc')
    peer.send(hello)
    const text = await client.untilEnded()
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
    assert.match(text, /connection: close/u)
    assert.match(text, /hello$/u)
    await peer.untilEnded()
  })

  it('wait for 100 Continue of the upstream', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const client = rig
      .client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3${end}`)
    const peer = await next
    assert.match(await peer.until(end), /\r\nexpect: 100-continue\r\n/u)
    assert.equal(client.text, '')
    peer.send(`HTTP/1.1 100 Continue${end}`)
    await client.until(`HTTP/1.1 100 Continue${end}`)
    client.send('abc')
    await peer.until(`${end}abc`)
    peer.send(hello)
    await client.until('hello')
    assert.doesNotMatch(client.text, /connection: close/u)
  })

  it('are not asked for when the upstream refuses, and the connection closes', async (t) => {
    const upstream = await openUpstream(
      t,
      replying(`HTTP/1.1 413 Too Large\r\nContent-Length: 0${end}`),
    )
    const rig = await openRig(t, upstream.port)
    upstream.serve = (peer) => {
      void peer
        .until(end)
        .then(() => peer.send(`HTTP/1.1 413 Too Large\r\nContent-Length: 0${end}`))
    }
    const client = rig
      .client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3${end}`)
    const text = await client.untilEnded()
    assert.match(text, /^HTTP\/1\.1 413 .*connection: close/su)
  })

  it('stop being read while the upstream does not take them', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const next = upstream.next()
    const size = 64 * 1024 * 1024
    rig.decide = () => ({ forward: { maxBodyBytes: size } })
    const client = rig.client().send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}${end}`)
    const peer = await next
    await peer.until(end)
    peer.socket.pause()
    const part = Buffer.alloc(1024 * 1024, 'x')
    let sent = 0
    // What nobody reads fills the buffers of four sockets and then stops.
    for (let idle = 0; idle < 200; idle++) {
      while (sent < size && client.socket.writableLength === 0) {
        client.socket.write(part)
        sent += part.length
        idle = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(sent < size, `${sent} bytes were taken`)
    const before = process.memoryUsage().external
    assert.ok(before < 512 * 1024 * 1024)
    peer.socket.removeAllListeners('data')
    let got = 0
    peer.socket.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    peer.socket.resume()
    while (sent < size) {
      if (client.socket.writableLength === 0) {
        client.socket.write(part)
        sent += part.length
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    peer.send(hello)
    await client.until('hello')
    assert.ok(got > 0)
  })
})

describe('response bodies', () => {
  it('of HEAD, 204 and 304 are none, and the connection goes on', async (t) => {
    const answers = [
      `HTTP/1.1 200 OK\r\nContent-Length: 5${end}`,
      `HTTP/1.1 204 No Content${end}`,
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"${end}`,
      hello,
    ]
    const upstream = await openUpstream(
      t,
      replying(() => answers.shift() ?? ''),
    )
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(`HEAD / HTTP/1.1\r\nHost: a${end}`)
    const head = await client.until(end)
    assert.match(head, /content-length: 5/u)
    client.text = ''
    client.send(`GET / HTTP/1.1\r\nHost: a${end}`)
    assert.doesNotMatch(await client.until(end), /content-length|transfer-encoding/u)
    client.text = ''
    client.send(`GET / HTTP/1.1\r\nHost: a${end}`)
    assert.match(await client.until(end), /content-length: 5/u)
    client.text = ''
    client.send(`GET / HTTP/1.1\r\nHost: a${end}`)
    await client.until('hello')
    assert.deepEqual(
      rig.told.map((told) => told.status),
      [200, 204, 304, 200],
    )
  })

  it('of 205 are dropped', async (t) => {
    const upstream = await openUpstream(
      t,
      replying(`HTTP/1.1 205 Reset Content\r\nContent-Length: 3${end}abc`),
    )
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(`GET / HTTP/1.1\r\nHost: a${end}`)
    await client.until(end)
    client.send(`GET / HTTP/1.1\r\nHost: a${end}`)
    const text = await client.until((all) => all.split(' 205 ').length === 3)
    assert.doesNotMatch(text, /abc/u)
  })

  it('that end with the connection are sent in chunks', async (t) => {
    const upstream = await openUpstream(t, (peer) => {
      void peer.until(end).then(() => peer.send(`HTTP/1.1 200 OK${end}abc`).socket.end())
    })
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(`GET / HTTP/1.1\r\nHost: a${end}`)
    const text = await client.until(`0${end}`)
    assert.match(text, /transfer-encoding: chunked/u)
    assert.match(text, /3\r\nabc\r\n0\r\n\r\n$/u)
  })

  it('come without trailers to a client that does not read them', async (t) => {
    const upstream = await openUpstream(
      t,
      replying(
        `HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked${end}0\r\nX-End: 2${end}`,
      ),
    )
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(`GET / HTTP/1.1\r\nHost: a${end}`)
    const text = await client.until(`0${end}`)
    assert.doesNotMatch(text, /x-end/iu)
  })

  it('are not read from the upstream while the client does not take them', async (t) => {
    const part = Buffer.alloc(1024 * 1024, 'x')
    let written = 0
    const total = 64
    const upstream = await openUpstream(t, (peer) => {
      void peer.until(end).then(() => {
        peer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total * part.length}${end}`)
        const more = (): void => {
          while (written < total) {
            written++
            if (!peer.socket.write(part)) {
              peer.socket.once('drain', more)
              return
            }
          }
        }
        more()
      })
    })
    const rig = await openRig(t, upstream.port)
    const client = rig.client()
    client.socket.removeAllListeners('data')
    client.socket.pause()
    client.socket.write(`GET / HTTP/1.1\r\nHost: a${end}`)
    let seen = -1
    for (let idle = 0; idle < 200; idle++) {
      if (written !== seen) {
        seen = written
        idle = 0
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(written < total, `${written} MiB were read`)
    let got = 0
    client.socket.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    client.socket.resume()
    while (got < total * part.length) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(rig.told[0]?.facts?.bytesOut, total * part.length)
  })

  it('follow interim responses, which go on as they are', async (t) => {
    const interim = `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: x\r\nX: 1${end}`
    const upstream = await openUpstream(
      t,
      replying(`HTTP/1.1 100 Continue${end}HTTP/1.1 102 Processing${end}${interim}${hello}`),
    )
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(`GET / HTTP/1.1\r\nHost: a${end}`)
    const text = await client.until('hello')
    assert.ok(
      text.startsWith(
        `HTTP/1.1 100 Continue${end}HTTP/1.1 102 Processing${end}HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload${end}HTTP/1.1 200 OK`,
      ),
      text,
    )
  })
})

describe('mirrors', () => {
  it('get a copy of the request, and their answers are ignored', async (t) => {
    const seen: string[] = []
    const shadow = await openUpstream(t, (peer) => {
      peer.socket.on('data', () => {
        seen.push(peer.text)
        peer.send('HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n')
      })
    })
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    const other = await openRig(t, shadow.port)
    rig.decide = () => ({ forward: { mirrors: [{ cluster: other.cluster }] } })
    const client = rig.client().send(`POST /m HTTP/1.1\r\nHost: a\r\nContent-Length: 3${end}abc`)
    await client.until('hello')
    while (!(seen.at(-1) ?? '').endsWith('abc'))
      await new Promise((resolve) => setImmediate(resolve))
    assert.match(seen.at(-1) ?? '', /^POST \/m HTTP\/1\.1\r\n/u)
    assert.equal(rig.told[0]?.status, 200)
    assert.equal(rig.plane.counts.mirrored, 1)
  })

  it('are given up when the body is longer than 64 KiB', async (t) => {
    const shadow = await openUpstream(t)
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    const other = await openRig(t, shadow.port)
    rig.decide = () => ({ forward: { mirrors: [{ cluster: other.cluster }] } })
    const body = 'x'.repeat(70_000)
    const announced = rig.client()
    announced.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}${end}${body}`)
    await announced.until('hello')
    assert.deepEqual([rig.plane.counts.mirrored, rig.plane.counts.mirrorsCut], [0, 1])
    upstream.serve = (peer) => {
      void peer.until(`0${end}`).then(() => peer.send(hello))
    }
    const chunked = rig.client()
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n`
    for (const peer of upstream.peers) peer.socket.destroy()
    await new Promise((resolve) => setImmediate(resolve))
    chunked.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked${end}${chunk}0${end}`)
    await chunked.until('hello')
    assert.deepEqual([rig.plane.counts.mirrored, rig.plane.counts.mirrorsCut], [1, 2])
  })
})
