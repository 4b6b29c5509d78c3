/** A pending call; `cancel` after it ran, or twice, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * Where time comes from. Wall time (`now`) is for what people read and what is stored; monotonic time
 * is for everything that expires, so that a clock step changes no breaker, lease or timeout.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC, whole. */
  now(): number
  /** Milliseconds from an arbitrary start, never going back, with fractions. */
  monotonic(): number
  /** Calls `run` once after `ms`; delays beyond 2^31-1 ms are waited in parts. */
  timer(ms: number, run: () => void, options?: { readonly ref?: boolean }): Timer
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>
}

const longestTimeout = 2 ** 31 - 1

function realTimer(ms: number, run: () => void, ref: boolean): Timer {
  let handle: NodeJS.Timeout
  const arm = (left: number): void => {
    const part = Math.min(left, longestTimeout)
    handle = setTimeout(() => (left > part ? arm(left - part) : run()), part)
    if (!ref) handle.unref()
  }
  arm(Math.max(0, ms))
  return { cancel: () => clearTimeout(handle) }
}

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer: (ms, run, options) => realTimer(ms, run, options?.ref ?? true),
  sleep: (ms, options) => sleepOn(realClock, ms, options?.signal),
}

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Moves both times on, running due timers in order and letting promises settle between them. */
  advance(ms: number): Promise<void>
  /** Steps the wall clock alone, as an operator or NTP would. */
  step(ms: number): void
  /** How many timers wait. */
  readonly pending: number
}

/** Lets every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export function createVirtualClock(start = 1_700_000_000_000): VirtualClock {
  let elapsed = 0
  let offset = 0
  let order = 0
  const timers = new Map<number, { readonly at: number; readonly run: () => void }>()
  const earliest = (until: number): number | undefined => {
    let found: number | undefined
    for (const [id, timer] of timers) {
      if (timer.at > until) continue
      const best = found === undefined ? undefined : timers.get(found)
      if (best === undefined || timer.at < best.at) found = id
    }
    return found
  }
  const clock: VirtualClock = {
    now: () => Math.floor(start + offset + elapsed),
    monotonic: () => elapsed,
    timer(ms, run) {
      const id = order++
      timers.set(id, { at: elapsed + Math.max(0, ms), run })
      return { cancel: () => void timers.delete(id) }
    },
    sleep: (ms, options) => sleepOn(clock, ms, options?.signal),
    step(ms) {
      offset += ms
    },
    get pending() {
      return timers.size
    },
    async advance(ms) {
      const until = elapsed + ms
      await settle()
      for (let id = earliest(until); id !== undefined; id = earliest(until)) {
        const timer = timers.get(id)
        timers.delete(id)
        if (timer === undefined) continue
        elapsed = Math.max(elapsed, timer.at)
        timer.run()
        await settle()
      }
      elapsed = until
      await settle()
    },
  }
  return clock
}

function sleepOn(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
