import type { Serving } from '../scripts/lib/child.ts'
import { defineBench } from './lib/bench.ts'
import { median, type Samples, summarize } from './lib/measure.ts'
import {
  cpuMicros,
  goClient,
  goServer,
  measureMs,
  nodeClient,
  nodeServer,
  pinning,
  warmupMs,
} from './rpc/lanes.ts'
import type { LoadResult } from './rpc/load.ts'

const concurrency = 200
const rounds = 3
const warmup = 1

/** What the slices of a lane said beside their rate. */
class Kept {
  readonly #p99s: number[] = []
  readonly #micros: number[] = []

  /** Gives the rate of a run against the server, and keeps its p99 and the server's time per call. */
  async rate(server: Serving, run: () => Promise<LoadResult>): Promise<number> {
    const before = cpuMicros(server.pid)
    const { perSecond, p99Ms } = await run()
    this.#p99s.push(p99Ms)
    const calls = (perSecond * (warmupMs + measureMs)) / 1000
    this.#micros.push((cpuMicros(server.pid) - before) / calls)
    return perSecond
  }

  tail(name: string): Samples {
    return summarize(name, 'cost', 'ms', this.#p99s.slice(warmup))
  }

  /** About: calls of the warm-up are counted by the rate after it. */
  get micros(): string {
    return median(this.#micros.slice(warmup)).toFixed(1)
  }
}

export const bench = defineBench({
  name: 'rpc-unary',
  about: `Unary calls of one byte, ${concurrency} at a time on one connection, full public API, one core a side`,
  peers: ['@grpc/grpc-js'],
  claims: [
    {
      id: 'server',
      about: "our server against grpc-go's, under grpc-go's benchmark client",
      unit: 'x',
      target: { atLeast: 1.2 },
    },
    {
      id: 'server-p99',
      about: "p99 of our server against grpc-go's",
      unit: 'x',
      target: { atLeast: 1 },
    },
    {
      id: 'client',
      about: "our client against grpc-go's, on grpc-go's benchmark server",
      unit: 'x',
      target: { atLeast: 0.9 },
    },
    {
      id: 'grpc-js',
      about: 'ours to ours against grpc-js to grpc-js',
      unit: 'x',
      target: { atLeast: 8 },
    },
    {
      id: 'go',
      about: 'ours to ours against grpc-go to grpc-go',
      unit: 'x',
      target: { atLeast: 1 },
    },
    {
      id: 'node',
      about: 'our node:http2 transport on both sides against grpc-js to grpc-js',
      unit: 'x',
      target: { atLeast: 2 },
    },
  ],
  async run(ctx) {
    await using go = await goServer()
    await using ours = await nodeServer('our-server.ts')
    await using node = await nodeServer('our-server.ts', ['--transport', 'node'])
    await using grpcJs = await nodeServer('grpc-js-server.ts')
    const load = [
      ['--concurrency', `${concurrency}`],
      ['--warmup-ms', `${warmupMs}`],
      ['--measure-ms', `${measureMs}`],
    ].flat()
    const client = (file: string, server: Serving, transport: string): Promise<LoadResult> =>
      nodeClient(file, ['--port', `${server.port}`, '--transport', transport, ...load])
    const ourClient = async (server: Serving, transport = 'native'): Promise<number> => {
      const { perSecond } = await client('our-client.ts', server, transport)
      return perSecond
    }
    const [keptGo, keptOurs, keptJs] = [new Kept(), new Kept(), new Kept()]
    const lanes = await ctx.alternate({
      measure: 'rate',
      unit: 'calls/s',
      rounds,
      warmup,
      lanes: {
        'grpc-go to grpc-go': () => keptGo.rate(go, () => goClient(go.port, concurrency)),
        'grpc-go to ours': () => keptOurs.rate(ours, () => goClient(ours.port, concurrency)),
        'ours to grpc-go': () => ourClient(go),
        'ours to ours': () => ourClient(ours),
        'node transport to itself': () => ourClient(node, 'node'),
        'grpc-js to grpc-js': () =>
          keptJs.rate(grpcJs, () => client('grpc-js-client.ts', grpcJs, '')),
      },
    })
    const [goTail, ourTail] = [keptGo.tail('grpc-go'), keptOurs.tail('ours')]
    ctx.note(`grpc-go 1.85.0; ${pinning}`)
    ctx.note(
      `p99 under grpc-go's client: our server ${ourTail.median.toFixed(1)} ms, grpc-go's ${goTail.median.toFixed(1)} ms`,
    )
    ctx.note(
      `time of the server's core per call, about: ours ${keptOurs.micros} us, grpc-go ${keptGo.micros} us, grpc-js ${keptJs.micros} us`,
    )
    const goToGo = lanes['grpc-go to grpc-go']
    ctx.ratio('server', lanes['grpc-go to ours'], goToGo)
    ctx.ratio('server-p99', ourTail, goTail)
    ctx.ratio('client', lanes['ours to grpc-go'], goToGo)
    ctx.ratio('grpc-js', lanes['ours to ours'], lanes['grpc-js to grpc-js'])
    ctx.ratio('go', lanes['ours to ours'], goToGo)
    ctx.ratio('node', lanes['node transport to itself'], lanes['grpc-js to grpc-js'])
  },
})
