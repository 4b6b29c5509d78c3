import { channel } from 'node:diagnostics_channel'
import type { Logger } from '@tidemill/core'
import type { SagaOutcome } from '../command.ts'

export interface DispatcherCounters {
  attempts: number
  transitions: number
  claimed: number
  late: number
  failures: number
  completed: number
  compensated: number
  cancelled: number
  becameStuck: number
  dead: number
  parked: number
}

const endChannel = channel('tidemill:saga:end')
const stuckChannel = channel('tidemill:saga:stuck')

export function createCounters(): DispatcherCounters {
  return {
    attempts: 0,
    transitions: 0,
    claimed: 0,
    late: 0,
    failures: 0,
    completed: 0,
    compensated: 0,
    cancelled: 0,
    becameStuck: 0,
    dead: 0,
    parked: 0,
  }
}

/** Counts what a transition did and tells those who listen. */
export function account(outcome: SagaOutcome, counters: DispatcherCounters, logger: Logger): void {
  const { applied, ended, sagaId, stuck } = outcome
  if (!applied) {
    counters.late++
    return
  }
  counters.transitions++
  if (ended !== undefined) {
    counters[ended]++
    if (endChannel.hasSubscribers) endChannel.publish({ sagaId, state: ended })
  }
  if (stuck === true) {
    counters.becameStuck++
    logger.log('warn', 'a saga is stuck', { sagaId })
    if (stuckChannel.hasSubscribers) stuckChannel.publish({ sagaId })
  }
}
