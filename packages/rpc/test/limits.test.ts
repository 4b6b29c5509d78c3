import assert from 'node:assert/strict'
import {
  type Http2Session,
  createServer as createNodeServer,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createVirtualClock, realClock } from '@tidemill/core'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { type ChannelOptions, createChannel } from '../src/index.ts'
import { findTransport } from '../src/transport/find-transport.ts'
import { Backend, callOnce, openProvider } from './channel/loopback.ts'
import { connectPair, pairs, transports } from './support/pair.ts'
import { frame, rawClient } from './support/raw-client.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const empty = frame(new Uint8Array())
const grpc = { ':status': 200, 'content-type': 'application/grpc' }

function answer(stream: ServerHttp2Stream, body: Buffer = empty, headers = {}): void {
  if (stream.destroyed) return
  stream.respond({ ...grpc, ...headers }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', x: 'y' }))
  stream.end(body)
}

for (const h2 of transports) {
  /** A channel to a server of node:http2 that does with each stream what it is told. */
  const connect = async (
    respond: (stream: ServerHttp2Stream, session: Http2Session) => void,
    settings: object = {},
    options: ChannelOptions = {},
  ) => {
    const sessions = new Set<Http2Session>()
    const server = createNodeServer({ settings })
    server.on('session', (session) => {
      sessions.add(session)
      session.on('error', () => {})
    })
    server.on('stream', (stream) => {
      stream.on('error', () => {})
      respond(stream, stream.session as Http2Session)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const channel = createChannel(`127.0.0.1:${port}`, { h2, ...options })
    return {
      channel,
      api: channel.client(TestService),
      async [Symbol.asyncDispose]() {
        await channel.close({ grace: 0 })
        for (const session of sessions) session.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  }

  describe(`limits of the peer and of HTTP/2, ${h2} client`, () => {
    it('keeps to a limit of streams that is lowered and raised while calls run', async () => {
      const open: ServerHttp2Stream[] = []
      let most = 0
      let session: Http2Session | undefined
      await using peer = await connect(
        (stream, own) => {
          session = own
          stream.resume()
          open.push(stream)
          most = Math.max(most, open.length)
        },
        { maxConcurrentStreams: 2 },
      )
      const calls = Promise.all(Array.from({ length: 9 }, () => peer.api.emptyCall({})))
      while (open.length < 2) await turn()
      assert.equal(peer.channel.stats().streamsQueued, 7)
      session?.settings({ maxConcurrentStreams: 5 })
      while (open.length < 5) await turn()
      assert.equal(peer.channel.stats().streamsQueued, 4)
      await new Promise((resolve) => session?.settings({ maxConcurrentStreams: 1 }, resolve))
      most = 0
      for (let i = 0; i < 4; i++) answer(open.shift() as ServerHttp2Stream)
      while (peer.channel.stats().streams > 1) await turn()
      for (let i = 0; i < 20; i++) await turn()
      assert.deepEqual([open.length], [1])
      for (let answered = 4; answered < 9; answered++) {
        while (open.length === 0) await turn()
        answer(open.shift() as ServerHttp2Stream)
      }
      await calls
      assert.equal(most, 1)
      assert.equal(peer.channel.stats().connects, 1)
    })

    it('sends within windows that are lowered and raised in the middle of a message', async () => {
      let received = 0
      await using peer = await connect((stream, session) => {
        stream.on('data', (chunk: Buffer) => {
          if (received === 0) session.settings({ initialWindowSize: 1000 })
          received += chunk.length
          if (received > 400_000) session.settings({ initialWindowSize: 200_000 })
        })
        stream.on('end', () => answer(stream))
      })
      assert.ok(await peer.api.unaryCall({ payload: { body: new Uint8Array(2_000_000) } }))
      assert.ok(received > 2_000_000)
    })

    it('repeats a server-streaming call once that the server refused unseen, and says so of the rest', async () => {
      let seen = 0
      let refusals: number = 1
      await using peer = await connect((stream) => {
        seen++
        stream.resume()
        refusals--
        if (refusals >= 0) stream.close(7)
        else answer(stream)
      })
      const all: unknown[] = []
      const read = async (): Promise<void> => {
        for await (const one of peer.api.streamingOutputCall({})) all.push(one)
      }
      await read()
      assert.equal(all.length, 1)
      assert.equal(seen, 2)
      refusals = 10
      await assert.rejects(read(), { status: 14, outcome: 'unsent' })
      assert.equal(seen, 4)
      await assert.rejects(peer.api.streamingInputCall([{}]), { status: 14, outcome: 'unsent' })
      assert.equal(seen, 5)
      const bidi = async (): Promise<void> => {
        for await (const one of peer.api.fullDuplexCall([{}])) all.push(one)
      }
      await assert.rejects(bidi(), { status: 14, outcome: 'unsent' })
      assert.equal(seen, 6)
      assert.equal(peer.channel.stats().callsOpen, 0)
    })

    it('does not take a call for unseen that was refused after its headers', async () => {
      const transport = findTransport(h2)
      await using stack = new AsyncDisposableStack()
      const backend = await new Backend(findTransport('native'), (call) => {
        call.begin()
        setImmediate(() => call.refuse())
      }).listen()
      stack.defer(() => backend.close())
      const provider = openProvider(transport, backend.address)
      stack.defer(() => provider.close(0))
      const { code, headersAt, processed } = await callOnce(provider)
      assert.deepEqual(
        { code, headersAt, processed },
        { code: 14, headersAt: true, processed: 'sent' },
      )
      const channel = createChannel(backend.address, { h2 })
      stack.defer(() => channel.close({ grace: 0 }))
      await assert.rejects(channel.client(TestService).emptyCall({}), {
        status: 14,
        outcome: 'unknown',
      })
      assert.equal(backend.calls.length, 2)
    })

    it('says DEADLINE_EXCEEDED when the reset of the server overtakes its own timer', async () => {
      const clock = createVirtualClock()
      const streams: ServerHttp2Stream[] = []
      await using peer = await connect(
        (stream) => void streams.push(stream.resume()),
        {},
        { clock },
      )
      await peer.channel.ready()
      const early = peer.api.emptyCall({}, { deadline: 7 })
      while (streams.length < 1) await turn()
      await clock.advance(6)
      streams[0]?.close(8)
      await assert.rejects(early, { status: 1, outcome: 'unknown' })
      const late = peer.api.emptyCall({}, { deadline: 7 })
      while (streams.length < 2) await turn()
      await clock.advance(7)
      streams[1]?.close(8)
      await assert.rejects(late, { status: 4, outcome: 'unknown' })
    })

    it('bounds what a compressed response may become', async () => {
      const bomb = frame(gzipSync(new Uint8Array(50_000_000)), 1)
      await using peer = await connect((stream) => {
        stream.resume()
        answer(stream, bomb, { 'grpc-encoding': 'gzip' })
      })
      await assert.rejects(peer.api.unaryCall({}), { status: 8 })
      const read = async (): Promise<void> => {
        for await (const _ of peer.api.streamingOutputCall({}));
      }
      await assert.rejects(read(), { status: 8 })
    })

    it('moves to a new connection when stream ids run out, and no call fails', async () => {
      const transport = findTransport(h2)
      await using stack = new AsyncDisposableStack()
      const backend = await new Backend(transport, (call) => call.answer(['a'])).listen()
      stack.defer(() => backend.close())
      const provider = openProvider(transport, backend.address, {
        connector: transport.client({
          clock: realClock,
          flow: {
            streamWindow: 65_535,
            connectionWindow: 65_535,
            autoTuneMax: 0,
            memoryBudget: 2 ** 26,
          },
          maxConcurrentStreams: 0,
          maxHeaderListBytes: 16_384,
          tls: undefined,
          connectTimeoutMs: 10_000,
          drainAtStreamId: 21,
        }),
      })
      stack.defer(() => provider.close(0))
      const answers = await Promise.all(Array.from({ length: 60 }, () => callOnce(provider)))
      for (let i = 0; i < 30; i++) answers.push(await callOnce(provider))
      assert.deepEqual([...new Set(answers.map((one) => `${one.code} ${one.message}`))], ['0 '])
      assert.ok(provider.statistics.connects >= 8, String(provider.statistics.connects))
      while (provider.stats().connections.length > 1) await turn()
    })
  })
}

for (const names of pairs.filter((pair) => pair.server === 'native')) {
  describe(`the memory budget, ${names.client} client and ours as server`, () => {
    it('holds no more than it with 500 streams that nobody reads, and still serves others', async () => {
      const budget = 16 * 1024 * 1024
      const body = new Uint8Array(200_000)
      await using pair = await connectPair(
        names,
        TestService,
        {
          emptyCall: () => ({}),
          async *fullDuplexCall(_requests, ctx) {
            await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
            yield* []
          },
        },
        {
          server: {
            flow: { stream: '1MiB', memoryBudget: budget },
            maxConcurrentStreams: 600,
            limits: { resets: 10_000 },
          },
        },
      )
      const calls = Array.from({ length: 500 }, () =>
        pair.channel.open(TestService.method.fullDuplexCall),
      )
      for (const call of calls) {
        const send = async (): Promise<void> => {
          for (let i = 0; i < 6; i++) await call.send({ payload: { body } })
        }
        send().catch(() => {})
      }
      while (pair.server.stats().callsOpen < 500) await turn()
      let before = -1
      let received = 0
      while (received !== before) {
        before = received
        await new Promise((resolve) => setTimeout(resolve, 100))
        received = pair.server.stats().perConnection[0]?.bytesReceived ?? 0
      }
      assert.ok(received > budget / 4, `received ${received}`)
      assert.ok(received < budget * 1.1, `received ${received}`)
      const api = pair.channel.client(TestService)
      assert.ok(await api.emptyCall({}, { deadline: '5s' }))
      for (const call of calls) call.cancel()
    })
  })
}

describe('compressed messages that nobody reads', () => {
  for (const h2 of transports) {
    it(`are all there when they are read at last, ${h2}`, async () => {
      const count = 5
      const size = 1_000_000
      const go = Promise.withResolvers<void>()
      await using pair = await connectPair(
        { client: h2, server: h2 },
        TestService,
        {
          async streamingInputCall(requests, ctx) {
            await go.promise
            let received = 0
            for await (const request of requests) {
              assert.equal(ctx.requestCompressed, true)
              received += request.payload?.body.length ?? 0
            }
            return { aggregatedPayloadSize: received }
          },
          async *streamingOutputCall() {
            for (let i = 0; i < count; i++) yield { payload: { body: new Uint8Array(size) } }
          },
        },
        { server: { compression: 'gzip' }, channel: { compression: 'gzip' } },
      )
      const call = pair.channel.open(TestService.method.streamingInputCall)
      for (let i = 0; i < count; i++) await call.send({ payload: { body: new Uint8Array(size) } })
      call.end()
      const responses = pair.channel.open(TestService.method.streamingOutputCall)
      await responses.send({})
      responses.end()
      await responses.trailers
      go.resolve()
      assert.equal((await call.receive())?.aggregatedPayloadSize, count * size)
      for (let i = 0; i < count; i++) {
        assert.equal((await responses.receive())?.payload?.body.length, size)
        assert.equal(responses.compressed, true)
      }
      assert.equal(await responses.receive(), undefined)
    })

    it(`stay as they came, and end the call when they are read and are none, ${h2}`, async () => {
      const broken = frame(Buffer.from('no gzip'), 1)
      const server = createNodeServer()
      server.on('stream', (stream) => {
        stream.resume()
        answer(stream, Buffer.concat([broken, broken]), { 'grpc-encoding': 'gzip' })
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      const channel = createChannel(`127.0.0.1:${port}`, { h2 })
      const responses = channel.open(TestService.method.streamingOutputCall)
      await responses.send({})
      assert.equal((await responses.trailers).get('x'), 'y')
      await assert.rejects(responses.receive(), { status: 13 })
      await assert.rejects(responses.receive(), { status: 13 })
      await channel.close()
      await new Promise((resolve) => server.close(resolve))
      const errors: unknown[] = []
      await using pair = await connectPair({ client: h2, server: h2 }, TestService, {
        async streamingInputCall(requests, ctx) {
          while (!(ctx as unknown as { requestEnded: boolean }).requestEnded) await turn()
          assert.equal(pair.server.stats().callsFailed, 0)
          try {
            for await (const _ of requests);
          } catch (error) {
            errors.push(error)
            throw error
          }
          return {}
        },
      })
      const client = rawClient(pair.port)
      const got = await client.send(
        { ':path': '/grpc.testing.TestService/StreamingInputCall', 'grpc-encoding': 'gzip' },
        [broken],
      )
      assert.equal(got.status, '13')
      assert.equal(errors.length, 1)
      await client[Symbol.asyncDispose]()
    })
  }
})
