import { formatGoDuration } from './go-duration.ts'
import { goJson, sortedJson } from './go-json.ts'
import type { BenchReport } from './report.ts'
import type { ReportOptions } from './report-options.ts'

/** The run as one line of InfluxDB's line protocol, with ghz's measurement, tags and fields. */
export function influxSummary(report: BenchReport, atMs: number): string {
  const failed = errorCount(report)
  const tags = [...commonTags(report), `errors=${failed}`, `has_errors=${failed > 0}`]
  const at = (percentage: number): number | undefined =>
    report.latencyDistribution?.find((row) => row.percentage === percentage)?.latency
  const median = at(50)
  const p95 = at(95)
  const fields = [
    `count=${report.count}`,
    `total=${report.total}`,
    `average=${report.average}`,
    `fastest=${report.fastest}`,
    `slowest=${report.slowest}`,
    `rps=${report.rps.toFixed(2)}`,
    ...(median === undefined ? [] : [`median=${median}`]),
    ...(p95 === undefined ? [] : [`p95=${p95}`]),
    `errors=${failed}`,
  ]
  return `ghz_run,${tags.join(',')} ${fields.join(',')} ${atMs}000000`
}

/** Every kept result as a line, with ghz's measurement, tags and fields. */
export function influxDetails(report: BenchReport): string {
  const tags = commonTags(report).join(',')
  return (report.details ?? [])
    .map((detail) => {
      const nanos = `${Math.floor(Date.parse(detail.timestamp) / 1000)}${fraction(detail.timestamp)}`
      const fields = `latency=${detail.latency},error="${escapeTag(detail.error)}",status="${detail.status}"`
      return `ghz_detail,${tags},hasError=${detail.error !== ''} ${fields} ${nanos}\n`
    })
    .join('')
}

function fraction(timestamp: string): string {
  return (/\.(\d+)Z$/u.exec(timestamp)?.[1] ?? '').padEnd(9, '0')
}

function errorCount(report: BenchReport): number {
  return Object.values(report.errorDistribution).reduce((sum, times) => sum + times, 0)
}

function commonTags(report: BenchReport): string[] {
  const { options } = report
  const tags: string[] = []
  if (report.name !== undefined) tags.push(`name="${escapeTag(report.name.trim())}"`)
  if (options.proto !== undefined) tags.push(`proto="${options.proto}"`)
  else if (options.protoset !== undefined) tags.push(`Protoset="${options.protoset}"`)
  tags.push(
    `call="${options.call ?? ''}"`,
    `host="${options.host ?? ''}"`,
    `n=${options.total ?? 0}`,
    ...(options['concurrency-schedule'] === 'const'
      ? [`c=${options.concurrency ?? 0}`]
      : scheduleTags('concurrency', options)),
    ...(options['load-schedule'] === 'const'
      ? [`rps=${options.rps ?? 0}`]
      : scheduleTags('load', options)),
    `z=${options.duration ?? 0}`,
    `timeout=${(options.timeout ?? 0) / 1e9}`,
    `dial_timeout=${(options['dial-timeout'] ?? 0) / 1e9}`,
    `keepalive=${(options.keepalive ?? 0) / 1e9}`,
    `data=${escapeTag(quoted(options.data ?? null))}`,
    `metadata=${options.metadata === undefined ? '""' : escapeTag(quoted(options.metadata))}`,
    `tags=${report.tags === undefined ? '""' : escapeTag(quoted(report.tags))}`,
  )
  return tags
}

function scheduleTags(kind: 'load' | 'concurrency', options: ReportOptions): string[] {
  return [
    `${kind}-schedule=${options[`${kind}-schedule`]}`,
    `${kind}-start=${options[`${kind}-start`]}`,
    `${kind}-end=${options[`${kind}-end`]}`,
    `${kind}-step=${options[`${kind}-step`]}`,
    `${kind}-step-duration=${formatGoDuration(options[`${kind}-step-duration`])}`,
    `${kind}-max-duration=${formatGoDuration(options[`${kind}-max-duration`])}`,
  ]
}

function quoted(value: unknown): string {
  return goJson(goJson(sortedJson(value)))
}

function escapeTag(text: string): string {
  return text.replaceAll(/[ ,=]/gu, (character) => `\\${character}`)
}
