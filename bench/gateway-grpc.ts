import type { Serving } from '../scripts/lib/child.ts'
import { cpuMicros, Lanes, pinning } from './gateway/lanes.ts'
import { defineBench } from './lib/bench.ts'
import { median } from './lib/measure.ts'
import { goClient, measureMs, warmupMs } from './rpc/lanes.ts'

const concurrency = 200
const rounds = 5

export const bench = defineBench({
  name: 'gateway-grpc',
  about: `Unary gRPC calls of one byte over h2c on both sides, ${concurrency} at a time on one connection, one core for the proxy`,
  claims: [
    {
      id: 'envoy',
      about: "calls a second: ours to Envoy's with one worker",
      unit: 'x',
      target: { atLeast: 1 },
    },
    {
      id: 'grpc-go',
      about: 'calls a second: ours to a proxy on grpc-go',
      unit: 'x',
      target: { atLeast: 2 },
    },
  ],
  async run(ctx) {
    ctx.note(`grpc-go's benchmark client and server share core 1; ${pinning}`)
    await using lanes = await Lanes.open()
    const upstream = await lanes.grpcServer()
    const ours = await lanes.program('our-gateway.ts', ['--upstream', `${upstream.port}`, '--grpc'])
    const envoy = await lanes.envoyGrpc(upstream.port)
    const grpcGo = await lanes.grpcGo(upstream.port)
    const cpu = new Map<string, number[]>()
    const lane = (name: string, proxy: Serving) => async (): Promise<number> => {
      const before = cpuMicros(proxy.pid)
      const { perSecond } = await goClient(proxy.port, concurrency)
      const calls = (perSecond * (warmupMs + measureMs)) / 1000
      cpu.set(name, [...(cpu.get(name) ?? []), (cpuMicros(proxy.pid) - before) / calls])
      return perSecond
    }
    const rates = await ctx.alternate({
      measure: 'rate',
      unit: 'calls/s',
      rounds,
      lanes: {
        ours: lane('ours', ours),
        envoy: lane('envoy', envoy),
        'grpc-go proxy': lane('grpc-go proxy', grpcGo),
      },
    })
    for (const [name, micros] of cpu) {
      // The first slice was the warm-up.
      ctx.note(`${name}: about ${median(micros.slice(1)).toFixed(1)} us of CPU a call`)
    }
    ctx.ratio('envoy', rates.ours, rates.envoy)
    ctx.ratio('grpc-go', rates.ours, rates['grpc-go proxy'])
  },
})
