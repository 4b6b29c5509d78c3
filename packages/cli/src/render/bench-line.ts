import type { BenchPlan, BenchProgress } from '@tidemill/rpc/bench'
import { count } from './progress-bar.ts'
import { sparkline } from './sparkline.ts'

const history = 24

/**
 * Makes the status line of a load test: what is done, the rate over the last stretch as a sparkline, latency, failures.
 * Called at a steady pace; the rate of each call is that since the one before.
 */
export function createBenchLine(
  plan: BenchPlan,
  columns: number,
): (progress: BenchProgress) => string {
  const rates: number[] = []
  let last = { run: 0, count: 0, elapsedMs: 0 }
  return (progress) => {
    const { run, runs, warming, elapsedMs, latencies } = progress
    if (run !== last.run || elapsedMs < last.elapsedMs) {
      last = { run, count: 0, elapsedMs: 0 }
      rates.length = 0
    }
    const seconds = (elapsedMs - last.elapsedMs) / 1000
    if (seconds > 0) rates.push((progress.count - last.count) / seconds)
    if (rates.length > history) rates.shift()
    last = { run, count: progress.count, elapsedMs }
    const of = runs > 1 ? `run ${run + 1}/${runs}  ` : ''
    if (warming) return `${of}warming up ...`
    const done = Number.isFinite(plan.total)
      ? `${count(progress.count)}/${count(plan.total)}`
      : `${count(progress.count)} calls`
    const rate = `${count(rates.at(-1) ?? 0)}/s`
    const ms = (percent: number): string => (latencies.percentile(percent) / 1000).toFixed(2)
    const parts = [
      `${of}${(elapsedMs / 1000).toFixed(1)} s`,
      done,
      columns >= 80 ? `${rate} ${sparkline(rates)}` : rate,
      `p50 ${ms(50)} p99 ${ms(99)} ms`,
      `${progress.inFlight} in flight`,
    ]
    if (progress.failed > 0) parts.push(`${count(progress.failed)} failed`)
    return parts.join('  ')
  }
}
