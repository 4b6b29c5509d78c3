import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createHttp2Server, connectHttp2 } from '@tidemill/http2/node'
import { CANCEL } from '@tidemill/http2'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { get, post } from '../lib/frames.ts'
import { waitFor } from '../lib/wait.ts'
import { ConnectionRecorder, type StreamLog } from '../lib/recorder.ts'

const authority = createTestAuthority()
const certificate = authority.issue({ names: ['localhost', '127.0.0.1'] })

/** Answers with the length of the body, in two parts, and trailers. */
function answer({ stream, body }: StreamLog): void {
  stream.headers([':status', '200', 'content-type', 'text/plain'], false)
  stream.data(Buffer.from(`${body.length} `), false)
  stream.data(Buffer.from('bytes'), false)
  stream.trailers(['x-sum', String(body.length)])
}

function ended(log: () => StreamLog): Promise<void> {
  return waitFor(() => log().how !== undefined)
}

for (const tls of [false, true]) {
  const scheme = tls ? 'https' : 'http'
  test(`node:http2 as client of our server, ${scheme}`, async () => {
    const side = new ConnectionRecorder()
    side.streams.onEnd = answer
    await using server = createHttp2Server({
      onConnection: () => side,
      ...(tls ? { tls: certificate } : {}),
    })
    const { port } = await server.listen()
    const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { ca: authority.ca })
    const bodies = [0, 1, 65_536, 3_000_000]
    const results = await Promise.all(
      bodies.map(async (size) => {
        const request = session.request({ ':method': 'POST', ':path': '/' })
        const trailers = once(request, 'trailers')
        request.end(Buffer.alloc(size, 'x'))
        let text = ''
        request.setEncoding('utf8').on('data', (part: string) => (text += part))
        const [headers] = (await trailers) as [http2.IncomingHttpHeaders]
        await once(request, 'close')
        return [text, headers['x-sum']]
      }),
    )
    assert.deepEqual(
      results,
      bodies.map((size) => [`${size} bytes`, String(size)]),
    )
    session.close()
    await once(session, 'close')
    assert.equal(side.errors.length, 0)
  })

  test(`node:http2 as server of our client, ${scheme}`, async () => {
    const server = tls
      ? http2.createSecureServer({ ...certificate, allowHTTP1: true })
      : http2.createServer()
    server.on('stream', (stream) => {
      let size = 0
      stream.on('data', (part: Buffer) => (size += part.length))
      stream.on('error', () => undefined)
      stream.on('end', () => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(size) }))
        stream.end(Buffer.alloc(2_000_000, 'y'))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const side = new ConnectionRecorder()
    const { port } = server.address() as AddressInfo
    const client = await connectHttp2(side, {
      host: '127.0.0.1',
      port,
      ...(tls ? { tls: { ca: authority.ca } } : {}),
    })
    await waitFor(() => client.ready)
    const streams = [0, 1, 2].map((i) => {
      const stream = client.request(post, false, side.streams)
      stream.data(Buffer.alloc(i * 1_000_000, 'x'), true)
      return stream
    })
    for (const [i, stream] of streams.entries()) {
      await waitFor(() => side.streams.log(stream).how !== undefined)
      const log = side.streams.log(stream)
      assert.equal(log.how, 'done')
      assert.equal(log.body.length, 2_000_000)
      assert.equal(log.trailers[0]?.[1], String(i * 1_000_000))
    }
    const cancelled = client.request(post, false, side.streams)
    cancelled.reset(CANCEL)
    client.drain()
    await waitFor(() => side.closed !== undefined)
    await new Promise((resolve) => server.close(resolve))
  })
}

test('ours to ours: a slow reader stops its own stream and no other', async () => {
  const side = new ConnectionRecorder()
  side.streams.consumes = false
  await using server = createHttp2Server({ onConnection: () => side, autoTune: false })
  const { port } = await server.listen()
  const client = await connectHttp2(new ConnectionRecorder(), { host: '127.0.0.1', port })
  const { streams } = new ConnectionRecorder()
  const slow = client.request(post, false, streams)
  assert.equal(slow.data(Buffer.alloc(5_000_000, 'x'), true), false)
  await waitFor(() => side.streams.all[0]?.body.length === 1024 * 1024)
  side.streams.onEnd = answer
  const other = client.request(get, true, streams)
  await ended(() => streams.log(other))
  assert.equal(streams.log(other).body, '0 bytes')
  assert.ok(slow.bufferedBytes > 3_000_000)
  const first = side.streams.all[0]
  side.streams.consumes = true
  first?.stream.consume(first.stream.unconsumedBytes)
  await waitFor(() => streams.log(slow).how === 'done')
  assert.equal(first?.body.length, 5_000_000)
  client.goaway(0)
})
