import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSeededRandom } from '@tidemill/core'
import { ReceiveBudget } from '@tidemill/http2'
import {
  data,
  frame,
  frames,
  get,
  goaway,
  HeaderWriter,
  ping,
  post,
  rst,
  settings,
  windowUpdate,
} from './lib/frames.ts'
import { takeAll } from './lib/pair.ts'
import { RawPeer } from './lib/raw-peer.ts'

/** Streams of frames that are mostly right, so that what a mutation breaks is met deep inside. */
function seeds(): Buffer[] {
  const greeting = [frames.clientPreface, settings(3, 100, 4, 70_000), frame(frames.SETTINGS, 1, 0)]
  const writer = new HeaderWriter()
  const first = [
    writer.headers(1, post),
    data(1, 'hello'),
    windowUpdate(1, 100),
    writer.headers(1, ['grpc-status', '0'], true),
  ]
  const second = [
    writer.headers(3, [...get, 'x-id', 'abc'], true),
    rst(3, 8),
    ping(),
    writer.headers(5, get, true),
  ]
  const split = writer.block([...post, 'content-length', '4'])
  const third = [
    frame(frames.HEADERS, 0, 7, split.subarray(0, 3)),
    frame(frames.CONTINUATION, 4, 7, split.subarray(3)),
    frame(frames.DATA, frames.PADDED | 1, 7, [2, 65, 66, 67, 68, 0, 0]),
    frame(frames.PRIORITY, 0, 9, [0, 0, 0, 1, 3]),
    settings(4, 10, 5, 20_000, 1, 0),
    windowUpdate(0, 1000),
    goaway(0, 0, 'bye'),
  ]
  return [
    [...greeting, ...first, ...second, ...third],
    [...greeting, ...third, ...second],
  ].map((list) => Buffer.concat(list))
}

test('mutated streams of frames neither crash nor hang a server nor fill its memory', () => {
  const runs = Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 100_000)
  const random = createSeededRandom(0x2f)
  const below = (limit: number): number => random.integer(limit)
  const pool = seeds()
  const receiveBudget = new ReceiveBudget(16 * 1024 * 1024)
  const answer = [':status', '200', 'content-type', 'text/plain']
  let closed = 0
  for (let run = 0; run < runs; run++) {
    const bytes = Buffer.from(pool[below(pool.length)] as Buffer)
    for (let n = below(6); n > 0; n--) {
      const at = frames.clientPreface.length + below(bytes.length - frames.clientPreface.length)
      bytes[at] = below(4) === 0 ? below(256) : (bytes[at] as number) ^ (1 << below(8))
    }
    const peer = new RawPeer('server', { receiveBudget })
    peer.side.streams.onEnd = ({ stream }) => {
      stream.headers(answer, false)
      stream.data(Buffer.from('answer'), true)
    }
    const cut = below(bytes.length)
    peer.feed(bytes.subarray(0, cut), bytes.subarray(cut))
    assert.ok(peer.connection.output.pending < 100_000)
    takeAll(peer.connection)
    if (!peer.connection.open) closed++
    peer.connection.ended()
    assert.equal(peer.side.errors.length, 0)
    for (const { how } of peer.side.streams.all) assert.notEqual(how, undefined)
  }
  assert.ok(closed > runs / 4 && closed < runs, `${closed} of ${runs}`)
  assert.equal(receiveBudget.unread, 0)
  assert.equal(receiveBudget.credit, 0)
})

test('mutated answers neither crash nor hang a client', () => {
  const runs = Math.ceil(Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 100_000) / 4)
  const random = createSeededRandom(0x2e)
  const below = (limit: number): number => random.integer(limit)
  const writer = new HeaderWriter()
  const right = Buffer.concat([
    settings(3, 100),
    frame(frames.SETTINGS, 1, 0),
    writer.headers(1, [':status', '103', 'link', '</a>']),
    writer.headers(1, [':status', '200', 'content-type', 'application/grpc']),
    data(1, 'hello'),
    writer.headers(3, [':status', '200'], true),
    writer.headers(1, ['grpc-status', '0'], true),
    ping(),
    rst(5, 7),
    goaway(5, 0),
  ])
  for (let run = 0; run < runs; run++) {
    const bytes = Buffer.from(right)
    for (let n = below(5); n > 0; n--) bytes[below(bytes.length)] = below(256)
    const peer = new RawPeer('client')
    const { connection, side } = peer
    for (let i = 0; i < 3; i++) connection.request(get, true, side.streams)
    const cut = below(bytes.length)
    peer.feed(bytes.subarray(0, cut), bytes.subarray(cut))
    takeAll(connection)
    connection.ended()
    assert.equal(side.errors.length, 0)
    assert.equal(side.streams.all.filter(({ how }) => how !== undefined).length, 3)
  }
})
