import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  encodeGrpcMessage,
  formatGrpcTimeout,
  grpcKind,
  parseGrpcTimeout,
} from '../../src/dataplane/grpc.ts'
import { Base64Reader, GrpcWebResponse } from '../../src/dataplane/grpc-web.ts'
import { type GatewayErrorCode, gatewayErrors } from '../../src/errors.ts'
import { connectClient, type H2Call, type H2Client } from './http2-client.ts'
import { hello, openRig, openUpstream, replying } from './rig.ts'

const end = '\r\n\r\n'

function grpcCall(client: H2Client, fields: readonly (readonly [string, string])[] = []): H2Call {
  const call = client.request([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/shop.Orders/Get'],
    [':authority', 'a'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...fields,
  ])
  call.data('\0\0\0\0\x03abc', true)
  return call
}

describe('errors of our own for gRPC', () => {
  const table: readonly (readonly [GatewayErrorCode, number, number])[] = [
    ['TM_GATEWAY_BAD_REQUEST', 400, 13],
    ['TM_GATEWAY_NO_ROUTE', 404, 12],
    ['TM_GATEWAY_UPSTREAM', 502, 14],
    ['TM_GATEWAY_BREAKER_OPEN', 503, 14],
    ['TM_GATEWAY_TIMEOUT', 504, 4],
    ['TM_GATEWAY_BODY_TOO_LARGE', 413, 2],
    ['TM_GATEWAY_BACKEND_INVALID', 500, 2],
  ]
  for (const [code, http, status] of table) {
    it(`turn ${http} into grpc-status ${status} without a body`, async (t) => {
      const upstream = await openUpstream(t, replying(hello))
      const rig = await openRig(t, upstream.port)
      const error = gatewayErrors.error(code, { route: 'r', reason: 'ü', method: 'GET', path: '/' })
      rig.decide = () => ({ error, retryAfter: 3 })
      const client = await connectClient(t, rig.port)
      const call = await grpcCall(client).done()
      assert.equal(call.field(':status'), '200')
      assert.equal(call.field('content-type'), 'application/grpc')
      assert.equal(call.field('grpc-status'), String(status))
      assert.equal(call.field('grpc-message'), encodeGrpcMessage(error.message))
      assert.equal(call.field('retry-after'), '3')
      assert.equal(call.bytes, 0)
      assert.equal(rig.told[0]?.code, code)
    })
  }

  it('come to a gRPC-Web client in its own content type', async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    rig.decide = () => ({ error: gatewayErrors.error('TM_GATEWAY_NO_ENDPOINT', { route: 'r' }) })
    const client = rig
      .client()
      .send(
        `POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: 0${end}`,
      )
    const text = await client.until(end)
    assert.match(text, /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/grpc-web\+proto\r\n/u)
    assert.match(text, /\r\ngrpc-status: 14\r\n/u)
  })
})

describe('gRPC', () => {
  it('keeps its trailers, and those alone', async (t) => {
    const upstream = await openUpstream(t, (peer) => {
      void peer
        .until(`0${end}`)
        .then(() =>
          peer.send(
            `HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked${end}8\r\n\0\0\0\0\x03xyz\r\n0\r\nGrpc-Status: 5\r\nGrpc-Message: none${end}`,
          ),
        )
    })
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const call = await grpcCall(client).done()
    assert.equal(call.text, '\0\0\0\0\x03xyz')
    assert.deepEqual(call.trailers, ['grpc-status', '5', 'grpc-message', 'none'])
    assert.equal(call.field('grpc-status'), undefined)
    assert.match(upstream.peers[0]?.text ?? '', /\r\nte: trailers\r\n/u)
  })

  it('waits as long as the shorter of the route’s time and the caller’s', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    const client = await connectClient(t, rig.port)
    const cases: readonly (readonly [string, string, string])[] = [
      ['100m', '100m', '100'],
      ['1H', '15000m', '5000'],
      ['2S', '2000m', '2000'],
      ['90000000u', '15000m', '5000'],
    ]
    for (const [sent, passed, wait] of cases) {
      const next = upstream.next()
      const call = grpcCall(client, [['grpc-timeout', sent]])
      const peer = await next
      const head = await peer.until(end)
      assert.match(head, new RegExp(`\r\ngrpc-timeout: ${passed}\r\n`, 'u'))
      assert.match(head, new RegExp(`\r\nx-envoy-expected-rq-timeout-ms: ${wait}\r\n`, 'u'))
      call.stream?.reset(8)
      await peer.untilEnded()
    }
  })

  it('is told from other contents', () => {
    assert.equal(grpcKind('application/grpc'), 'grpc')
    assert.equal(grpcKind('application/grpc+json'), 'grpc')
    assert.equal(grpcKind('application/grpc; charset=x'), 'grpc')
    assert.equal(grpcKind('application/grpc-web'), 'grpc-web')
    assert.equal(grpcKind('application/grpc-web+proto'), 'grpc-web')
    assert.equal(grpcKind('application/grpc-web-text+proto'), 'grpc-web-text')
    assert.equal(grpcKind('application/grpcx'), '')
    assert.equal(grpcKind('application/json'), '')
  })

  it('writes and reads times and messages', () => {
    assert.equal(parseGrpcTimeout('1n'), 0.000_001)
    assert.equal(parseGrpcTimeout('99999999S'), 99_999_999_000)
    assert.equal(parseGrpcTimeout('100000000S'), Infinity)
    assert.equal(parseGrpcTimeout('5'), Infinity)
    assert.equal(formatGrpcTimeout(0.2), '1m')
    assert.equal(formatGrpcTimeout(99_999_999_000), '99999999S')
    assert.equal(encodeGrpcMessage('50 % für\n'), '50 %25 f%C3%BCr%0A')
  })
})

describe('gRPC-Web', () => {
  const message = Buffer.from('\0\0\0\0\x03abc', 'latin1')
  const answer = `HTTP/1.1 200 OK\r\nContent-Type: application/grpc+proto\r\nTransfer-Encoding: chunked${end}8\r\n\0\0\0\0\x03xyz\r\n0\r\nGrpc-Status: 0\r\nGrpc-Message: fine${end}`
  const trailers = 'grpc-status: 0\r\ngrpc-message: fine\r\n'
  const frame = Buffer.from(
    `\x80\0\0\0${String.fromCharCode(trailers.length)}${trailers}`,
    'latin1',
  )

  for (const type of ['application/grpc-web+proto', 'application/grpc-web-text+proto']) {
    it(`as ${type} is translated to gRPC and back`, async (t) => {
      const text = type.includes('text')
      const upstream = await openUpstream(t, (peer) => {
        void peer.until((all) => all.includes('\0\0\0\0\x03abc')).then(() => peer.send(answer))
      })
      const rig = await openRig(t, upstream.port)
      const sent = text ? message.toString('base64') : message.toString('latin1')
      const client = rig
        .client()
        .send(
          `POST /s/M HTTP/1.1\r\nHost: a\r\nX-Grpc-Web: 1\r\nContent-Type: ${type}\r\nContent-Length: ${sent.length}${end}${sent}`,
        )
      const got = await client.until(`0${end}`)
      const head = upstream.peers[0]?.text ?? ''
      assert.match(head, /\r\ncontent-type: application\/grpc\+proto\r\n/u)
      assert.match(head, /\r\nte: trailers\r\n/u)
      assert.doesNotMatch(head, /x-grpc-web/u)
      assert.match(got, new RegExp(`\r\ncontent-type: ${type.replace('+', '\\+')}\r\n`, 'u'))
      const body = dechunk(got.slice(got.indexOf(end) + 4))
      const expected = Buffer.concat([Buffer.from('\0\0\0\0\x03xyz', 'latin1'), frame])
      if (text) assert.deepEqual(decodePieces(body), expected)
      else assert.deepEqual(Buffer.from(body, 'latin1'), expected)
      assert.equal(rig.told[0]?.status, 200)
    })
  }

  it('answers 400 to text that is no base64, and to text that is cut', async (t) => {
    const upstream = await openUpstream(t)
    const rig = await openRig(t, upstream.port)
    for (const body of ['!!!!', 'AAA']) {
      const client = rig
        .client()
        .send(
          `POST /s/M HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web-text\r\nContent-Length: ${body.length}${end}${body}`,
        )
      assert.match(await client.until(end), /\r\ngrpc-status: 13\r\n/u)
    }
  })

  it('leaves an answer that is not gRPC as it is', async (t) => {
    const upstream = await openUpstream(
      t,
      replying(`HTTP/1.1 503 Down\r\nContent-Type: text/html\r\nContent-Length: 4${end}down`),
    )
    const rig = await openRig(t, upstream.port)
    const client = rig
      .client()
      .send(
        `POST /s/M HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web\r\nContent-Length: 0${end}`,
      )
    assert.match(await client.until('down'), /^HTTP\/1\.1 503 .*content-type: text\/html/su)
  })

  it('reads base64 cut anywhere, padded between pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 7 }),
        (pieces, step) => {
          const text = pieces.map((piece) => Buffer.from(piece).toString('base64')).join('')
          const reader = new Base64Reader()
          const parts: Buffer[] = []
          for (let at = 0; at < text.length; at += step) {
            const part = reader.read(Buffer.from(text.slice(at, at + step)))
            assert.ok(part !== undefined)
            parts.push(part)
          }
          assert.ok(reader.complete)
          assert.deepEqual(Buffer.concat(parts), Buffer.concat(pieces))
        },
      ),
    )
  })

  it('writes base64 whatever the parts are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (pieces) => {
        const writer = new GrpcWebResponse(true)
        const parts = pieces.map((piece) => writer.body(Buffer.from(piece)))
        parts.push(writer.end(['grpc-status', '0']))
        const bytes = Buffer.from(Buffer.concat(parts).toString('latin1'), 'base64')
        const body = Buffer.concat(pieces)
        assert.deepEqual(bytes.subarray(0, body.length), body)
        assert.equal(bytes[body.length], 0x80)
        assert.equal(bytes.subarray(body.length + 5).toString(), 'grpc-status: 0\r\n')
      }),
    )
  })
})

function dechunk(text: string): string {
  let out = ''
  let at = 0
  for (;;) {
    const line = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, line), 16)
    if (!(size > 0)) return out
    out += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}

function decodePieces(text: string): Buffer {
  return Buffer.concat(
    [...text.matchAll(/[^=]+={0,2}/gu)].map(([piece]) => Buffer.from(piece, 'base64')),
  )
}
