/** Percentages that ghz reports. */
export const ghzPercentages: readonly number[] = [10, 25, 50, 75, 90, 95, 99]

export interface LatencyRow {
  readonly percentage: number
  /** Nanoseconds. */
  readonly latency: number
}

/** A bar of the histogram: values up to `mark` seconds that the bar before does not hold. */
export interface HistogramBar {
  readonly mark: number
  readonly count: number
  readonly frequency: number
}

/** Seconds as Go's Duration.Seconds gives them: whole seconds and the fraction are added as two doubles. */
export function goSeconds(ns: number): number {
  const fraction = ns % 1e9
  return (ns - fraction) / 1e9 + fraction / 1e9
}

/** Nanoseconds of a double of seconds, cut as Go cuts: 1,978,340 ns may come back as 1,978,339, in ghz as here. */
export function goNanos(seconds: number): number {
  return Math.trunc(seconds * 1e9)
}

/** Index of the value at `percentage` of `count` sorted values by ghz's rule: trunc(p*n), one less when p*n is whole. */
export function ghzRank(percentage: number, count: number): number {
  const place = (percentage / 100) * count
  const index = Math.trunc(place)
  return Math.max(0, place === index ? index - 1 : index)
}

/** ghz's latency distribution of latencies in seconds, sorted. A value of 0 gives ghz's empty row. */
export function ghzLatencies(sorted: Float64Array): LatencyRow[] {
  return ghzPercentages.map((percentage) => {
    const seconds = sorted[ghzRank(percentage, sorted.length)] ?? 0
    return seconds > 0 ? { percentage, latency: goNanos(seconds) } : { percentage: 0, latency: 0 }
  })
}

const bars = 10

/** The 11 upper marks of ghz's histogram between the fastest and the slowest, in seconds. */
export function ghzMarks(fastest: number, slowest: number): number[] {
  const width = (slowest - fastest) / bars
  const marks = Array.from({ length: bars }, (_, i) => fastest + width * i)
  return [...marks, slowest]
}

/** ghz's histogram of latencies in seconds, sorted: eleven bars, the first holding only the fastest. */
export function ghzHistogram(sorted: Float64Array): HistogramBar[] {
  const marks = ghzMarks(sorted[0] ?? 0, sorted.at(-1) ?? 0)
  const counts = marks.map(() => 0)
  let bar = 0
  for (const value of sorted) {
    while (bar < bars && value > (marks[bar] as number)) bar++
    counts[bar] = (counts[bar] as number) + 1
  }
  return toBars(marks, counts, sorted.length)
}

/** Bars of counted values, for when there are too many to keep: each value lands in the first bar that holds it. */
export function countedHistogram(
  fastest: number,
  slowest: number,
  values: Iterable<readonly [number, number]>,
): HistogramBar[] {
  const marks = ghzMarks(fastest, slowest)
  const counts = marks.map(() => 0)
  let total = 0
  for (const [value, times] of values) {
    const bar = Math.max(
      0,
      marks.findIndex((mark) => value <= mark),
    )
    counts[value > slowest ? bars : bar] = (counts[value > slowest ? bars : bar] as number) + times
    total += times
  }
  return toBars(marks, counts, total)
}

function toBars(
  marks: readonly number[],
  counts: readonly number[],
  total: number,
): HistogramBar[] {
  return marks.map((mark, i) => ({
    mark,
    count: counts[i] ?? 0,
    frequency: (counts[i] ?? 0) / total,
  }))
}
