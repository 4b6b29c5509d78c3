import type { DeadLetter, Saga, SagaStep, SagaSummary, StepState } from '../saga.ts'
import { parseJson } from './json.ts'
import { directionName, type MessageRow, messageStatus, type SagaRow } from './row.ts'

/** `saga_step` as it lies in the table: a step whose message the retention has deleted. */
export interface StepRow {
  readonly step: string
  readonly direction: number
  readonly state: StepState
  readonly attempts: number
  readonly result: string | null
  readonly error: string | null
  readonly started_at: number
  readonly ended_at: number
}

export function summaryOf(row: SagaRow): SagaSummary {
  return {
    id: row.saga_id,
    type: row.type,
    version: row.def_version,
    tenant: row.tenant,
    bizKey: row.biz_key,
    state: row.stuck === null ? row.status : 'stuck',
    reason: row.reason,
    stuck: row.stuck,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    endedAt: row.ended_at,
    deadlineAt: row.deadline_at,
  }
}

export function sagaOf(
  row: SagaRow,
  messages: readonly MessageRow[],
  old: readonly StepRow[],
): Saga {
  const steps = [...old.map(oldStepOf), ...messages.map(stepOf)]
  return { ...summaryOf(row), input: parseJson(row.data), steps }
}

function stepOf(message: MessageRow): SagaStep {
  return {
    name: message.step,
    direction: directionName(message.direction),
    state: stateOf(message),
    attempts: message.attempts,
    startedAt: message.created_at,
    endedAt: message.done_at,
    nextAt: message.status === messageStatus.pending ? message.next_at : null,
    result: parseJson(message.result),
    error: message.last_error?.split('\n')[0] ?? null,
  }
}

function stateOf({ outcome, status }: MessageRow): StepState {
  if (status === messageStatus.pending) return 'pending'
  if (status === messageStatus.dead) return 'dead'
  if (status === messageStatus.compensated && outcome === 'done') return 'compensated'
  return outcome ?? 'cancelled'
}

function oldStepOf(step: StepRow): SagaStep {
  return {
    name: step.step,
    direction: directionName(step.direction),
    state: step.state,
    attempts: step.attempts,
    startedAt: step.started_at,
    endedAt: step.ended_at,
    nextAt: null,
    result: parseJson(step.result),
    error: step.error?.split('\n')[0] ?? null,
  }
}

export function deadLetterOf(
  row: MessageRow & Pick<SagaRow, 'data' | 'type' | 'def_version'>,
): DeadLetter {
  return {
    id: row.id,
    sagaId: row.saga_id,
    type: row.type,
    version: row.def_version,
    tenant: row.tenant,
    bizKey: row.biz_key,
    step: row.step,
    direction: directionName(row.direction),
    to: row.dest,
    attempts: row.attempts,
    payload: parseJson(row.payload ?? row.data),
    error: row.last_error,
    createdAt: row.created_at,
    diedAt: row.done_at ?? row.created_at,
  }
}
