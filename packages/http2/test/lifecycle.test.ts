import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CANCEL, ENHANCE_YOUR_CALM, errorCodeName, NO_ERROR, REFUSED_STREAM } from '@tidemill/http2'
import { frame, frames, get, goaway, ping, post, rst, settings } from './lib/frames.ts'
import { createPair } from './lib/pair.ts'
import { RawPeer } from './lib/raw-peer.ts'

test('a refused stream is unprocessed, a reset one has an unknown outcome', () => {
  const peer = new RawPeer('client').greet()
  const { streams } = peer.side
  for (let i = 0; i < 3; i++) peer.connection.request(post, false, streams)
  peer.feed(rst(1, REFUSED_STREAM), rst(3, CANCEL))
  // Who has answered has processed, whatever it says then.
  peer.feed(peer.writer.headers(5, [':status', '200']), rst(5, REFUSED_STREAM))
  assert.deepEqual(
    streams.all.map(({ code, how }) => [code, how]),
    [
      [REFUSED_STREAM, 'unprocessed'],
      [CANCEL, 'remote'],
      [REFUSED_STREAM, 'remote'],
    ],
  )
})

test('GOAWAY leaves the streams it names and gives back those above as unprocessed', () => {
  const peer = new RawPeer('client').greet()
  const { side, connection } = peer
  const requests = [0, 1, 2].map(() => connection.request(get, true, side.streams))
  peer.take()
  peer.feed(goaway(3, NO_ERROR, 'bye'))
  const logs = requests.map((stream) => side.streams.log(stream))
  assert.deepEqual(
    logs.map(({ how }) => how),
    [undefined, undefined, 'unprocessed'],
  )
  assert.deepEqual(side.goaways, [{ code: 0, lastId: 3, debug: 'bye' }])
  assert.equal(connection.slots, 0)
  assert.equal(connection.draining, true)
  assert.throws(() => connection.request(get, true, side.streams), { code: 'TM_HTTP2_NO_SLOT' })
  peer.feed(peer.writer.headers(1, [':status', '200'], true))
  assert.equal(side.closed, undefined)
  peer.feed(peer.writer.headers(3, [':status', '200'], true))
  assert.deepEqual(
    logs.map(({ how }) => how),
    ['done', 'done', 'unprocessed'],
  )
  assert.deepEqual(side.closed, { code: NO_ERROR, reason: '' })
  assert.deepEqual(peer.said(), ['GOAWAY last 0 code 0'])
})

test('GOAWAY may lower its last id and not raise it', () => {
  const peer = new RawPeer('client').greet()
  const stream = peer.connection.request(get, true, peer.side.streams)
  peer.take()
  peer.feed(goaway(0x7fffffff, NO_ERROR), goaway(1, ENHANCE_YOUR_CALM, 'too_many_pings'))
  assert.equal(peer.side.streams.logs.size, 0)
  assert.equal(peer.side.goaways[1]?.debug, 'too_many_pings')
  peer.feed(goaway(5, NO_ERROR))
  assert.deepEqual(peer.said(), ['GOAWAY last 0 code 1'])
  assert.equal(peer.side.streams.log(stream).how, 'lost')
})

test('a connection that is gone loses its open streams: their outcome is unknown', () => {
  const pair = createPair()
  pair.settle()
  const stream = pair.client.request(get, true, pair.clientSide.streams)
  pair.settle()
  pair.client.ended('ECONNRESET')
  pair.server.ended()
  const log = pair.clientSide.streams.log(stream)
  assert.deepEqual([log.code, log.how], [NO_ERROR, 'lost'])
  assert.deepEqual(pair.clientSide.closed, { code: NO_ERROR, reason: 'ECONNRESET' })
  assert.equal(pair.serverSide.streams.all[0]?.how, 'lost')
  // Calls that come too late do nothing.
  pair.client.ended()
  pair.client.drain()
  pair.client.goaway(NO_ERROR)
  pair.client.ping(Buffer.alloc(8), () => assert.fail('answered'))
  pair.client.settings({ maxConcurrentStreams: 1 })
  pair.client.feed(ping())
  assert.throws(() => pair.client.request(get, true, pair.clientSide.streams), {
    code: 'TM_HTTP2_NO_SLOT',
  })
})

test('a server drains by a round trip, so that no request on its way is lost', () => {
  const pair = createPair()
  const { client, server, clientSide, serverSide, settle } = pair
  settle()
  const first = client.request(get, true, clientSide.streams)
  settle()
  server.drain()
  server.drain()
  // Sent before the client knows.
  const second = client.request(get, true, clientSide.streams)
  settle()
  assert.equal(serverSide.streams.logs.size, 2)
  assert.deepEqual(
    clientSide.goaways.map(({ lastId }) => lastId),
    [0x7fffffff, 3],
  )
  assert.equal(serverSide.closed, undefined)
  for (const { stream } of serverSide.streams.all) stream.headers([':status', '204'], true)
  settle()
  for (const stream of [first, second]) assert.equal(clientSide.streams.log(stream).how, 'done')
  assert.deepEqual(serverSide.closed, { code: NO_ERROR, reason: '' })
  assert.deepEqual(clientSide.closed, { code: NO_ERROR, reason: '' })
})

test('streams after the last GOAWAY are ignored, with the state of the connection kept', () => {
  const peer = new RawPeer('server').greet()
  peer.request(1, post)
  peer.connection.drain()
  const [, sent] = peer.take()
  peer.feed(frame(frames.PING, frames.ACK, 0, sent?.payload ?? []))
  peer.take()
  peer.request(3, [...get, 'x-new', 'in the table'], true)
  peer.feed(frame(frames.DATA, 1, 3, Buffer.alloc(100)))
  assert.deepEqual(peer.said(), [])
  peer.request(1, ['x-new', 'in the table'], true)
  assert.deepEqual(peer.side.streams.all[0]?.trailers, [['x-new', 'in the table']])
})

test('a client drains after its last request', () => {
  const { client, server, clientSide, serverSide, settle } = createPair()
  settle()
  client.request(get, true, clientSide.streams)
  settle()
  client.drain()
  assert.equal(client.slots, 0)
  assert.equal(clientSide.slotEvents, 1)
  assert.equal(client.open, true)
  serverSide.streams.all[0]?.stream.headers([':status', '204'], true)
  settle()
  assert.equal(clientSide.closed?.code, NO_ERROR)
  assert.equal(serverSide.closed?.code, NO_ERROR)
  assert.equal(server.open, false)
})

test('a connection drains before its stream ids are used up', () => {
  const { client, server, clientSide, serverSide, settle } = createPair({
    client: { drainAtStreamId: 7 },
  })
  serverSide.streams.onEnd = ({ stream }) => stream.headers([':status', '204'], true)
  settle()
  for (let i = 0; i < 3; i++) client.request(get, true, clientSide.streams)
  assert.equal(client.draining, true)
  assert.throws(() => client.request(get, true, clientSide.streams), {
    code: 'TM_HTTP2_NO_SLOT',
    details: { reason: 'it is draining' },
  })
  settle()
  assert.equal(clientSide.streams.all.filter(({ how }) => how === 'done').length, 3)
  assert.equal(client.open || server.open, false)
  const other = createPair({ server: { drainAtStreamId: 5 } })
  other.settle()
  for (let i = 0; i < 3; i++) other.client.request(get, true, other.clientSide.streams)
  other.settle()
  assert.equal(other.server.draining, true)
  assert.equal(other.clientSide.goaways.at(-1)?.lastId, 5)
})

test('a client waits for a slot when the peer allows no more streams', () => {
  const { client, clientSide, serverSide, server, settle } = createPair({
    server: { maxConcurrentStreams: 2 },
  })
  assert.equal(client.slots, 100)
  settle()
  assert.equal(client.slots, 2)
  client.request(get, true, clientSide.streams)
  client.request(get, true, clientSide.streams)
  assert.throws(() => client.request(get, true, clientSide.streams), { code: 'TM_HTTP2_NO_SLOT' })
  settle()
  serverSide.streams.all[0]?.stream.headers([':status', '204'], true)
  settle()
  assert.equal(client.slots, 1)
  assert.equal(clientSide.slotEvents, 1)
  server.settings({ maxConcurrentStreams: 5 })
  settle()
  assert.equal(client.slots, 4)
  server.settings({ maxConcurrentStreams: 0 })
  settle()
  assert.equal(client.slots, 0)
  assert.throws(() => server.request(get, true, clientSide.streams), { code: 'TM_HTTP2_NO_SLOT' })
})

test('streams beyond the announced limit are refused before anybody hears of them', () => {
  const peer = new RawPeer('server', { maxConcurrentStreams: 1 }).greet()
  peer.request(1, post).request(3, post)
  assert.deepEqual(peer.said(), ['RST_STREAM 3 code 7'])
  assert.equal(peer.side.streams.logs.size, 1)
  assert.equal(peer.connection.stats().limits.refusals, 1)
  peer.feed(rst(1, CANCEL)).request(5, post)
  assert.deepEqual(peer.said(), [])
})

test('pings are answered, and ours are matched by their payload', () => {
  const peer = new RawPeer('server').greet()
  peer.feed(ping('abcdefgh'))
  assert.equal(peer.side.pings, 1)
  const [answer] = peer.take()
  assert.equal(answer?.flags, frames.ACK)
  assert.equal(answer?.payload.toString(), 'abcdefgh')
  let answers = ''
  peer.connection.ping(Buffer.from('11111111'), () => (answers += 'a'))
  peer.connection.ping(Buffer.from('22222222'), () => (answers += 'b'))
  peer.feed(ping('33333333', true), ping('22222222', true), ping('22222222', true))
  assert.equal(answers, 'b')
  // One that answers nothing is no ping either.
  assert.equal(peer.side.pings, 1)
  assert.ok(!peer.said().includes('PING ack'))
  peer.feed(ping('11111111', true))
  assert.equal(answers, 'ba')
  const argument = { code: 'TM_HTTP2_ARGUMENT' }
  assert.throws(() => peer.connection.ping(Buffer.alloc(7), () => undefined), argument)
  for (let i = 0; i < 16; i++) peer.connection.ping(Buffer.alloc(8), () => undefined)
  assert.throws(() => peer.connection.ping(Buffer.alloc(8), () => undefined), argument)
})

test('half of a socket that is closed by a client: whole requests are answered, others are lost', () => {
  const peer = new RawPeer('server').greet()
  peer.request(1, get, true).request(3, post)
  peer.connection.readEnded()
  const [whole, half] = peer.side.streams.all
  assert.equal(half?.how, 'lost')
  assert.equal(whole?.how, undefined)
  whole?.stream.headers([':status', '204'], true)
  assert.equal(whole?.how, 'done')
  assert.deepEqual(peer.side.closed, { code: NO_ERROR, reason: '' })
  const client = new RawPeer('client').greet()
  const stream = client.connection.request(get, true, client.side.streams)
  client.take()
  client.connection.readEnded()
  assert.equal(client.side.streams.log(stream).how, 'lost')
})

test('a connection is ready when SETTINGS and the answer to ours have come', () => {
  const peer = new RawPeer('client')
  assert.equal(peer.connection.ready, false)
  peer.feed(settings())
  assert.equal(peer.connection.ready, false)
  peer.feed(frame(frames.SETTINGS, frames.ACK, 0))
  assert.equal(peer.connection.ready, true)
  assert.equal(peer.side.settingsEvents, 1)
})

test('goaway says why and loses every stream', () => {
  const pair = createPair()
  pair.settle()
  pair.client.request(get, true, pair.clientSide.streams)
  pair.settle()
  pair.server.goaway(ENHANCE_YOUR_CALM, 'too_many_pings')
  assert.equal(pair.serverSide.streams.all[0]?.how, 'lost')
  assert.equal(pair.serverSide.closed?.reason, 'too_many_pings')
  pair.settle()
  assert.deepEqual(pair.clientSide.goaways, [
    { code: ENHANCE_YOUR_CALM, lastId: 1, debug: 'too_many_pings' },
  ])
})

test('error codes have names', () => {
  assert.equal(errorCodeName(0xb), 'ENHANCE_YOUR_CALM')
  assert.equal(errorCodeName(0x99), '0x99')
})
