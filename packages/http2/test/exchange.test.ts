import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TidemillError } from '@tidemill/core'
import type { HeaderList } from '@tidemill/http2'
import { data, get, HeaderWriter, post } from './lib/frames.ts'
import { createPair, type Pair, takeAll } from './lib/pair.ts'
import { RawPeer } from './lib/raw-peer.ts'

const ok: HeaderList = [':status', '200', 'content-type', 'text/plain']

/** A pair whose server answers every whole request with the length of its body and trailers. */
function echo(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options)
  pair.serverSide.streams.onEnd = ({ stream, body }) => {
    stream.headers(ok, false)
    stream.data(Buffer.from(`${body.length} bytes`), false)
    stream.trailers(['x-sum', String(body.length)])
  }
  pair.settle()
  return pair
}

test('carries a request with a body and its response with trailers', () => {
  const { client, clientSide, settle } = echo()
  const stream = client.request(post, false, clientSide.streams)
  stream.data(Buffer.from('hel'), false)
  stream.data(Buffer.from('lo'), true)
  settle()
  const log = clientSide.streams.log(stream)
  assert.deepEqual(log.headers, [ok])
  assert.equal(log.body, '5 bytes')
  assert.deepEqual(log.trailers, [['x-sum', '5']])
  assert.equal(log.how, 'done')
  assert.equal(log.code, 0)
})

test('says the same however the bytes are cut', () => {
  const run = (cut: (bytes: Buffer) => Buffer[]): unknown => {
    const pair = echo({ cut })
    const trailers = pair.client.request(post, false, pair.clientSide.streams)
    trailers.data(Buffer.alloc(40_000, 'x'), false)
    trailers.trailers(['t', '1'])
    pair.client.request(get, true, pair.clientSide.streams)
    pair.settle()
    const plain = [pair.clientSide, pair.serverSide].map((side) =>
      side.streams.all.map((log) => ({ ...log, stream: log.stream.id })),
    )
    return plain
  }
  const whole = run((bytes) => [bytes])
  const single = run((bytes) => Array.from(bytes, (byte) => Buffer.from([byte])))
  assert.deepEqual(single, whole)
  const sevens = (bytes: Buffer): Buffer[] =>
    Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(7 * i, 7 * i + 7))
  assert.deepEqual(run(sevens), whole)
})

test('many streams at once keep apart', () => {
  const { client, clientSide, settle } = echo()
  for (let i = 0; i < 400; i++) {
    client.request(post, false, clientSide.streams).data(Buffer.alloc(i, 'x'), true)
  }
  settle()
  assert.deepEqual(
    clientSide.streams.all.map(({ body }) => body),
    Array.from({ length: 400 }, (_, i) => `${i} bytes`),
  )
  assert.equal(client.streams, 0)
})

test('a response may end before its request: the stream ends when both have', () => {
  const { client, clientSide, serverSide, settle } = createPair()
  settle()
  const stream = client.request(post, false, clientSide.streams)
  settle()
  serverSide.streams.all[0]?.stream.headers([':status', '413'], true)
  settle()
  const log = clientSide.streams.log(stream)
  assert.equal(log.ended, true)
  assert.equal(log.how, undefined)
  stream.data(Buffer.from('rest'), true)
  settle()
  assert.equal(log.how, 'done')
  assert.equal(serverSide.streams.all[0]?.body, 'rest')
})

test('informational responses come before the final one', () => {
  const { client, clientSide, serverSide, settle } = createPair()
  settle()
  const stream = client.request(get, true, clientSide.streams)
  settle()
  const answer = serverSide.streams.all[0]?.stream
  answer?.headers([':status', '103', 'link', '</a>'], false)
  answer?.headers([':status', '200'], true)
  settle()
  const statuses = clientSide.streams.log(stream).headers.map((list) => list[1])
  assert.deepEqual(statuses, ['103', '200'])
})

test('the answer to HEAD, 204 and 304 may announce a length without having it', () => {
  for (const [method, status] of [
    ['HEAD', '200'],
    ['GET', '204'],
    ['GET', '304'],
  ] as const) {
    const peer = new RawPeer('client').greet()
    const list = [':method', method, ...get.slice(2)]
    const stream = peer.connection.request(list, true, peer.side.streams)
    peer.feed(peer.writer.headers(1, [':status', status, 'content-length', '99'], true))
    assert.equal(peer.side.streams.log(stream).how, 'done')
  }
})

test('a block larger than a frame goes out as HEADERS and CONTINUATION', () => {
  const pair = createPair({ server: { maxHeaderListSize: '64KiB' } })
  pair.settle()
  const large = [...get, 'x-large', Buffer.alloc(40_000, '\u00fe', 'latin1').toString('latin1')]
  pair.client.request(large, true, pair.clientSide.streams)
  pair.settle()
  assert.deepEqual(pair.serverSide.streams.all[0]?.headers, [large])
})

test('extended CONNECT passes once the server has allowed it', () => {
  const { client, clientSide, serverSide, settle } = createPair({
    server: { enableConnectProtocol: true },
  })
  const list = [':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'https']
  list.push(':path', '/chat', ':authority', 'a')
  assert.throws(() => client.request(list, false, clientSide.streams), { code: 'TM_HTTP2_HEADERS' })
  settle()
  client.request(list, false, clientSide.streams).data(Buffer.from('frame'), false)
  settle()
  assert.deepEqual(serverSide.streams.all[0]?.headers, [list])
  assert.equal(serverSide.streams.all[0]?.body, 'frame')
})

test('a whole answer leaves as one run of bytes', () => {
  const peer = new RawPeer('server').greet()
  peer.side.streams.onEnd = ({ stream }) => {
    stream.headers(ok, false)
    stream.data(Buffer.from('body'), false)
    stream.trailers(['a', 'b'])
  }
  peer.request(1, get, true)
  const piece = peer.connection.output.take()
  assert.equal(peer.connection.output.pending, 0)
  assert.equal(piece?.bytes.includes('body'), true)
  piece?.release()
})

test('small bytes given to data may be used again at once, waiting or not', () => {
  const peer = new RawPeer('client').greet(4, 3)
  const stream = peer.connection.request(post, false, peer.side.streams)
  const bytes = Buffer.from('abcdef')
  stream.data(bytes, true)
  bytes.fill('!')
  const update = Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 1, 0, 0, 0, 99])
  peer.feed(update)
  assert.equal(
    Buffer.concat(
      peer
        .take()
        .filter((f) => f.type === 0)
        .map((f) => f.payload),
    ).toString(),
    'abcdef',
  )
})

test('calls in a wrong order throw while the stream is open and do nothing once it is closed', () => {
  const peer = new RawPeer('server').greet()
  peer.request(1, get, true)
  const stream = peer.side.streams.all[0]?.stream
  assert.ok(stream)
  const state = { code: 'TM_HTTP2_STATE' }
  assert.throws(() => stream.data(Buffer.from('x'), false), state)
  assert.throws(() => stream.trailers(['a', 'b']), state)
  assert.throws(() => stream.consume(1), state)
  stream.headers(ok, false)
  assert.throws(() => stream.headers(ok, false), state)
  const headers = { code: 'TM_HTTP2_HEADERS' }
  assert.throws(() => stream.trailers([':status', '200']), headers)
  stream.data(Buffer.from('x'), true)
  assert.equal(stream.closed, true)
  stream.headers(ok, true)
  assert.equal(stream.data(Buffer.from('x'), true), true)
  stream.trailers(['a', 'b'])
  stream.reset(8)
  stream.consume(5)
  stream.expect(5)
  assert.deepEqual(peer.said(), ['HEADERS 1', 'DATA 1 1 end'])
})

test('lists that RFC 9113 does not allow are not sent', () => {
  const { client, clientSide, settle } = createPair({ server: { maxHeaderListSize: 256 } })
  settle()
  const wrong: HeaderList[] = [
    [...get, 'X-Capital', 'a'],
    [...get, 'x', 'a\nb'],
    ['accept', '*/*'],
    [...get, 'connection', 'close'],
    [...get, 'x'],
    [...get, 'x', 'y'.repeat(300)],
  ]
  for (const list of wrong) {
    assert.throws(() => client.request(list, true, clientSide.streams), {
      code: 'TM_HTTP2_HEADERS',
    })
  }
  assert.equal(client.streams, 0)
  const { serverSide, ...pair } = createPair()
  pair.settle()
  pair.client.request(get, true, pair.clientSide.streams)
  pair.settle()
  const stream = serverSide.streams.all[0]?.stream
  assert.throws(() => stream?.headers([':status', '103'], true), { code: 'TM_HTTP2_HEADERS' })
})

test('what a handler throws ends its stream alone and is reported', () => {
  const peer = new RawPeer('server').greet()
  const bang = new Error('bang')
  peer.side.streams.onData = () => {
    throw bang
  }
  peer.request(1, post).request(3, post).feed(data(1, 'x'))
  assert.deepEqual(peer.said(), ['RST_STREAM 1 code 2'])
  assert.deepEqual(peer.side.errors, [bang])
  assert.equal(peer.side.streams.all[0]?.how, 'local')
  peer.side.onStream = () => {
    throw bang
  }
  peer.request(5, get, true)
  assert.deepEqual(peer.said(), ['RST_STREAM 5 code 2'])
  peer.side.onPing = () => {
    throw bang
  }
  peer.feed(Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
  assert.equal(peer.side.errors.length, 3)
  assert.equal(peer.connection.open, true)
})

test('a stream that ends inside onStream is told so afterwards', () => {
  const peer = new RawPeer('server').greet()
  const { streams } = peer.side
  peer.side.onStream = (stream) => {
    stream.headers([':status', '204'], true)
    assert.equal(streams.logs.size, 0)
    return streams
  }
  peer.request(1, get, true)
  assert.equal(streams.all[0]?.how, 'done')
})

test('the header table size of the peer is respected, and ours by the peer', () => {
  const { client, clientSide, serverSide, settle } = createPair({
    client: { headerTableSize: 0 },
    server: { headerTableSize: '8KiB' },
  })
  settle()
  serverSide.streams.onEnd = ({ stream }) => stream.headers([...ok, 'x-same', 'value'], true)
  for (let i = 0; i < 50; i++) {
    client.request([...get, 'x-id', `value ${i % 3}`], true, clientSide.streams)
    settle()
  }
  assert.equal(clientSide.streams.all.filter(({ how }) => how === 'done').length, 50)
  assert.equal(clientSide.closed, undefined)
})

test('options out of range are refused with their name', () => {
  for (const [what, options] of [
    ['streamWindow', { streamWindow: 2 ** 31 }],
    ['maxFrameSize', { maxFrameSize: 1000 }],
    ['limits.pings', { limits: { pings: -1 } }],
    ['drainAtStreamId', { drainAtStreamId: 0 }],
  ] as const) {
    assert.throws(
      () => new RawPeer('server', options),
      (error: TidemillError) => {
        return error.code === 'TM_HTTP2_ARGUMENT' && error.details['what'] === what
      },
      what,
    )
  }
})

test('wakes the binding once until it has pumped, and not from inside feed', () => {
  const peer = new RawPeer('client').greet()
  let wakes = 0
  peer.connection.onWake = () => wakes++
  const { streams } = peer.side
  const stream = peer.connection.request(post, false, streams)
  stream.data(Buffer.from('a'), false)
  assert.equal(wakes, 1)
  takeAll(peer.connection)
  stream.data(Buffer.from('b'), false)
  assert.equal(wakes, 2)
  takeAll(peer.connection)
  peer.feed(new HeaderWriter().headers(1, ok))
  peer.feed(Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]))
  assert.equal(wakes, 2)
})
