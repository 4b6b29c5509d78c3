import { create } from '@bufbuild/protobuf'
import type { Json, StepAnswer, StepRequest } from '@tidemill/saga'
import {
  Direction,
  Outcome,
  type StepAnswer as StepAnswerMessage,
  StepAnswerSchema,
  type StepRequest as StepRequestMessage,
  StepRequestSchema,
} from '../gen/tidemill/shop/v1/step_pb.ts'

/** The request of a saga's step as it is sent. */
export function stepMessage(request: StepRequest): StepRequestMessage {
  const results: Record<string, string> = {}
  for (const [step, result] of Object.entries(request.results))
    results[step] = JSON.stringify(result)
  return create(StepRequestSchema, {
    sagaId: request.sagaId,
    sagaType: request.type,
    tenant: request.tenant,
    bizKey: request.bizKey,
    step: request.step,
    direction: request.direction === 'action' ? Direction.ACTION : Direction.COMPENSATE,
    attempt: request.attempt,
    payload: JSON.stringify(request.payload),
    results,
  })
}

/** The other way; undefined for one that says no direction, which no version of ours sends. */
export function stepRequest(message: StepRequestMessage): StepRequest | undefined {
  const direction = directions[message.direction]
  if (direction === undefined) return undefined
  const results: Record<string, Json> = {}
  for (const [step, result] of Object.entries(message.results))
    results[step] = JSON.parse(result) as Json
  return {
    sagaId: message.sagaId,
    type: message.sagaType,
    tenant: message.tenant,
    bizKey: message.bizKey,
    step: message.step,
    direction,
    attempt: message.attempt,
    payload: JSON.parse(message.payload) as Json,
    results,
  }
}

const directions: Readonly<Record<number, StepRequest['direction']>> = {
  [Direction.ACTION]: 'action',
  [Direction.COMPENSATE]: 'compensate',
}

const outcomes: Readonly<Record<StepAnswer['outcome'], Outcome>> = {
  executed: Outcome.EXECUTED,
  duplicate: Outcome.DUPLICATE,
  'null-compensated': Outcome.NULL_COMPENSATED,
  rejected: Outcome.REJECTED,
  suspended: Outcome.SUSPENDED,
  running: Outcome.RUNNING,
}

const outcomeNames = new Map(
  Object.entries(outcomes).map(([name, outcome]) => [outcome, name as StepAnswer['outcome']]),
)

export function answerMessage(answer: StepAnswer): StepAnswerMessage {
  const { outcome, result, reason, retryAfterMs } = answer
  return create(StepAnswerSchema, {
    outcome: outcomes[outcome],
    ...(result === undefined ? {} : { result: JSON.stringify(result) }),
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** The other way; undefined for an outcome that this version does not know: what became of the step is unknown. */
export function stepAnswer(message: StepAnswerMessage): StepAnswer | undefined {
  const outcome = outcomeNames.get(message.outcome)
  if (outcome === undefined) return undefined
  const { result, reason, retryAfterMs } = message
  return {
    outcome,
    ...(result === undefined ? {} : { result: JSON.parse(result) as Json }),
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}
