import type { BenchReport } from './report.ts'

/** One line a result, as ghz's CSV: milliseconds, status, error. */
export function csvText(report: BenchReport): string {
  const rows = (report.details ?? []).map(
    (detail) => `${(detail.latency / 1e6).toFixed(2)},${detail.status},${csvField(detail.error)}`,
  )
  // ghz's file begins with an empty line; so that scripts that skip two lines go on working, so does ours.
  return ['', 'duration (ms),status,error', ...rows, ''].join('\n')
}

/** ghz writes the error as it is, which breaks the row when it holds a comma or a quote; RFC 4180 says how not to. */
function csvField(text: string): string {
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
