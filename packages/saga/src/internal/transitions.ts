import type { Program, Tx } from '@tidemill/sql'
import type { MessageKey, SagaCommand, SagaOutcome } from '../command.ts'
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
      return { ...nothing(started.sagaId), applied: !started.existing, started }
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

function nothing(sagaId: string): SagaOutcome {
  return { applied: false, sagaId, ended: null, stuck: false, next: null, started: null, wake: false }
}

function* mustFind(tx: Tx, sagaId: string): Program<SagaRow> {
  const row = yield* tx.get<SagaRow>(sagaText(tx.dialect).sagaById, sagaId)
  if (row === undefined) throw sagaErrors.error('TM_SAGA_NOT_FOUND', { what: 'saga', id: sagaId })
  return row
}

function mustHaveStep(definition: SagaDefinition, sagaId: string, name: string): StepDefinition {
  const step = definition.steps.find((candidate) => candidate.name === name)
  if (step === undefined) {
    throw sagaErrors.error('TM_SAGA_UNKNOWN_STEP', { sagaId, step: name })
  }
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
  const late = nothing(sagaId)
  if (!(yield* acknowledge(tx, message))) return late
  const row = yield* mustFind(tx, sagaId)
  if (message.direction === 'compensate') return yield* undone(tx, definition, row, step, command)
  if (command.outcome === 'rejected') return yield* refused(tx, definition, row, step, command)
  yield* putStep(tx, row, step, 1, 'done', command.attempt, command.result, null)
  const following = definition.steps[step.index + 1]
  if (following === undefined) return yield* end(tx, definition, row, 'completed', step.name)
  const deadline = step.index >= definition.commitIndex ? null : row.deadline_at
  yield* mustChange(
    tx.run(sagaText(tx.dialect).advanceSaga, deadline, null, tx.now, sagaId, row.state_version),
  )
  yield* changed(tx, definition, { ...row, stuck: null }, step.name)
  const leased = row.seq === 0 || !(yield* hasPredecessor(tx, row))
  const next = yield* insertMessage(tx, definition, keyOf(row), following, 'action', leased)
  return { ...late, applied: true, next, wake: next === null }
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

function* hasPredecessor(tx: Tx, row: SagaRow): Program<boolean> {
  const text = sagaText(tx.dialect).pendingBefore
  return (yield* tx.get(text, row.tenant, row.biz_key, row.seq)) !== undefined
}

/** The CAS on state_version. Every path has the message's fence first, so a loss here is a defect, not a race. */
function* mustChange(update: Program<{ readonly changes: number }>): Program<void> {
  const { changes } = yield* update
  if (changes !== 1) throw new Error('a saga changed under the transaction that had read it')
}

function* putStep(
  tx: Tx,
  row: SagaRow,
  step: { readonly name: string },
  direction: number,
  status: 'done' | 'rejected' | 'discarded',
  attempt: number,
  result: string | null,
  error: string | null,
): Program<void> {
  const text = sagaText(tx.dialect).putStep
  yield* tx.run(text, row.saga_id, step.name, direction, status, attempt, result, error, tx.now)
}

function* refused(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  step: StepDefinition,
  command: Command<'answer'>,
): Program<SagaOutcome> {
  const why = `${step.name} was refused: ${command.reason ?? 'no reason given'}`
  yield* putStep(tx, row, step, 1, 'rejected', command.attempt, command.result, command.reason)
  if (step.index > definition.commitIndex) {
    // Behind the point of no return nothing can be undone and the refusal would only be repeated.
    yield* tx.run(
      sagaText(tx.dialect).killMessage,
      why,
      row.tenant,
      row.biz_key,
      step.name,
      row.seq,
    )
    return yield* stick(tx, definition, row, why, step.name)
  }
  return yield* turn(tx, definition, row, why, 'compensated', step.name)
}

/** T3: one compensation is done; the next in line is leased to the caller, or the saga has ended. */
function* undone(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  step: StepDefinition,
  command: Command<'answer'>,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  yield* putStep(tx, row, step, 2, 'done', command.attempt, command.result, null)
  yield* tx.run(text.undoneMessage, tx.now, row.tenant, row.biz_key, step.name, row.seq)
  return yield* goOnBack(tx, definition, row, step.name)
}

function* goOnBack(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  stepName: string,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const waiting = yield* tx.get<MessageRow>(text.firstPending, row.tenant, row.biz_key, row.seq)
  if (waiting === undefined) {
    return yield* end(tx, definition, row, row.ends_as ?? 'compensated', stepName)
  }
  yield* mustChange(
    tx.run(text.advanceSaga, null, null, tx.now, row.saga_id, row.state_version),
  )
  yield* changed(tx, definition, { ...row, stuck: null }, stepName)
  const step = mustHaveStep(definition, row.saga_id, waiting.step)
  const direction = directionName(waiting.direction)
  const next = yield* leaseWaiting(tx, definition, keyOf(row), waiting, step, direction)
  return { ...nothing(row.saga_id), applied: true, next }
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
  yield* mustChange(
    tx.run(text.turnSaga, reason, endsAs, tx.now, row.saga_id, row.state_version),
  )
  const turned: SagaRow = {
    ...row,
    status: 'compensating',
    state_version: row.state_version + 1,
    reason,
    ends_as: endsAs,
    stuck: null,
  }
  yield* changed(tx, definition, turned, stepName)
  yield* tx.run(text.cancelForward, tx.now, row.tenant, row.biz_key, row.seq)
  const messages = yield* tx.all<MessageRow>(text.messagesOfSaga, row.tenant, row.biz_key, row.seq)
  const begun = messages
    .filter((message) => message.direction === 1)
    .map((message) => mustHaveStep(definition, row.saga_id, message.step))
    .toSorted((a, b) => b.index - a.index)
  const free = row.seq === 0 || !(yield* hasPredecessor(tx, row))
  let next: SagaOutcome['next'] = null
  for (const [position, step] of begun.entries()) {
    const leased = free && position === 0
    const message = yield* insertMessage(tx, definition, keyOf(row), step, 'compensate', leased)
    next ??= message
  }
  return { ...nothing(row.saga_id), applied: true, next, wake: next === null }
}

function* end(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  state: 'completed' | 'compensated' | 'cancelled',
  stepName: string,
): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  yield* mustChange(
    tx.run(text.endSaga, state, tx.now, tx.now, row.saga_id, row.state_version),
  )
  const ended: SagaRow = { ...row, status: state, stuck: null }
  yield* changed(tx, definition, ended, stepName)
  const { onEnd } = definition.spec
  if (onEnd !== undefined) yield* onEnd(tx, yield* factsOf(tx, ended, stepName))
  const woken = yield* tx.run(text.wakeKey, tx.now, row.tenant, row.biz_key, tx.now)
  return { ...nothing(row.saga_id), applied: true, ended: state, wake: woken.changes > 0 }
}

/** An attempt without a definitive answer. */
function* fail(tx: Tx, definition: SagaDefinition, command: Command<'fail'>): Program<SagaOutcome> {
  const text = sagaText(tx.dialect)
  const { sagaId, message, error, as, attempt } = command
  const step = mustHaveStep(definition, sagaId, message.step)
  const late = nothing(sagaId)
  const key = [
    message.tenant,
    message.bizKey,
    message.step,
    directionCode(message.direction),
    message.seq,
    message.fence,
  ] as const
  if (as === 'bury') {
    const { changes } = yield* tx.run(text.buryMessage, tx.now, error, ...key)
    if (changes === 0) return late
    const row = yield* mustFind(tx, sagaId)
    return yield* stick(tx, definition, row, `${step.name} is a dead letter: ${error}`, step.name)
  }
  const uncounted = as === 'busy' ? 1 : 0
  const due = tx.now + Math.ceil(command.delayMs)
  const { changes } = yield* tx.run(text.retryMessage, due, uncounted, error, ...key)
  if (changes === 0) return late
  if (as === 'busy') return { ...late, applied: true }
  const forward = message.direction === 'action'
  const limit = forward ? step.retry.max : alertAfter
  if (attempt < limit) return { ...late, applied: true }
  const row = yield* mustFind(tx, sagaId)
  if (forward && step.index <= definition.commitIndex) {
    const why = `${step.name} failed ${attempt} times: ${error}`
    return yield* turn(tx, definition, row, why, 'compensated', step.name)
  }
  if (row.stuck !== null) return { ...late, applied: true }
  return yield* stick(tx, definition, row, `${step.name} failed ${attempt} times: ${error}`, step.name)
}

/** T4: a person is needed; what can be retried is retried all the same. */
function* stick(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  why: string,
  stepName: string,
): Program<SagaOutcome> {
  const stuck = why.slice(0, 1000)
  yield* mustChange(
    tx.run(sagaText(tx.dialect).stickSaga, stuck, tx.now, row.saga_id, row.state_version),
  )
  yield* changed(tx, definition, { ...row, stuck }, stepName)
  return { ...nothing(row.saga_id), applied: true, stuck: row.stuck === null }
}

function* expire(tx: Tx, definition: SagaDefinition, sagaId: string): Program<SagaOutcome> {
  const row = yield* mustFind(tx, sagaId)
  if (row.status !== 'running' || row.deadline_at === null || row.deadline_at > tx.now) {
    return nothing(sagaId)
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
  if (row.status === 'compensating') return nothing(sagaId)
  const last = definition.steps[definition.commitIndex]
  const passed = last === undefined ? true : yield* isDone(tx, sagaId, last.name)
  if (passed) throw sagaErrors.error('TM_SAGA_PIVOT_PASSED', { id: sagaId })
  yield* tx.run(text.insertAudit, tx.now, 'compensate', sagaId, null, reason)
  return yield* turn(tx, definition, row, reason, 'cancelled', null)
}

function* isDone(tx: Tx, sagaId: string, step: string): Program<boolean> {
  const row = yield* tx.get<{ status: string }>(sagaText(tx.dialect).forwardStep, sagaId, step)
  return row?.status === 'done' || row?.status === 'discarded'
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
  const why = `${step.name} was discarded: ${reason}`
  if (message.direction === 1 && step.index <= definition.commitIndex) {
    return yield* turn(tx, definition, row, why, 'compensated', step.name)
  }
  yield* putStep(tx, row, step, message.direction, 'discarded', message.attempts, null, reason)
  if (message.direction === 2) return yield* goOnBack(tx, definition, row, step.name)
  const following = definition.steps[step.index + 1]
  if (following === undefined) return yield* end(tx, definition, row, 'completed', step.name)
  yield* mustChange(
    tx.run(text.advanceSaga, null, null, tx.now, sagaId, row.state_version),
  )
  yield* changed(tx, definition, { ...row, stuck: null }, step.name)
  const leased = !(yield* hasPredecessor(tx, row))
  const next = yield* insertMessage(tx, definition, keyOf(row), following, 'action', leased)
  return { ...nothing(sagaId), applied: true, next, wake: next === null }
}

function* changed(
  tx: Tx,
  definition: SagaDefinition,
  row: SagaRow,
  step: string | null,
): Program<void> {
  const { onChange } = definition.spec
  if (onChange !== undefined) yield* onChange(tx, yield* factsOf(tx, row, step))
}

function* factsOf(tx: Tx, row: SagaRow, step: string | null): Program<SagaFacts> {
  const rows = yield* tx.all<{ step: string; result: string }>(
    sagaText(tx.dialect).resultsOfSaga,
    row.saga_id,
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
