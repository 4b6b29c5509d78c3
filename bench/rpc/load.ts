/** The closed loop that every client of this folder runs, so that they differ only in their stacks. */
import { parseArgs } from 'node:util'

export interface LoadOptions {
  readonly host: string
  readonly port: number
  readonly transport: string
  /** Calls at a time. */
  readonly concurrency: number
  readonly requestSize: number
  readonly responseSize: number
  readonly warmupMs: number
  readonly measureMs: number
}

/** What a client program prints on stdout. */
export interface LoadResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export function readLoadOptions(): LoadOptions {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '0' },
      transport: { type: 'string', default: 'native' },
      concurrency: { type: 'string', default: '200' },
      'request-size': { type: 'string', default: '1' },
      'response-size': { type: 'string', default: '1' },
      'warmup-ms': { type: 'string', default: '1000' },
      'measure-ms': { type: 'string', default: '3000' },
    },
  })
  return {
    host: values.host,
    port: Number(values.port),
    transport: values.transport,
    concurrency: Number(values.concurrency),
    requestSize: Number(values['request-size']),
    responseSize: Number(values['response-size']),
    warmupMs: Number(values['warmup-ms']),
    measureMs: Number(values['measure-ms']),
  }
}

/**
 * `concurrency` callers, each with one call at a time. Counts what ends between warm-up and end: a call that waits longer
 * than the slice lasts must not hide.
 */
export async function load(
  options: LoadOptions,
  call: () => Promise<unknown>,
  now: () => number = () => performance.now(),
): Promise<LoadResult> {
  const from = now() + options.warmupMs
  const until = from + options.measureMs
  const latencies: number[] = []
  const caller = async (): Promise<void> => {
    let began = now()
    while (began < until) {
      await call()
      const ended = now()
      if (ended >= from && ended <= until) latencies.push(ended - began)
      began = ended
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, caller))
  const sorted = Float64Array.from(latencies).toSorted()
  const at = (quantile: number): number => sorted[Math.floor((sorted.length - 1) * quantile)] ?? 0
  return {
    perSecond: (latencies.length / options.measureMs) * 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}
