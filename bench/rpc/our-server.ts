/**
 * Ours serving grpc.testing.BenchmarkService:
 *
 *     node our-server.ts --port N [--transport native|node] [--windows 65535/65535] [--streams 500] [--hold]
 *
 * With `--hold` uploads are accepted and never read, to see what they may cost.
 */
import { parseArgs } from 'node:util'
import { createServer } from '@tidemill/rpc'
import { BenchmarkService } from '../../scripts/lib/gen/grpc/testing/benchmark_service_pb.ts'
import { readWindows } from './windows.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    transport: { type: 'string', default: 'native' },
    windows: { type: 'string', default: 'auto' },
    streams: { type: 'string', default: '500' },
    hold: { type: 'boolean', default: false },
  },
})

const server = createServer({
  h2: values.transport === 'node' ? 'node' : 'native',
  maxConcurrentStreams: Number(values.streams),
  ...readWindows(values.windows),
})
server.add(BenchmarkService, {
  unaryCall: (request) => ({ payload: { body: new Uint8Array(request.responseSize) } }),
  async streamingFromClient(requests, ctx) {
    if (values.hold) {
      await new Promise((resolve) => {
        ctx.signal.addEventListener('abort', resolve)
      })
      return {}
    }
    for await (const request of requests) void request
    return {}
  },
})
await server.listen(`127.0.0.1:${values.port}`)
process.once('SIGTERM', () => void server.close())
