import { formatNanos, roundedMs } from './format-number.ts'
import { goJson } from './go-json.ts'
import type { SeriesPoint } from './latency-series.ts'
import type { BenchReport, Percentiles } from './report.ts'

/** The report as one HTML file: no script, nothing loaded from elsewhere, light or dark as the reader's system is. */
export function htmlText(report: BenchReport): string {
  const title = report.name ?? report.options.call ?? 'Load test'
  const { tidemill } = report
  return htmlPage(
    title,
    `<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(report.options.call ?? '')} on ${escapeHtml(report.options.host ?? '')}, <time datetime="${report.date}">${report.date.replace('T', ' ').replace('Z', ' UTC')}</time>${tagsHtml(report)}</p>
<p class="verdict ${tidemill.verdict.bound === 'window' ? 'bad' : ''}">${escapeHtml(tidemill.verdict.text)}</p>
</header>
<main>
<section aria-labelledby="summary"><h2 id="summary">Summary</h2>
<dl class="tiles">${tiles(report)}</dl></section>
<section aria-labelledby="latency"><h2 id="latency">Latency</h2>
${percentileTable(report)}
${seriesHtml(tidemill.series)}</section>
<section aria-labelledby="histogram"><h2 id="histogram">Histogram</h2>
${histogramHtml(report)}</section>
<section aria-labelledby="status"><h2 id="status">Status</h2>
${countTable(report.statusCodeDistribution, 'Status', report.count)}</section>
${Object.keys(report.errorDistribution).length === 0 ? '' : `<section aria-labelledby="errors"><h2 id="errors">Errors</h2>\n${countTable(report.errorDistribution, 'Error', report.count)}</section>`}
<section aria-labelledby="options"><h2 id="options">Options</h2>
<pre>${escapeHtml(goJson(report.options, 2))}</pre></section>
${tidemill.notes.length === 0 ? '' : `<section aria-labelledby="notes"><h2 id="notes">Notes</h2><ul>${tidemill.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul></section>`}
</main>`,
  )
}

/** A page that loads nothing: `body` is HTML, `title` is text. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`
}

const style = `
:root{--ink:#1c2430;--dim:#5b6675;--line:#d9dee5;--paper:#fff;--tile:#f4f6f9;--one:#2563a8;--two:#b4541a;--bad:#a3262a}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9f0;--dim:#9aa7b8;--line:#323c4a;--paper:#12171e;--tile:#1b222c;--one:#6aa9ec;--two:#e79a5c;--bad:#f08a8d}}
*{box-sizing:border-box}body{margin:0 auto;padding:1.5rem;max-width:60rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.3rem 0;color:var(--dim)}
.verdict{color:var(--ink)}.bad{color:var(--bad);font-weight:600}.tag{border:1px solid var(--line);border-radius:4px;padding:0 .4em;margin-left:.4em}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;margin:0}.tiles div{background:var(--tile);border-radius:6px;padding:.5rem .7rem}
dt{color:var(--dim);font-size:.85rem}dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}th{color:var(--dim);font-weight:500}.scroll{overflow-x:auto}
svg{width:100%;height:auto;margin-top:1rem}svg text{fill:var(--dim);font-size:11px}.p50{fill:none;stroke:var(--one);stroke-width:2}.p99{fill:none;stroke:var(--two);stroke-width:2}.grid{stroke:var(--line)}.bar{fill:var(--one)}
pre{background:var(--tile);border-radius:6px;padding:.8rem;overflow:auto;font-size:13px}
`.replaceAll('\n', '')

function tagsHtml(report: BenchReport): string {
  return Object.entries(report.tags ?? {})
    .map(([key, value]) => ` <span class="tag">${escapeHtml(key)}: ${escapeHtml(value)}</span>`)
    .join('')
}

function tiles(report: BenchReport): string {
  const rows: readonly (readonly [string, string])[] = [
    ['Calls', report.count.toLocaleString('en-US')],
    ['Calls a second', report.rps.toLocaleString('en-US', { maximumFractionDigits: 0 })],
    ['Total', formatNanos(report.total)],
    ['Average', formatNanos(report.average)],
    ['Fastest', formatNanos(report.fastest)],
    ['Slowest', formatNanos(report.slowest)],
    ['Ended', report.endReason],
    ['Loop', report.tidemill.loop === 'open' ? `open, ${report.tidemill.rate}/s` : 'closed'],
  ]
  return rows
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join('')
}

function percentileTable({ tidemill }: BenchReport): string {
  const names = ['p50', 'p90', 'p95', 'p99', 'p99.9', 'p99.99', 'max'] as const
  const row = (title: string, values: Percentiles): string =>
    `<tr><td>${title}</td>${names.map((name) => `<td>${roundedMs(values[name])}</td>`).join('')}</tr>`
  const measured = tidemill.loop === 'open' ? 'From the time due' : 'As measured'
  return `<div class="scroll"><table><thead><tr><th>Milliseconds</th>${names.map((name) => `<th>${name}</th>`).join('')}</tr></thead><tbody>${row(measured, tidemill.percentiles)}${tidemill.corrected === null ? '' : row('Corrected for calls not started', tidemill.corrected)}</tbody></table></div>`
}

const plot = { width: 900, height: 220, left: 60, bottom: 24 } as const

function seriesHtml(series: readonly SeriesPoint[]): string {
  const points = series.filter((point) => point.count > 0)
  if (points.length < 2) return ''
  const last = points.at(-1) as SeriesPoint
  const end = last.fromMs + last.widthMs
  const low = Math.max(0.001, Math.min(...points.map((point) => point.p50)) / 1.5)
  const high = Math.max(low * 2, ...points.map((point) => point.p99)) * 1.1
  const x = (ms: number): number => plot.left + (ms / end) * (plot.width - plot.left)
  const y = (ms: number): number =>
    (1 - Math.log(Math.max(ms, low) / low) / Math.log(high / low)) * (plot.height - plot.bottom)
  const line = (key: 'p50' | 'p99'): string =>
    points
      .map(
        (point) => `${x(point.fromMs + point.widthMs / 2).toFixed(1)},${y(point[key]).toFixed(1)}`,
      )
      .join(' ')
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => low * (high / low) ** share)
  const grid = marks
    .map(
      (ms) =>
        `<line class="grid" x1="${plot.left}" x2="${plot.width}" y1="${y(ms).toFixed(1)}" y2="${y(ms).toFixed(1)}"/><text x="${plot.left - 6}" y="${Math.max(10, y(ms) + 4).toFixed(1)}" text-anchor="end">${roundedMs(ms * 1e6)} ms</text>`,
    )
    .join('')
  const times = [0, 0.5, 1]
    .map(
      (share) =>
        `<text x="${x(end * share).toFixed(1)}" y="${plot.height - 6}" text-anchor="${share === 0 ? 'start' : share === 1 ? 'end' : 'middle'}">${((end * share) / 1000).toFixed(1)} s</text>`,
    )
    .join('')
  return `<svg viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-label="p50 and p99 latency over the time of the run">${grid}<polyline class="p50" points="${line('p50')}"/><polyline class="p99" points="${line('p99')}"/>${times}<text x="${plot.width - 4}" y="12" text-anchor="end">p50 blue, p99 orange, logarithmic</text></svg>`
}

function histogramHtml(report: BenchReport): string {
  const bars = report.histogram ?? []
  if (bars.length === 0) return '<p>No call succeeded.</p>'
  const most = Math.max(1, ...bars.map((bar) => bar.count))
  const step = 22
  const rows = bars
    .map((bar, i) => {
      const width = (bar.count / most) * 620
      return `<text x="90" y="${i * step + 15}" text-anchor="end">${roundedMs(bar.mark * 1e9)} ms</text><rect class="bar" x="100" y="${i * step + 3}" width="${Math.max(bar.count > 0 ? 1 : 0, width).toFixed(1)}" height="16"/><text x="${(106 + width).toFixed(1)}" y="${i * step + 15}">${bar.count.toLocaleString('en-US')}  ${(bar.frequency * 100).toFixed(2)} %</text>`
    })
    .join('')
  return `<svg viewBox="0 0 900 ${bars.length * step}" role="img" aria-label="Histogram of latencies">${rows}</svg>`
}

function countTable(
  counts: Readonly<Record<string, number>>,
  title: string,
  total: number,
): string {
  const rows = Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(
      ([name, times]) =>
        `<tr><td>${escapeHtml(name)}</td><td>${times.toLocaleString('en-US')}</td><td>${((times / Math.max(1, total)) * 100).toFixed(2)} %</td></tr>`,
    )
  return `<table><thead><tr><th>${title}</th><th>Count</th><th>Share</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it may stand in HTML, in attributes too. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (character) => entities[character] ?? character)
}
