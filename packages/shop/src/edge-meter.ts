import { type Clock, createHistogram, type Histogram } from '@tidemill/core'
import type { Destination } from '@tidemill/saga'

/** Counters of one edge of the picture since the start. */
export interface EdgeCounters {
  readonly from: string
  readonly to: string
  readonly total: number
  readonly errors: number
  readonly p99Ms: number | null
}

/** Counts and times calls from one part to another. */
export interface EdgeMeter {
  measure<T>(call: () => Promise<T>): Promise<T>
  counters(): EdgeCounters
}

export function createEdgeMeter(from: string, to: string, clock: Clock): EdgeMeter {
  const latency: Histogram = createHistogram()
  let total = 0
  let errors = 0
  return {
    async measure(call) {
      const start = clock.monotonic()
      total++
      try {
        return await call()
      } catch (error) {
        errors++
        throw error
      } finally {
        latency.record(clock.monotonic() - start)
      }
    },
    counters: () => ({
      from,
      to,
      total,
      errors,
      p99Ms: latency.count === 0 ? null : latency.percentile(99),
    }),
  }
}

/** The destination, with its calls counted; a refusal is an answer, not an error. */
export function meterDestination(destination: Destination, meter: EdgeMeter): Destination {
  return (request, context) => meter.measure(() => destination(request, context))
}
