import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ResponseHead, ResponseParser, type ResponseParserOptions } from '@tidemill/http1'
import { latin1, type Recorder, responseParse, splits } from './recorder.ts'

const ok = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`

type Row = readonly [name: string, bytes: string, reason: string, options?: ResponseParserOptions]

/** Every one is 502 for a gateway, and its connection is closed. */
const refusals: readonly Row[] = [
  ['a negative length', ok('Content-Length: -2\r\n'), 'content-length-syntax'],
  [
    'two lengths',
    ok('Content-Length: 2\r\nContent-Length: 3\r\n', 'abc'),
    'content-length-repeated',
  ],
  ['a truncated chunk', ok('Transfer-Encoding: chunked\r\n', '5\r\nhel'), 'truncated'],
  ['a short body', ok('Content-Length: 5\r\n', 'hel'), 'truncated'],
  ['a header of 20 KB', ok(`X: ${'a'.repeat(20_000)}\r\n`), 'headers-too-large'],
  ['an SSH banner', 'SSH-2.0-OpenSSH_9.6\r\n', 'status-line'],
  ['a close without a byte', '', 'closed-before-response'],
  [
    'a flood of interim responses',
    'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000),
    'informational-limit',
  ],
  ['status 99', 'HTTP/1.1 99 x\r\n\r\n', 'status-code'],
  ['status 099', 'HTTP/1.1 099 x\r\n\r\n', 'status-code'],
  ['status 1000', 'HTTP/1.1 1000 x\r\n\r\n', 'status-code'],
  ['status 999', 'HTTP/1.1 999 x\r\n\r\n', 'status-code'],
  ['NUL in a value', ok('X: a\0b\r\n'), 'header-value'],
  ['NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n', 'status-line'],
  ['a bare LF', 'HTTP/1.1 200 OK\nX: a\n\n', 'bare-lf'],
  ['a bare LF behind a field', 'HTTP/1.1 200 OK\r\nX: a\n\r\n', 'bare-lf'],
  ['a bare CR', 'HTTP/1.1 200 OK\rX: a\r\n\r\n', 'bare-cr'],
  ['a folded line', ok('X: a\r\n b\r\n'), 'header-fold'],
  ['a space before the colon', ok('X : a\r\n'), 'header-name-space'],
  ['Transfer-Encoding gzip', ok('Transfer-Encoding: gzip\r\n', 'x'), 'transfer-encoding-unknown'],
  [
    'chunked twice',
    ok('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
    'transfer-encoding-syntax',
  ],
  [
    'chunked in HTTP/1.0',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'transfer-encoding-in-1.0',
  ],
  [
    'both framings',
    ok('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n', '0\r\n\r\n'),
    'transfer-encoding-and-length',
  ],
  [
    'chunked on 204',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'body-not-allowed',
  ],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    'upgrade-unasked',
  ],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n', 'status-line'],
  ['an empty line first', '\r\nHTTP/1.1 200 OK\r\n\r\n', 'status-line'],
  [
    'bytes behind the body',
    ok('Content-Length: 1\r\n', 'xHTTP/1.1 200 OK\r\n\r\n'),
    'response-unasked',
  ],
  ['a bad chunk size', ok('Transfer-Encoding: chunked\r\n', 'zz\r\n'), 'chunk-size'],
  [
    'Set-Cookie in trailers',
    ok('Transfer-Encoding: chunked\r\n', '0\r\nSet-Cookie: a\r\n\r\n'),
    'trailer-forbidden',
  ],
  [
    'a nominated Content-Length',
    ok('Connection: content-length\r\nContent-Length: 1\r\n', 'x'),
    'connection-nominates-framing',
  ],
  [
    'a body beyond the limit',
    ok('Content-Length: 11\r\n', 'hello world'),
    'body-too-large',
    { maxBody: 10 },
  ],
  ['a body until close beyond the limit', ok('', 'hello world'), 'body-too-large', { maxBody: 10 }],
  [
    'a status line beyond the limit',
    `HTTP/1.1 200 ${'a'.repeat(9000)}\r\n\r\n`,
    'start-line-too-long',
  ],
]

function same(parse: (parts: readonly Buffer[]) => Recorder, bytes: Buffer): Recorder {
  const whole = parse([bytes])
  const step = bytes.length > 2000 ? 97 : 1
  let index = 0
  for (const parts of splits(bytes)) {
    if (index++ % step === 0 || parts.length > 2)
      assert.deepEqual(parse(parts).events, whole.events, `split at ${parts[0]?.length}`)
  }
  return whole
}

describe('a response is refused at every split of its bytes', () => {
  for (const [name, bytes, reason, options] of refusals) {
    it(`${name}: ${reason}`, () => {
      const parse = responseParse(options)
      const whole = parse([latin1(bytes)])
      // Body bytes before a limit are delivered as they come; all else is the same.
      const { verdict } = reason === 'body-too-large' ? whole : same(parse, latin1(bytes))
      assert.equal(verdict?.reason, reason)
      assert.equal(verdict.status, 502)
      assert.equal(verdict.close, true)
    })
  }
})

function read(bytes: string, methods: readonly string[] = ['GET'], upgrade = false): Recorder {
  return same(responseParse({}, methods, upgrade), latin1(bytes))
}

function headOf(recorder: Recorder): ResponseHead {
  const event = recorder.events.find((one) => 'head' in one)
  assert.ok(event !== undefined, JSON.stringify(recorder.events))
  return (event as { head: ResponseHead }).head
}

describe('a response is read', () => {
  it('behind unsolicited interim responses, ten at most', () => {
    const { events } = read(
      `${'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'.repeat(10)}${ok('Content-Length: 2\r\n', 'hi')}`,
    )
    assert.deepEqual(
      events.slice(0, 10),
      Array.from({ length: 10 }, () => ({ informational: 103 })),
    )
    assert.deepEqual(events.slice(11), [{ body: 'hi' }, { end: [] }])
  })

  it('without a body for HEAD, 204 and 304, and the next one follows', () => {
    const head = read(`${ok('Content-Length: 5\r\n')}${ok('Content-Length: 1\r\n', 'x')}`, [
      'HEAD',
      'GET',
    ])
    assert.equal(head.heads, 2)
    assert.deepEqual(headOf(head).headers, ['content-length', '5'])
    const none = read(
      `HTTP/1.1 204 No Content\r\nA: 1\r\nContent-Length: 5\r\nB: 2\r\n\r\n${ok('Content-Length: 0\r\n')}`,
      ['GET', 'GET'],
    )
    assert.equal(none.heads, 2)
    assert.deepEqual(headOf(none).headers, ['a', '1', 'b', '2'])
    const unchanged = read(
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n${ok('Content-Length: 0\r\n')}`,
      ['GET', 'GET'],
    )
    assert.equal(unchanged.heads, 2)
    assert.deepEqual(headOf(unchanged).headers, ['content-length', '5'])
  })

  it('without the length that an interim response cannot have', () => {
    const heads: ResponseHead[] = []
    const ignore = (): void => undefined
    const parser = new ResponseParser({
      onInformational: (head) => heads.push(head),
      onHead: ignore,
      onBody: ignore,
      onEnd: ignore,
      onVerdict: ignore,
    })
    parser.begin('GET')
    parser.feed(latin1('HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: a\r\n\r\n'))
    assert.deepEqual(heads[0]?.headers, ['link', 'a'])
  })

  it('until the connection closes', () => {
    const recorder = read(ok('', 'hello'))
    assert.equal(headOf(recorder).bodyLength, -2)
    assert.equal(headOf(recorder).keepAlive, false)
    assert.deepEqual(recorder.events.slice(1), [{ body: 'hello' }, { end: [] }])
    assert.equal(recorder.verdict, undefined)
  })

  it('with chunks and trailers', () => {
    const { events } = read(
      ok('Transfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n'),
    )
    assert.deepEqual(events.slice(1), [{ body: 'hi' }, { end: ['grpc-status', '0'] }])
  })

  it('with what it says of the connection', () => {
    assert.equal(headOf(read(ok('Content-Length: 0\r\n'))).keepAlive, true)
    assert.equal(headOf(read(ok('Content-Length: 0\r\nConnection: close\r\n'))).keepAlive, false)
    assert.equal(headOf(read('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n')).keepAlive, false)
    assert.equal(
      headOf(read('HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, X-A\r\n\r\n'))
        .keepAlive,
      true,
    )
  })

  it('with and without a reason phrase', () => {
    assert.equal(
      headOf(read('HTTP/1.1 404 Not Found, really\r\nContent-Length: 0\r\n\r\n')).reason,
      'Not Found, really',
    )
    assert.equal(headOf(read('HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n')).reason, '')
    assert.equal(headOf(read('HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n')).reason, '')
  })

  it('up to a tunnel, whose bytes are left alone', () => {
    const asked = read(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x01\x02',
      ['GET'],
      true,
    )
    assert.equal(headOf(asked).tunnel, true)
    assert.equal(asked.verdict, undefined)
    const connected = read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x01\x02', ['CONNECT'])
    assert.equal(headOf(connected).tunnel, true)
    assert.deepEqual(headOf(connected).headers, [])
    assert.equal(connected.verdict, undefined)
    assert.equal(
      headOf(read('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno', ['CONNECT'])).tunnel,
      false,
    )
  })
})
