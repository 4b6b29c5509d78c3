import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { CANCEL, ENHANCE_YOUR_CALM, type Http2Stats } from '@tidemill/http2'
import { data, frame, frames, get, ping, post, rst, settings, windowUpdate } from './lib/frames.ts'
import { RawPeer } from './lib/raw-peer.ts'

/** Sends one thing after another until the server has had enough; how many it took. */
function flood(peer: RawPeer, next: (i: number) => Buffer, most = 20_000): number {
  for (let i = 0; i < most; i++) {
    peer.feed(next(i))
    if (i % 50 === 0) peer.take()
    if (!peer.connection.open) {
      assert.equal(peer.side.closed?.code, ENHANCE_YOUR_CALM)
      return i + 1
    }
  }
  return Number.POSITIVE_INFINITY
}

type Count = keyof Http2Stats['limits']
const stream1 = (): RawPeer => new RawPeer('server').greet().request(1, post)

const floods: [string, Count, number, (peer: RawPeer, i: number) => Buffer][] = [
  ['PING', 'pings', 600, () => ping()],
  ['SETTINGS', 'settings', 200, () => settings(3, 100)],
  ['PRIORITY', 'priorities', 1100, () => frame(frames.PRIORITY, 0, 3, [0, 0, 0, 0, 9])],
  ['unknown', 'priorities', 1100, () => frame(0x77, 0, 1, [1])],
  ['WINDOW_UPDATE(1)', 'windowUpdates', 1100, () => windowUpdate(0, 1)],
  ['WINDOW_UPDATE(1) on a stream', 'windowUpdates', 1100, () => windowUpdate(1, 1)],
  ['empty DATA', 'emptyData', 110, () => data(1, '')],
  ['padding without data', 'emptyData', 110, () => frame(frames.DATA, frames.PADDED, 1, [1, 0])],
  [
    'rapid reset',
    'resets',
    2100,
    (peer, i) => Buffer.concat([peer.writer.headers(2 * i + 3, get, true), rst(2 * i + 3, CANCEL)]),
  ],
  [
    'resets that the server is made to send',
    'resets',
    2100,
    (peer, i) => Buffer.concat([peer.writer.headers(2 * i + 3, post), windowUpdate(2 * i + 3, 0)]),
  ],
  [
    'header lists that are too large',
    'largeHeaderLists',
    110,
    (peer, i) => {
      const list = [
        ...get,
        ...Array.from({ length: 9 }, () => ['x-field', 'v'.repeat(2000)]).flat(),
      ]
      return peer.writer.headers(2 * i + 3, list, true)
    },
  ],
]
for (const [name, count, most, next] of floods) {
  test(`a flood (${name}) ends the connection with ENHANCE_YOUR_CALM`, () => {
    const peer = stream1()
    const took = flood(peer, (i) => next(peer, i))
    assert.ok(took <= most, `${took}`)
    assert.ok(peer.connection.stats().limits[count] >= took - 1)
  })
}

test('streams beyond the limit are refused, but not for ever', () => {
  const peer = new RawPeer('server', { maxConcurrentStreams: 1, limits: { refusals: 300 } })
  peer.greet().request(1, post)
  const took = flood(peer, (i) => peer.writer.headers(2 * i + 3, get, true))
  assert.equal(took, 301)
})

test('a header block without end is given up after its frames and after its bytes', () => {
  for (const [size, most] of [
    [1, 66],
    [1000, 34],
  ] as const) {
    const peer = new RawPeer('server').greet()
    peer.feed(frame(frames.HEADERS, 0, 1, Buffer.alloc(size, 0x82)))
    const part = frame(frames.CONTINUATION, 0, 1, Buffer.alloc(size, 0x82))
    assert.ok(flood(peer, () => part) <= most)
    assert.equal(peer.connection.stats().limits.continuationFloods, 1)
  }
})

test('a small block that unpacks to a huge list is an attack, and costs no memory', () => {
  const peer = new RawPeer('server', { maxHeaderListSize: 4096 }).greet()
  const entry = peer.writer.block([...get, 'x-bomb', 'b'.repeat(3000)])
  const bomb = Buffer.concat([entry, Buffer.alloc(8000, 0x80 | 62)])
  peer.feed(frame(frames.HEADERS, 5, 1, bomb))
  assert.equal(peer.side.closed?.code, ENHANCE_YOUR_CALM)
  assert.equal(peer.side.streams.logs.size, 0)
})

test('a header list that is too large is answered with 431, and the connection goes on', () => {
  const peer = new RawPeer('server', { maxHeaderListSize: 1000 }).greet()
  const large = [...get, 'x-large', 'l'.repeat(1000)]
  peer.request(1, large, true).request(3, large)
  assert.deepEqual(peer.said(), ['HEADERS 1 end', 'HEADERS 3 end', 'RST_STREAM 3 code 0'])
  peer.feed(data(3, 'late')).request(5, get, true)
  assert.equal(peer.side.streams.logs.size, 1)
  const client = new RawPeer('client', { maxHeaderListSize: 1000 }).greet()
  const stream = client.connection.request(get, true, client.side.streams)
  client.feed(client.writer.headers(1, [':status', '200', 'x-large', 'l'.repeat(1000)]))
  assert.equal(client.side.streams.log(stream).how, 'local')
  assert.equal(client.connection.open, true)
})

test('answers that nobody reads are bounded', () => {
  const peer = new RawPeer('server', { limits: { pings: 1_000_000 } }).greet()
  let fed = 0
  while (peer.connection.open && fed < 100_000) {
    peer.feed(ping())
    fed++
  }
  assert.equal(peer.side.closed?.code, ENHANCE_YOUR_CALM)
  assert.ok(peer.connection.output.pending < 129 * 1024)
})

test('the counts begin anew after ten seconds', async () => {
  const clock = createVirtualClock()
  const peer = new RawPeer('server', { clock, limits: { pings: 100 } }).greet()
  for (let i = 0; i < 10; i++) {
    for (let n = 0; n < 100; n++) peer.feed(ping())
    peer.take()
    await clock.advance(10_000)
  }
  assert.equal(peer.connection.open, true)
  assert.equal(peer.connection.stats().limits.pings, 1000)
})

test('who works may ping and update windows as often as the work brings about', () => {
  const peer = stream1()
  for (let i = 0; i < 5000; i++) {
    peer.feed(data(1, 'x'), ping(), windowUpdate(0, 1), windowUpdate(1, 1))
    if (i % 50 === 0) peer.take()
  }
  assert.equal(peer.connection.open, true)
})

test('a limit of 0 allows nothing', () => {
  const peer = new RawPeer('server', { limits: { pings: 0 } }).greet()
  peer.feed(ping())
  assert.equal(peer.connection.open, false)
})
