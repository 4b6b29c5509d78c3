/** What a histogram held at one moment: plain data that crosses threads and JSON, and merges into another. */
export interface HistogramSnapshot {
  readonly count: number
  readonly sum: number
  /** Smallest and largest value, exact; 0 when nothing was recorded. */
  readonly min: number
  readonly max: number
  /** `[bucket, count]` of every bucket that is not empty, buckets rising. */
  readonly buckets: readonly (readonly [number, number])[]
}

/**
 * Counts values in buckets whose width is 1/64 of their power of two, as HdrHistogram does: any
 * percentile is within 0.8 % of an exact one. The unit is the caller's.
 *
 * Exact bounds: values from 2^-10 (about 0.001) to 2^43 (about 8.8e12) keep that error. Smaller ones,
 * negative ones too, count as the smallest bucket and larger ones as the largest; NaN is not counted.
 * Every histogram has the same buckets, so any two merge.
 */
export interface Histogram {
  readonly count: number
  readonly sum: number
  /** Exact; 0 when empty. */
  readonly min: number
  /** Exact; 0 when empty. */
  readonly max: number
  /** Exact up to float rounding; 0 when empty. */
  readonly mean: number
  /** Adds a value. Allocates nothing once a value of the same power of two was seen. */
  record(value: number, times?: number): void
  /** The value that `percent` (0 to 100) of the recorded values do not exceed; 0 when empty. */
  percentile(percent: number): number
  merge(other: Histogram | HistogramSnapshot): void
  reset(): void
  snapshot(): HistogramSnapshot
}

const lowest = 2 ** -10
const octaveCount = 53
const largest = 2 ** (octaveCount - 10) * (1 - 2 ** -53)
const lowestExponent = 1023 - 10

// The upper half of a double is its exponent and the first 20 bits of its fraction: the bucket, shifted.
const double = new Float64Array(1)
const halves = new Uint32Array(double.buffer)
const upper = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

function bucketOf(value: number): number {
  double[0] = value < lowest ? lowest : value > largest ? largest : value
  return ((halves[upper] as number) >>> 14) - (lowestExponent << 6)
}

function middleOf(bucket: number): number {
  return 2 ** ((bucket >> 6) - 10) * (1 + ((bucket & 63) + 0.5) / 64)
}

// Numbers that change live in a typed array, because a double held in a closure is allocated per change.
const COUNT = 0
const SUM = 1
const MIN = 2
const MAX = 3

export function createHistogram(): Histogram {
  const totals = new Float64Array(4)
  // One array per power of two, made when it is first needed: most histograms span few of them.
  const octaves: (Float64Array | undefined)[] = Array.from({ length: octaveCount })

  const addToBucket = (bucket: number, times: number): void => {
    const octave = (octaves[bucket >> 6] ??= new Float64Array(64))
    octave[bucket & 63] = (octave[bucket & 63] as number) + times
  }
  const addToTotals = (times: number, sum: number, min: number, max: number): void => {
    const count = totals[COUNT] as number
    if (count === 0 || min < (totals[MIN] as number)) totals[MIN] = min
    if (count === 0 || max > (totals[MAX] as number)) totals[MAX] = max
    totals[COUNT] = count + times
    totals[SUM] = (totals[SUM] as number) + sum
  }
  const bucketAtRank = (rank: number): number => {
    let left = rank
    for (const [o, octave] of octaves.entries()) {
      if (octave === undefined) continue
      for (let i = 0; i < 64; i++) {
        left -= octave[i] as number
        if (left <= 0) return (o << 6) | i
      }
    }
    return (octaveCount << 6) - 1
  }

  const histogram: Histogram = {
    get count() {
      return totals[COUNT] as number
    },
    get sum() {
      return totals[SUM] as number
    },
    get min() {
      return totals[MIN] as number
    },
    get max() {
      return totals[MAX] as number
    },
    get mean() {
      const count = totals[COUNT] as number
      return count === 0 ? 0 : (totals[SUM] as number) / count
    },
    record(value, times = 1) {
      if (Number.isNaN(value)) return
      addToBucket(bucketOf(value), times)
      addToTotals(times, value * times, value, value)
    },
    percentile(percent) {
      const count = totals[COUNT] as number
      if (count === 0) return 0
      const rank = Math.ceil((count * Math.min(Math.max(percent, 0), 100)) / 100)
      if (rank >= count) return totals[MAX] as number
      if (rank <= 1) return totals[MIN] as number
      const value = middleOf(bucketAtRank(rank))
      return Math.min(Math.max(value, totals[MIN] as number), totals[MAX] as number)
    },
    merge(other) {
      const { count, sum, min, max, buckets } = 'buckets' in other ? other : other.snapshot()
      if (count === 0) return
      for (const [bucket, times] of buckets) addToBucket(bucket, times)
      addToTotals(count, sum, min, max)
    },
    reset() {
      totals.fill(0)
      for (const octave of octaves) octave?.fill(0)
    },
    snapshot() {
      const buckets: [number, number][] = []
      for (const [o, octave] of octaves.entries()) {
        octave?.forEach((times, i) => {
          if (times > 0) buckets.push([(o << 6) | i, times])
        })
      }
      const { count, sum, min, max } = histogram
      return { count, sum, min, max, buckets }
    },
  }
  return histogram
}
