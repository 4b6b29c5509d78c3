import type { DeadLetter, Saga, SagaStep, SagaSummary, StepState } from '../saga.ts'
import { parseJson } from './json.ts'
import { directionName, type MessageRow, messageStatus, type SagaRow } from './row.ts'

export interface StepRow {
  readonly step: string
  readonly direction: number
  readonly status: 'done' | 'rejected' | 'discarded'
  readonly attempt: number
  readonly result: string | null
  readonly error: string | null
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

/** Joins what the messages say (begun, attempts, errors) with what the steps say (outcome, result). */
export function sagaOf(
  row: SagaRow,
  messages: readonly MessageRow[],
  steps: readonly StepRow[],
): Saga {
  const left = new Map(steps.map((step) => [`${step.direction}/${step.step}`, step]))
  const views = messages.map((message): SagaStep => {
    const key = `${message.direction}/${message.step}`
    const step = left.get(key)
    left.delete(key)
    return {
      name: message.step,
      direction: directionName(message.direction),
      state: stateOf(message, step),
      attempts: step?.attempt ?? message.attempts,
      startedAt: message.created_at,
      endedAt: message.done_at,
      nextAt: message.status === messageStatus.pending ? message.next_at : null,
      result: parseJson(step?.result),
      error: (step?.error ?? message.last_error)?.split('\n')[0] ?? null,
    }
  })
  // Steps whose messages the retention has deleted.
  for (const step of [...left.values()].toSorted((a, b) => a.ended_at - b.ended_at)) {
    views.push({
      name: step.step,
      direction: directionName(step.direction),
      state: step.status,
      attempts: step.attempt,
      startedAt: step.ended_at,
      endedAt: step.ended_at,
      nextAt: null,
      result: parseJson(step.result),
      error: step.error,
    })
  }
  return { ...summaryOf(row), input: parseJson(row.data), steps: views }
}

function stateOf(message: MessageRow, step: StepRow | undefined): StepState {
  switch (message.status) {
    case messageStatus.pending:
      return 'pending'
    case messageStatus.dead:
      return 'dead'
    case messageStatus.compensated:
      return step?.status === 'done' ? 'compensated' : (step?.status ?? 'cancelled')
    default:
      return step?.status ?? 'cancelled'
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
