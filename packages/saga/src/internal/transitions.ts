import type { Program, Tx } from '@tidemill/sql'
import type { NextMessage, SagaCommand, SagaOutcome } from '../command.ts'
import type { SagaDefinition, StepDefinition } from '../definition.ts'
import { sagaErrors } from '../errors.ts'
import type { SagaFacts } from '../saga.ts'
import { sagaText } from '../sql/text.ts'
import type { Json } from '../step.ts'
import { parseJson } from './json.ts'
import { insertMessage, leaseWaiting, type SagaKey } from './message.ts'
import { directionCode, directionName, type MessageRow, type SagaRow } from './row.ts'
import { start } from './start.ts'

/** Failed attempts of a compensation, after which a person is called; the retries go on. */
export const alertAfter = 5

type Command<Do extends SagaCommand['do']> = Extract<SagaCommand, { readonly do: Do }>

/** Runs one transition of one saga in the transaction of `tx`, hooks included. */
export function* runCommand(
  tx: Tx,
  definition: SagaDefinition,
  command: SagaCommand,
): Program<SagaOutcome> {
  switch (command.do) {
    case 'start': {
      const started = yield* start(tx, definition, command)
      return { ...applied(started.sagaId), applied: !started.existing, started }
    }
    case 'answer':
      return yield* answer(tx, definition, command)
    case 'fail':
      return yield* fail(tx, definition, command)
    case 'expire':
      return yield* expire(tx, definition, command.sagaId)
    case 'compensate':
      return yield* order(tx, definition, command)
    case 'discard':
      return yield* discard(tx, definition, command)
  }
}

/** The command came too late: the message is somebody else's now, or the saga has ended. */
function late(sagaId: string): SagaOutcome {
  return { applied: false, sagaId }
}

function applied(sagaId: string): SagaOutcome {
  return { applied: true, sagaId }
}

/** The saga goes on with `next`, or waits for its turn when that is null. */
function going(sagaId: string, next: NextMessage | null): SagaOutcome {
  return next === null ? { applied: true, sagaId, wake: true } : { applied: true, sagaId, next }
}

function* mustFind(tx: Tx, sagaId: string): Program<SagaRow> {
  const row = yield* tx.get<SagaRow>(sagaText(tx.dialect).sagaById, sagaId)
  if (row === undefined) throw sagaErrors.error('TM_SAGA_NOT_FOUND', { what: 'saga', id: sagaId })
  return row
}

function mustHaveStep(definition: SagaDefinition, sagaId: string, name: string): StepDefinition {
  const step = definition.steps.find((candidate) => candidate.name === name)
  if (step === undefined) throw sagaErrors.error('TM_SAGA_UNKNOWN_STEP', { sagaId, step: name })
  return step
}

function keyOf(row: SagaRow): SagaKey {
  return { sagaId: row.saga_id, tenant: row.tenant, bizKey: row.biz_key, seq: row.seq }
}

/** T1, T2 and T3: a definitive answer. */
function* answer(
  tx: Tx,
  definition: SagaDefinition,
  command: Command<'answer'>,
): Program<SagaOutcome> {
  const { sagaId, message } = command
  const step = mustHaveStep(definition, sagaId, message.step)
  if (!(yield* acknowledge(tx, command))) return late(sagaId)
  if (message.direction === 'compensate') return yield* undone(tx, definition, step, sagaId)
  if (command.outcome === 'rejected') return yield* refused(tx, definition, step, command)
  return yield* goOn(tx, definition, { sagaId, ...message }, step, message.version)
}

/** T1: the step after `step`, or the end. */
function* goOn(
  tx: Tx,
  definition: SagaDefinition,
  saga: SagaKey,
  step: StepDefinition,
  version: number,
): Program<SagaOutcome> {
  const following = definition.steps[step.index + 1]
  if (following === undefined) {
    return yield* end(tx, definition, saga, 'completed', step.name, version)
  }
  const known = yield* advance(tx, saga.sagaId, version)
  yield* changed(tx, definition, saga.sagaId, step.name)
  const leased = saga.seq === 0 || !(yield* hasPredecessor(tx, saga))
  const next = yield* insertMessage(tx, definition, saga, following, 'action', leased, known)
  return going(saga.sagaId, next)
}

/** Writes the answer into the message that asked; false when the message is not the answerer's any more. */
function* acknowledge(tx: Tx, command: Command<'answer'>): Program<boolean> {
  const text = sagaText(tx.dialect)
  const { outcome, result, reason } = command
  const { tenant, bizKey, step, direction, seq, fence } = command.message
  const error = outcome === 'rejected' ? reason : null
  const code = directionCode(direction)
  const values = [tx.now, outcome, result, error, tenant, bizKey, step, code, seq] as const
  const { changes } =
    fence === 0
      ? yield* tx.run(text.ackUnfenced, ...values)
      : yield* tx.run(text.ackMessage, ...values, fence)
  return changes === 1
}

function* hasPredecessor(tx: Tx, saga: SagaKey): Program<boolean> {
  const text = sagaText(tx.dialect).pendingBefore
  return (yield* tx.get(text, saga.tenant, saga.bizKey, saga.seq)) !== undefined
}

/**
 * The CAS on state_version. Who holds a message's fence is alone in moving its saga, so the version that came with
 * the message nearly always holds and spares reading the row; what else raises it (a mark, a neighbour that waits)
 * does not move the saga. Gives the new version, or 0 when the next transition must read the row.
 */
function* advance(tx: Tx, sagaId: string, version: number): Program<number> {
  const text = sagaText(tx.dialect)
  if (version > 0) {
    const { changes } = yield* tx.run(text.advanceSaga, tx.now, sagaId, version)
    if (changes === 1) return version + 1
  }
  const row = yield* mustFind(tx, sagaId)
  yield* mustChange(tx.run(text.advanceSaga, tx.now, sagaId, row.state_version))
  return row.waited === 0 ? row.state_version + 1 : 0
}

function* mustChange(update: Program<{ readonly changes: number }>): Program<void> {
  const { changes } = yield* update
  if (changes !== 1) throw new Error('a saga changed under the transaction that had read it')
}

function* refused(
  tx: Tx,
  definition: SagaDefinition,
  step: StepDefinition,
  command: Command<'answer'>,
): Program<SagaOutcome> {
  const { sagaId, reason } = command
  const row = yield* mustFind(tx, sagaId)
  const why = `${step.name} was refused: ${reason ?? 'no reason given'}`
  if (step.index <= definition.commitIndex) {
    return yield* turn(tx, definition, row, why, 'compensated', step.name)
  }
  // Behind the point of no return nothing can be undone, and the refusal would only be repeated.
  const text = sagaText(tx.dialect).killMessage
  yield* tx.run(text, why, row.tenant, row.biz_key, step.name, row.seq)
  return yield* stick(tx, definition, row, why, step.name)
}

/** T3: one compensation is done; the next in line is leased to the caller, or the saga has ended. */
function* undone(
  tx: Tx,
  definition: SagaDefinition,
  step: StepDefinition,
  sagaId: string,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const row = yield* mustFind(tx, sagaId)
  yield* tx.run(text.undoneMessage, tx.now, row.tenant, row.biz_key, step.name, row.seq)
  return yield* goBack(tx, definition, row, step.name)
}

/**
 * The compensation after `stepName`, or the end. A dead letter among the compensations keeps the saga open and stuck:
 * what it was to undo is not undone.
 */
function* goBack(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  stepName: string,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const saga = keyOf(row)
  const key = [row.tenant, row.biz_key, row.seq] as const
  const waiting = yield* tx.get<MessageRow>(text.firstPending, ...key)
  const dead = (yield* tx.get(text.deadOfSaga, ...key)) !== undefined
  if (waiting === undefined && !dead) {
    const state = row.ends_as ?? 'compensated'
    return yield* end(tx, definition, saga, state, stepName, 0)
  }
  if (dead) yield* setStuck(tx, row, row.stuck ?? 'a compensation is a dead letter')
  const known = dead ? 0 : yield* advance(tx, row.saga_id, row.state_version)
  yield* changed(tx, definition, row.saga_id, stepName)
  if (waiting === undefined || isUnderWay(waiting, tx.now)) return applied(row.saga_id)
  const step = mustHaveStep(definition, row.saga_id, waiting.step)
  const direction = directionName(waiting.direction)
  return going(row.saga_id, yield* leaseWaiting(tx, waiting, step, direction, known))
}

/**
 * T2: turns back. Every step that has a forward message was started or may have been, whatever is known of its
 * outcome, so each gets a compensation; the barrier tells those that have nothing to undo.
 */
function* turn(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  reason: string,
  endsAs: 'compensated' | 'cancelled',
  stepName: string | null,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const saga = keyOf(row)
  yield* mustChange(tx.run(text.turnSaga, reason, endsAs, tx.now, row.saga_id, row.state_version))
  yield* changed(tx, definition, row.saga_id, stepName)
  yield* tx.run(text.cancelForward, tx.now, row.tenant, row.biz_key, row.seq)
  const messages = yield* tx.all<MessageRow>(text.messagesOfSaga, row.tenant, row.biz_key, row.seq)
  const begun = messages
    .filter((message) => message.direction === 1)
    .map((message) => mustHaveStep(definition, row.saga_id, message.step))
    .toSorted((a, b) => b.index - a.index)
  const free = row.seq === 0 || !(yield* hasPredecessor(tx, saga))
  let next: NextMessage | null = null
  for (const [position, step] of begun.entries()) {
    const leased = free && position === 0
    const message = yield* insertMessage(tx, definition, saga, step, 'compensate', leased, 0)
    next ??= message
  }
  return going(row.saga_id, next)
}

function* end(
  tx: Tx,
  definition: SagaDefinition,
  saga: SagaKey,
  state: 'completed' | 'compensated' | 'cancelled',
  stepName: string,
  version: number,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const { sagaId } = saga
  const quick =
    version > 0 &&
    (yield* tx.run(text.endSaga, state, tx.now, tx.now, sagaId, version)).changes === 1
  let waited = false
  if (!quick) {
    const row = yield* mustFind(tx, sagaId)
    waited = row.waited !== 0
    yield* mustChange(tx.run(text.endSaga, state, tx.now, tx.now, sagaId, row.state_version))
  }
  yield* changed(tx, definition, sagaId, stepName)
  const { spec } = definition
  if (spec.onEnd !== undefined) yield* spec.onEnd(tx, yield* factsOf(tx, sagaId, stepName))
  if (waited) yield* tx.run(text.wakeKey, tx.now, saga.tenant, saga.bizKey, tx.now)
  return { applied: true, sagaId, ended: state, ...(waited ? { wake: true } : {}) }
}

/** An attempt without a definitive answer. */
function* fail(tx: Tx, definition: SagaDefinition, command: Command<'fail'>): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const { sagaId, message, error, as, attempt } = command
  const step = mustHaveStep(definition, sagaId, message.step)
  const code = directionCode(message.direction)
  const { tenant, bizKey, seq, fence } = message
  const key = [tenant, bizKey, message.step, code, seq, fence] as const
  const why = error.split('\n')[0] ?? ''
  if (as === 'bury') {
    const { changes } = yield* tx.run(text.buryMessage, tx.now, error, ...key)
    if (changes === 0) return late(sagaId)
    const row = yield* mustFind(tx, sagaId)
    // The compensations before this one in the saga need not wait for a person.
    yield* tx.run(text.hastenSaga, tx.now, tenant, bizKey, seq)
    const stuck = yield* stick(
      tx,
      definition,
      row,
      `${step.name} is a dead letter: ${why}`,
      step.name,
    )
    return { ...stuck, wake: true }
  }
  const uncounted = as === 'busy' ? 1 : 0
  const due = tx.now + Math.ceil(command.delayMs)
  const { changes } = yield* tx.run(text.retryMessage, due, uncounted, error, ...key)
  if (changes === 0) return late(sagaId)
  const forward = message.direction === 'action'
  if (as === 'busy' || attempt < (forward ? step.retry.max : alertAfter)) return applied(sagaId)
  const row = yield* mustFind(tx, sagaId)
  const reason = `${step.name} failed ${attempt} times: ${why}`
  if (forward && step.index <= definition.commitIndex) {
    return yield* turn(tx, definition, row, reason, 'compensated', step.name)
  }
  return row.stuck === null ? yield* stick(tx, definition, row, reason, step.name) : applied(sagaId)
}

/** T4: a person is needed; what can be retried is retried all the same. */
function* stick(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  why: string,
  stepName: string,
): Program<SagaOutcome> {
  yield* setStuck(tx, row, why)
  yield* changed(tx, definition, row.saga_id, stepName)
  return { ...applied(row.saga_id), stuck: row.stuck === null }
}

function setStuck(tx: Tx, row: SagaRow, why: string): Program<void> {
  const text = sagaText(tx.dialect).stickSaga
  return mustChange(tx.run(text, why.slice(0, 1000), tx.now, row.saga_id, row.state_version))
}

/** Somebody delivers it right now. */
function isUnderWay(row: MessageRow, now: number): boolean {
  return row.lease_owner !== null && row.next_at > now
}

function* expire(tx: Tx, definition: SagaDefinition, sagaId: string): Program<SagaOutcome> {
  const row = yield* mustFind(tx, sagaId)
  if (row.status !== 'running' || row.deadline_at === null || row.deadline_at > tx.now) {
    return late(sagaId)
  }
  if (yield* isCommitted(tx, definition, row)) {
    yield* tx.run(sagaText(tx.dialect).dropDeadline, sagaId)
    return late(sagaId)
  }
  return yield* turn(tx, definition, row, 'the deadline passed', 'compensated', null)
}

/** A person orders the compensation. */
function* order(
  tx: Tx,
  definition: SagaDefinition,
  command: Command<'compensate'>,
): Program<SagaOutcome> {
  const { sagaId, reason } = command
  const text = sagaText(tx.dialect)
  const row = yield* mustFind(tx, sagaId)
  if (row.ended_at !== null) {
    throw sagaErrors.error('TM_SAGA_ENDED', { id: sagaId, state: row.status })
  }
  if (row.status === 'compensating') return late(sagaId)
  if (yield* isCommitted(tx, definition, row)) {
    throw sagaErrors.error('TM_SAGA_PIVOT_PASSED', { id: sagaId })
  }
  yield* tx.run(text.insertAudit, tx.now, 'compensate', sagaId, null, reason)
  return yield* turn(tx, definition, row, reason, 'cancelled', null)
}

/** Is the saga behind its point of no return? An unknown outcome of the pivot is not: it can still be undone. */
function* isCommitted(tx: Tx, definition: SagaDefinition, row: SagaRow): Program<boolean> {
  const last = definition.steps[definition.commitIndex]
  if (last === undefined) return true
  const text = sagaText(tx.dialect).forwardDone
  return (yield* tx.get(text, row.tenant, row.biz_key, last.name, row.seq)) !== undefined
}

/**
 * A person gives up on a dead letter. A forward step before the point of no return makes the saga compensate; any
 * other counts as over, without a result, and the saga goes on.
 */
function* discard(
  tx: Tx,
  definition: SagaDefinition,
  command: Command<'discard'>,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const { id, reason, sagaId } = command
  const message = yield* tx.get<MessageRow>(text.messageById, id)
  const { changes } = yield* tx.run(text.discardMessage, tx.now, reason, id)
  if (message === undefined || changes === 0) throw sagaErrors.error('TM_SAGA_NOT_DEAD', { id })
  const row = yield* mustFind(tx, sagaId)
  const step = mustHaveStep(definition, sagaId, message.step)
  yield* tx.run(text.insertAudit, tx.now, 'discard', sagaId, id, reason)
  if (message.direction === 1 && step.index <= definition.commitIndex) {
    const why = `${step.name} was discarded: ${reason}`
    return yield* turn(tx, definition, row, why, 'compensated', step.name)
  }
  return message.direction === 2
    ? yield* goBack(tx, definition, row, step.name)
    : yield* goOn(tx, definition, keyOf(row), step, 0)
}

function* changed(
  tx: Tx,
  definition: SagaDefinition,
  sagaId: string,
  step: string | null,
): Program<void> {
  const { spec } = definition
  if (spec.onChange !== undefined) yield* spec.onChange(tx, yield* factsOf(tx, sagaId, step))
}

function* factsOf(tx: Tx, sagaId: string, step: string | null): Program<SagaFacts> {
  const text = sagaText(tx.dialect)
  const row = yield* mustFind(tx, sagaId)
  const rows = yield* tx.all<{ step: string; result: string }>(
    text.resultsOfSaga,
    row.tenant,
    row.biz_key,
    row.seq,
  )
  const results: Record<string, Json> = {}
  for (const found of rows) results[found.step] = parseJson(found.result)
  return {
    id: row.saga_id,
    type: row.type,
    version: row.def_version,
    tenant: row.tenant,
    bizKey: row.biz_key,
    input: parseJson(row.data),
    state: row.stuck === null ? row.status : 'stuck',
    results,
    reason: row.stuck ?? row.reason,
    step,
  }
}
