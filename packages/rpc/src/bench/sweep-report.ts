import type { BenchCell } from './bench-run.ts'
import { roundedMs } from './format-number.ts'
import { goJson } from './go-json.ts'
import type { WindowSetting } from './load-settings.ts'
import { escapeHtml, htmlPage } from './report-html.ts'
import type { BenchReport } from './report.ts'
import { bytesText } from './verdict.ts'

/** Forms that the result of a sweep can be written in. */
export const sweepFormats = ['summary', 'json', 'pretty', 'csv', 'html'] as const

export type SweepFormat = (typeof sweepFormats)[number]

/** A sweep as data: each run with its whole report, but for the list of single results. */
export interface SweepDocument {
  readonly cells: readonly {
    /** As `--windows` writes it. */
    readonly windows: string
    readonly rttMs: number
    readonly report: Omit<BenchReport, 'details'>
  }[]
}

export function sweepDocument(cells: readonly BenchCell[]): SweepDocument {
  return {
    cells: cells.map(({ windows, addedRttMs, report: { details: _details, ...report } }) => ({
      windows: windowsText(windows),
      rttMs: addedRttMs,
      report,
    })),
  }
}

/** The matrix of a sweep, a row for each round trip and a column for each setting of the windows. */
export function formatSweep(cells: readonly BenchCell[], format: SweepFormat): string {
  switch (format) {
    case 'json':
      return `${goJson(sweepDocument(cells))}\n`
    case 'pretty':
      return `${goJson(sweepDocument(cells), 2)}\n`
    case 'csv':
      return csv(cells)
    case 'html':
      return html(cells)
    case 'summary':
      return summary(cells)
  }
}

/** `64KiB/64KiB` or `auto`. */
export function windowsText(windows: WindowSetting): string {
  return windows === 'auto'
    ? 'auto'
    : `${bytesText(windows.stream)}/${bytesText(windows.connection)}`
}

interface Matrix {
  readonly columns: readonly string[]
  readonly rows: readonly { readonly rtt: string; readonly cells: readonly BenchCell[] }[]
}

function matrixOf(cells: readonly BenchCell[]): Matrix {
  const rtts = [...new Set(cells.map((cell) => cell.addedRttMs))]
  return {
    columns: [...new Set(cells.map((cell) => windowsText(cell.windows)))],
    rows: rtts.map((ms) => ({
      rtt: `+${ms} ms`,
      cells: cells.filter((cell) => cell.addedRttMs === ms),
    })),
  }
}

const measures: readonly {
  readonly title: string
  readonly text: (report: BenchReport) => string
}[] = [
  { title: 'Calls a second', text: (report) => Math.round(report.rps).toLocaleString('en-US') },
  { title: 'p50, ms', text: (report) => roundedMs(report.tidemill.percentiles.p50) },
  { title: 'p99, ms', text: (report) => roundedMs(report.tidemill.percentiles.p99) },
  { title: 'Failed', text: (report) => String(failures(report)) },
]

function failures(report: BenchReport): number {
  return report.count - (report.statusCodeDistribution['OK'] ?? 0)
}

function summary(cells: readonly BenchCell[]): string {
  const { columns, rows } = matrixOf(cells)
  const lines: string[] = ['']
  for (const { title, text } of measures) {
    if (title === 'Failed' && cells.every((cell) => failures(cell.report) === 0)) continue
    const grid = [
      [title, ...columns],
      ...rows.map((row) => [row.rtt].concat(row.cells.map((cell) => text(cell.report)))),
    ]
    const widths =
      grid[0]?.map((_, i) => Math.max(...grid.map((row) => (row[i] ?? '').length))) ?? []
    lines.push(
      ...grid.map((row) =>
        row
          .map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0)))
          .join('  '),
      ),
      '',
    )
  }
  lines.push('Flow control:')
  for (const cell of cells) {
    lines.push(
      `  ${windowsText(cell.windows)} at +${cell.addedRttMs} ms: ${cell.report.tidemill.verdict.text}`,
    )
  }
  const notes = new Set(cells.flatMap((cell) => cell.report.tidemill.notes))
  if (notes.size > 0) lines.push('', 'Notes:', ...[...notes].map((note) => `  ${note}`))
  return `${lines.join('\n')}\n`
}

function csv(cells: readonly BenchCell[]): string {
  const rows = cells.map(({ windows, addedRttMs, report }) => {
    const { p50, p99, max } = report.tidemill.percentiles
    const ms = [p50, p99, report.tidemill.percentiles['p99.9'], max].map((ns) =>
      (ns / 1e6).toFixed(3),
    )
    return [
      windowsText(windows),
      addedRttMs,
      report.count,
      failures(report),
      report.rps.toFixed(2),
      ...ms,
      report.tidemill.verdict.bound,
    ].join(',')
  })
  return [
    'windows,rtt (ms),count,failed,rps,p50 (ms),p99 (ms),p99.9 (ms),max (ms),bound',
    ...rows,
    '',
  ].join('\n')
}

function html(cells: readonly BenchCell[]): string {
  const { columns, rows } = matrixOf(cells)
  const first = cells[0]?.report
  const head = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join('')
  const tables = measures.map(({ title, text }) => {
    const body = rows
      .map(
        (row) =>
          `<tr><td>${row.rtt}</td>${row.cells.map((cell) => `<td>${text(cell.report)}</td>`).join('')}</tr>`,
      )
      .join('')
    return `<section><h2>${title}</h2><div class="scroll"><table><thead><tr><th>Added round trip</th>${head}</tr></thead><tbody>${body}</tbody></table></div></section>`
  })
  const verdicts = cells.map(
    (cell) =>
      `<li>${escapeHtml(`${windowsText(cell.windows)} at +${cell.addedRttMs} ms: ${cell.report.tidemill.verdict.text}`)}</li>`,
  )
  const title = `Windows and round trips: ${first?.options.call ?? ''}`
  return htmlPage(
    title,
    `<header><h1>${escapeHtml(title)}</h1><p>on ${escapeHtml(first?.options.host ?? '')}</p></header><main>${tables.join('')}<section><h2>Flow control</h2><ul>${verdicts.join('')}</ul></section></main>`,
  )
}
