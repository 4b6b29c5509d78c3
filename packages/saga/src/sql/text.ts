import type { Dialect } from '@tidemill/sql'
import { sqliteText } from './sqlite.ts'

/**
 * Every statement of this package by name. A dialect is one object of this shape: adding an engine adds text, no
 * code. Lists travel as one JSON array parameter; a route is a pair [destination, definition]. Comments give the
 * parameters in order.
 */
export interface SagaText {
  /** tenant, bizKey */
  readonly sagasOfKey: string
  /** id, type, version, tenant, bizKey, seq, input, deadline, now, now; a row that exists already is left alone */
  readonly insertSaga: string
  /** id */
  readonly sagaById: string
  /** tenant, type, bizKey */
  readonly sagaByKey: string
  /** now, id, state version */
  readonly advanceSaga: string
  /** reason, ends as, now, id, state version */
  readonly turnSaga: string
  /** status, now, now, id, state version */
  readonly endSaga: string
  /** stuck, now, id, state version */
  readonly stickSaga: string
  /** tenant, bizKey, seq: the open sagas of the key before that one */
  readonly markWaited: string
  /** id */
  readonly dropDeadline: string
  /** id */
  readonly unstickSaga: string
  /** tenant, saga, definition, bizKey, step, direction, seq, bucket, to, attempts, unanswered, nextAt, owner, fence, now */
  readonly insertMessage: string
  /** now, outcome, result, error, tenant, bizKey, step, direction, seq, fence */
  readonly ackMessage: string
  /** now, outcome, result, error, tenant, bizKey, step, direction, seq */
  readonly ackUnfenced: string
  /** nextAt, uncounted attempts, error, tenant, bizKey, step, direction, seq, fence */
  readonly retryMessage: string
  /** now, error, tenant, bizKey, step, direction, seq, fence */
  readonly buryMessage: string
  /** error, tenant, bizKey, step, seq: the forward row of a step that was refused for good */
  readonly killMessage: string
  /** now, tenant, bizKey, step, seq: the forward row of a compensated step */
  readonly undoneMessage: string
  /** tenant, bizKey, seq */
  readonly messagesOfSaga: string
  /** now, tenant, bizKey, seq: forward rows that are pending or dead */
  readonly cancelForward: string
  /** tenant, bizKey, seq: the first pending row of that saga */
  readonly firstPending: string
  /** nextAt, owner, id */
  readonly leaseMessage: string
  /** tenant, bizKey, seq: is a row of an earlier saga of the key pending? */
  readonly pendingBefore: string
  /** now, tenant, bizKey, now: lets those that waited for their turn be found */
  readonly wakeKey: string
  /** saga: what the retention has kept of its messages */
  readonly oldStepsOfSaga: string
  /** tenant, bizKey, step, seq */
  readonly forwardDone: string
  /** tenant, bizKey, seq */
  readonly resultsOfSaga: string
  /** tenant, bizKey, seq: has that saga a dead letter? */
  readonly deadOfSaga: string
  /** message id */
  readonly messageById: string
  /** now, reason, id */
  readonly discardMessage: string
  /** payload or null, now, id */
  readonly redriveMessage: string
  /** now, tenant, bizKey, seq: pending rows that nobody delivers right now */
  readonly hastenSaga: string
  /** now, action, saga, message or null, reason */
  readonly insertAudit: string
  /** after id, limit */
  readonly deadMessages: string
  /** before id, limit */
  readonly listSagas: string
  /** before id, status, limit */
  readonly listSagasByStatus: string
  /** before id, limit */
  readonly listStuckSagas: string
  readonly countOpen: string
  readonly anyPending: string

  /** owner, until */
  readonly putMember: string
  /** now, latest believable until */
  readonly dropMembers: string
  readonly countMembers: string
  /** until, owner, now */
  readonly renewBuckets: string
  /** owner, now */
  readonly bucketsOf: string
  /** owner, until, now, latest believable until, limit */
  readonly takeBuckets: string
  /** owner, until */
  readonly takeAllBuckets: string
  /** owner, JSON buckets */
  readonly releaseBuckets: string
  /** owner */
  readonly dropMember: string
  /** now: what a dead owner of this file held */
  readonly releaseLeases: string

  /** destination, definition, due by, JSON buckets, now, limit */
  readonly dueTo: string
  /** now, JSON routes */
  readonly nextDue: string
  /** owner, nextAt, JSON ids */
  readonly claimMessages: string
  /** JSON saga ids */
  readonly sagasById: string
  /** JSON saga ids */
  readonly resultsById: string
  /** nextAt, tenant, bizKey, step, direction, seq, fence */
  readonly parkMessage: string
  /** now, JSON routes, latest believable nextAt */
  readonly mendClock: string
  /** now, JSON definitions, limit */
  readonly expiredSagas: string
  /** now */
  readonly nextDeadline: string
  /** after id, limit */
  readonly oldMessages: string
  /** JSON ids */
  readonly keepSteps: string
  /** JSON ids */
  readonly deleteMessages: string

  /** tenant, saga, step, op, reason, outcome, now; a row that exists already is left alone */
  readonly insertBarrier: string
  /** tenant, saga, step, op */
  readonly barrierRow: string
  /** outcome, result, tenant, saga, step, op */
  readonly setBarrier: string
  /** tenant, saga id below, created before, limit */
  readonly purgeBarrier: string
}

const texts: Readonly<Partial<Record<Dialect, SagaText>>> = { sqlite: sqliteText }

export function sagaText(dialect: Dialect): SagaText {
  const text = texts[dialect]
  if (text === undefined) throw new TypeError(`@tidemill/saga has no SQL text for ${dialect} yet`)
  return text
}
