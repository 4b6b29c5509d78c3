/** A hello server, ours or node:http, for `http1-server`; answers `stats` on the IPC channel. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import v8 from 'node:v8'
import { createHttp1Server } from '@tidemill/http1/node'

/** What a server did since it was last asked. */
export interface HelloStats {
  readonly requests: number
  readonly userUs: number
  readonly systemUs: number
  /** Bytes allocated on the V8 heap. */
  readonly allocated: number
}

const body = Buffer.from('Hello, World!\n')
const headers = ['content-type', 'text/plain']
let requests = 0
let cpu = process.cpuUsage()
let profiler = new v8.GCProfiler()
let heapAtStart = 0

function usedHeap(): number {
  return v8.getHeapStatistics().used_heap_size
}

function startCounting(): void {
  profiler = new v8.GCProfiler()
  profiler.start()
  heapAtStart = usedHeap()
}

/** Bytes allocated since `startCounting`: by how much the heap grew between collections. */
function allocated(): number {
  let before = heapAtStart
  let sum = 0
  for (const { beforeGC, afterGC } of profiler.stop()?.statistics ?? []) {
    sum += beforeGC.heapStatistics.usedHeapSize - before
    before = afterGC.heapStatistics.usedHeapSize
  }
  return sum + usedHeap() - before
}

async function listen(): Promise<AddressInfo> {
  if (process.argv[2] === 'ours') {
    const server = createHttp1Server({
      handler: {
        onRequest(exchange) {
          requests++
          exchange.respond(200, headers, body)
        },
      },
    })
    return await server.listen()
  }
  const server = createServer((_request, response) => {
    requests++
    response.setHeader('content-type', 'text/plain')
    response.end(body)
  })
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo))
  })
}

startCounting()
process.on('message', () => {
  const used = process.cpuUsage(cpu)
  process.send?.({
    requests,
    userUs: used.user,
    systemUs: used.system,
    allocated: allocated(),
  } satisfies HelloStats)
  requests = 0
  cpu = process.cpuUsage()
  startCounting()
})
process.on('disconnect', () => process.exit(0))
process.send?.((await listen()).port)
