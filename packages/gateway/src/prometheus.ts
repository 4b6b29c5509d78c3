import type { HistogramSnapshot } from '@tidemill/core'

/** A metric with all its series, plain data that crosses threads and processes. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How gauges of several workers become one; default `sum`. Counters and histograms are always summed. */
  readonly merge?: 'sum' | 'max' | 'min'
  readonly series: readonly MetricSeries[]
}

/** One series: a number, or a histogram in a histogram family. */
export interface MetricSeries {
  /** Name, value, name, value, ...; the same names in the same order in all series of a family. */
  readonly labels: readonly string[]
  readonly value: number | ClassicHistogram
}

export interface ClassicHistogram {
  /** How many values were at most each of {@link secondsBounds}, cumulative, without +Inf. */
  readonly buckets: readonly number[]
  readonly sum: number
  readonly count: number
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** Upper bounds of classic histograms of durations, in seconds. */
export const secondsBounds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** Series of one family that are shown; what is beyond them becomes one series whose labels are all `other`. */
export const mostSeries = 10_000

/** A histogram of milliseconds as one of seconds; a bucket of the fine one counts where its middle lies (within 0.8 %). */
export function classicHistogram(snapshot: HistogramSnapshot): ClassicHistogram {
  const buckets = new Array<number>(secondsBounds.length).fill(0)
  for (const [bucket, count] of snapshot.buckets) {
    // The buckets of core's histogram: 64 in each power of two from 2^-10 on.
    const middle = 2 ** ((bucket >> 6) - 10) * (1 + ((bucket & 63) + 0.5) / 64)
    const seconds = Math.min(Math.max(middle, snapshot.min), snapshot.max) / 1000
    for (let b = secondsBounds.length - 1; b >= 0 && seconds <= (secondsBounds[b] as number); b--) {
      buckets[b] = (buckets[b] as number) + count
    }
  }
  return { buckets, sum: snapshot.sum / 1000, count: snapshot.count }
}

/** The families of several workers as one set, in the order in which they first occur. */
export function mergeMetrics(workers: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const families = new Map<string, MetricFamily>()
  const series = new Map<string, Map<string, MetricSeries>>()
  for (const family of workers.flat()) {
    if (!families.has(family.name)) families.set(family.name, family)
    const merged = series.get(family.name) ?? new Map<string, MetricSeries>()
    series.set(family.name, merged)
    addSeries(merged, family.series, family.merge ?? 'sum')
  }
  return Array.from(families.values(), (family) => ({
    ...family,
    series: [...(series.get(family.name)?.values() ?? [])],
  }))
}

function addSeries(
  into: Map<string, MetricSeries>,
  list: readonly MetricSeries[],
  merge: 'sum' | 'max' | 'min',
): void {
  for (const one of list) {
    const key = JSON.stringify(one.labels)
    const before = into.get(key)
    into.set(
      key,
      before === undefined
        ? one
        : { labels: one.labels, value: join(before.value, one.value, merge) },
    )
  }
}

function join(
  a: MetricSeries['value'],
  b: MetricSeries['value'],
  merge: 'sum' | 'max' | 'min',
): MetricSeries['value'] {
  if (typeof a === 'number' || typeof b === 'number') {
    if (typeof a !== 'number' || typeof b !== 'number') return a
    return merge === 'sum' ? a + b : merge === 'max' ? Math.max(a, b) : Math.min(a, b)
  }
  return {
    buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)),
    sum: a.sum + b.sum,
    count: a.count + b.count,
  }
}

/** The text exposition format, version 0.0.4. Names come from code; help and label values may be anything. */
export function renderPrometheus(families: readonly MetricFamily[]): string {
  let text = ''
  for (const family of families) {
    const { name, type } = family
    const help = family.help.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    for (const { labels, value } of bounded(family)) {
      const inner = labelText(labels)
      if (typeof value === 'number') text += `${name}${braces(inner)} ${number(value)}\n`
      else text += renderHistogram(name, inner, value)
    }
  }
  return text
}

/** The series that are shown. */
function bounded(family: MetricFamily): readonly MetricSeries[] {
  const { series } = family
  if (series.length <= mostSeries) return series
  const rest = new Map<string, MetricSeries>()
  const others = series.slice(mostSeries - 1).map(({ labels, value }) => ({
    labels: labels.map((text, i) => (i % 2 === 0 ? text : 'other')),
    value,
  }))
  addSeries(rest, others, family.merge ?? 'sum')
  return [...series.slice(0, mostSeries - 1), ...rest.values()]
}

function renderHistogram(name: string, labels: string, histogram: ClassicHistogram): string {
  const comma = labels === '' ? '' : ','
  let text = ''
  for (const [i, bound] of secondsBounds.entries()) {
    text += `${name}_bucket{${labels}${comma}le="${bound}"} ${number(histogram.buckets[i] ?? 0)}\n`
  }
  text += `${name}_bucket{${labels}${comma}le="+Inf"} ${number(histogram.count)}\n`
  text += `${name}_sum${braces(labels)} ${number(histogram.sum)}\n`
  return `${text}${name}_count${braces(labels)} ${number(histogram.count)}\n`
}

function labelText(labels: readonly string[]): string {
  let text = ''
  for (let i = 0; i < labels.length; i += 2) {
    text += `${i === 0 ? '' : ','}${labels[i] ?? ''}="${escapeLabel(labels[i + 1] ?? '')}"`
  }
  return text
}

function escapeLabel(value: string): string {
  if (!/[\\"\n\ud800-\udfff]/u.test(value)) return value
  return value
    .toWellFormed()
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
