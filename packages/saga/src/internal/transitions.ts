import type { Program, Tx } from '@tidemill/sql'
import type { MessageKey, NextMessage, SagaCommand, SagaOutcome } from '../command.ts'
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
  if (!(yield* acknowledge(tx, message))) return late(sagaId)
  if (message.direction === 'compensate') return yield* undone(tx, definition, step, command)
  if (command.outcome === 'rejected') return yield* refused(tx, definition, step, command)
  yield* putStep(tx, sagaId, step, 1, 'done', command.attempt, command.result, null)
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

function* acknowledge(tx: Tx, message: MessageKey): Program<boolean> {
  const text = sagaText(tx.dialect)
  const { tenant, bizKey, step, direction, seq, fence } = message
  const code = directionCode(direction)
  const { changes } =
    fence === 0
      ? yield* tx.run(text.ackUnfenced, tx.now, tenant, bizKey, step, code, seq)
      : yield* tx.run(text.ackMessage, tx.now, tenant, bizKey, step, code, seq, fence)
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

function* putStep(
  tx: Tx,
  sagaId: string,
  step: { readonly name: string },
  direction: number,
  status: 'done' | 'rejected' | 'discarded',
  attempt: number,
  result: string | null,
  error: string | null,
): Program<void> {
  const text = sagaText(tx.dialect).putStep
  yield* tx.run(text, sagaId, step.name, direction, status, attempt, result, error, tx.now)
}

function* refused(
  tx: Tx,
  definition: SagaDefinition,
  step: StepDefinition,
  command: Command<'answer'>,
): Program<SagaOutcome> {
  const { sagaId, attempt, reason, result } = command
  const row = yield* mustFind(tx, sagaId)
  const why = `${step.name} was refused: ${reason ?? 'no reason given'}`
  yield* putStep(tx, sagaId, step, 1, 'rejected', attempt, result, reason)
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
  command: Command<'answer'>,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const { sagaId, attempt, result } = command
  const row = yield* mustFind(tx, sagaId)
  yield* putStep(tx, sagaId, step, 2, 'done', attempt, result, null)
  yield* tx.run(text.undoneMessage, tx.now, row.tenant, row.biz_key, step.name, row.seq)
  return yield* goBack(tx, definition, row, step.name)
}

function* goBack(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  stepName: string,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const saga = keyOf(row)
  const waiting = yield* tx.get<MessageRow>(text.firstPending, row.tenant, row.biz_key, row.seq)
  if (waiting === undefined) {
    const state = row.ends_as ?? 'compensated'
    return yield* end(tx, definition, saga, state, stepName, 0)
  }
  const known = yield* advance(tx, row.saga_id, row.state_version)
  yield* changed(tx, definition, row.saga_id, stepName)
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
    return yield* stick(tx, definition, row, `${step.name} is a dead letter: ${why}`, step.name)
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
  const text = sagaText(tx.dialect).stickSaga
  const stuck = why.slice(0, 1000)
  yield* mustChange(tx.run(text, stuck, tx.now, row.saga_id, row.state_version))
  yield* changed(tx, definition, row.saga_id, stepName)
  return { ...applied(row.saga_id), stuck: row.stuck === null }
}

function* expire(tx: Tx, definition: SagaDefinition, sagaId: string): Program<SagaOutcome> {
  const row = yield* mustFind(tx, sagaId)
  if (row.status !== 'running' || row.deadline_at === null || row.deadline_at > tx.now) {
    return late(sagaId)
  }
  if (yield* isCommitted(tx, definition, sagaId)) {
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
  if (yield* isCommitted(tx, definition, sagaId)) {
    throw sagaErrors.error('TM_SAGA_PIVOT_PASSED', { id: sagaId })
  }
  yield* tx.run(text.insertAudit, tx.now, 'compensate', sagaId, null, reason)
  return yield* turn(tx, definition, row, reason, 'cancelled', null)
}

/** Is the saga behind its point of no return? An unknown outcome of the pivot is not: it can still be undone. */
function* isCommitted(tx: Tx, definition: SagaDefinition, sagaId: string): Program<boolean> {
  const last = definition.steps[definition.commitIndex]
  if (last === undefined) return true
  const text = sagaText(tx.dialect).forwardStep
  const row = yield* tx.get<{ readonly status: string }>(text, sagaId, last.name)
  return row?.status === 'done'
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
  const { changes } = yield* tx.run(text.discardMessage, tx.now, id)
  if (message === undefined || changes === 0) throw sagaErrors.error('TM_SAGA_NOT_DEAD', { id })
  const row = yield* mustFind(tx, sagaId)
  const step = mustHaveStep(definition, sagaId, message.step)
  yield* tx.run(text.insertAudit, tx.now, 'discard', sagaId, id, reason)
  if (message.direction === 1 && step.index <= definition.commitIndex) {
    const why = `${step.name} was discarded: ${reason}`
    return yield* turn(tx, definition, row, why, 'compensated', step.name)
  }
  const { attempts, direction } = message
  yield* putStep(tx, sagaId, step, direction, 'discarded', attempts, null, reason)
  return direction === 2
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
  const rows = yield* tx.all<{ step: string; result: string }>(text.resultsOfSaga, sagaId)
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
