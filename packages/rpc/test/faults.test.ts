import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import {
  type Channel,
  type ChannelOptions,
  createChannel,
  createServer,
  type Handlers,
  type ServerOptions,
} from '../src/index.ts'
import { deferred, pairs } from './support/pair.ts'
import { openRelay } from './support/relay.ts'

const bytes = (size: number) => ({ payload: { body: new Uint8Array(size) } })

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function collect<T>(responses: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const one of responses) all.push(one)
  return all
}

/** A call of each kind that gets one message to its handler and no end from it, as promises of what they become. */
function callsOfEachKind(channel: Channel): readonly Promise<unknown>[] {
  const api = channel.client(TestService)
  const open = (): AsyncIterable<object> =>
    (async function* () {
      yield {}
      await new Promise(() => {})
    })()
  return [
    api.emptyCall({}),
    collect(api.streamingOutputCall({})),
    api.streamingInputCall(open()),
    collect(api.fullDuplexCall(open())),
  ]
}

/** Handlers that never end by themselves, and what they were told. */
function endless(): {
  readonly handlers: Handlers<typeof TestService>
  readonly running: () => number
  readonly cancelled: unknown[]
  readonly returned: () => number
} {
  let running = 0
  let returned = 0
  const cancelled: unknown[] = []
  const wait = (ctx: { readonly signal: AbortSignal; readonly cancelled: unknown }) => {
    running++
    return new Promise<never>((_, reject) => {
      ctx.signal.addEventListener('abort', () => {
        cancelled.push(ctx.cancelled)
        reject(ctx.signal.reason as Error)
      })
    })
  }
  return {
    handlers: {
      emptyCall: (_request, ctx) => wait(ctx),
      async *streamingOutputCall(_request, ctx) {
        try {
          yield bytes(1)
          await wait(ctx)
        } finally {
          returned++
        }
      },
      async streamingInputCall(requests, ctx) {
        await requests[Symbol.asyncIterator]().next()
        return wait(ctx)
      },
      async *fullDuplexCall(requests, ctx) {
        try {
          for await (const _ of requests) yield bytes(1)
          await wait(ctx)
        } finally {
          running++
          cancelled.push(ctx.cancelled)
          returned++
        }
      },
    },
    running: () => running,
    cancelled,
    returned: () => returned,
  }
}

for (const names of pairs) {
  const connect = async (
    handlers: Handlers<typeof TestService>,
    serverOptions: ServerOptions = {},
    channelOptions: ChannelOptions = {},
  ) => {
    const server = createServer({ h2: names.server, ...serverOptions }).add(TestService, handlers)
    const { port } = await server.listen('127.0.0.1:0')
    const relay = await openRelay(port)
    const channel = createChannel(relay.address, { h2: names.client, ...channelOptions })
    return {
      server,
      relay,
      channel,
      api: channel.client(TestService),
      async [Symbol.asyncDispose]() {
        await channel.close({ grace: 0 })
        await relay[Symbol.asyncDispose]()
        await server.close()
      },
    }
  }

  describe(`faults of the link and the peer, ${names.client} client and ${names.server} server`, () => {
    it('ends calls of every kind when the peer is silent, on both sides, by keepalive', async () => {
      const { cancelled, handlers, running, returned } = endless()
      const keepalive = { time: '30ms', timeout: '30ms', minPingInterval: '1ms' } as const
      await using link = await connect(handlers, { keepalive }, { keepalive })
      const calls = callsOfEachKind(link.channel)
      const results = Promise.allSettled(calls)
      while (running() < 3 || link.server.stats().callsOpen < 4) await turn()
      link.relay.silence()
      for (const result of await results) {
        assert.equal(result.status, 'rejected')
        const { outcome, status } = result.reason as { status: number; outcome: string }
        assert.deepEqual({ status, outcome }, { status: 14, outcome: 'unknown' })
      }
      assert.equal(link.channel.stats().keepaliveFailures, 1)
      while (cancelled.length < 4) await turn()
      assert.deepEqual([...new Set(cancelled)], ['connection'])
      assert.equal(returned(), 2)
      assert.equal(link.server.stats().callsOpen, 0)
    })

    it('says of calls whose peer was killed that they may have run, and of others that they were not sent', async () => {
      const { cancelled, handlers, running, returned } = endless()
      await using link = await connect(handlers, { maxConcurrentStreams: 4 })
      const calls = callsOfEachKind(link.channel)
      const results = Promise.allSettled(calls)
      while (running() < 3 || link.server.stats().callsOpen < 4) await turn()
      const waiting = link.api.emptyCall({}, { deadline: '10s' })
      const late = assert.rejects(waiting, { status: 14, outcome: 'unsent' })
      await link.server.close()
      link.relay.cut()
      for (const result of await results) {
        assert.equal(result.status, 'rejected')
        const { outcome, status } = result.reason as { status: number; outcome: string }
        assert.deepEqual({ status, outcome }, { status: 14, outcome: 'unknown' })
      }
      await late
      while (cancelled.length < 4) await turn()
      assert.equal(returned(), 2)
    })

    it('answers a client that has ended its side of the connection', async () => {
      const running = deferred()
      const go = deferred()
      await using link = await connect({
        emptyCall: async () => {
          running.resolve()
          await go.promise
          return {}
        },
        async *streamingOutputCall() {
          await go.promise
          for (let i = 0; i < 3; i++) {
            yield bytes(100_000)
            await turn()
          }
        },
      })
      const call = link.api.emptyCall({})
      const all = collect(link.api.streamingOutputCall({}))
      await running.promise
      while (link.server.stats().callsOpen < 2) await turn()
      link.relay.endRequests()
      for (let i = 0; i < 5; i++) await turn()
      go.resolve()
      assert.ok(await call)
      assert.equal((await all).length, 3)
    })

    it('ends old connections, running calls after a grace, and goes on with new ones', async () => {
      let calls = 0
      await using link = await connect(
        {
          emptyCall: () => {
            calls++
            return {}
          },
          unaryCall: () => new Promise(() => {}),
        },
        { keepalive: { maxAge: '150ms', maxAgeGrace: '50ms' } },
      )
      const stuck = assert.rejects(link.api.unaryCall({}), { status: 14, outcome: 'unknown' })
      const others = (async () => {
        while (link.channel.stats().connects < 2) {
          await link.api.emptyCall({})
          await turn()
        }
        await link.api.emptyCall({})
      })()
      await Promise.all([stuck, others])
      assert.ok(calls > 0)
      assert.ok(link.channel.stats().connects > 1)
    })

    it('closes idle connections of both sides, and connects anew for the next call', async () => {
      await using link = await connect(
        { emptyCall: () => ({}) },
        { keepalive: { maxIdle: '40ms' } },
      )
      assert.ok(await link.api.emptyCall({}))
      await link.channel.watchState('READY', { timeout: '5s' })
      assert.equal(link.channel.state(), 'IDLE')
      while (link.server.stats().connections > 0) await turn()
      assert.ok(await link.api.emptyCall({}))
      assert.ok(link.channel.stats().connects >= 2)
      await using idle = await connect({ emptyCall: () => ({}) }, {}, { idle: '20ms' })
      assert.ok(await idle.api.emptyCall({}))
      await idle.channel.watchState('READY', { timeout: '5s' })
      while (idle.server.stats().connections > 0) await turn()
      assert.ok(await idle.api.emptyCall({}))
    })

    it('lets calls of every kind finish after GOAWAY, and sends the next elsewhere', async () => {
      const go = deferred()
      const running: object[] = []
      const wait = async (): Promise<object> => {
        running.push({})
        await go.promise
        return {}
      }
      const handlers: Handlers<typeof TestService> = {
        emptyCall: wait,
        async *streamingOutputCall() {
          yield await wait()
        },
        async streamingInputCall(requests) {
          await wait()
          let count = 0
          for await (const _ of requests) count++
          return { aggregatedPayloadSize: count }
        },
        async *fullDuplexCall(requests) {
          await wait()
          for await (const _ of requests) yield {}
        },
      }
      await using link = await connect(handlers)
      const { api } = link
      const late = async function* () {
        yield {}
        await go.promise
        yield {}
      }
      const all = Promise.all([
        api.emptyCall({}),
        collect(api.streamingOutputCall({})),
        api.streamingInputCall(late()),
        collect(api.fullDuplexCall(late())),
      ])
      while (running.length < 4) await turn()
      const drained = link.server.drain({ graceMs: 10_000 })
      while (link.channel.state() === 'READY') await turn()
      await assert.rejects(api.emptyCall({}), { status: 14, outcome: 'unsent' })
      go.resolve()
      const [, out, sum, both] = await all
      assert.equal(out.length, 1)
      assert.equal(sum.aggregatedPayloadSize, 2)
      assert.equal(both.length, 2)
      await drained
    })

    it('frees the stream of a handler that never ends when its deadline passes', async () => {
      const { handlers } = endless()
      await using link = await connect(handlers)
      await link.channel.ready()
      const options = { deadline: '30ms' } as const
      const results = await Promise.allSettled([
        link.api.emptyCall({}, options),
        collect(link.api.streamingOutputCall({}, options)),
        link.api.streamingInputCall([{}], options),
        collect(link.api.fullDuplexCall([{}], options)),
      ])
      for (const result of results) {
        assert.equal(result.status, 'rejected')
        const { outcome, status } = result.reason as { status: number; outcome: string }
        assert.deepEqual({ status, outcome }, { status: 4, outcome: 'unknown' })
      }
      while (link.server.stats().callsOpen > 0 || link.channel.stats().streams > 0) await turn()
      assert.equal(link.server.stats().perConnection[0]?.streams, 0)
      assert.equal(link.channel.stats().connects, 1)
    })

    it('carries two streams that each wait for the other side, with windows smaller than their messages', async () => {
      const flow = { stream: 65_535, connection: 65_535, autoTune: false } as const
      await using link = await connect(
        {
          async *fullDuplexCall(requests) {
            for await (const request of requests) yield bytes(request.payload?.body.length ?? 0)
          },
        },
        { flow },
        { flow },
      )
      const sizes = [1_000_000, 10, 300_000, 0, 500_000]
      const one = async (): Promise<number[]> =>
        (await collect(link.api.fullDuplexCall(sizes.map(bytes)))).map(
          (answer) => answer.payload?.body.length ?? -1,
        )
      for (const got of await Promise.all([one(), one(), one()])) assert.deepEqual(got, sizes)
    })
  })
}
