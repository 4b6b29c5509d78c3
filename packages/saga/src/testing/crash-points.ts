/** Places where a process can be made to die, named as in the list of crash points. */
export interface CrashPoints {
  /** Kills this process with SIGKILL when it is the k-th pass of the point that was asked for. */
  pass(point: string): void
}

/**
 * Reads `CPn:k` (as from the environment variable TM_CRASH_AT). Without it every pass is free. A pass may happen in a
 * worker thread: it counts for itself.
 */
export function createCrashPoints(spec: string | undefined): CrashPoints {
  const [, wanted, at] = /^(CP\d+):(\d+)$/u.exec(spec ?? '') ?? []
  let left = Number(at ?? 0)
  return {
    pass(point) {
      if (point !== wanted) return
      left--
      if (left === 0) process.kill(process.pid, 'SIGKILL')
    },
  }
}
