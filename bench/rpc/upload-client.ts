/**
 * Uploads over BenchmarkService/StreamingFromClient:
 *
 *     node upload-client.ts --port N --streams 1 --bytes 67108864     seconds until the answers are there
 *     node upload-client.ts --port N --streams 500 --bytes 67108864 --hold-ms 5000   sends what the server takes, then gives up
 *
 * Prints {seconds, sent}: bytes are per stream, `sent` counts what flow control let out of the application.
 */
import { parseArgs } from 'node:util'
import { createChannel } from '@tidemill/rpc'
import { BenchmarkService } from '../../scripts/lib/gen/grpc/testing/benchmark_service_pb.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    streams: { type: 'string', default: '1' },
    bytes: { type: 'string', default: '67108864' },
    'hold-ms': { type: 'string' },
  },
})
const holdMs = values['hold-ms'] === undefined ? undefined : Number(values['hold-ms'])
const chunk = { payload: { body: new Uint8Array(64 * 1024) } }
const channel = createChannel(`127.0.0.1:${values.port}`)
const client = channel.client(BenchmarkService)
const aborted = new AbortController()
let sent = 0

function* chunks(): Generator<typeof chunk> {
  for (let left = Number(values.bytes); left > 0; left -= chunk.payload.body.length) {
    sent += chunk.payload.body.length
    yield chunk
  }
}

// The connection stands before the clock runs.
await client.unaryCall({ responseSize: 1 })
const began = performance.now()
const uploads = Array.from({ length: Number(values.streams) }, () =>
  client.streamingFromClient(chunks(), { signal: aborted.signal }),
)
if (holdMs === undefined) {
  await Promise.all(uploads)
} else {
  setTimeout(() => aborted.abort(), holdMs)
  await Promise.allSettled(uploads)
}
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000, sent }))
await channel.close()
