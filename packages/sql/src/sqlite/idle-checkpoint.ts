import type { DatabaseSync } from 'node:sqlite'
import type { Clock, Timer } from '@tidemill/core'

const restMs = 1000

/** Empties the log of a database at rest, so that it is short when the next burst or the next opening comes. */
export interface IdleCheckpoint {
  /** Tells of a commit; cheap enough for each one. */
  committed(): void
  stop(): void
}

/** A passive checkpoint one to two seconds after the last commit; it waits for nobody and nobody waits for it. */
export function createIdleCheckpoint(db: DatabaseSync, clock: Clock): IdleCheckpoint {
  let timer: Timer | undefined
  let quiet = true
  const arm = (): void => {
    quiet = true
    timer = clock.timer(restMs, look, { ref: false })
  }
  const look = (): void => {
    timer = undefined
    if (!quiet || db.isTransaction) arm()
    else checkpoint(db)
  }
  return {
    committed() {
      quiet = false
      if (timer === undefined) arm()
    },
    stop: () => timer?.cancel(),
  }
}

function checkpoint(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch {
    // Nothing is lost: the log keeps it all, and the next commit reports what is wrong with the disk.
  }
}
