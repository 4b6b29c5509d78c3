import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HeaderList } from '@tidemill/http2'
import {
  data,
  frame,
  frames,
  get,
  goaway,
  ping,
  post,
  rst,
  settings,
  uint32,
  windowUpdate,
} from './lib/frames.ts'
import { RawPeer } from './lib/raw-peer.ts'

type Step = (peer: RawPeer) => void

/** After the steps a server has said exactly this. */
function expect(name: string, steps: Step, said: readonly string[]): void {
  test(name, () => {
    const peer = new RawPeer('server').greet()
    steps(peer)
    assert.deepEqual(peer.said(), said)
    const fatal = said.some((text) => text.startsWith('GOAWAY'))
    assert.equal(peer.connection.open, !fatal)
    assert.equal(peer.side.closed !== undefined, fatal)
  })
}

const open =
  (id: number): Step =>
  (peer) =>
    void peer.request(id, post)
/** A stream that both sides have ended. */
function done(peer: RawPeer, id: number): void {
  peer.request(id, get, true)
  peer.side.streams.all.at(-1)?.stream.headers([':status', '204'], true)
  peer.take()
}

const idle: [string, Buffer][] = [
  ['DATA', data(5, 'x')],
  ['RST_STREAM', rst(5, 8)],
  ['WINDOW_UPDATE', windowUpdate(5, 1)],
  ['DATA on an even id', data(2, 'x')],
]
for (const [name, bytes] of idle) {
  expect(`${name} on an idle stream ends the connection`, (peer) => peer.feed(bytes), [
    'GOAWAY last 0 code 1',
  ])
}

expect(
  'DATA on a half-closed stream ends the stream',
  (peer) => peer.request(1, get, true).feed(data(1, 'x')),
  ['RST_STREAM 1 code 5'],
)
expect(
  'HEADERS on a half-closed stream end the stream',
  (peer) => peer.request(1, get, true).request(1, get, true),
  ['RST_STREAM 1 code 5'],
)
expect(
  'DATA on a stream that both sides have ended ends the connection',
  (peer) => {
    done(peer, 1)
    peer.feed(data(1, 'x'))
  },
  ['GOAWAY last 1 code 5'],
)
expect(
  'HEADERS on a stream that both sides have ended end the connection',
  (peer) => {
    done(peer, 1)
    peer.request(1, get, true)
  },
  ['GOAWAY last 1 code 5'],
)
expect(
  'frames that were on their way when we reset their stream are ignored',
  (peer) => {
    open(1)(peer)
    peer.side.streams.all[0]?.stream.reset(8)
    peer.feed(data(1, 'x'), windowUpdate(1, 9), rst(1, 8))
    peer.request(1, ['grpc-status', '0'], true)
  },
  ['RST_STREAM 1 code 8'],
)
expect(
  'DATA after the peer itself reset the stream is a stream error',
  (peer) => peer.request(1, post).feed(rst(1, 8), data(1, 'x')),
  ['RST_STREAM 1 code 5'],
)
expect(
  'HEADERS after the peer itself reset the stream are a stream error',
  (peer) => peer.request(1, post).feed(rst(1, 8)).request(1, get, true),
  ['RST_STREAM 1 code 5'],
)
expect(
  'WINDOW_UPDATE and RST_STREAM on a closed stream are ignored',
  (peer) => {
    done(peer, 1)
    peer.feed(windowUpdate(1, 1), rst(1, 8))
  },
  [],
)
expect(
  'a stream id that was passed over cannot be used any more',
  (peer) => peer.request(5, post).request(3, post),
  ['GOAWAY last 5 code 1'],
)
expect('a client cannot use an even stream id', (peer) => peer.request(2, get, true), [
  'GOAWAY last 0 code 1',
])
expect(
  'PUSH_PROMISE from a client ends the connection',
  (peer) => peer.feed(frame(frames.PUSH_PROMISE, 4, 1, [0, 0, 0, 2])),
  ['GOAWAY last 0 code 1'],
)

const malformed: [string, Buffer, string][] = [
  ['DATA on stream 0', data(0, 'x'), 'code 1'],
  ['HEADERS on stream 0', frame(frames.HEADERS, 4, 0, [0x82]), 'code 1'],
  ['RST_STREAM on stream 0', rst(0, 8), 'code 1'],
  ['RST_STREAM of 5 bytes', frame(frames.RST_STREAM, 0, 1, Buffer.alloc(5)), 'code 6'],
  ['PRIORITY on stream 0', frame(frames.PRIORITY, 0, 0, Buffer.alloc(5)), 'code 1'],
  [
    'PRIORITY of 4 bytes on an idle stream',
    frame(frames.PRIORITY, 0, 1, Buffer.alloc(4)),
    'code 6',
  ],
  [
    'an idle stream that depends on itself',
    frame(frames.PRIORITY, 0, 1, [0, 0, 0, 1, 0]),
    'code 1',
  ],
  ['SETTINGS on a stream', frame(frames.SETTINGS, 0, 1), 'code 1'],
  ['SETTINGS of 5 bytes', frame(frames.SETTINGS, 0, 0, Buffer.alloc(5)), 'code 6'],
  ['a SETTINGS answer with a payload', frame(frames.SETTINGS, 1, 0, Buffer.alloc(6)), 'code 6'],
  ['an answer to no SETTINGS', frame(frames.SETTINGS, 1, 0), 'code 1'],
  ['ENABLE_PUSH of 2', settings(2, 2), 'code 1'],
  ['an initial window over 2^31-1', settings(4, 0x80000000), 'code 3'],
  ['a frame size below 16,384', settings(5, 16_383), 'code 1'],
  ['a frame size over 2^24-1', settings(5, 0x1000000), 'code 1'],
  ['ENABLE_CONNECT_PROTOCOL of 2', settings(8, 2), 'code 1'],
  ['PING on a stream', frame(frames.PING, 0, 1, Buffer.alloc(8)), 'code 1'],
  ['PING of 7 bytes', frame(frames.PING, 0, 0, Buffer.alloc(7)), 'code 6'],
  ['GOAWAY on a stream', frame(frames.GOAWAY, 0, 1, Buffer.alloc(8)), 'code 1'],
  ['GOAWAY of 7 bytes', frame(frames.GOAWAY, 0, 0, Buffer.alloc(7)), 'code 6'],
  ['WINDOW_UPDATE of 3 bytes', frame(frames.WINDOW_UPDATE, 0, 0, Buffer.alloc(3)), 'code 6'],
  ['a connection window increment of 0', windowUpdate(0, 0), 'code 1'],
  ['a connection window over 2^31-1', windowUpdate(0, 0x7fffffff), 'code 3'],
  ['CONTINUATION without a header block', frame(frames.CONTINUATION, 4, 1, [0x82]), 'code 1'],
  ['a header block that is no HPACK', frame(frames.HEADERS, 5, 1, [0x80]), 'code 9'],
  ['HEADERS with more padding than bytes', frame(frames.HEADERS, 0x0d, 1, [9, 0x82]), 'code 1'],
  ['HEADERS without a pad length', frame(frames.HEADERS, 0x0d, 1), 'code 6'],
  ['HEADERS without the priority they announce', frame(frames.HEADERS, 0x25, 1, [0, 0]), 'code 6'],
  [
    'a frame between the parts of a header block',
    Buffer.concat([frame(frames.HEADERS, 0, 1, [0x82]), ping()]),
    'code 1',
  ],
  [
    'DATA between the parts of a header block',
    Buffer.concat([frame(frames.HEADERS, 0, 1, [0x82]), data(1, 'x')]),
    'code 1',
  ],
  [
    'CONTINUATION of another stream',
    Buffer.concat([frame(frames.HEADERS, 0, 1, [0x82]), frame(frames.CONTINUATION, 4, 3, [0x86])]),
    'code 1',
  ],
]
for (const [name, bytes, code] of malformed) {
  expect(`${name} ends the connection`, (peer) => peer.feed(bytes), [`GOAWAY last 0 ${code}`])
}

test('the first frame must be SETTINGS', () => {
  for (const bytes of [ping(), data(1, 'x'), frame(frames.SETTINGS, 1, 0)]) {
    const peer = new RawPeer('server').feed(frames.clientPreface)
    peer.take()
    peer.feed(bytes)
    assert.deepEqual(peer.said(), ['GOAWAY last 0 code 1'])
  }
})

const streamErrors: [string, Step, string][] = [
  [
    'a stream window increment of 0',
    (peer) => peer.request(1, post).feed(windowUpdate(1, 0)),
    'code 1',
  ],
  [
    'a stream window over 2^31-1',
    (peer) => peer.request(1, post).feed(windowUpdate(1, 0x7fffffff)),
    'code 3',
  ],
  [
    'PRIORITY of another size on an open stream',
    (peer) => peer.request(1, post).feed(frame(frames.PRIORITY, 0, 1, [1])),
    'code 6',
  ],
  [
    'PRIORITY of a stream on itself',
    (peer) => peer.request(1, post).feed(frame(frames.PRIORITY, 0, 1, [0, 0, 0, 1, 0])),
    'code 1',
  ],
  [
    'HEADERS that depend on themselves',
    (peer) =>
      peer.feed(
        frame(
          frames.HEADERS,
          0x25,
          1,
          Buffer.concat([uint32(1), Buffer.from([9]), peer.writer.block(get)]),
        ),
      ),
    'code 1',
  ],
  [
    'trailers that do not end the stream',
    (peer) => peer.request(1, post).request(1, ['a', 'b']),
    'code 1',
  ],
  [
    'a pseudo-header in trailers',
    (peer) => peer.request(1, post).request(1, [':method', 'GET'], true),
    'code 1',
  ],
  [
    'more data than content-length',
    (peer) => peer.request(1, [...post, 'content-length', '3']).feed(data(1, 'four')),
    'code 1',
  ],
  [
    'less data than content-length',
    (peer) => peer.request(1, [...post, 'content-length', '3']).feed(data(1, 'x', true)),
    'code 1',
  ],
  [
    'trailers before content-length is met',
    (peer) => peer.request(1, [...post, 'content-length', '3']).request(1, ['a', 'b'], true),
    'code 1',
  ],
  [
    'no data at all for a content-length',
    (peer) => peer.request(1, [...post, 'content-length', '3'], true),
    'code 1',
  ],
  [
    'extended CONNECT that nobody agreed to',
    (peer) =>
      peer.request(1, [
        ':method',
        'CONNECT',
        ':protocol',
        'websocket',
        ':scheme',
        'http',
        ':path',
        '/',
        ':authority',
        'a',
      ]),
    'code 1',
  ],
]
for (const [name, steps, code] of streamErrors) {
  expect(`${name} ends the stream alone`, steps, [`RST_STREAM 1 ${code}`])
}

const wrongLists: [string, HeaderList][] = [
  ['a name in capitals', [...get, 'Accept', 'x']],
  ['a connection header', [...get, 'connection', 'close']],
  ['te other than trailers', [...get, 'te', 'gzip']],
  ['no :path', [':method', 'GET', ':scheme', 'http', ':authority', 'a']],
  ['an empty :path', [':method', 'GET', ':scheme', 'http', ':path', '', ':authority', 'a']],
  ['two :method', [':method', 'GET', ...get]],
  ['a pseudo-header after others', ['accept', 'x', ...get]],
  ['an unknown pseudo-header', [':x', 'y', ...get]],
  ['a host that differs from :authority', [...get, 'host', 'b']],
  ['a line break in a value', [...get, 'x', 'a\r\nb: c']],
]
for (const [name, list] of wrongLists) {
  expect(
    `a request with ${name} is refused and nobody hears of it`,
    (peer) => {
      peer.request(1, list, true)
      assert.equal(peer.side.streams.logs.size, 0)
    },
    ['RST_STREAM 1 code 1'],
  )
}

const badResponses: [string, HeaderList, boolean][] = [
  ['no :status', ['content-type', 'x'], false],
  [':status 101', [':status', '101'], false],
  ['an informational response that ends', [':status', '103'], true],
  ['content-length and no data', [':status', '200', 'content-length', '4'], true],
  ['a pseudo-header of requests', [':status', '200', ':path', '/'], false],
]
for (const [name, list, end] of badResponses) {
  test(`a response with ${name} ends the stream as ours`, () => {
    const peer = new RawPeer('client').greet()
    const { streams } = peer.side
    const stream = peer.connection.request(get, true, streams)
    peer.take()
    peer.feed(peer.writer.headers(1, list, end))
    assert.deepEqual(peer.said(), ['RST_STREAM 1 code 1'])
    assert.equal(streams.log(stream).how, 'local')
  })
}

test('a client takes no DATA before headers, no push and no stream it did not open', () => {
  const wrong: [string[], (peer: RawPeer) => Buffer][] = [
    [['RST_STREAM 1 code 1'], () => data(1, 'x')],
    [['GOAWAY last 0 code 1'], () => frame(frames.PUSH_PROMISE, 4, 1, [0, 0, 0, 2])],
    [['GOAWAY last 0 code 1'], (peer) => peer.writer.headers(3, [':status', '200'])],
    [['GOAWAY last 0 code 1'], (peer) => peer.writer.headers(2, [':status', '200'])],
    [['GOAWAY last 0 code 1'], () => settings(2, 1)],
  ]
  for (const [said, bytes] of wrong) {
    const peer = new RawPeer('client').greet()
    peer.connection.request(post, false, peer.side.streams)
    peer.take()
    peer.feed(bytes(peer))
    assert.deepEqual(peer.said(), said)
  }
})

test('an unknown frame and an unknown setting are ignored', () => {
  const peer = new RawPeer('server').greet()
  peer.feed(frame(0xb, 0xff, 3, Buffer.from('x')), settings(0x99, 7))
  assert.deepEqual(peer.said(), ['SETTINGS ack'])
})

test('nothing is read after an error of the connection', () => {
  const peer = new RawPeer('server').greet()
  peer.feed(Buffer.concat([data(0, 'x'), peer.writer.headers(1, get, true), goaway(0, 0)]))
  peer.feed(peer.writer.headers(3, get, true))
  assert.equal(peer.side.streams.logs.size, 0)
  assert.deepEqual(peer.said(), ['GOAWAY last 0 code 1'])
  assert.equal(peer.side.closed?.code, 1)
})
