import type { Histogram } from '@tidemill/core'
import { goJson } from './go-json.ts'
import { hdrText } from './hdr-text.ts'
import { csvText } from './report-csv.ts'
import { htmlText } from './report-html.ts'
import { influxDetails, influxSummary } from './report-influx.ts'
import { prometheusText } from './report-prometheus.ts'
import { summaryText } from './report-summary.ts'
import type { BenchReport } from './report.ts'

/** Forms a report can be written in; all but `hdr` are ghz's. */
export const reportFormats = [
  'summary',
  'csv',
  'json',
  'pretty',
  'html',
  'influx-summary',
  'influx-details',
  'prometheus',
  'hdr',
] as const

export type ReportFormat = (typeof reportFormats)[number]

/** The report in that form. `latencies` (microseconds) is what `hdr` prints. */
export function formatReport(
  report: BenchReport,
  format: ReportFormat,
  latencies: Histogram,
): string {
  switch (format) {
    case 'summary':
      return summaryText(report)
    case 'csv':
      return csvText(report)
    case 'json':
      return `${goJson(report)}\n`
    case 'pretty':
      return `${goJson(report, 2)}\n`
    case 'html':
      return htmlText(report)
    case 'influx-summary':
      return `${influxSummary(report, Date.parse(report.date))}\n`
    case 'influx-details':
      return influxDetails(report)
    case 'prometheus':
      return prometheusText(report)
    case 'hdr':
      return `${hdrText(latencies, 1000)}\n`
  }
}
