/** Ours calling BenchmarkService/UnaryCall in a closed loop, on one connection; prints a LoadResult. */
import { createChannel } from '@tidemill/rpc'
import { BenchmarkService } from '../../scripts/lib/gen/grpc/testing/benchmark_service_pb.ts'
import { load, readLoadOptions } from './load.ts'

const options = readLoadOptions()
const channel = createChannel(`${options.host}:${options.port}`, {
  h2: options.transport === 'node' ? 'node' : 'native',
})
const client = channel.client(BenchmarkService)
const payload = { body: new Uint8Array(options.requestSize) }
const { responseSize } = options
const result = await load(options, () => client.unaryCall({ payload, responseSize }))
console.log(JSON.stringify(result))
await channel.close()
