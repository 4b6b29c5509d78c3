import type { Histogram } from '@tidemill/core'
import { bucketValues, correctedHistogram } from './corrected.ts'
import { goTimestamp, sortedJson, sortedRecord } from './go-json.ts'
import type { SeriesPoint } from './latency-series.ts'
import {
  countedHistogram,
  ghzHistogram,
  ghzLatencies,
  ghzPercentages,
  goNanos,
  goSeconds,
  type HistogramBar,
  type LatencyRow,
} from './rank.ts'
import type { ReportOptions } from './report-options.ts'
import type { ResultLog } from './result-log.ts'
import { statusName } from './status-name.ts'
import type { Verdict } from './verdict.ts'

export interface ReportDetail {
  /** End of the call, RFC 3339 with nanoseconds. */
  readonly timestamp: string
  /** Nanoseconds. */
  readonly latency: number
  readonly error: string
  readonly status: string
}

/** Latencies in nanoseconds over all results that count, from a histogram: within 0.8 %. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly 'p99.9': number
  readonly 'p99.99': number
  readonly max: number
}

/** What ghz's report does not say. */
export interface ReportExtra {
  /** `closed`: a worker waits for its call before the next; `open`: calls start when they are due. */
  readonly loop: 'closed' | 'open'
  /** Calls a second that were asked for; 0 without a pace. */
  readonly rate: number
  /** Of a closed loop as measured; of an open one from the time a call was due. */
  readonly percentiles: Percentiles
  /** Closed loop only: with the calls that a stall kept from being started. Null when it is an open loop. */
  readonly corrected: (Percentiles & { readonly intervalNs: number }) | null
  /** Where ghz's keys come from: `exact` when every result was kept, else `histogram`. Ours always come from that. */
  readonly source: 'exact' | 'histogram'
  /** Results counted but not listed under `details`, which keeps the first 1,000,000. */
  readonly detailsDropped: number
  readonly warmup: { readonly calls: number; readonly ms: number }
  /** Calls that were due but not started when the run ended (open loop). */
  readonly notStarted: number
  /** Processor time of this tool in the run, as a share of one core. */
  readonly cpuShare: number
  readonly verdict: Verdict
  readonly series: readonly SeriesPoint[]
  /** Conditions that a reader of the numbers needs. */
  readonly notes: readonly string[]
}

/** ghz's report, key for key in its order, and `tidemill` with what it has no key for. */
export interface BenchReport {
  readonly date: string
  readonly name?: string
  readonly endReason: EndReason
  readonly options: ReportOptions
  readonly count: number
  readonly total: number
  readonly average: number
  readonly fastest: number
  readonly slowest: number
  readonly rps: number
  readonly errorDistribution: Readonly<Record<string, number>>
  readonly statusCodeDistribution: Readonly<Record<string, number>>
  readonly latencyDistribution: readonly LatencyRow[] | null
  readonly histogram: readonly HistogramBar[] | null
  readonly details: readonly ReportDetail[] | null
  readonly tags?: Readonly<Record<string, string>>
  readonly tidemill: ReportExtra
}

export type EndReason = 'normal' | 'cancel' | 'timeout'

/** A finished run. */
export interface RunOutcome {
  readonly log: ResultLog
  readonly endReason: EndReason
  readonly options: ReportOptions
  readonly name?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Wall clock, milliseconds since 1970, at the start and at the end. */
  readonly startedAt: number
  readonly endedAt: number
  /** Nanoseconds from the first call to the last result. */
  readonly total: number
  readonly loop: 'closed' | 'open'
  readonly rate: number
  /** Milliseconds between two calls of one worker when nothing stalls; 0 lets the median stand for it. */
  readonly intervalMs: number
  readonly warmup: { readonly calls: number; readonly ms: number }
  readonly notStarted: number
  readonly cpuShare: number
  readonly verdict: Verdict
  readonly notes: readonly string[]
  /** False leaves the single results out, which are most of a report; default true. */
  readonly details?: boolean
}

/** Sums a run up by ghz's rules; with more results than are listed, from the histogram instead (within 0.8 %). */
export function createReport(run: RunOutcome): BenchReport {
  const { log } = run
  const counted = log.latencies.count > 0
  const exact = log.kept === log.count
  const sorted = exact ? sortedSeconds(log) : undefined
  const fastest = sorted?.[0] ?? goSeconds(log.latencies.min * 1000)
  const slowest = sorted?.at(-1) ?? goSeconds(log.latencies.max * 1000)
  return {
    date: `${new Date(run.endedAt).toISOString().slice(0, 19)}Z`,
    ...(run.name === undefined || run.name === '' ? {} : { name: run.name }),
    endReason: run.endReason,
    options: run.options,
    count: log.count,
    total: run.total,
    average: log.count === 0 ? 0 : goNanos(log.totalSeconds / log.count),
    fastest: counted ? goNanos(fastest) : 0,
    slowest: counted ? goNanos(slowest) : 0,
    rps: log.count === 0 ? 0 : log.count / goSeconds(run.total),
    errorDistribution: sortedRecord(log.errors()),
    statusCodeDistribution: sortedRecord(
      log.statuses().map(([code, times]) => [statusName(code), times] as const),
    ),
    latencyDistribution: !counted
      ? null
      : sorted === undefined
        ? countedLatencies(log.latencies)
        : ghzLatencies(sorted),
    histogram: !counted
      ? null
      : sorted === undefined
        ? countedHistogram(fastest, slowest, secondsOf(log.latencies))
        : ghzHistogram(sorted),
    details: log.count === 0 || run.details === false ? null : detailsOf(run),
    ...(run.tags === undefined || Object.keys(run.tags).length === 0
      ? {}
      : { tags: sortedJson(run.tags) as Record<string, string> }),
    tidemill: extraOf(run, exact),
  }
}

function sortedSeconds(log: ResultLog): Float64Array {
  const seconds = new Float64Array(log.latencies.count)
  let used = 0
  for (const detail of log.details()) {
    if (detail.status === 0 || log.countErrors) seconds[used++] = goSeconds(detail.latency)
  }
  // In place: a million doubles need no second copy, and nobody else holds them.
  // oxlint-disable-next-line unicorn/no-array-sort
  return seconds.sort()
}

function countedLatencies(latencies: Histogram): LatencyRow[] {
  return ghzPercentages.map((percentage) => ({
    percentage,
    latency: Math.round(latencies.percentile(percentage) * 1000),
  }))
}

function* secondsOf(latencies: Histogram): Generator<readonly [number, number]> {
  for (const [value, times] of bucketValues(latencies)) yield [value / 1e6, times]
}

function detailsOf({ log, startedAt }: RunOutcome): ReportDetail[] {
  return Array.from(log.details(), ({ latency, endedMs, status, error }) => {
    const wholeMs = Math.floor(endedMs)
    const wall = startedAt + wholeMs
    const ns = (wall % 1000) * 1e6 + Math.floor((endedMs - wholeMs) * 1e6)
    return { timestamp: goTimestamp(wall, ns), latency, error, status: statusName(status) }
  })
}

/** The percentiles of a histogram in microseconds, as nanoseconds. */
export function percentilesOf(histogram: Histogram): Percentiles {
  const at = (percent: number): number => Math.round(histogram.percentile(percent) * 1000)
  return {
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    'p99.9': at(99.9),
    'p99.99': at(99.99),
    max: Math.round(histogram.max * 1000),
  }
}

/** The corrected percentiles, none below what was measured: calls that are added must not make a tail look better. */
function correctedPercentiles(recorded: Histogram, interval: number): Percentiles {
  const raw = percentilesOf(recorded)
  const corrected = percentilesOf(correctedHistogram(recorded, interval))
  const keys = Object.keys(raw) as (keyof Percentiles)[]
  return Object.fromEntries(
    keys.map((key) => [key, Math.max(raw[key], corrected[key])]),
  ) as unknown as Percentiles
}

function extraOf(run: RunOutcome, exact: boolean): ReportExtra {
  const { log } = run
  const interval = run.intervalMs > 0 ? run.intervalMs * 1000 : log.latencies.percentile(50)
  return {
    loop: run.loop,
    rate: run.rate,
    percentiles: percentilesOf(log.latencies),
    corrected:
      run.loop === 'open'
        ? null
        : {
            intervalNs: Math.round(interval * 1000),
            ...correctedPercentiles(log.latencies, interval),
          },
    source: exact ? 'exact' : 'histogram',
    detailsDropped: log.count - log.kept,
    warmup: run.warmup,
    notStarted: run.notStarted,
    cpuShare: run.cpuShare,
    verdict: run.verdict,
    series: log.series.points(),
    notes: run.notes,
  }
}
