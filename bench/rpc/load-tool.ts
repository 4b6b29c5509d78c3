/**
 * The generator behind `tidemill rpc bench`, against a server of grpc.testing.BenchmarkService:
 *
 *     node load-tool.ts --port N [--concurrency 200 | --rate N] [--duration 3s] [--warmup 1s] [--transport ours|node]
 *
 * Prints what the bench needs of the report, as JSON.
 */
import { parseArgs } from 'node:util'
import { planBench, runBench } from '@tidemill/rpc/bench'
import { BenchmarkService } from '../../scripts/lib/gen/grpc/testing/benchmark_service_pb.ts'

/** What one run of the tool measured. */
export interface LoadToolResult {
  readonly perSecond: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly failed: number
  /** Calls per second of the tool's own processor time, user and system. */
  readonly perCpuSecond: number
}

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    concurrency: { type: 'string' },
    rate: { type: 'string' },
    duration: { type: 'string', default: '3s' },
    warmup: { type: 'string', default: '1s' },
    transport: { type: 'string', default: 'ours' },
  },
})

const config = {
  call: 'grpc.testing.BenchmarkService/UnaryCall',
  host: `127.0.0.1:${values.port}`,
  duration: values.duration,
  'duration-stop': 'ignore',
  warmup: values.warmup,
  transport: values.transport,
  ...(values.concurrency === undefined ? {} : { concurrency: Number(values.concurrency) }),
  ...(values.rate === undefined ? {} : { rate: Number(values.rate) }),
}
const [cell] = await runBench({
  config,
  plan: planBench(config),
  method: BenchmarkService.method.unaryCall,
  data: '{"responseSize":1,"payload":{"body":"AA=="}}',
  details: false,
})
if (cell === undefined) throw new Error('nothing was measured')
const { report } = cell
const { percentiles } = report.tidemill
const result: LoadToolResult = {
  perSecond: report.rps,
  p99Ms: percentiles.p99 / 1e6,
  p999Ms: percentiles['p99.9'] / 1e6,
  maxMs: percentiles.max / 1e6,
  failed: report.count - (report.statusCodeDistribution['OK'] ?? 0),
  perCpuSecond: report.rps / report.tidemill.cpuShare,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
