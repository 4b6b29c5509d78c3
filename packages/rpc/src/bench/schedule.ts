/**
 * When calls are due. `at(index)` is the time in milliseconds since the start at which call `index` (from 0) should
 * begin, never falling as the index rises; Infinity when the schedule ends before it.
 */
export interface LoadSchedule {
  at(index: number): number
  /** Calls a second at that time; 0 when the schedule sets no rate. */
  rate(elapsedMs: number): number
}

/** How many workers there are at a time; the change is the caller's to make. */
export interface WorkerSchedule {
  readonly most: number
  /** How often the number changes; 0 for never. */
  readonly stepMs: number
  workers(elapsedMs: number): number
}

/** A load or a concurrency that moves in steps, as ghz's `step`; `line` is a step every second. */
export interface StepOptions {
  readonly start: number
  /** What each step adds; negative falls. */
  readonly step: number
  /** Where stepping ends; 0 means never for a rising one. */
  readonly end: number
  readonly stepMs: number
  /** Stepping ends after this time whatever `end` says; 0 means no such bound. */
  readonly maxMs: number
}

/** All calls are due at once: a closed loop without pace. */
export const unpaced: LoadSchedule = { at: () => 0, rate: () => 0 }

/** One call every 1/rate seconds, the first at 0. */
export function constantLoad(rate: number): LoadSchedule {
  if (rate <= 0) return unpaced
  const interval = 1000 / rate
  return { at: (index) => index * interval, rate: () => rate }
}

interface Segment {
  readonly fromMs: number
  readonly fromIndex: number
  readonly rate: number
}

/** A rate that rises or falls by `step` every `stepMs`, then stays at `end`. A rate that falls to 0 ends the load. */
export function stepLoad(options: StepOptions): LoadSchedule {
  const segments: Segment[] = [{ fromMs: 0, fromIndex: 0, rate: options.start }]
  const { lastStep, finalRate } = lastStepOf(options)
  const nextSegment = (last: Segment): Segment | undefined => {
    const step = segments.length
    if (step > lastStep || last.rate <= 0) return undefined
    const fromMs = step * options.stepMs
    const rate = step === lastStep ? finalRate : options.start + step * options.step
    return {
      fromMs,
      fromIndex: last.fromIndex + ((fromMs - last.fromMs) * last.rate) / 1000,
      rate: Math.max(0, rate),
    }
  }
  const segmentWhere = (before: (segment: Segment) => boolean): Segment => {
    for (;;) {
      const last = segments.at(-1) as Segment
      if (!before(last)) break
      const next = nextSegment(last)
      if (next === undefined) break
      segments.push(next)
    }
    return segments.findLast(before) ?? (segments[0] as Segment)
  }
  return {
    at(index) {
      const segment = segmentWhere((one) => one.fromIndex <= index)
      if (segment.rate <= 0) return Number.POSITIVE_INFINITY
      return segment.fromMs + ((index - segment.fromIndex) * 1000) / segment.rate
    },
    rate: (elapsedMs) => segmentWhere((one) => one.fromMs <= elapsedMs).rate,
  }
}

/** How many steps are made, and the rate after the last. */
function lastStepOf({ start, step, end, stepMs, maxMs }: StepOptions): {
  readonly lastStep: number
  readonly finalRate: number
} {
  if (maxMs > 0) {
    const lastStep = Math.floor(maxMs / stepMs)
    return { lastStep, finalRate: end > 0 ? end : start + lastStep * step }
  }
  if (step > 0 && end <= 0) return { lastStep: Number.POSITIVE_INFINITY, finalRate: 0 }
  return { lastStep: Math.max(0, Math.ceil((end - start) / step)), finalRate: end }
}

/** The same number of workers throughout. */
export function constantWorkers(count: number): WorkerSchedule {
  return { most: count, stepMs: 0, workers: () => count }
}

/** Workers that come or go by `step` every `stepMs` until `end`. */
export function stepWorkers(options: StepOptions, bound: number): WorkerSchedule {
  const { lastStep, finalRate } = lastStepOf(options)
  const at = (step: number): number => {
    const count = step >= lastStep ? finalRate : options.start + step * options.step
    return Math.min(bound, Math.max(0, count))
  }
  return {
    most: Math.max(at(0), at(Number.isFinite(lastStep) ? lastStep : Number.MAX_SAFE_INTEGER)),
    stepMs: options.stepMs,
    workers: (elapsedMs) => at(Math.floor(elapsedMs / options.stepMs)),
  }
}
