import { getEventListeners } from 'node:events'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { TransportName } from '../../src/index.ts'
import { connectPair } from './pair.ts'

/** Makes many calls of all kinds on one connection and prints what is left of them: `leak-program.ts native 50000`. */

const [, , name, count] = process.argv
const h2 = name as TransportName
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

await using pair = await connectPair(
  { client: h2, server: h2 },
  TestService,
  {
    emptyCall: () => ({}),
    unaryCall: (_request, ctx) =>
      new Promise((_, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
      }),
    async *streamingOutputCall() {
      for (let i = 0; i < 3; i++) yield {}
    },
    async streamingInputCall(requests) {
      let size = 0
      for await (const _ of requests) size++
      return { aggregatedPayloadSize: size }
    },
    async *fullDuplexCall(requests) {
      for await (const _ of requests) yield {}
    },
  },
  // Cancelling is no offence here.
  { server: { limits: { resets: 1_000_000 } } },
)
const api = pair.channel.client(TestService)
const controller = new AbortController()
const ignore = (): void => {}

const collect = async (responses: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of responses);
}
const first = async (responses: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of responses) break
}
const cancelled = async (): Promise<void> => {
  const own = new AbortController()
  const call = api.unaryCall({}, { signal: own.signal, deadline: '10s' })
  setImmediate(() => own.abort())
  await call.catch(ignore)
}
const kinds: readonly (() => Promise<unknown>)[] = [
  () => api.emptyCall({}),
  () => api.emptyCall({}, { deadline: '20s', metadata: { x: 'y' } }),
  () => api.emptyCall({}, { signal: controller.signal }),
  () => collect(api.streamingOutputCall({}, { signal: controller.signal })),
  () => first(api.streamingOutputCall({}, { deadline: '20s' })),
  () => api.streamingInputCall([{}, {}]),
  () => collect(api.fullDuplexCall([{}, {}], { deadline: '20s' })),
  cancelled,
  () => api.unaryCall({}, { deadline: '8ms' }).catch(ignore),
  () => api.unimplementedCall({}).catch(ignore),
]

async function run(total: number): Promise<void> {
  for (let made = 0; made < total; made += 200) {
    const batch: Promise<unknown>[] = []
    for (let i = 0; i < 200; i++) batch.push((kinds[i % kinds.length] as () => Promise<unknown>)())
    await Promise.all(batch)
  }
}

async function measure(): Promise<object> {
  while (pair.channel.stats().streams > 0 || pair.server.stats().callsOpen > 0) await turn()
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    globalThis.gc?.()
  }
  const { callsOpen, connects, streams } = pair.channel.stats()
  return {
    heap: process.memoryUsage().heapUsed,
    timers: process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length,
    listeners: getEventListeners(controller.signal, 'abort').length,
    callsOpen,
    connects,
    streams,
  }
}

await run(Math.min(10_000, Number(count)))
const before = await measure()
await run(Number(count))
process.stdout.write(JSON.stringify({ before, after: await measure() }))
