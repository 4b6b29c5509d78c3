import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { type Handlers, isRpcError, Metadata, RpcError, type ServerContext } from '../src/index.ts'
import { connectPair, deferred, pairs } from './support/pair.ts'

const bytes = (size: number) => ({ payload: { body: new Uint8Array(size) } })

const handlers: Handlers<typeof TestService> = {
  emptyCall: () => ({}),
  async unaryCall(request, ctx) {
    const { code = 0, message = '' } = request.responseStatus ?? {}
    if (code !== 0) throw new RpcError(code as 1, message)
    for (const [name, value] of ctx.metadata) {
      if (name.startsWith('x-echo-initial')) ctx.headers.append(name, value)
      if (name.startsWith('x-echo-trailing')) ctx.trailers.append(name, value)
    }
    return bytes(request.responseSize)
  },
  async *streamingOutputCall(request) {
    for (const { size } of request.responseParameters) yield bytes(size)
  },
  async streamingInputCall(requests) {
    let size = 0
    for await (const request of requests) size += request.payload?.body.length ?? 0
    return { aggregatedPayloadSize: size }
  },
  async *fullDuplexCall(requests) {
    for await (const request of requests) {
      for (const { size } of request.responseParameters) yield bytes(size)
    }
  },
}

async function sizes(
  responses: AsyncIterable<{ readonly payload?: { readonly body: Uint8Array } | undefined }>,
) {
  const list: number[] = []
  for await (const { payload } of responses) list.push(payload?.body.length ?? 0)
  return list
}

for (const names of pairs) {
  const connect = (over: Handlers<typeof TestService> = {}, options = {}) =>
    connectPair(names, TestService, { ...handlers, ...over }, options)

  describe(`calls, ${names.client} client and ${names.server} server`, () => {
    it('makes calls of all four kinds, with messages smaller and larger than windows and frames', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      assert.equal((await api.emptyCall({})).$typeName, 'grpc.testing.Empty')
      const big = await api.unaryCall({ responseSize: 3_000_000, ...bytes(2_500_000) })
      assert.equal(big.payload?.body.length, 3_000_000)
      const wanted = [1, 100_000, 0, 2_000_000, 5]
      const out = api.streamingOutputCall({ responseParameters: wanted.map((size) => ({ size })) })
      assert.deepEqual(await sizes(out), wanted)
      const sum = await api.streamingInputCall(wanted.map(bytes))
      assert.equal(sum.aggregatedPayloadSize, 2_100_006)
      const both = api.fullDuplexCall(wanted.map((size) => ({ responseParameters: [{ size }] })))
      assert.deepEqual(await sizes(both), wanted)
      assert.deepEqual(await sizes(api.fullDuplexCall([])), [])
      assert.equal(pair.channel.stats().callsOpen, 0)
      assert.equal(pair.channel.stats().connections, 1)
    })

    it('runs many calls at once on one connection', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      const answers = await Promise.all(
        Array.from({ length: 700 }, (_, size) => api.unaryCall({ responseSize: size })),
      )
      assert.deepEqual(
        answers.map((answer) => answer.payload?.body.length),
        Array.from({ length: 700 }, (_, size) => size),
      )
      assert.equal(pair.server.stats().callsStarted, 700)
    })

    it('is driven message by message from both sides', async () => {
      await using pair = await connect()
      const call = pair.channel.open(TestService.method.fullDuplexCall)
      for (const size of [3, 70_000, 1]) {
        await call.send({ responseParameters: [{ size }] })
        assert.equal((await call.receive())?.payload?.body.length, size)
      }
      call.end()
      assert.equal(await call.receive(), undefined)
      await assert.rejects(call.send({}), { code: 'TM_RPC_STATE' })
    })

    it('carries metadata, headers and trailers, text and binary', async () => {
      await using pair = await connect()
      const seen: Metadata[] = []
      await pair.channel.client(TestService).unaryCall(
        {},
        {
          metadata: [
            ['x-echo-initial', 'one'],
            ['x-echo-initial', 'two'],
            ['x-echo-trailing-bin', new Uint8Array([0xab, 0xab, 0xab])],
          ],
          onHeader: (headers) => void seen.push(headers),
          onTrailer: (trailers) => void seen.push(trailers),
        },
      )
      assert.deepEqual(seen[0]?.getAll('x-echo-initial'), ['one', 'two'])
      assert.deepEqual([...(seen[1]?.getBinary('x-echo-trailing-bin') ?? [])], [0xab, 0xab, 0xab])
      const responses = pair.channel
        .client(TestService)
        .streamingOutputCall({ responseParameters: [{ size: 1 }] })
      assert.ok((await responses.headers).empty)
      assert.deepEqual(await sizes(responses), [1])
      assert.ok((await responses.trailers).empty)
    })

    it('gives the status that a handler throws, with its message, metadata and details', async () => {
      await using pair = await connect({
        emptyCall: () => {
          throw new RpcError('FAILED_PRECONDITION', '\t☺ 100%', {
            metadata: new Metadata({ why: 'because' }),
            details: new Uint8Array([8, 9]),
          })
        },
      })
      const api = pair.channel.client(TestService)
      const error = await api.emptyCall({}).catch((e: unknown) => e)
      assert.ok(isRpcError(error))
      assert.equal(error.status, 9)
      assert.equal(error.statusMessage, '\t☺ 100%')
      assert.equal(error.metadata.get('why'), 'because')
      assert.deepEqual([...(error.statusDetails ?? [])], [8, 9])
      assert.equal(error.outcome, 'answered')
      await assert.rejects(api.unaryCall({ responseStatus: { code: 2, message: 'test' } }), {
        status: 2,
      })
    })

    it('answers UNKNOWN without a word of it when a handler throws anything else', async () => {
      const logged: unknown[] = []
      await using pair = await connect(
        {
          emptyCall: () => {
            throw new Error('password is 1234')
          },
          async *streamingOutputCall() {
            yield bytes(1)
            throw new Error('secret')
          },
        },
        { server: { logger: { log: (...all: unknown[]) => void logged.push(all) } } },
      )
      const api = pair.channel.client(TestService)
      await assert.rejects(api.emptyCall({}), { status: 2, statusMessage: 'the handler failed' })
      const responses = api.streamingOutputCall({})
      const first = await responses[Symbol.asyncIterator]().next()
      assert.equal(first.value?.payload?.body.length, 1)
      await assert.rejects(sizes(responses), { status: 2, statusMessage: 'the handler failed' })
      assert.equal(logged.length, 2)
    })

    it('answers UNIMPLEMENTED for services and methods that are not served', async () => {
      await using pair = await connect(
        {},
        { prepare: (server: { addRaw: unknown }) => void server },
      )
      const { channel } = pair
      await assert.rejects(channel.client(TestService).unimplementedCall({}), {
        status: 12,
        statusMessage: 'unknown method UnimplementedCall for service grpc.testing.TestService',
      })
      for (const path of ['/no.Service/M', '/', '/grpc.testing.TestService/', '/a/b/c']) {
        await assert.rejects(channel.unaryRaw(path, new Uint8Array()), { status: 12 }, path)
      }
    })

    it('cancels by signal, by leaving the loop and by cancel, and the handler hears of it', async () => {
      const ended = [deferred<unknown>(), deferred<unknown>()]
      const started = deferred()
      let returned = 0
      await using pair = await connect({
        emptyCall: (_request, ctx) =>
          new Promise((_, reject) => {
            ctx.signal.addEventListener('abort', () => {
              ended[0]?.resolve(ctx.cancelled)
              reject(ctx.signal.reason as Error)
            })
            started.resolve()
          }),
        async *streamingOutputCall(_request, ctx) {
          try {
            for (;;) {
              yield bytes(10)
              await new Promise((resolve) => setImmediate(resolve))
            }
          } finally {
            returned++
            ended[1]?.resolve(ctx.cancelled)
          }
        },
      })
      const api = pair.channel.client(TestService)
      const controller = new AbortController()
      const call = api.emptyCall({}, { signal: controller.signal })
      await started.promise
      controller.abort()
      await assert.rejects(call, { status: 1, outcome: 'unknown' })
      assert.equal(await ended[0]?.promise, 'client')
      for await (const message of api.streamingOutputCall({})) {
        assert.equal(message.payload?.body.length, 10)
        break
      }
      assert.equal(await ended[1]?.promise, 'client')
      assert.equal(returned, 1)
      await assert.rejects(api.emptyCall({}, { signal: AbortSignal.abort() }), {
        status: 1,
        outcome: 'unsent',
      })
      const open = pair.channel.open(TestService.method.fullDuplexCall)
      open.cancel()
      await assert.rejects(open.receive(), { status: 1 })
      assert.equal(pair.channel.stats().callsOpen, 0)
    })

    it('ends calls at their deadline on both sides, though the handler never ends', async () => {
      const cancelled = deferred<unknown>()
      await using pair = await connect({
        emptyCall: (_request, ctx) =>
          new Promise(() => {
            ctx.signal.addEventListener('abort', () => cancelled.resolve(ctx.cancelled))
          }),
      })
      const api = pair.channel.client(TestService)
      await pair.channel.ready()
      await assert.rejects(api.emptyCall({}, { deadline: '40ms' }), { status: 4 })
      assert.match(String(await cancelled.promise), /deadline|client/u)
      await assert.rejects(api.emptyCall({}, { deadline: 0 }), { status: 4, outcome: 'unsent' })
      while (pair.server.stats().callsOpen > 0)
        await new Promise((resolve) => setImmediate(resolve))
    })

    it('passes deadline and cancellation on to the calls that a handler makes', async () => {
      const inner = deferred<ServerContext>()
      const over = deferred<unknown>()
      await using last = await connect({
        emptyCall: (_request, ctx) =>
          new Promise(() => {
            inner.resolve(ctx)
            ctx.signal.addEventListener('abort', () => over.resolve(ctx.cancelled))
          }),
      })
      const next = last.channel.client(TestService)
      await using first = await connect({
        emptyCall: async () => {
          await Promise.resolve()
          return next.emptyCall({})
        },
      })
      const controller = new AbortController()
      const call = first.channel
        .client(TestService)
        .emptyCall({}, { deadline: '20s', signal: controller.signal })
      const { timeLeftMs } = await inner.promise
      assert.ok(timeLeftMs > 10_000 && timeLeftMs <= 20_000, String(timeLeftMs))
      controller.abort()
      await assert.rejects(call, { status: 1 })
      assert.equal(await over.promise, 'client')
    })

    it('compresses with gzip when asked, message by message, and says so', async () => {
      const seen: boolean[] = []
      await using pair = await connect({
        async unaryCall(request, ctx) {
          seen.push(ctx.requestCompressed)
          ctx.compress = request.responseCompressed?.value ?? false
          return bytes(request.responseSize)
        },
      })
      const api = pair.channel.client(TestService)
      const request = {
        responseSize: 50_000,
        ...bytes(50_000),
        responseCompressed: { value: true },
      }
      const answer = await api.unaryCall(request, { compression: 'gzip' })
      assert.equal(answer.payload?.body.length, 50_000)
      const call = pair.channel.open(TestService.method.unaryCall, { compression: 'gzip' })
      await call.send(request, { compress: false })
      call.end()
      assert.equal((await call.receive())?.payload?.body.length, 50_000)
      assert.equal(call.compressed, true)
      assert.deepEqual(seen, [true, false])
    })

    it('refuses messages beyond the limits on each side, without reading them', async () => {
      await using pair = await connect(
        {},
        {
          server: { maxReceive: '1MiB', maxSend: 500_000 },
          channel: { maxReceive: 100_000, maxSend: '2MiB' },
        },
      )
      const api = pair.channel.client(TestService)
      await assert.rejects(api.unaryCall(bytes(1_500_000)), { status: 8, outcome: 'answered' })
      await assert.rejects(api.unaryCall(bytes(3_000_000)), { status: 8, outcome: 'unsent' })
      await assert.rejects(api.unaryCall({ responseSize: 200_000 }), { status: 8 })
      await assert.rejects(api.unaryCall({ responseSize: 600_000 }), {
        status: 8,
        outcome: 'answered',
      })
      assert.equal((await api.unaryCall(bytes(90_000))).payload?.body.length, 0)
    })

    it('bounds what a compressed message may become', async () => {
      await using pair = await connect({}, { server: { maxReceive: 100_000 } })
      const call = pair.channel
        .client(TestService)
        .unaryCall(bytes(5_000_000), { compression: 'gzip' })
      await assert.rejects(call, { status: 8 })
    })

    it('stops a sender that nobody reads, and lets it go on when it is read', async () => {
      const go = deferred()
      await using pair = await connect(
        {
          async streamingInputCall(requests) {
            await go.promise
            let size = 0
            for await (const request of requests) size += request.payload?.body.length ?? 0
            return { aggregatedPayloadSize: size }
          },
        },
        { server: { flow: { stream: 65_536, autoTune: false } } },
      )
      let sent = 0
      const answer = pair.channel.client(TestService).streamingInputCall(
        (async function* () {
          for (; sent < 2000; sent++) yield bytes(1000)
        })(),
      )
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
      assert.ok(sent > 50 && sent < 1500, `sent ${sent}`)
      go.resolve()
      assert.equal((await answer).aggregatedPayloadSize, 2_000_000)
    })

    it('takes exactly one request and one response where the method says so', async () => {
      await using pair = await connect(
        {},
        {
          prepare: (server: { addRaw(path: string, method: unknown): void }) => {
            server.addRaw('/raw/two', {
              kind: 'server_streaming',
              async *handler() {
                yield new Uint8Array(1)
                yield new Uint8Array(1)
              },
            })
            server.addRaw('/raw/none', { kind: 'server_streaming', async *handler() {} })
          },
        },
      )
      const { channel } = pair
      await assert.rejects(channel.unaryRaw('/raw/two', new Uint8Array()), { status: 12 })
      await assert.rejects(channel.unaryRaw('/raw/none', new Uint8Array()), { status: 12 })
      const path = '/grpc.testing.TestService/UnaryCall'
      for (const count of [0, 2]) {
        const call = channel.openRaw({ path, kind: 'bidi_streaming' })
        for (let i = 0; i < count; i++) await call.send(new Uint8Array())
        call.end()
        await assert.rejects(call.receive(), { status: 12 }, `${count} requests`)
      }
    })

    it('runs interceptors around calls and handlers, in order', async () => {
      const order: string[] = []
      await using pair = await connect(
        {},
        {
          server: {
            interceptors: [
              (
                request: unknown,
                ctx: ServerContext,
                next: (r: unknown, c: ServerContext) => unknown,
              ) => {
                order.push(`server ${ctx.method}`)
                return next(request, ctx)
              },
            ],
          },
          channel: {
            interceptors: [
              (call: { path: string }, next: (call: never) => unknown) => {
                order.push(`client ${call.path}`)
                return next(call as never)
              },
            ],
          },
        },
      )
      await pair.channel.client(TestService).emptyCall({})
      const path = '/grpc.testing.TestService/EmptyCall'
      assert.deepEqual(order, [`client ${path}`, `server ${path}`])
    })

    it('lets running calls finish when it drains, and takes no new ones', async () => {
      const running = deferred()
      const finish = deferred()
      let drained = 0
      await using pair = await connect({
        emptyCall: async () => {
          running.resolve()
          await finish.promise
          return {}
        },
      })
      pair.server.onDrain(() => void drained++)
      const api = pair.channel.client(TestService)
      const call = api.emptyCall({})
      await running.promise
      const done = pair.server.drain({ graceMs: 5000 })
      assert.equal(drained, 1)
      finish.resolve()
      assert.ok(await call)
      await done
      await assert.rejects(api.emptyCall({}), { status: 14, outcome: 'unsent' })
    })

    it('tells a call whose connection is lost that it may have run', async () => {
      const running = deferred()
      const gone = deferred<unknown>()
      await using pair = await connect({
        emptyCall: (_request, ctx) =>
          new Promise(() => {
            ctx.signal.addEventListener('abort', () => gone.resolve(ctx.cancelled))
            running.resolve()
          }),
      })
      const call = pair.channel.client(TestService).emptyCall({})
      await running.promise
      await Promise.all([
        assert.rejects(call, { status: 14, outcome: 'unknown' }),
        pair.server.close(),
      ])
      assert.ok(await gone.promise)
    })

    it('leaves nothing behind after many calls', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      const round = async (count: number) => {
        for (let i = 0; i < count; i += 100) {
          await Promise.all(
            Array.from({ length: 100 }, () =>
              api.unaryCall({ responseSize: 10 }, { deadline: '10s' }),
            ),
          )
        }
      }
      await round(500)
      await round(2000)
      while (pair.channel.stats().streams > 0) await new Promise((resolve) => setImmediate(resolve))
      const { callsOpen, streams, streamsQueued } = pair.channel.stats()
      assert.deepEqual(
        { callsOpen, streams, streamsQueued },
        { callsOpen: 0, streams: 0, streamsQueued: 0 },
      )
      while (pair.server.stats().callsOpen > 0)
        await new Promise((resolve) => setImmediate(resolve))
    })
  })
}
