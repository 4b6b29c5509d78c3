import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { FLOW_CONTROL_ERROR, ReceiveBudget, type StreamHandler } from '@tidemill/http2'
import fc from 'fast-check'
import {
  data,
  describe,
  type Frame,
  frame,
  frames,
  get,
  post,
  settings,
  windowUpdate,
} from './lib/frames.ts'
import { createPair } from './lib/pair.ts'
import { RawPeer } from './lib/raw-peer.ts'

const initialWindow = 4

function bodyOf(list: readonly Frame[], id: number): string {
  const parts = list.filter((f) => f.type === frames.DATA && f.id === id)
  return Buffer.concat(parts.map(({ payload }) => payload)).toString('latin1')
}

function dataFrames(list: readonly Frame[]): string[] {
  return describe(list.filter(({ type }) => type === frames.DATA))
}

test('sends as much as both windows allow and the rest as they open', () => {
  const peer = new RawPeer('client').greet(initialWindow, 10)
  const { connection, side } = peer
  const stream = connection.request(post, false, side.streams)
  stream.data(Buffer.from('0123456789abcdef'), false)
  stream.trailers(['t', '1'])
  assert.equal(stream.bufferedBytes, 6)
  const first = peer.take()
  assert.equal(bodyOf(first, 1), '0123456789')
  peer.feed(windowUpdate(1, 2))
  assert.equal(bodyOf(peer.take(), 1), 'ab')
  peer.feed(windowUpdate(1, 100))
  assert.deepEqual(peer.said(), ['DATA 1 4', 'HEADERS 1 end'])
})

test('an empty end needs no window', () => {
  const peer = new RawPeer('client').greet(initialWindow, 0)
  const stream = peer.connection.request(post, false, peer.side.streams)
  peer.take()
  stream.data(Buffer.alloc(0), false)
  assert.deepEqual(peer.said(), [])
  stream.data(Buffer.alloc(0), true)
  assert.deepEqual(peer.said(), ['DATA 1 0 end'])
})

test('a new initial window moves open streams at once, below zero too', () => {
  const peer = new RawPeer('client').greet(initialWindow, 10)
  const stream = peer.connection.request(post, false, peer.side.streams)
  stream.data(Buffer.alloc(30, 'x'), true)
  assert.deepEqual(dataFrames(peer.take()), ['DATA 1 10'])
  peer.feed(settings(initialWindow, 4))
  // Now at -6: five more leave it closed, two more open it by one.
  peer.feed(windowUpdate(1, 5))
  assert.deepEqual(dataFrames(peer.take()), [])
  peer.feed(windowUpdate(1, 2))
  assert.deepEqual(dataFrames(peer.take()), ['DATA 1 1'])
  peer.feed(settings(initialWindow, 24))
  assert.deepEqual(dataFrames(peer.take()), ['DATA 1 19 end'])
})

test('an initial window that makes an open stream overflow ends the connection', () => {
  const peer = new RawPeer('client').greet(initialWindow, 10)
  peer.connection.request(post, false, peer.side.streams)
  peer.feed(windowUpdate(1, 0x7fffffff - 10))
  assert.equal(peer.connection.open, true)
  peer.feed(settings(initialWindow, 11))
  assert.equal(peer.side.closed?.code, FLOW_CONTROL_ERROR)
})

test('streams share the connection window a frame each in turn', () => {
  const peer = new RawPeer('client').greet(initialWindow, 1_000_000)
  const { connection, side } = peer
  const opened = [1, 3, 5].map(() => connection.request(post, false, side.streams))
  for (const stream of opened) stream.data(Buffer.alloc(65_000, 'x'), true)
  peer.take()
  assert.equal(connection.stats().peerConnectionWindow, 0)
  peer.feed(windowUpdate(0, 5 * 16_384))
  const ids = peer.take().filter(({ type }) => type === frames.DATA)
  assert.deepEqual(
    ids.map(({ id }) => id),
    [3, 5, 3, 5, 3],
  )
})

test('who is behind others in the line does not overtake them', () => {
  const peer = new RawPeer('client').greet(initialWindow, 1_000_000)
  const { connection, side } = peer
  const first = connection.request(post, false, side.streams)
  first.data(Buffer.alloc(65_535 + 10_000), false)
  const second = connection.request(post, false, side.streams)
  second.data(Buffer.from('second'), false)
  peer.take()
  peer.feed(windowUpdate(0, 10_003))
  assert.deepEqual(dataFrames(peer.take()), ['DATA 1 10000', 'DATA 3 3'])
})

test('data says when to stop, onWritable when to go on, and who does not listen is refused', () => {
  const peer = new RawPeer('client', { sendBuffer: { highWater: 100, limit: 150 } })
  peer.greet(initialWindow, 0)
  const stream = peer.connection.request(post, false, peer.side.streams)
  assert.equal(stream.data(Buffer.alloc(100), false), true)
  assert.equal(stream.data(Buffer.alloc(60), false), false)
  assert.throws(() => stream.data(Buffer.alloc(1), false), { code: 'TM_HTTP2_SEND_BUFFER' })
  assert.equal(stream.bufferedBytes, 160)
  peer.feed(windowUpdate(1, 109))
  assert.equal(peer.side.streams.log(stream).writable, 0)
  peer.feed(windowUpdate(1, 1))
  assert.equal(peer.side.streams.log(stream).writable, 1)
  peer.feed(windowUpdate(1, 50))
  assert.equal(peer.side.streams.log(stream).writable, 1)
  assert.equal(stream.bufferedBytes, 0)
})

test('data waits in its stream and not in the output while nobody takes that', () => {
  const peer = new RawPeer('client').greet(initialWindow, 0x7fffffff)
  peer.feed(windowUpdate(0, 0x7fffffff - 65_535))
  const stream = peer.connection.request(post, false, peer.side.streams)
  for (let i = 0; i < 60; i++) stream.data(Buffer.alloc(16_000), false)
  assert.ok(peer.connection.output.pending <= 256 * 1024 + 16_400)
  assert.ok(stream.bufferedBytes > 600_000)
  assert.equal(bodyOf(peer.take(), 1).length, 60 * 16_000)
})

test('a reset stream leaves the line and what waited is dropped', () => {
  const peer = new RawPeer('client').greet(initialWindow, 1_000_000)
  const { connection, side } = peer
  const first = connection.request(post, false, side.streams)
  const second = connection.request(post, false, side.streams)
  first.data(Buffer.alloc(70_000), true)
  second.data(Buffer.alloc(10), true)
  first.reset(8)
  peer.take()
  peer.feed(windowUpdate(0, 100))
  assert.deepEqual(dataFrames(peer.take()), ['DATA 3 10 end'])
  assert.equal(first.bufferedBytes, 0)
})

test('more data than a stream or the connection was given is an error of just that', () => {
  const stream = new RawPeer('server', { streamWindow: 10 }).greet().request(1, post)
  stream.feed(data(1, 'x'.repeat(11)))
  assert.deepEqual(stream.said(), ['RST_STREAM 1 code 3'])
  // The credit of a connection comes back on receipt unless the budget is used up.
  const receiveBudget = new ReceiveBudget(65_535)
  const peer = new RawPeer('server', { receiveBudget }).greet().request(1, post)
  peer.side.streams.consumes = false
  for (let i = 0; i < 4; i++) peer.feed(data(1, 'x'.repeat(16_000)))
  assert.equal(peer.connection.open, true)
  peer.feed(data(1, 'x'.repeat(1536)))
  assert.equal(peer.side.closed?.code, FLOW_CONTROL_ERROR)
})

test('connection credit comes back on receipt, stream credit when consumed', () => {
  const peer = new RawPeer('server', { connectionWindow: 65_535, streamWindow: 1000 }).greet()
  peer.side.streams.consumes = false
  peer.request(1, post)
  peer.take()
  for (let id = 3; id < 43; id += 2) {
    peer.request(id, post).feed(data(id, 'x'.repeat(1000)))
  }
  const updates = describe(peer.take().filter(({ type }) => type === frames.WINDOW_UPDATE))
  assert.deepEqual(updates, ['WINDOW_UPDATE 0 +17000'])
  const third = peer.side.streams.all[1]?.stream
  assert.equal(third?.unconsumedBytes, 1000)
  third?.consume(249)
  assert.deepEqual(describe(peer.take()), [])
  third?.consume(1)
  assert.deepEqual(describe(peer.take()), ['WINDOW_UPDATE 3 +250'])
  assert.equal(peer.connection.stats().unreadBytes, 20_000 - 250)
})

test('data of streams that are reset or padding gives its credit back', () => {
  const peer = new RawPeer('server', { connectionWindow: 65_535, streamWindow: 20_000 }).greet()
  peer.request(1, post)
  peer.side.streams.all[0]?.stream.reset(8)
  peer.take()
  peer.feed(data(1, 'x'.repeat(16_384)))
  assert.deepEqual(describe(peer.take()), ['WINDOW_UPDATE 0 +16384'])
  peer.request(3, post)
  peer.feed(
    frame(frames.DATA, frames.PADDED, 3, Buffer.concat([Buffer.from([250]), Buffer.alloc(251)])),
  )
  assert.equal(peer.connection.stats().unreadBytes, 0)
  assert.equal(peer.side.streams.all[1]?.body.length, 1)
})

test('a stream that is reset in the middle of a DATA frame gives back all of it', () => {
  const peer = new RawPeer('server').greet().request(1, post)
  const bytes = data(1, 'x'.repeat(1000))
  peer.feed(bytes.subarray(0, 500))
  peer.side.streams.all[0]?.stream.reset(8)
  peer.feed(bytes.subarray(500))
  assert.equal(peer.side.streams.all[0]?.body.length, 491)
  assert.equal(peer.connection.stats().unreadBytes, 0)
})

test('expect lets a message larger than the window through before any of it is consumed', () => {
  const pair = createPair({ server: { streamWindow: 1000, autoTune: false } })
  const { client, clientSide, serverSide, settle } = pair
  serverSide.streams.consumes = false
  settle()
  client.request(post, false, clientSide.streams).data(Buffer.alloc(5000, 'x'), true)
  settle()
  const log = serverSide.streams.all[0]
  assert.equal(log?.body.length, 1000)
  log?.stream.expect(4000)
  settle()
  assert.equal(log?.body.length, 5000)
  assert.equal(log?.ended, true)
})

test('unread data stays within the budget, and reading sets the peers going again', () => {
  const receiveBudget = new ReceiveBudget(1024 * 1024)
  const pair = createPair({ server: { receiveBudget, autoTune: false } })
  const { client, clientSide, serverSide, settle } = pair
  serverSide.streams.consumes = false
  settle()
  for (let i = 0; i < 50; i++) {
    client.request(post, false, clientSide.streams).data(Buffer.alloc(200_000, 'x'), true)
  }
  settle()
  assert.ok(receiveBudget.peak <= 1024 * 1024, `${receiveBudget.peak}`)
  assert.ok(receiveBudget.unread > 256 * 1024)
  for (let round = 0; round < 1000 && serverSide.streams.all.some(({ ended }) => !ended); round++) {
    for (const { stream } of serverSide.streams.all) stream.consume(stream.unconsumedBytes)
    settle()
  }
  assert.equal(
    serverSide.streams.all.every(({ body }) => body.length === 200_000),
    true,
  )
  assert.ok(receiveBudget.peak <= 1024 * 1024)
  pair.server.ended()
  assert.equal(receiveBudget.unread, 0)
})

test('windows grow with the measured product of rate and round trip', async () => {
  const clock = createVirtualClock()
  const pair = createPair({ server: { clock, autoTune: { max: '8MiB' } } })
  const { client, server, clientSide, settle } = pair
  settle()
  const before = server.stats().streamWindow
  const stream = client.request(post, false, clientSide.streams)
  for (let i = 0; i < 40; i++) {
    stream.data(Buffer.alloc(1024 * 1024), false)
    await clock.advance(1)
    settle()
  }
  const { bdp, streamWindow, connectionWindow } = server.stats()
  assert.ok(bdp > before, `${bdp}`)
  assert.ok(streamWindow > before)
  assert.ok(connectionWindow >= 4 * 1024 * 1024)
})

test('time without a window is counted by what was missing', async () => {
  const clock = createVirtualClock()
  const peer = new RawPeer('client', { clock }).greet(initialWindow, 70_000, 3, 2)
  const { connection, side } = peer
  const stream = connection.request(post, false, side.streams)
  stream.data(Buffer.alloc(80_000), true)
  await clock.advance(10)
  peer.feed(windowUpdate(0, 4465))
  await clock.advance(20)
  connection.request(get, true, side.streams)
  await clock.advance(40)
  peer.feed(windowUpdate(1, 10_000), windowUpdate(0, 10_000))
  peer.feed(peer.writer.headers(3, [':status', '200'], true))
  await clock.advance(80)
  assert.deepEqual(connection.stats().sendBlockedMs, {
    stream: 60,
    connection: 10,
    peerStreams: 40,
  })
})

test('no byte is lost, none comes twice and no window is exceeded, whatever both sides do', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('data' as const), at: fc.nat(3), size: fc.nat(40_000) }),
    fc.record({ kind: fc.constant('consume' as const), at: fc.nat(3), size: fc.nat(60_000) }),
    fc.record({ kind: fc.constant('window' as const), at: fc.nat(3), size: fc.nat(50_000) }),
    fc.record({ kind: fc.constant('carry' as const), at: fc.nat(1), size: fc.nat(20_000) }),
  )
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 500, max: 70_000 }),
      (steps, streamWindow) => {
        const pair = createPair({
          server: { streamWindow, connectionWindow: 65_535, autoTune: false },
          client: { sendBuffer: { limit: '1GiB' } },
        })
        const { client, clientSide, serverSide, settle } = pair
        serverSide.streams.consumes = false
        settle()
        const streams = [0, 1, 2, 3].map(() => client.request(post, false, clientSide.streams))
        const sent = ['', '', '', '']
        let next = 0
        for (const { kind, at, size } of steps) {
          if (kind === 'data') {
            const text = String(next++ % 10).repeat(size)
            sent[at] += text
            streams[at]?.data(Buffer.from(text), false)
          } else if (kind === 'consume') {
            const stream = serverSide.streams.all[at]?.stream
            stream?.consume(Math.min(size, stream.unconsumedBytes))
          } else if (kind === 'window') serverSide.streams.all[at]?.stream.expect(size)
          else settle()
        }
        for (const stream of streams) stream.data(Buffer.alloc(0), true)
        for (let round = 0; round < 10_000 && clientSide.closed === undefined; round++) {
          settle()
          let left = 0
          for (const { stream } of serverSide.streams.all) {
            left += stream.unconsumedBytes
            stream.consume(stream.unconsumedBytes)
          }
          if (left === 0) break
        }
        // Compared by equality alone: a difference of megabytes is of no use to a reader.
        const right = serverSide.streams.all.map(({ body, ended }, i) => ended && body === sent[i])
        assert.deepEqual(right, [true, true, true, true])
        // A window that was exceeded would have closed a stream or the connection.
        assert.equal(serverSide.closed ?? clientSide.closed, undefined)
      },
    ),
    { numRuns: 60 },
  )
})

test('a handler that writes from onWritable keeps the order', () => {
  const { client, clientSide, serverSide, settle } = createPair({
    server: { streamWindow: 3000 },
    client: { sendBuffer: { highWater: 1000 } },
  })
  settle()
  let sent = 0
  const writer: StreamHandler = {
    onHeaders: () => undefined,
    onData: () => undefined,
    onTrailers: () => undefined,
    onClose: () => undefined,
    onWritable(stream) {
      while (sent < 200) {
        const text = String.fromCharCode(33 + (sent % 90)).repeat(500)
        sent++
        if (!stream.data(Buffer.from(text), sent === 200)) return
      }
    },
  }
  const stream = client.request(post, false, writer)
  writer.onWritable(stream)
  settle()
  const expected = Array.from({ length: 200 }, (_, i) =>
    String.fromCharCode(33 + (i % 90)).repeat(500),
  )
  assert.equal(serverSide.streams.all[0]?.body, expected.join(''))
  assert.equal(clientSide.closed, undefined)
})
