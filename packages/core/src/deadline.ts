import type { Clock } from './clock.ts'
import { coreErrors } from './errors.ts'

/** A point on the monotonic clock by which something must be over. */
export interface Deadline {
  /** Milliseconds left, never below 0; Infinity for no deadline. */
  left(): number
  readonly expired: boolean
  /** The earlier of this deadline and `ms` from now. */
  within(ms: number): Deadline
}

export function createDeadline(clock: Clock, ms: number): Deadline {
  return at(clock, clock.monotonic() + ms)
}

function at(clock: Clock, end: number): Deadline {
  return {
    left: () => Math.max(0, end - clock.monotonic()),
    get expired() {
      return clock.monotonic() >= end
    },
    within: (ms) => at(clock, Math.min(end, clock.monotonic() + ms)),
  }
}

/** Runs `work` with a signal that aborts with TM_CORE_DEADLINE after `ms`; an outer signal aborts it too. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const controller = new AbortController()
  const timer = clock.timer(ms, () =>
    controller.abort(coreErrors.error('TM_CORE_DEADLINE', { what, ms })),
  )
  const signal =
    outer === undefined ? controller.signal : AbortSignal.any([outer, controller.signal])
  try {
    return await work(signal)
  } finally {
    timer.cancel()
  }
}
