import type { SeriesPoint } from './latency-series.ts'

const rows = 6
const widest = 50

/**
 * The p99 and the p50 of each stretch of a run as a plot of at most 50 columns, `#` up to the p50 and `|` from there to
 * the p99, on a logarithmic scale; empty for fewer than two stretches.
 */
export function latencyPlot(series: readonly SeriesPoint[]): string[] {
  const columns = condense(series.filter((point) => point.count > 0))
  if (columns.length < 2) return []
  const low = Math.max(0.001, Math.min(...columns.map((point) => point.p50)) / 1.5)
  const high = Math.max(low * 2, ...columns.map((point) => point.p99))
  const level = (ms: number): number =>
    ms <= low ? 0 : Math.min(rows, Math.round((Math.log(ms / low) / Math.log(high / low)) * rows))
  const lines: string[] = []
  for (let row = rows; row >= 1; row--) {
    const value = low * (high / low) ** (row / rows)
    const cells = columns.map((point) => {
      if (row <= Math.max(1, level(point.p50))) return '#'
      return row <= level(point.p99) ? '|' : ' '
    })
    lines.push(`  ${axis(value)} ${cells.join('').trimEnd()}`)
  }
  const last = series.at(-1)
  const end = last === undefined ? 0 : (last.fromMs + last.widthMs) / 1000
  lines.push(
    `${' '.repeat(13)}0 s${`${end.toFixed(1)} s`.padStart(Math.max(6, columns.length - 3))}  # p50, | p99`,
  )
  return lines
}

function axis(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`.padStart(10)
}

/** Neighbours joined until they fit; the joined column shows the worse of them. */
function condense(points: readonly SeriesPoint[]): readonly SeriesPoint[] {
  const each = Math.ceil(points.length / widest)
  if (each <= 1) return points
  const joined: SeriesPoint[] = []
  for (let i = 0; i < points.length; i += each) {
    const group = points.slice(i, i + each)
    const first = group[0] as SeriesPoint
    joined.push({
      ...first,
      p50: Math.max(...group.map((point) => point.p50)),
      p99: Math.max(...group.map((point) => point.p99)),
    })
  }
  return joined
}
