import { formatNanos, roundedMs } from './format-number.ts'
import { latencyPlot } from './latency-plot.ts'
import type { BenchReport, Percentiles } from './report.ts'

/** The report as ghz's summary, then what ghz does not say under a heading of its own. */
export function summaryText(report: BenchReport): string {
  return `${ghzSummary(report)}${extraText(report)}`
}

/** ghz's summary, byte for byte but for the order of statuses and errors, which ghz leaves to chance. */
export function ghzSummary(report: BenchReport): string {
  const lines = [
    '',
    'Summary:',
    ...(report.name === undefined ? [] : [`  Name:\t\t${report.name}`]),
    `  Count:\t${report.count}`,
    `  Total:\t${formatNanos(report.total)}`,
    `  Slowest:\t${formatNanos(report.slowest)}`,
    `  Fastest:\t${formatNanos(report.fastest)}`,
    `  Average:\t${formatNanos(report.average)}`,
    `  Requests/sec:\t${report.rps.toFixed(2)}`,
    '',
    'Response time histogram:',
    ...histogramLines(report),
    '',
    'Latency distribution:',
    ...(report.latencyDistribution ?? []).map(
      (row) => `  ${row.percentage} % in ${formatNanos(row.latency)} `,
    ),
    '',
  ]
  const statuses = Object.entries(report.statusCodeDistribution)
  if (statuses.length > 0) {
    const rows = statuses.map(([name, times]) => [`  [${name}]`, `${times} responses`] as const)
    lines.push('Status code distribution:', ...columns(rows))
  }
  lines.push('')
  const errors = Object.entries(report.errorDistribution)
  if (errors.length > 0) {
    const rows = errors.map(([text, times]) => [`  [${times}]`, text] as const)
    lines.push('Error distribution:', ...columns(rows))
  }
  return `${lines.join('\n')}\n\n`
}

function histogramLines(report: BenchReport): string[] {
  const bars = report.histogram ?? []
  const most = Math.max(0, ...bars.map((bar) => bar.count))
  return bars.map(({ mark, count }) => {
    const length = most === 0 ? 0 : Math.floor((count * 40 + Math.floor(most / 2)) / most)
    return `  ${(mark * 1000).toFixed(3)} [${count}]\t|${'∎'.repeat(length)}`
  })
}

/** Cells padded to the widest of their column plus three, as Go's tabwriter does. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length)) + 3
  return rows.map(([first, second]) => first.padEnd(width(0)) + second.padEnd(width(1)))
}

function extraText(report: BenchReport): string {
  const { tidemill } = report
  const lines: string[] = report.latencyDistribution === null ? [] : tailLines(report)
  const plot = latencyPlot(tidemill.series)
  if (plot.length > 0 && lines.length > 0) lines.push('Latency over time:', ...plot, '')
  lines.push('Flow control:', `  ${tidemill.verdict.text}`)
  if (tidemill.verdict.bound === 'none' && tidemill.verdict.rttMs < 1) {
    lines.push('  --rtt 50ms shows how it would be at a distance.')
  }
  if (tidemill.notes.length > 0)
    lines.push('', 'Notes:', ...tidemill.notes.map((note) => `  ${note}`))
  return `${lines.join('\n')}\n`
}

/** Ours beside ghz's distribution: the tail, corrected or from when calls were due. */
function tailLines(report: BenchReport): string[] {
  const { tidemill } = report
  const measured = tidemill.loop === 'open' ? `open loop at ${tidemill.rate}/s` : 'closed loop'
  const lines = [
    `Tail latency over all ${tidemill.source === 'exact' ? '' : `${report.count} `}results (${measured}):`,
  ]
  lines.push(
    `           ${['p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'].map((name, i) => name.padStart(i === 0 ? 9 : 11)).join('')}`,
  )
  lines.push(
    `  ${tidemill.loop === 'open' ? 'from due' : 'raw     '} ${percentileCells(tidemill.percentiles)}`,
  )
  if (tidemill.corrected !== null) {
    lines.push(`  corrected${percentileCells(tidemill.corrected)}`)
  }
  lines.push('  milliseconds', '')
  return lines
}

function percentileCells(values: Percentiles): string {
  return [values.p50, values.p90, values.p99, values['p99.9'], values['p99.99'], values.max]
    .map((ns, i) => roundedMs(ns).padStart(i === 0 ? 9 : 11))
    .join('')
}
