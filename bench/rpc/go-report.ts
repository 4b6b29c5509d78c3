import type { LoadResult } from './load.ts'

const units: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  µs: 1e-3,
  us: 1e-3,
  ns: 1e-6,
}

/** Milliseconds of a duration as Go prints it: `1.234ms`, `1m2.5s`. */
export function goMilliseconds(text: string): number {
  let total = 0
  for (const [, number = '', unit = ''] of text.matchAll(/([\d.]+)(h|ms|µs|us|ns|m|s)/gu)) {
    total += Number(number) * (units[unit] ?? Number.NaN)
  }
  return text === '' ? Number.NaN : total
}

/** What grpc-go's benchmark client prints; throws when it is no report. */
export function parseGoReport(text: string): LoadResult {
  const rate = /^qps: ([\d.e+]+)$/mu.exec(text)?.[1]
  const latency = /^Latency: \(50\/90\/99 %ile\): ([^/]+)\/[^/]+\/(\S+)$/mu.exec(text)
  if (rate === undefined || latency === null) throw new Error(`no report: ${text}`)
  const [, p50 = '', p99 = ''] = latency
  return { perSecond: Number(rate), p50Ms: goMilliseconds(p50), p99Ms: goMilliseconds(p99) }
}
