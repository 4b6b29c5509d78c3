import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import {
  CANCEL,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  type Http2Stats,
  NO_ERROR,
  ReceiveBudget,
  REFUSED_STREAM,
} from '@tidemill/http2'
import {
  data,
  describe,
  frame,
  frames,
  get,
  goaway,
  ping,
  post,
  rst,
  settings,
  windowUpdate,
} from './lib/frames.ts'
import { createPair, takeAll } from './lib/pair.ts'
import { RawPeer } from './lib/raw-peer.ts'

/** Feeds one thing after another, reading the answers, until the connection is over; how many it took. */
function flood(peer: RawPeer, most: number, next: (i: number) => Buffer): number {
  for (let i = 0; i < most; i++) {
    peer.feed(next(i))
    peer.take()
    if (!peer.connection.open) return i + 1
  }
  return Number.POSITIVE_INFINITY
}

function calmed(peer: RawPeer, count: keyof Http2Stats['limits'], atLeast: number): void {
  assert.equal(peer.side.closed?.code, ENHANCE_YOUR_CALM)
  assert.ok(peer.connection.stats().limits[count] >= atLeast)
}

test('frames for a stream that we reset are ignored, but not without end', () => {
  const bytes = [
    (): Buffer => data(1, 'x'),
    (peer: RawPeer): Buffer => peer.writer.headers(1, ['a', 'b'], true),
  ]
  for (const next of bytes) {
    const peer = new RawPeer('server', { limits: { lateFrames: 300 } }).greet().request(1, post)
    peer.side.streams.all[0]?.stream.reset(CANCEL)
    // Four more for the request.
    assert.ok(flood(peer, 1000, () => next(peer)) <= 305)
    calmed(peer, 'lateFrames', 301)
  }
})

test('streams begun after the last GOAWAY are ignored, but not without end', () => {
  const peer = new RawPeer('server', { limits: { lateFrames: 300 } }).greet().request(1, post)
  peer.connection.drain()
  peer.feed(ping('tm drain', true))
  peer.take()
  const took = flood(peer, 1000, (i) => peer.writer.headers(2 * i + 3, get, true))
  assert.ok(took <= 305, `${took}`)
  calmed(peer, 'lateFrames', 301)
})

test('a client takes late answers to requests it gave up long ago as what they are', () => {
  const peer = new RawPeer('client').greet()
  const { streams } = peer.side
  for (let i = 0; i < 5000; i++) peer.connection.request(get, true, streams).reset(CANCEL)
  peer.take()
  peer.feed(peer.writer.headers(1, [':status', '200']), data(3, 'late', true))
  peer.feed(peer.writer.headers(9997, [':status', '200'], true))
  assert.equal(peer.connection.open, true)
  assert.deepEqual(peer.said(), [])
})

test('GOAWAY and answers to pings that were not sent are counted', () => {
  const away = new RawPeer('client', { limits: { settings: 50 } }).greet()
  away.connection.request(post, false, away.side.streams)
  assert.ok(flood(away, 500, () => goaway(0x7fffffff, NO_ERROR)) <= 55)
  calmed(away, 'settings', 51)
  const acks = new RawPeer('server', { limits: { pings: 50 } }).greet()
  assert.equal(
    flood(acks, 500, () => ping('nothing!', true)),
    51,
  )
  calmed(acks, 'pings', 51)
})

test('a header bomb is counted', () => {
  const peer = new RawPeer('server', { maxHeaderListSize: 4096 }).greet()
  const entry = peer.writer.block([...get, 'x-bomb', 'b'.repeat(3000)])
  const bomb = Buffer.concat([entry, Buffer.alloc(8000, 0x80 | 62)])
  peer.feed(frame(frames.HEADERS, 5, 1, bomb))
  calmed(peer, 'largeHeaderLists', 1)
})

test('answers that are not read are counted', () => {
  const peer = new RawPeer('server', { limits: { pings: 1_000_000 } }).greet()
  for (let i = 0; i < 20_000 && peer.connection.open; i++) peer.feed(ping())
  calmed(peer, 'unreadAnswers', 1)
})

test('whoever reads may ping for as long as a download keeps the output full', () => {
  const peer = new RawPeer('server').greet(4, 0x7fffffff)
  peer.feed(windowUpdate(0, 0x70000000)).request(1, get, true)
  const { stream } = peer.side.streams.all[0] ?? assert.fail()
  stream.headers([':status', '200'], false)
  const chunk = Buffer.alloc(128 * 1024)
  for (let i = 0; i < 12_000 && peer.connection.open; i++) {
    if (stream.bufferedBytes < chunk.length) stream.data(chunk, false)
    peer.feed(ping())
    // As the binding does it: everything is taken, then there is more.
    if (i % 4 === 0) {
      for (let piece = peer.connection.output.take(); piece !== undefined; ) {
        piece.release()
        piece = peer.connection.output.take()
      }
      peer.connection.pump()
      assert.ok(i < 8 || peer.connection.output.pending > 0)
    }
  }
  assert.equal(peer.side.closed, undefined)
})

test('cancelling what was not answered costs the connection, cancelling among answers does not', () => {
  const cancels = (answered: number): RawPeer => {
    const peer = new RawPeer('server').greet()
    const next = (i: number): Buffer => {
      const bytes = peer.writer.headers(2 * i + 1, get, true)
      return i % 5 < answered ? bytes : Buffer.concat([bytes, rst(2 * i + 1, CANCEL)])
    }
    peer.side.streams.onEnd = ({ stream }) => {
      if (((stream.id - 1) / 2) % 5 < answered) stream.headers([':status', '200'], true)
    }
    flood(peer, 20_000, next)
    return peer
  }
  // Hedging in five attempts, of which one is answered.
  assert.equal(cancels(1).connection.open, true)
  calmed(cancels(0), 'resets', 2001)
})

test('who ends a stream of answers early is not counted', () => {
  const peer = new RawPeer('server').greet()
  peer.side.streams.onEnd = ({ stream }) => stream.headers([':status', '200'], false)
  const next = (i: number): Buffer =>
    Buffer.concat([peer.writer.headers(2 * i + 1, get, true), rst(2 * i + 1, CANCEL)])
  assert.equal(flood(peer, 10_000, next), Number.POSITIVE_INFINITY)
  assert.equal(peer.connection.stats().limits.resets, 0)
})

test('a client bears a server that refuses every call, but not resets of nothing', () => {
  const peer = new RawPeer('client').greet()
  const { streams } = peer.side
  const running = peer.connection.request(get, true, streams)
  const next = (): Buffer => {
    const { id } = peer.connection.request(get, true, streams)
    return rst(id, REFUSED_STREAM)
  }
  assert.equal(flood(peer, 5000, next), Number.POSITIVE_INFINITY)
  assert.equal(streams.logs.has(running), false)
  assert.ok(flood(peer, 5000, () => rst(3, REFUSED_STREAM)) <= 2001)
  calmed(peer, 'resets', 2001)
})

test('work of long ago does not pay for a flood of today', async () => {
  const clock = createVirtualClock()
  const peer = new RawPeer('server', { clock }).greet().request(1, post)
  for (let i = 0; i < 20_000; i++) {
    peer.feed(data(1, 'x'))
    peer.take()
  }
  await clock.advance(60_000)
  const took = flood(peer, 20_000, () => ping())
  assert.ok(took <= 1002, `${took}`)
})

test('a response that is drawn a byte at a time is no work to show for it', () => {
  const peer = new RawPeer('server').greet(4, 0)
  peer.request(1, get, true)
  const { stream } = peer.side.streams.all[0] ?? assert.fail()
  stream.headers([':status', '200'], false)
  stream.data(Buffer.alloc(60_000), true)
  assert.ok(flood(peer, 20_000, () => windowUpdate(1, 1)) <= 1100)
  calmed(peer, 'windowUpdates', 1001)
})

test('the answer to HEAD, 204 and 304 has no content', () => {
  for (const [method, status] of [
    ['HEAD', '200'],
    ['GET', '204'],
    ['GET', '304'],
  ] as const) {
    const peer = new RawPeer('client').greet()
    const list = [':method', method, ...get.slice(2)]
    const stream = peer.connection.request(list, true, peer.side.streams)
    peer.feed(peer.writer.headers(1, [':status', status, 'content-length', '4']), data(1, 'body'))
    assert.equal(peer.side.streams.log(stream).how, 'local')
    assert.equal(peer.side.streams.log(stream).body, '')
    // An end without content is fine.
    const other = peer.connection.request(list, true, peer.side.streams)
    peer.feed(peer.writer.headers(3, [':status', status]), data(3, '', true))
    assert.equal(peer.side.streams.log(other).how, 'done')
  }
})

test('a response of another length than it announced is an error of its stream', () => {
  const wrong: ((peer: RawPeer) => Buffer)[] = [
    () => data(1, 'abc', true),
    () => data(1, 'abcde'),
    () => data(1, 'abcde', true),
    (peer) => Buffer.concat([data(1, 'abc'), peer.writer.headers(1, ['a', 'b'], true)]),
  ]
  for (const bytes of wrong) {
    const peer = new RawPeer('client').greet()
    const stream = peer.connection.request(get, true, peer.side.streams)
    peer.feed(peer.writer.headers(1, [':status', '200', 'content-length', '4']), bytes(peer))
    assert.equal(peer.side.streams.log(stream).how, 'local')
    assert.equal(peer.side.streams.log(stream).code, 1)
    assert.equal(peer.connection.open, true)
  }
})

test('a client takes trailers only at the end, and informational responses only before the final one', () => {
  const wrong: ((peer: RawPeer) => Buffer)[] = [
    (peer) => peer.writer.headers(1, ['grpc-status', '0']),
    (peer) => peer.writer.headers(1, [':status', '103']),
    (peer) => peer.writer.headers(1, [':status', '200'], true),
  ]
  for (const bytes of wrong) {
    const peer = new RawPeer('client').greet()
    const stream = peer.connection.request(get, true, peer.side.streams)
    peer.take()
    peer.feed(peer.writer.headers(1, [':status', '200']), bytes(peer))
    assert.deepEqual(peer.said(), ['RST_STREAM 1 code 1'])
    assert.equal(peer.side.streams.log(stream).how, 'local')
  }
})

test('informational responses without end cost their stream, not the connection', () => {
  const peer = new RawPeer('client').greet()
  const stream = peer.connection.request(get, true, peer.side.streams)
  peer.take()
  for (let i = 0; i < 100; i++) peer.feed(peer.writer.headers(1, [':status', '102']))
  assert.deepEqual(peer.said(), [])
  peer.feed(peer.writer.headers(1, [':status', '102']))
  assert.deepEqual(peer.said(), ['RST_STREAM 1 code 11'])
  assert.equal(peer.side.streams.log(stream).how, 'local')
  assert.equal(peer.connection.open, true)
})

test('a reset may come before any headers, and after the whole response', () => {
  const peer = new RawPeer('client').greet()
  const { streams } = peer.side
  const early = peer.connection.request(post, false, streams)
  const late = peer.connection.request(post, false, streams)
  peer.feed(rst(1, CANCEL), peer.writer.headers(3, [':status', '413'], true), rst(3, NO_ERROR))
  assert.deepEqual([streams.log(early).how, streams.log(early).code], ['remote', CANCEL])
  assert.deepEqual([streams.log(late).ended, streams.log(late).how], [true, 'remote'])
})

test('fewer streams than are open may be allowed: no new ones until enough have ended', () => {
  const peer = new RawPeer('client').greet(3, 10)
  const { connection, side } = peer
  for (let i = 0; i < 4; i++) connection.request(get, true, side.streams)
  peer.feed(settings(3, 2))
  assert.equal(connection.slots, 0)
  const events = side.slotEvents
  peer.feed(peer.writer.headers(1, [':status', '204'], true))
  peer.feed(peer.writer.headers(3, [':status', '204'], true))
  assert.equal(connection.slots, 0)
  assert.equal(side.slotEvents, events)
  peer.feed(peer.writer.headers(5, [':status', '204'], true))
  assert.equal(connection.slots, 1)
  assert.equal(side.slotEvents, events + 1)
})

test('the initial window may go to its most and to nothing in the middle of a stream', () => {
  const peer = new RawPeer('client').greet(4, 10)
  const stream = peer.connection.request(post, false, peer.side.streams)
  stream.data(Buffer.alloc(100), false)
  assert.ok(peer.said().includes('DATA 1 10'))
  peer.feed(settings(4, 0x7fffffff))
  assert.deepEqual(peer.said(), ['SETTINGS ack', 'DATA 1 90'])
  peer.feed(settings(4, 0))
  stream.data(Buffer.alloc(5), true)
  assert.deepEqual(peer.said(), ['SETTINGS ack'])
  // 100 bytes are owed: a window of 104 lets 4 through.
  peer.feed(settings(4, 104))
  assert.deepEqual(peer.said(), ['SETTINGS ack', 'DATA 1 4'])
  peer.feed(windowUpdate(1, 1))
  assert.deepEqual(peer.said(), ['DATA 1 1 end'])
  peer.feed(settings(4, 0x80000000))
  assert.equal(peer.side.closed?.code, FLOW_CONTROL_ERROR)
})

for (const together of [true, false]) {
  const how = together ? 'in one frame' : 'in two frames'
  test(`a table size of 0 and then 4096 ${how} empties the table`, () => {
    const peer = new RawPeer('client').greet()
    const list = [...get, 'x-kept', 'value']
    for (let i = 0; i < 3; i++) peer.connection.request(list, true, peer.side.streams)
    peer.take()
    if (together) peer.feed(settings(1, 0, 1, 4096))
    else peer.feed(settings(1, 0), settings(1, 4096))
    peer.take()
    peer.connection.request(list, true, peer.side.streams)
    const [headers] = peer.take()
    assert.deepEqual([...(headers?.payload.subarray(0, 4) ?? [])], [0x20, 0x3f, 0xe1, 0x1f])
  })
}

test('what was never taken from the output is unprocessed when the socket is gone, the rest is lost', () => {
  const peer = new RawPeer('client').greet()
  const { connection, side } = peer
  const sent = connection.request(post, false, side.streams)
  sent.data(Buffer.alloc(10), false)
  peer.take()
  const half = connection.request(post, false, side.streams)
  half.data(Buffer.alloc(70_000), false)
  const kept = connection.request(get, true, side.streams)
  // The first run of bytes ends in the middle of the second stream.
  const piece = connection.output.take()
  assert.ok(connection.output.pending > 0)
  const last = connection.request(get, true, side.streams)
  piece?.release()
  connection.ended('ECONNRESET')
  const ends = [sent, half, kept, last].map((stream) => side.streams.log(stream).how)
  assert.deepEqual(ends, ['lost', 'lost', 'unprocessed', 'unprocessed'])
  assert.equal(side.streams.log(last).code, REFUSED_STREAM)
  // It is reported as never sent: so it must not be sent any more.
  assert.equal(takeAll(connection).length, 0)
})

test('a request begun while the output is empty is unprocessed as well when nobody takes it', () => {
  const peer = new RawPeer('client').greet()
  const { connection, side } = peer
  const stream = connection.request(get, true, side.streams)
  connection.ended()
  assert.equal(side.streams.log(stream).how, 'unprocessed')
})

test('whoever may still write its output loses what waits there', () => {
  const peer = new RawPeer('client').greet()
  const stream = peer.connection.request(get, true, peer.side.streams)
  peer.connection.goaway(NO_ERROR)
  assert.equal(peer.side.streams.log(stream).how, 'lost')
  assert.deepEqual(peer.said(), ['HEADERS 1 end', 'GOAWAY last 0 code 0'])
})

test('half of a socket that is closed by a client: answers come as far as the windows reach', () => {
  const peer = new RawPeer('server').greet(4, 1000)
  for (const id of [1, 3, 5]) peer.request(id, get, true)
  const [small, large, blocked] = peer.side.streams.all
  blocked?.stream.headers([':status', '200'], false)
  blocked?.stream.data(Buffer.alloc(1001), true)
  peer.take()
  peer.connection.readEnded()
  // No credit can come any more: waiting for it would be for ever.
  assert.equal(blocked?.how, 'lost')
  small?.stream.headers([':status', '200'], false)
  small?.stream.data(Buffer.alloc(1000), true)
  assert.equal(small?.how, 'done')
  large?.stream.headers([':status', '200'], false)
  large?.stream.data(Buffer.alloc(1000), false)
  assert.equal(large?.how, undefined)
  large?.stream.data(Buffer.alloc(1), true)
  assert.equal(large?.how, 'lost')
  assert.deepEqual(peer.side.closed, { code: NO_ERROR, reason: '' })
  const said = describe(peer.take())
  assert.ok(said.includes('DATA 1 1000 end'))
})

test('an expected message that memory had no room for comes when there is room', () => {
  const receiveBudget = new ReceiveBudget(1024 * 1024)
  const pair = createPair({
    server: { receiveBudget, streamWindow: 150_000, autoTune: false },
    client: { sendBuffer: { limit: '1GiB' } },
  })
  const { client, clientSide, serverSide, settle } = pair
  serverSide.streams.consumes = false
  settle()
  const message = Buffer.alloc(250_000, 'x')
  for (let i = 0; i < 4; i++) client.request(post, false, clientSide.streams).data(message, true)
  settle()
  const [first, second, third, fourth] = serverSide.streams.all
  fourth?.stream.expect(100_000)
  settle()
  const before = fourth?.body.length ?? 0
  assert.ok(before < 250_000)
  // Refused once more while there is little room.
  first?.stream.consume(20_000)
  settle()
  assert.equal(fourth?.body.length, before)
  for (const log of [first, second, third]) log?.stream.consume(log.stream.unconsumedBytes)
  settle()
  assert.equal(fourth?.body.length, 250_000)
})

test('one expected message of almost half the budget comes, although the windows shrink on the way', () => {
  for (const share of [0.3, 0.45, 0.49]) {
    const receiveBudget = new ReceiveBudget(4 * 1024 * 1024)
    const size = Math.floor(share * 4 * 1024 * 1024)
    const pair = createPair({
      server: { receiveBudget, autoTune: false },
      client: { sendBuffer: { limit: '1GiB' } },
    })
    const { client, clientSide, serverSide, settle } = pair
    serverSide.streams.consumes = false
    settle()
    const sender = client.request(post, false, clientSide.streams)
    sender.data(Buffer.alloc(16_384, 'x'), false)
    settle()
    const [log] = serverSide.streams.all
    log?.stream.expect(size - 16_384)
    sender.data(Buffer.alloc(size - 16_384, 'x'), true)
    settle()
    assert.equal(log?.body.length, size, `${share} of the budget`)
    log.stream.consume(size)
    settle()
    assert.equal(receiveBudget.promised, 0)
  }
})

test('SETTINGS that are not acknowledged do not pile up, however often windows should change', () => {
  const receiveBudget = new ReceiveBudget(1024 * 1024)
  const peer = new RawPeer('server', { receiveBudget }).greet()
  for (let i = 0; i < 200; i++) {
    receiveBudget.unread = i % 2 === 0 ? 500_000 : 0
    peer.request(2 * i + 1, get, true)
    peer.side.streams.all.at(-1)?.stream.headers([':status', '204'], true)
  }
  receiveBudget.unread = 500_000
  const sent = peer.take().filter(({ type }) => type === frames.SETTINGS)
  assert.ok(sent.length > 0 && sent.length <= 4, `${sent.length}`)
  for (let i = 0; i < 4; i++) peer.feed(frame(frames.SETTINGS, frames.ACK, 0))
  assert.ok(peer.connection.stats().streamWindow < 1024 * 1024)
})

test('extended CONNECT that was allowed cannot be taken back', () => {
  const peer = new RawPeer('client').greet(8, 1)
  peer.feed(settings(8, 0))
  assert.equal(peer.side.closed?.code, 1)
})

test('a client that ends its side in the middle of a frame header has lost everything', () => {
  const peer = new RawPeer('server').greet().request(1, get, true)
  peer.feed(ping().subarray(0, 5))
  peer.connection.readEnded()
  assert.equal(peer.side.streams.all[0]?.how, 'lost')
})

test('a frame of nothing but its pad length ends with it', () => {
  const peer = new RawPeer('server').greet().request(1, post)
  peer.feed(frame(frames.DATA, frames.PADDED | frames.END_STREAM, 1, [0]))
  assert.equal(peer.side.streams.all[0]?.ended, true)
})

test('how a stream ended is not taken from another that ended since', () => {
  const peer = new RawPeer('server').greet()
  peer.side.streams.onEnd = ({ stream }) => stream.headers([':status', '204'], true)
  for (let i = 0; i < 4096; i++) peer.request(2 * i + 1, get, true).take()
  peer.feed(data(1, 'late'))
  assert.deepEqual(peer.said(), ['RST_STREAM 1 code 5'])
})

test('a limit of 0 allows nothing later either', async () => {
  const clock = createVirtualClock()
  const peer = new RawPeer('server', { clock, limits: { pings: 0 } }).greet()
  await clock.advance(20_000)
  peer.feed(ping())
  assert.equal(peer.connection.open, false)
})
