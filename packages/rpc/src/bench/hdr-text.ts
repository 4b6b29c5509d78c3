import type { Histogram } from '@tidemill/core'
import { bucketValues } from './corrected.ts'

/** Lines per halving of the distance to 100 %, as HdrHistogram's own tools print. */
const ticksPerHalf = 5

/** The percentile distribution in HdrHistogram's text form (`.hgrm`), values in milliseconds; plotters read it. */
export function hdrText(histogram: Histogram, unitsPerMs: number): string {
  const lines = ['       Value     Percentile TotalCount 1/(1-Percentile)', '']
  const { count } = histogram
  const row = (value: number, share: number, total: number): string => {
    const head = `${fixed(value / unitsPerMs, 3, 12)} ${share.toFixed(12)} ${String(total).padStart(10)}`
    return share >= 1 ? head : `${head} ${fixed(1 / (1 - share), 2, 14)}`
  }
  for (const { value, share, total } of steps(histogram)) lines.push(row(value, share, total))
  let squares = 0
  for (const [value, times] of bucketValues(histogram)) {
    squares += (value - histogram.mean) ** 2 * times
  }
  const deviation = count === 0 ? 0 : Math.sqrt(squares / count)
  lines.push(
    `#[Mean    = ${fixed(histogram.mean / unitsPerMs, 3, 12)}, StdDeviation   = ${fixed(deviation / unitsPerMs, 3, 12)}]`,
    `#[Max     = ${fixed(histogram.max / unitsPerMs, 3, 12)}, Total count    = ${String(count).padStart(12)}]`,
    `#[Buckets = ${String(53).padStart(12)}, SubBuckets     = ${String(64).padStart(12)}]`,
  )
  return lines.join('\n')
}

interface Step {
  readonly value: number
  readonly share: number
  readonly total: number
}

function steps(histogram: Histogram): Step[] {
  const { count } = histogram
  if (count === 0) return []
  const values = [...bucketValues(histogram)]
  const found: Step[] = []
  let share = 0
  let index = 0
  let total = values[0]?.[1] ?? 0
  for (;;) {
    const wanted = Math.max(1, Math.ceil(share * count))
    while (total < wanted && index < values.length - 1) total += values[++index]?.[1] ?? 0
    const value = values[index]?.[0] ?? 0
    if (total >= count) {
      found.push({ value: histogram.max, share: 1, total: count })
      return found
    }
    found.push({ value, share, total })
    const halvings = Math.floor(Math.log2(1 / (1 - share))) + 1
    share += 1 / (ticksPerHalf * 2 ** halvings)
  }
}

function fixed(value: number, digits: number, width: number): string {
  return value.toFixed(digits).padStart(width)
}
