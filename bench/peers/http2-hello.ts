/** A hello server over h2c, ours or node:http2, for `http2-server`; answers `stats` on the IPC channel. */
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import v8 from 'node:v8'
import type { ConnectionHandler, HeaderList, Http2Stream, StreamHandler } from '@tidemill/http2'
import { createHttp2Server } from '@tidemill/http2/node'

/** What a server did since it was last asked. */
export interface HelloStats {
  readonly requests: number
  readonly userUs: number
  readonly systemUs: number
  /** Bytes allocated on the V8 heap. */
  readonly allocated: number
}

const body = Buffer.from('Hello, World!\n')
const headers: HeaderList = Object.freeze([':status', '200', 'content-type', 'text/plain'])
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

function answer(stream: Http2Stream): void {
  requests++
  stream.headers(headers, false)
  stream.data(body, true)
}

const hello: ConnectionHandler & StreamHandler = {
  onStream(stream, _list, end) {
    if (end) answer(stream)
    return hello
  },
  onHeaders: () => undefined,
  onData(stream, chunk, end) {
    stream.consume(chunk.length)
    if (end) answer(stream)
  },
  onTrailers: answer,
  onWritable: () => undefined,
  onClose: () => undefined,
}

async function listen(): Promise<AddressInfo> {
  if (process.argv[2] === 'ours')
    return await createHttp2Server({ onConnection: () => hello }).listen()
  const server = createServer()
  server.on('session', (session) => session.on('error', () => undefined))
  server.on('stream', (stream) => {
    requests++
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.end(body)
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
