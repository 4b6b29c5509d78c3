import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import {
  callStorage,
  createChannel,
  createServer,
  type Handlers,
  isRpcError,
  Metadata,
  RpcError,
} from '../src/index.ts'
import { connectPair, deferred, pairs, transports } from './support/pair.ts'

const bytes = (size: number) => ({ payload: { body: new Uint8Array(size) } })

for (const names of pairs) {
  const connect = (over: Handlers<typeof TestService> = {}, options = {}) =>
    connectPair(names, TestService, { emptyCall: () => ({}), ...over }, options)

  describe(`what users throw and send, ${names.client} client and ${names.server} server`, () => {
    it('ends a call with what its callbacks throw, and nothing else with it', async () => {
      await using pair = await connect({
        async *streamingOutputCall() {
          yield bytes(1)
          yield bytes(1)
        },
      })
      const api = pair.channel.client(TestService)
      const thrown = new Error('from the callback')
      const fail = (): never => {
        throw thrown
      }
      const is = (error: unknown): boolean => error === thrown
      await assert.rejects(api.emptyCall({}, { onHeader: fail }), is)
      await assert.rejects(api.emptyCall({}, { onTrailer: fail }), is)
      const read = async (options: object): Promise<void> => {
        for await (const _ of api.streamingOutputCall({}, options));
      }
      await assert.rejects(read({ onHeader: fail }), is)
      await assert.rejects(read({ onTrailer: fail }), is)
      assert.ok(await api.emptyCall({}))
      assert.equal(pair.channel.stats().callsOpen, 0)
      assert.equal(pair.channel.stats().connects, 1)
    })

    it('gets the status across although its message or metadata is more than the peer takes', async () => {
      await using pair = await connect({
        emptyCall: () => {
          throw new RpcError('NOT_FOUND', 'x'.repeat(40_000))
        },
        async *streamingOutputCall() {
          yield bytes(1)
          throw new RpcError('ABORTED', 'why', {
            metadata: new Metadata({ x: 'y'.repeat(40_000) }),
          })
        },
      })
      const api = pair.channel.client(TestService)
      await assert.rejects(api.emptyCall({}), { status: 5, outcome: 'answered' })
      const responses = api.streamingOutputCall({})
      const read = async (): Promise<void> => {
        for await (const _ of responses);
      }
      await assert.rejects(read(), { status: 10, statusMessage: 'why' })
      assert.equal(pair.channel.stats().connects, 1)
    })

    it('refuses metadata that the server does not take, before it is sent', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      assert.ok(await api.emptyCall({}))
      const metadata = { x: 'y'.repeat(20_000) }
      await assert.rejects(api.emptyCall({}, { metadata }), { status: 13, outcome: 'unsent' })
      const read = async (): Promise<void> => {
        for await (const _ of api.streamingOutputCall({}, { metadata }));
      }
      await assert.rejects(read(), { status: 13, outcome: 'unsent' })
      assert.throws(() => new Metadata({ x: 'ö' }), { code: 'TM_RPC_METADATA' })
      assert.ok(await api.emptyCall({}))
      assert.equal(pair.channel.stats().connects, 1)
    })

    it('sends no path and no authority that is none', async () => {
      await using pair = await connect()
      assert.ok(await pair.channel.client(TestService).emptyCall({}))
      for (const path of ['', 'x', '/a\r\nx: y', '/a b', '/\u0000', '/ö']) {
        const error = await pair.channel.unaryRaw(path, new Uint8Array()).catch((e: unknown) => e)
        assert.ok(isRpcError(error), JSON.stringify(path))
        assert.ok([12, 13, 2].includes(error.status), `${JSON.stringify(path)} ${error.message}`)
      }
      assert.ok(await pair.channel.client(TestService).emptyCall({}))
      assert.equal(pair.server.stats().callsOpen, 0)
    })

    it('takes an OK that a handler throws for a failure, and thenables for promises', async () => {
      await using pair = await connect({
        emptyCall: () => {
          throw new RpcError(0, 'fine')
        },
        unaryCall: () =>
          ({
            // oxlint-disable-next-line unicorn/no-thenable
            then: (done: (message: unknown) => void) => void setImmediate(() => done(bytes(3))),
          }) as never,
      })
      const api = pair.channel.client(TestService)
      await assert.rejects(api.emptyCall({}), { status: 2, statusMessage: 'fine' })
      assert.equal((await api.unaryCall({})).payload?.body.length, 3)
    })

    it('cancels the stream of a request that is no message of its type', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      const wrong = { responseParameters: 7 } as never
      await assert.rejects(async () => {
        for await (const _ of api.streamingOutputCall(wrong));
      })
      await assert.rejects(api.unaryCall({ payload: 7 } as never))
      await assert.rejects(api.streamingInputCall([{ payload: 7 } as never]), { status: 1 })
      assert.equal(pair.channel.stats().callsOpen, 0)
      while (pair.channel.stats().streams > 0) await new Promise((resolve) => setImmediate(resolve))
    })

    it('leaves a sender that is told of the end alone with its status', async () => {
      await using pair = await connect({
        async *fullDuplexCall() {
          yield* []
          throw new RpcError('PERMISSION_DENIED', 'no')
        },
      })
      const call = pair.channel.open(TestService.method.fullDuplexCall)
      const send = async (): Promise<void> => {
        for (;;) await call.send(bytes(60_000))
      }
      await assert.rejects(send(), { status: 7 })
      await assert.rejects(call.receive(), { status: 7 })
    })

    it('resets the stream of a call whose callback threw', async () => {
      await using pair = await connect({
        unaryCall: (_request, ctx) => {
          ctx.sendHeaders()
          return new Promise(() => {})
        },
      })
      const onHeader = (): never => {
        throw new Error('no')
      }
      await assert.rejects(pair.channel.client(TestService).unaryCall({}, { onHeader }), /no/u)
      while (pair.server.stats().callsOpen > 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    })

    it('lets go of the surrounding call when it is over', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      const attached = new Set<unknown>()
      const surrounding = {
        deadlineAt: Infinity,
        timeLeftMs: Infinity,
        over: false,
        attach: (call: unknown) => void attached.add(call),
        detach: (call: unknown) => void attached.delete(call),
      }
      await callStorage.run(surrounding, async () => {
        await api.emptyCall({})
        const call = pair.channel.open(TestService.method.fullDuplexCall)
        assert.equal(attached.size, 1)
        call.cancel()
        await assert.rejects(call.receive(), { status: 1 })
      })
      assert.equal(attached.size, 0)
    })

    it('leaves no listener at the signals of calls that are over', async () => {
      await using pair = await connect()
      const api = pair.channel.client(TestService)
      const { signal } = new AbortController()
      await api.emptyCall({}, { signal })
      await assert.rejects(api.unaryCall({}, { signal }), { status: 12 })
      const call = pair.channel.open(TestService.method.fullDuplexCall, { signal })
      call.cancel()
      await assert.rejects(call.receive(), { status: 1 })
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    })

    it('survives iterators whose return throws or gives no promise', async () => {
      const left = deferred()
      const endless = (leave: () => unknown) => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            await new Promise((resolve) => setImmediate(resolve))
            return { done: false as const, value: bytes(1) }
          },
          return: leave,
        }),
      })
      await using pair = await connect({
        streamingOutputCall: () =>
          endless(() => {
            left.resolve()
            throw new Error('no')
          }) as never,
        fullDuplexCall: () => endless(() => undefined) as never,
      })
      const api = pair.channel.client(TestService)
      for await (const _ of api.streamingOutputCall({})) break
      await left.promise
      for await (const _ of api.fullDuplexCall([])) break
      while (pair.server.stats().callsOpen > 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    })

    it('keeps the connection of a channel out of the call that made it', async () => {
      await using last = await connect()
      const next = last.channel.client(TestService)
      const stores: unknown[] = []
      await using first = await connect({
        emptyCall: () => next.emptyCall({}),
      })
      const options = { onHeader: () => void stores.push(callStorage.getStore()) }
      assert.ok(await first.channel.client(TestService).emptyCall({}, { deadline: '10s' }))
      await next.emptyCall({}, options)
      assert.deepEqual(stores, [undefined])
    })

    it('makes the calls of a handler one after the other, in its context', async () => {
      const seen: unknown[] = []
      await using pair = await connect({
        async *fullDuplexCall(requests, ctx) {
          for await (const _ of requests) {
            seen.push(callStorage.getStore() === (ctx as never))
            yield bytes(1)
          }
        },
        async unaryCall(_request, ctx) {
          await new Promise((resolve) => setImmediate(resolve))
          seen.push(callStorage.getStore() === (ctx as never))
          return {}
        },
      })
      const api = pair.channel.client(TestService)
      for await (const _ of api.fullDuplexCall([{}, {}]));
      await Promise.all([api.unaryCall({}), api.unaryCall({})])
      assert.deepEqual(seen, [true, true, true, true])
    })

    it('calls nothing sent that has no connection yet', async () => {
      const channel = createChannel('127.0.0.1:1', { h2: names.client, waitForReady: true })
      const api = channel.client(TestService)
      const read = async (): Promise<void> => {
        for await (const _ of api.streamingOutputCall({}, { deadline: '20ms' }));
      }
      await assert.rejects(read(), { status: 4, outcome: 'unsent' })
      await assert.rejects(api.emptyCall({}, { deadline: '20ms' }), {
        status: 4,
        outcome: 'unsent',
      })
      const call = channel.open(TestService.method.fullDuplexCall)
      call.cancel()
      await assert.rejects(call.receive(), { status: 1, outcome: 'unsent' })
      await channel.close()
    })

    it('applies the retry policy of its method to raw calls too', async () => {
      let calls = 0
      await using pair = await connect(
        {},
        {
          prepare: (server: { addRaw(path: string, method: unknown): void }) => {
            server.addRaw('/raw/Unsure', {
              kind: 'unary',
              handler: () => {
                if (++calls < 3) throw new RpcError('UNAVAILABLE', 'not yet')
                return new Uint8Array([7])
              },
            })
          },
          channel: {
            serviceConfig: {
              methodConfig: [
                {
                  name: [{ service: 'raw' }],
                  retryPolicy: {
                    maxAttempts: 4,
                    initialBackoff: '0.001s',
                    maxBackoff: '0.001s',
                    backoffMultiplier: 1,
                    retryableStatusCodes: ['UNAVAILABLE'],
                  },
                },
              ],
            },
          },
        },
      )
      assert.deepEqual([...(await pair.channel.unaryRaw('/raw/Unsure', new Uint8Array()))], [7])
      assert.equal(calls, 3)
    })
  })
}

describe('options of HTTP/2', () => {
  it('are refused where they are given, not when the first connection stands', async () => {
    assert.throws(() => createChannel('127.0.0.1:1', { maxHeaderList: 10 }), /maxHeaderListSize/u)
    assert.throws(() => createServer({ maxHeaderList: 10 }), /maxHeaderListSize/u)
    assert.throws(() => createServer({ limits: { resets: -1 } }), /resets/u)
    assert.throws(() => createServer({ flow: { stream: '4GiB' } }), { code: 'TM_RPC_OPTION' })
  })
})

describe('the memory budget as an option', () => {
  for (const h2 of transports) {
    it(`must hold two messages, and grows with them unless it is given, ${h2}`, async () => {
      const options = { h2, maxReceive: '4MiB', flow: { memoryBudget: '7MiB' } } as const
      assert.throws(() => createServer(options), { code: 'TM_RPC_OPTION' })
      assert.throws(() => createChannel('127.0.0.1:1', options), { code: 'TM_RPC_OPTION' })
      await createServer({ ...options, flow: { memoryBudget: '8MiB' } }).close()
      await createServer({ h2, maxReceive: '1GiB' }).close()
    })
  }
})
