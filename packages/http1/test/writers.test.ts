import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemillError, WriteSlab } from '@tidemill/core'
import {
  endToEnd,
  type HeaderList,
  type RequestHead,
  RequestWriter,
  type ResponseHead,
  ResponseWriter,
} from '@tidemill/http1'
import fc from 'fast-check'
import { latin1, requestParse, responseParse } from './recorder.ts'

function taken(slab: WriteSlab): string {
  let text = ''
  for (let piece = slab.take(); piece !== undefined; piece = slab.take()) {
    text += piece.bytes.toString('latin1')
    piece.release()
  }
  return text
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(TidemillError.is(error), String(error))
    assert.equal(error.code, expected)
    return true
  }
}

function response(
  method = 'GET',
  minor = 1,
  keepAlive = true,
): { slab: WriteSlab; writer: ResponseWriter } {
  const slab = new WriteSlab()
  const writer = new ResponseWriter(slab)
  writer.begin(method, minor, keepAlive)
  return { slab, writer }
}

function request(): { slab: WriteSlab; writer: RequestWriter } {
  const slab = new WriteSlab()
  return { slab, writer: new RequestWriter(slab) }
}

const host: HeaderList = ['host', 'a']

describe('a response writer', () => {
  it('frames by length, in chunks with trailers, or until the close of HTTP/1.0', () => {
    const { slab, writer } = response()
    writer.head(200, ['X-A', '1'], 5)
    writer.body(Buffer.from('he'))
    writer.body(Buffer.from('llo'))
    writer.end()
    assert.equal(taken(slab), 'HTTP/1.1 200 OK\r\nX-A: 1\r\ncontent-length: 5\r\n\r\nhello')
    writer.begin('GET', 1, true)
    writer.head(200, [], -1)
    writer.body(Buffer.alloc(0))
    writer.body(Buffer.from('hello'))
    writer.end(['grpc-status', '0'])
    assert.equal(
      taken(slab),
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 0\r\n\r\n',
    )
    assert.equal(writer.keepAlive, true)
    writer.begin('GET', 0, true)
    writer.head(200, [], -1)
    writer.body(Buffer.from('hello'))
    writer.end()
    assert.equal(taken(slab), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello')
    assert.equal(writer.keepAlive, false)
  })

  it('says what becomes of the connection', () => {
    const old = response('GET', 0, true)
    old.writer.head(200, [], 0)
    assert.match(taken(old.slab), /connection: keep-alive\r\n/u)
    const last = response()
    last.writer.close()
    last.writer.head(200, [], 0)
    assert.match(taken(last.slab), /connection: close\r\n/u)
  })

  it('sends no body for HEAD, 204, 304 and a tunnel', () => {
    const head = response('HEAD')
    head.writer.head(200, [], 5)
    head.writer.body(Buffer.from('hello'))
    head.writer.end(['x', '1'])
    assert.equal(taken(head.slab), 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n')
    const unknown = response('HEAD')
    unknown.writer.head(200, ['content-length', '7'], 0)
    assert.match(taken(unknown.slab), /content-length: 7\r\n/u)
    const none = response()
    none.writer.head(204, [], 0)
    assert.equal(taken(none.slab), 'HTTP/1.1 204 No Content\r\n\r\n')
    assert.throws(() => none.writer.body(Buffer.from('x')), code('TM_HTTP1_BODY_LENGTH'))
    const same = response()
    same.writer.head(304, ['Content-Length', '7'], 0)
    same.writer.end()
    assert.equal(taken(same.slab), 'HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n')
    const tunnel = response('CONNECT')
    tunnel.writer.head(200, [], 0)
    assert.equal(taken(tunnel.slab), 'HTTP/1.1 200 OK\r\n\r\n')
    assert.throws(() => response().writer.head(204, [], 1), code('TM_HTTP1_BODY_FORBIDDEN'))
    assert.throws(
      () => response().writer.head(204, ['content-length', '0'], 0),
      code('TM_HTTP1_FRAMING'),
    )
    assert.throws(() => response().writer.head(205, [], 1), code('TM_HTTP1_BODY_FORBIDDEN'))
  })

  it('sends no body that its head did not announce', () => {
    const long = response()
    long.writer.head(200, [], 3)
    assert.throws(() => long.writer.body(Buffer.from('four')), code('TM_HTTP1_BODY_LENGTH'))
    const short = response()
    short.writer.head(200, [], 3)
    short.writer.body(Buffer.from('ab'))
    assert.throws(() => short.writer.end(), code('TM_HTTP1_BODY_LENGTH'))
    assert.throws(() => response().writer.head(200, [], -2), code('TM_HTTP1_BODY_LENGTH'))
    assert.throws(
      () => response().writer.head(200, ['content-length', '4'], 3),
      code('TM_HTTP1_FRAMING'),
    )
    assert.throws(
      () => response().writer.head(200, ['content-length', '4'], -1),
      code('TM_HTTP1_FRAMING'),
    )
    assert.throws(
      () => response().writer.head(200, ['content-length', '4', 'Content-Length', '4'], 4),
      code('TM_HTTP1_FRAMING'),
    )
  })

  it('refuses the fields of the connection', () => {
    for (const name of [
      'Transfer-Encoding',
      'connection',
      'Keep-Alive',
      'upgrade',
      'Proxy-Connection',
      'HTTP2-Settings',
    ]) {
      const { slab, writer } = response()
      assert.throws(() => writer.head(200, [name, 'x'], 0), code('TM_HTTP1_FRAMING'))
      assert.equal(slab.pending, 0)
      assert.throws(
        () => response().writer.informational(103, [name, 'x']),
        code('TM_HTTP1_FRAMING'),
      )
    }
  })

  it('sends interim responses, not to HTTP/1.0', () => {
    const { slab, writer } = response()
    assert.equal(writer.informational(103, ['link', '</a>']), true)
    assert.equal(taken(slab), 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
    assert.equal(response('GET', 0).writer.informational(100), false)
    for (const status of [101, 200, 99])
      assert.throws(() => writer.informational(status), code('TM_HTTP1_STATUS'))
    for (const status of [100, 199, 600, 1000, 200.5, Number.NaN])
      assert.throws(() => writer.head(status, [], 0), code('TM_HTTP1_STATUS'))
  })

  it('changes the protocol', () => {
    const { slab, writer } = response()
    assert.throws(() => writer.upgrade('x\r\ny', []), code('TM_HTTP1_HEADER_VALUE'))
    writer.upgrade('websocket', ['sec-websocket-accept', 'x'])
    assert.equal(
      taken(slab),
      'HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    )
    assert.throws(() => writer.upgrade('websocket', []), code('TM_HTTP1_STATE'))
  })

  it('keeps to the order of a message', () => {
    const { writer } = response()
    assert.throws(() => writer.body(Buffer.from('x')), code('TM_HTTP1_STATE'))
    assert.throws(() => writer.end(), code('TM_HTTP1_STATE'))
    writer.head(200, [], 0)
    assert.throws(() => writer.head(200, [], 0), code('TM_HTTP1_STATE'))
    assert.throws(() => writer.informational(100), code('TM_HTTP1_STATE'))
    writer.end()
    assert.throws(() => writer.end(), code('TM_HTTP1_STATE'))
  })

  it('adds the date it was given where there is none', () => {
    const { slab, writer } = response()
    writer.date = Buffer.from('date: now\r\n')
    writer.head(200, ['Date', 'then'], 0)
    assert.equal(taken(slab), 'HTTP/1.1 200 OK\r\nDate: then\r\ncontent-length: 0\r\n\r\n')
    writer.begin('GET', 1, true)
    writer.head(200, [], 0)
    assert.match(taken(slab), /date: now\r\n/u)
  })

  it('takes a reason phrase that cannot break out', () => {
    const { slab, writer } = response()
    assert.throws(() => writer.head(200, [], 0, 'a\r\nb'), code('TM_HTTP1_REASON'))
    writer.head(200, [], 0, 'Fine\t\xe9')
    assert.match(taken(slab), /^HTTP\/1\.1 200 Fine\t\xe9\r\n/u)
  })

  it('sends trailers only in chunks, and only those that may be late', () => {
    const plain = response()
    plain.writer.head(200, [], 0)
    assert.throws(() => plain.writer.end(['x', '1']), code('TM_HTTP1_TRAILER'))
    const chunked = response()
    chunked.writer.head(200, [], -1)
    assert.throws(() => chunked.writer.end(['Content-Length', '1']), code('TM_HTTP1_TRAILER'))
    assert.throws(() => chunked.writer.end(['x', 'a\r\nb']), code('TM_HTTP1_HEADER_VALUE'))
    chunked.writer.end(['x', '1'])
  })
})

describe('a request writer', () => {
  it('frames what has a body', () => {
    const { slab, writer } = request()
    writer.head('GET', '/x?y', host)
    writer.end()
    assert.equal(taken(slab), 'GET /x?y HTTP/1.1\r\nhost: a\r\n\r\n')
    writer.head('POST', '/', host)
    writer.end()
    assert.equal(taken(slab), 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n')
    writer.head('GET', '/', [...host, 'content-length', '2'], 2)
    writer.body(Buffer.from('hi'))
    writer.end()
    assert.equal(taken(slab), 'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi')
    writer.head('POST', '/', [...host, 'te', 'trailers'], -1, { close: true })
    writer.body(Buffer.from('hi'))
    writer.end(['x', '1'])
    assert.equal(
      taken(slab),
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nte: trailers\r\nconnection: close, te\r\n\r\n2\r\nhi\r\n0\r\nx: 1\r\n\r\n',
    )
    writer.head('GET', '/', host, 0, { upgrade: 'websocket' })
    writer.end()
    assert.equal(
      taken(slab),
      'GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    )
  })

  it('refuses what no server should get', () => {
    const refusals: readonly [string, (writer: RequestWriter) => void][] = [
      ['TM_HTTP1_METHOD', (w) => w.head('GE T', '/', host)],
      ['TM_HTTP1_METHOD', (w) => w.head('', '/', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('GET', '/ HTTP/1.1\r\nx: y', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('GET', '/é', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('GET', '/#x', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('GET', '', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('GET', '*', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('GET', 'evil?u=http://x', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('CONNECT', '/x', host)],
      ['TM_HTTP1_TARGET', (w) => w.head('CONNECT', 'a', host)],
      ['TM_HTTP1_HOST', (w) => w.head('GET', '/', [])],
      ['TM_HTTP1_HOST', (w) => w.head('GET', '/', [...host, 'Host', 'b'])],
      ['TM_HTTP1_HOST', (w) => w.head('GET', '/', ['host', 'a/b'])],
      ['TM_HTTP1_FRAMING', (w) => w.head('GET', '/', [...host, 'transfer-encoding', 'chunked'])],
      ['TM_HTTP1_FRAMING', (w) => w.head('GET', '/', [...host, 'te', 'gzip'])],
      ['TM_HTTP1_FRAMING', (w) => w.head('POST', '/', [...host, 'content-length', '1'], -1)],
      ['TM_HTTP1_FRAMING', (w) => w.head('POST', '/', [...host, 'content-length', '01'], 1)],
      ['TM_HTTP1_BODY_FORBIDDEN', (w) => w.head('TRACE', '/', host, 1)],
      ['TM_HTTP1_BODY_LENGTH', (w) => w.head('POST', '/', host, 1.5)],
      ['TM_HTTP1_HEADER_NAME', (w) => w.head('GET', '/', [...host, 'a b', 'x'])],
      ['TM_HTTP1_HEADER_NAME', (w) => w.head('GET', '/', [...host, '', 'x'])],
      ['TM_HTTP1_HEADER_NAME', (w) => w.head('GET', '/', [...host, 'x-without-value'])],
      ['TM_HTTP1_HEADER_VALUE', (w) => w.head('GET', '/', [...host, 'a', 'x\r\ny: z'])],
      ['TM_HTTP1_HEADER_VALUE', (w) => w.head('GET', '/', [...host, 'a', ' x'])],
      ['TM_HTTP1_HEADER_VALUE', (w) => w.head('GET', '/', [...host, 'a', 'x\0'])],
      ['TM_HTTP1_HEADER_VALUE', (w) => w.head('GET', '/', [...host, 'a', '\u010d\u010a'])],
      ['TM_HTTP1_HEADER_VALUE', (w) => w.head('GET', '/', [...host, 'a', `${'x'.repeat(100)}\n`])],
    ]
    for (const [expected, write] of refusals) {
      const { slab, writer } = request()
      assert.throws(() => write(writer), code(expected), expected)
      assert.equal(slab.pending, 0, 'nothing was written')
    }
    const { writer } = request()
    writer.head('GET', '/', host)
    assert.throws(() => writer.head('GET', '/', host), code('TM_HTTP1_STATE'))
  })
})

/** Strings near the edge of what may be sent. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\r', '\n', ' ', '\t', ':', '\0', 'a', 'é', 'č', ',', '\x7f'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 60,
})

describe('whatever is written', () => {
  it('is one request that reads as it was meant, or throws', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 4 }),
        anyText,
        fc.array(fc.tuple(anyText, anyText), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        (method, path, fields, body, chunked) => {
          const { slab, writer } = request()
          const verb = method.length % 2 === 0 ? 'POST' : method
          const headers = [...host, ...fields.flat()]
          try {
            writer.head(verb, `/${path}`, headers, chunked ? -1 : body.length)
          } catch (error) {
            assert.ok(TidemillError.is(error), String(error))
            assert.equal(slab.pending, 0)
            return
          }
          writer.body(body)
          writer.end()
          const { events, verdict } = requestParse({
            extraMethods: [verb],
            underscoreNames: 'keep',
          })([latin1(taken(slab))])
          // The writer lets an upstream's own targets through that our parser is stricter about.
          if (verdict?.reason.startsWith('target') === true) return
          assert.equal(verdict, undefined, JSON.stringify(events))
          assert.equal(events.filter((event) => 'head' in event).length, 1)
          const { head } = events[0] as { head: RequestHead }
          assert.equal(head.target, `/${path}`)
          const sent = headers.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
          const own = new Set(['content-length', 'transfer-encoding'])
          assert.deepEqual(
            head.headers.filter((_, i) => !own.has(head.headers[i & ~1] ?? '')),
            sent,
          )
          const bodies = events.flatMap((event) => ('body' in event ? [event.body] : []))
          assert.equal(bodies.join(''), Buffer.from(body).toString('latin1'))
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is one response that reads as it was meant, or throws', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 190, max: 610 }),
        fc.array(fc.tuple(anyText, anyText), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        (status, fields, body, chunked) => {
          const { slab, writer } = response()
          try {
            writer.head(status, fields.flat(), chunked ? -1 : body.length)
            writer.body(body)
            writer.end()
          } catch (error) {
            assert.ok(TidemillError.is(error), String(error))
            return
          }
          const { events, verdict } = responseParse()([latin1(taken(slab))])
          assert.equal(verdict, undefined, JSON.stringify(events))
          assert.equal((events[0] as { head: ResponseHead }).head.status, status)
          const bodies = events.flatMap((event) => ('body' in event ? [event.body] : []))
          assert.equal(bodies.join(''), Buffer.from(body).toString('latin1'))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('what may be forwarded', () => {
  it('is without fields of the connection and those it nominates', () => {
    const { events } = requestParse()([
      latin1(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: x-mine, X-Forwarded-For, close\r\nKeep-Alive: 5\r\nX-Mine: 1\r\nX-Forwarded-For: 2\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: y\r\nAccept: z\r\n\r\n',
      ),
    ])
    const { head } = events[0] as { head: RequestHead }
    assert.deepEqual(endToEnd(head.headers, head.nominated), ['host', 'a', 'accept', 'z'])
  })
})
