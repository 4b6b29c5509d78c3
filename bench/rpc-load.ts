import { setTimeout as delay } from 'node:timers/promises'
import type { Serving } from '../scripts/lib/child.ts'
import { defineBench } from './lib/bench.ts'
import { median } from './lib/measure.ts'
import { goServer, nodeClient, nodeServer, pinning } from './rpc/lanes.ts'
import type { LoadToolResult } from './rpc/load-tool.ts'

const rounds = 3
const stallMs = 100
/** Calls a second of the open loop: few enough that the server is not busy but for the stall. */
const openRate = 4000

const tool = (server: Serving, ...args: readonly string[]): Promise<LoadToolResult> =>
  nodeClient<LoadToolResult>('load-tool.ts', ['--port', `${server.port}`, ...args])

/** Stops the server's process for 100 ms in the middle of the run: no code of the server takes part. */
async function withStall(server: Serving, ...args: readonly string[]): Promise<LoadToolResult> {
  const running = tool(server, '--duration', '4s', '--warmup', '1s', ...args)
  // The tool starts, warms up for a second and counts for four.
  await delay(3500)
  process.kill(server.pid, 'SIGSTOP')
  await delay(stallMs)
  process.kill(server.pid, 'SIGCONT')
  return running
}

export const bench = defineBench({
  name: 'rpc-load',
  about:
    'The load tool from one core: how much it drives, and what it tells of a server that stalls',
  claims: [
    {
      id: 'rate',
      about:
        'calls driven from one core, 200 in flight on one connection, against the faster server',
      unit: 'calls/s',
      target: { atLeast: 50_000 },
    },
    {
      id: 'stall-open',
      about: 'p99.9 of the open loop over a stall of 100 ms',
      unit: 'ms',
      target: { atLeast: 90 },
    },
    {
      id: 'stall-closed',
      about: 'p99 of the closed loop over the same stall, which hides it',
      unit: 'ms',
      target: { atMost: 20 },
    },
  ],
  async run(ctx) {
    await using go = await goServer()
    await using ours = await nodeServer('our-server.ts')
    const cpu: number[] = []
    const rate = async (server: Serving): Promise<number> => {
      const { perSecond, perCpuSecond, failed } = await tool(server, '--concurrency', '200')
      if (failed > 0) throw new Error(`${failed} calls failed`)
      cpu.push(perCpuSecond)
      return perSecond
    }
    const lanes = await ctx.alternate({
      measure: 'rate',
      unit: 'calls/s',
      rounds,
      lanes: { 'grpc-go server': () => rate(go), 'our server': () => rate(ours) },
    })
    const stalled = await ctx.alternate({
      measure: 'cost',
      unit: 'ms',
      rounds,
      warmup: 0,
      lanes: {
        'open loop p99.9': async () => (await withStall(go, '--rate', `${openRate}`)).p999Ms,
        'closed loop p99': async () => (await withStall(go, '--concurrency', '50')).p99Ms,
      },
    })
    const best = [lanes['grpc-go server'], lanes['our server']].toSorted(
      (a, b) => b.median - a.median,
    )
    if (best[0] !== undefined) ctx.value('rate', best[0])
    ctx.value('stall-open', stalled['open loop p99.9'])
    ctx.value('stall-closed', stalled['closed loop p99'])
    ctx.note(`grpc-go 1.85.0; ${pinning}`)
    ctx.note(
      `the tool makes ${Math.round(median(cpu)).toLocaleString('en-US')} calls per second of its own processor time: below that the server sets the rate`,
    )
    ctx.note(
      `the stall is a SIGSTOP of the server for ${stallMs} ms; open loop at ${openRate} calls/s, closed loop with 50 workers`,
    )
  },
})
