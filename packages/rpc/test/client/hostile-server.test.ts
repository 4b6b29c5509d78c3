import assert from 'node:assert/strict'
import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { createChannel } from '../../src/index.ts'
import { transports } from '../support/pair.ts'
import { frame } from '../support/raw-client.ts'

const grpc = { ':status': 200, 'content-type': 'application/grpc' }
const empty = frame(new Uint8Array())

type Answer = (stream: ServerHttp2Stream, session: Http2Session) => void

/** Headers, some bytes, trailers. */
function answer(body: Buffer | undefined, trailers: Record<string, string> | undefined): Answer {
  return (stream) => {
    stream.respond(grpc, { waitForTrailers: trailers !== undefined })
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(body)
  }
}

for (const h2 of transports) {
  const connect = async (respond: Answer, options = {}) => {
    const sessions = new Set<Http2Session>()
    let requests = 0
    const server = createServer()
    server.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => {})
    })
    server.on('stream', (stream) => {
      requests++
      stream.on('error', () => {})
      stream.resume()
      respond(stream, stream.session as Http2Session)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const channel = createChannel(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
      h2,
      ...options,
    })
    return {
      api: channel.client(TestService),
      channel,
      requests: () => requests,
      async [Symbol.asyncDispose]() {
        await channel.close()
        for (const session of sessions) session.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  }
  const expect = async (respond: Answer, wanted: object, hint = '') => {
    await using peer = await connect(respond)
    await assert.rejects(peer.api.emptyCall({}, { deadline: '10s' }), wanted, hint)
    assert.equal(peer.channel.stats().callsOpen, 0)
  }

  describe(`client against servers that err, ${h2}`, () => {
    it('fails a call whose answer has metadata that is no base64, whatever its status says', async () => {
      const bad = { 'x-report-bin': 'not base64!' }
      const wanted = { status: 13, statusMessage: 'the header x-report-bin is not base64' }
      await expect(answer(empty, { 'grpc-status': '0', ...bad }), wanted, 'trailers')
      await expect(
        (stream) => {
          stream.respond({ ...grpc, ...bad }, { waitForTrailers: true })
          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
          stream.end(empty)
        },
        wanted,
        'headers',
      )
      // The server's own reason is worth more than ours.
      await expect(answer(undefined, { 'grpc-status': '5', ...bad }), { status: 5 }, 'an error')
    })

    it('takes the status from the HTTP status of an answer that is no gRPC', async () => {
      const table = {
        400: 13,
        401: 16,
        403: 7,
        404: 12,
        429: 14,
        502: 14,
        503: 14,
        504: 14,
        500: 2,
      }
      for (const [http, status] of Object.entries(table)) {
        await expect(
          (stream) =>
            stream.respond(
              { ':status': Number(http), 'content-type': 'text/html' },
              { endStream: true },
            ),
          { status, outcome: 'unknown' },
          http,
        )
      }
      await expect(
        (stream) => {
          stream.respond({ ':status': 200, 'content-type': 'text/html' })
          stream.end('<html>')
        },
        { status: 2 },
      )
    })

    it('takes the status from Trailers-Only, with its message and metadata', async () => {
      await expect(
        (stream) =>
          stream.respond(
            { ...grpc, 'grpc-status': '5', 'grpc-message': 'n%C3%B6%zz', x: 'y' },
            { endStream: true },
          ),
        { status: 5, statusMessage: 'nö%zz', outcome: 'answered' },
      )
    })

    it('maps resets, with the deadline before CANCEL', async () => {
      const table: [number, object][] = [
        [1, { status: 13 }],
        [2, { status: 13 }],
        [8, { status: 1, outcome: 'unknown' }],
        [11, { status: 8 }],
        [12, { status: 7 }],
      ]
      for (const [code, wanted] of table)
        await expect((stream) => stream.close(code), wanted, String(code))
    })

    it('judges the trailers: no status, none at all, one that is no number', async () => {
      await expect(answer(empty, { x: 'y' }), { status: 2 })
      await expect(answer(empty, undefined), { status: 2, outcome: 'unknown' })
      await expect(answer(empty, { 'grpc-status': 'abc' }), { status: 2 })
      await expect(answer(empty, { 'grpc-status': '77' }), { status: 2, outcome: 'answered' })
    })

    it('judges the messages: count, flag, length, an end inside, bytes that are no message', async () => {
      const ok = { 'grpc-status': '0' }
      await expect(answer(undefined, ok), { status: 12 }, 'none')
      await expect(answer(Buffer.concat([empty, empty]), ok), { status: 12 }, 'two')
      await expect(
        answer(frame(new Uint8Array(1), 1), ok),
        { status: 13 },
        'flag 1 without an encoding',
      )
      await expect(answer(frame(new Uint8Array(1), 7), ok), { status: 13 }, 'flag 7')
      await expect(answer(Buffer.from('00ffffffff', 'hex'), ok), { status: 8 }, 'four gigabytes')
      await expect(answer(Buffer.from('000000000500', 'hex'), ok), { status: 13 }, 'end inside')
      await expect(answer(frame(Buffer.from([0xff])), ok), { status: 13 }, 'no message')
    })

    it('gives an error status although a message came before it', async () => {
      await expect(answer(empty, { 'grpc-status': '9' }), { status: 9 })
    })

    it('repeats once what the server certainly did not look at, and nothing else', async () => {
      let first = true
      await using refusing = await connect((stream) => {
        if (first) {
          first = false
          stream.close(7)
        } else answer(empty, { 'grpc-status': '0' })(stream, stream.session as Http2Session)
      })
      assert.ok(await refusing.api.emptyCall({}))
      assert.equal(refusing.requests(), 2)
      await using always = await connect((stream) => stream.close(7))
      await assert.rejects(always.api.emptyCall({}), { status: 14, outcome: 'unsent' })
      assert.equal(always.requests(), 2)
      await using dying = await connect((stream) => stream.session?.destroy())
      await assert.rejects(dying.api.emptyCall({}), { status: 14, outcome: 'unknown' })
      assert.equal(dying.requests(), 1)
    })

    it('finishes its call when the server goes away in the middle of it', async () => {
      await using peer = await connect((stream, session) => {
        session.goaway(0, stream.id)
        setImmediate(() => answer(empty, { 'grpc-status': '0' })(stream, session))
      })
      assert.ok(await peer.api.emptyCall({}))
    })

    it('ends at its deadline when the server is silent, and resets the stream', async () => {
      const reset = Promise.withResolvers<number>()
      await using peer = await connect((stream) => {
        stream.on('close', () => reset.resolve(stream.rstCode ?? -1))
      })
      await peer.channel.ready()
      await assert.rejects(peer.api.emptyCall({}, { deadline: '30ms' }), {
        status: 4,
        outcome: 'unknown',
      })
      assert.equal(await reset.promise, 8)
    })

    it('fails as UNAVAILABLE, unsent, when nothing listens', async () => {
      const channel = createChannel('127.0.0.1:1', { h2 })
      await assert.rejects(channel.client(TestService).emptyCall({}), {
        status: 14,
        outcome: 'unsent',
      })
      await channel.close()
    })
  })
}
