import type { OptionProblem } from './bench-config.ts'
import { parseGoDuration } from './go-duration.ts'
import type { BenchReport } from './report.ts'

/** A condition that must not hold, as `--fail-on` lists them. */
export interface FailCondition {
  readonly text: string
  /** What was measured, when the condition holds; else undefined. */
  check(report: BenchReport): string | undefined
}

const latencies = ['p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max'] as const

/** Reads `errors,errors>1%,p99>20ms,average>5ms,rps<5000`. */
export function parseFailOn(text: string, problems: OptionProblem[]): FailCondition[] {
  return text.split(',').flatMap((part) => {
    const condition = readCondition(part.trim())
    if (condition === undefined) {
      problems.push({
        path: '--fail-on',
        message: `takes errors, errors>N, errors>N%, rps<N, average>TIME or ${latencies.join('|')}>TIME, not "${part}"`,
      })
      return []
    }
    return [condition]
  })
}

function readCondition(text: string): FailCondition | undefined {
  const [, name = '', sign, limit = ''] = /^([a-z][a-z0-9.]*)(?:([<>])(.+))?$/u.exec(text) ?? []
  const latency = latencies.find((one) => one === name)
  if (name === 'errors' && sign !== '<')
    return errorsCondition(text, sign === undefined ? '0' : limit)
  if (name === 'rps' && sign === '<' && Number(limit) > 0) {
    return {
      text,
      check: ({ rps }) => (rps < Number(limit) ? `rps is ${rps.toFixed(0)}` : undefined),
    }
  }
  const ms = parseGoDuration(limit)
  if (sign !== '>' || ms === undefined) return undefined
  const measure =
    latency === undefined
      ? name === 'average'
        ? (report: BenchReport) => report.average
        : undefined
      : (report: BenchReport) => report.tidemill.percentiles[latency]
  if (measure === undefined) return undefined
  return {
    text,
    check: (report) =>
      measure(report) > ms * 1e6
        ? `${name} is ${(measure(report) / 1e6).toFixed(2)} ms`
        : undefined,
  }
}

function errorsCondition(text: string, limit: string): FailCondition | undefined {
  const most = Number(limit.replace(/%$/u, ''))
  if (limit === '' || !(most >= 0)) return undefined
  return {
    text,
    check({ count, statusCodeDistribution }) {
      const failed = count - (statusCodeDistribution['OK'] ?? 0)
      const share = count === 0 ? 0 : (failed / count) * 100
      const over = limit.endsWith('%') ? share > most : failed > most
      return over ? `${failed} of ${count} calls failed (${share.toFixed(2)} %)` : undefined
    },
  }
}
