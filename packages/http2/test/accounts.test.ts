import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { ReceiveBudget } from '@tidemill/http2'
import { data, describe, frame, frames, get, post, settings, windowUpdate } from './lib/frames.ts'
import { RawPeer } from './lib/raw-peer.ts'

const updates = (peer: RawPeer): string[] =>
  describe(peer.take().filter(({ type }) => type === frames.WINDOW_UPDATE))

test('data that is an offence does not count as unread', () => {
  const half = new RawPeer('server').greet().request(1, get, true)
  half.feed(data(1, 'late'))
  assert.equal(half.connection.stats().unreadBytes, 0)
  const over = new RawPeer('server', { streamWindow: 10 }).greet().request(1, post)
  over.feed(data(1, 'x'.repeat(11)))
  assert.equal(over.connection.stats().unreadBytes, 0)
})

test('a first frame of headers may be all padding', () => {
  const peer = new RawPeer('server').greet()
  const block = peer.writer.block(get)
  peer.feed(frame(frames.HEADERS, frames.PADDED | 1, 1, [3, 0, 0, 0]))
  peer.feed(frame(frames.CONTINUATION, frames.END_HEADERS, 1, block))
  assert.equal(peer.side.streams.all[0]?.ended, true)
})

test('credit of a stream goes back to the window that the peer knows of', () => {
  const peer = new RawPeer('server')
  peer.feed(frames.clientPreface, settings()).request(1, post)
  peer.take()
  peer.feed(data(1, 'x'.repeat(16_384)))
  assert.deepEqual(updates(peer), ['WINDOW_UPDATE 1 +16384'])
})

test('credit of a stream does not go back to a window that was announced to shrink', () => {
  const receiveBudget = new ReceiveBudget(1024 * 1024)
  const peer = new RawPeer('server', { receiveBudget, streamWindow: 40_000 }).greet()
  peer.request(1, post)
  receiveBudget.unread = 500_000
  peer.request(3, post)
  peer.take()
  peer.feed(data(1, 'x'.repeat(16_000)))
  assert.deepEqual(updates(peer), [])
})

test('an expectation ends with its stream', () => {
  const receiveBudget = new ReceiveBudget(1024 * 1024)
  const peer = new RawPeer('server', { receiveBudget, streamWindow: 1000 }).greet()
  peer.request(1, post).request(3, post)
  peer.side.streams.consumes = false
  peer.feed(data(3, 'x'))
  receiveBudget.unread += 600_000
  const [first, second] = peer.side.streams.all
  first?.stream.expect(50_000)
  first?.stream.reset(8)
  peer.take()
  receiveBudget.unread -= 600_000
  second?.stream.consume(1)
  assert.deepEqual(updates(peer), [])
  assert.equal(receiveBudget.promised, 0)
})

test('a connection without credit goes on when another one gives its memory back', () => {
  const receiveBudget = new ReceiveBudget(2 * 65_535)
  const options = { receiveBudget, connectionWindow: 65_535, streamWindow: 65_535 }
  const [one, other] = [0, 1].map(() => new RawPeer('server', options).greet().request(1, post))
  assert.ok(one && other)
  one.side.streams.consumes = false
  for (let i = 0; i < 4; i++) one.feed(data(1, 'x'.repeat(15_000)))
  assert.deepEqual(updates(one), [])
  other.connection.ended()
  assert.deepEqual(updates(one), ['WINDOW_UPDATE 0 +60000'])
})

test('a stream that gets more data while it is blocked is blocked once', async () => {
  const clock = createVirtualClock()
  const peer = new RawPeer('client', { clock }).greet(4, 10)
  const stream = peer.connection.request(post, false, peer.side.streams)
  stream.data(Buffer.alloc(20), false)
  stream.data(Buffer.alloc(20), true)
  await clock.advance(10)
  peer.feed(windowUpdate(1, 100))
  await clock.advance(50)
  assert.equal(peer.connection.stats().sendBlockedMs.stream, 10)
})
