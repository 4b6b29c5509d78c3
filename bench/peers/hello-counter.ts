import v8 from 'node:v8'

/** What a server did since it was last asked. */
export interface HelloStats {
  readonly requests: number
  readonly userUs: number
  readonly systemUs: number
  /** Bytes allocated on the V8 heap. */
  readonly allocated: number
}

/** The server adds to it for each request. */
export const counter = { requests: 0 }

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

/** Counts from now on, answers `stats` on the IPC channel, and ends the process with it. */
export function answerStats(): void {
  startCounting()
  process.on('message', () => {
    const used = process.cpuUsage(cpu)
    process.send?.({
      requests: counter.requests,
      userUs: used.user,
      systemUs: used.system,
      allocated: allocated(),
    } satisfies HelloStats)
    counter.requests = 0
    cpu = process.cpuUsage()
    startCounting()
  })
  process.on('disconnect', () => process.exit(0))
}
