import { createHistogram, type Histogram } from '@tidemill/core'

/**
 * What callers would have seen who do not wait for each other (HdrHistogram's correction for coordinated omission): a
 * call that took longer than the expected interval stands for those that a worker could not start meanwhile, each one
 * interval shorter. Unit: that of the histogram. An interval of 0 corrects nothing.
 */
export function correctedHistogram(recorded: Histogram, interval: number): Histogram {
  const corrected = createHistogram()
  corrected.merge(recorded)
  if (interval <= 0) return corrected
  for (const [value, times] of bucketValues(recorded)) {
    for (let missed = value - interval; missed >= interval; missed -= interval) {
      corrected.record(missed, times)
    }
  }
  return corrected
}

/** The middle value of each bucket that is not empty, rising, and how often it came; ends are exact. */
export function* bucketValues(histogram: Histogram): Generator<readonly [number, number]> {
  const { buckets, min, max } = histogram.snapshot()
  for (const [bucket, times] of buckets) {
    // The bucket's number is its power of two (from -10) and 64 parts of it, as the histogram's docs say.
    const middle = 2 ** ((bucket >> 6) - 10) * (1 + ((bucket & 63) + 0.5) / 64)
    yield [Math.min(Math.max(middle, min), max), times]
  }
}
