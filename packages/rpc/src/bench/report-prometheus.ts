import type { BenchReport } from './report.ts'

/** The run in Prometheus' text format, durations in seconds, for a file that node_exporter collects or a push gateway. */
export function prometheusText(report: BenchReport): string {
  const { options, tidemill } = report
  const labels = (extra: Readonly<Record<string, string>> = {}): string => {
    const all: Record<string, string> = {
      call: options.call ?? '',
      host: options.host ?? '',
      ...(report.name === undefined ? {} : { name: report.name }),
      end_reason: report.endReason,
      ...extra,
    }
    return `{${Object.entries(all)
      .map(([key, value]) => `${key}="${escapeLabel(value)}"`)
      .join(',')}}`
  }
  const lines: string[] = []
  const metric = (name: string, help: string, rows: readonly string[], type = 'gauge'): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...rows)
  }
  const gauge = (name: string, help: string, value: number): void =>
    metric(name, help, [`${name}${labels()} ${value}`])
  gauge('ghz_run_timestamp', 'End of the run, seconds since 1970.', Date.parse(report.date) / 1000)
  gauge('ghz_run_count', 'Results.', report.count)
  gauge('ghz_run_total_seconds', 'Duration of the run.', report.total / 1e9)
  gauge('ghz_run_average_seconds', 'Mean latency.', report.average / 1e9)
  gauge('ghz_run_fastest_seconds', 'Least latency.', report.fastest / 1e9)
  gauge('ghz_run_slowest_seconds', 'Greatest latency.', report.slowest / 1e9)
  gauge('ghz_run_rps', 'Results a second.', report.rps)
  metric(
    'ghz_run_responses',
    'Results by status.',
    Object.entries(report.statusCodeDistribution).map(
      ([status, times]) => `ghz_run_responses${labels({ status })} ${times}`,
    ),
  )
  const { max: _max, ...quantiles } = tidemill.percentiles
  metric(
    'ghz_run_latency_seconds',
    'Latency of the results that count.',
    [
      ...Object.entries(quantiles).map(([name, ns]) => {
        const quantile = String(Number((Number(name.slice(1)) / 100).toFixed(6)))
        return `ghz_run_latency_seconds${labels({ quantile })} ${ns / 1e9}`
      }),
      `ghz_run_latency_seconds_sum${labels()} ${(report.average / 1e9) * report.count}`,
      `ghz_run_latency_seconds_count${labels()} ${report.count}`,
    ],
    'summary',
  )
  gauge(
    'tidemill_run_window_bound',
    '1 when flow control set the rate.',
    tidemill.verdict.bound === 'window' ? 1 : 0,
  )
  return `${lines.join('\n')}\n`
}

function escapeLabel(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
}
