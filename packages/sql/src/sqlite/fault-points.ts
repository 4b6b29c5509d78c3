import type { Faults } from './messages.ts'

/** Where a test may interfere with the writer. Does nothing unless faults are set. */
export interface FaultPoints {
  set(faults: Faults): void
  beforeCommit(): void
  afterCommit(): void
}

export function createFaultPoints(initial: Faults | null): FaultPoints {
  let faults: Faults = initial ?? {}
  let commits = 0
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const crash = (when: 'before-commit' | 'after-commit'): void => {
    if (faults.crash?.when === when && commits === faults.crash.at) {
      // Not an Error on purpose: nothing in the worker may catch it and go on.
      process.exit(86)
    }
  }
  return {
    set(next) {
      faults = next
      commits = 0
    },
    beforeCommit() {
      commits++
      crash('before-commit')
      if (commits === faults.failCommit?.at) {
        const { errcode } = faults.failCommit
        const error = new Error(`injected failure ${errcode}`)
        throw Object.assign(error, { code: 'ERR_SQLITE_ERROR', errcode, errstr: 'injected' })
      }
    },
    afterCommit() {
      if (faults.fsyncDelayMs !== undefined) Atomics.wait(cell, 0, 0, faults.fsyncDelayMs)
      crash('after-commit')
    },
  }
}
