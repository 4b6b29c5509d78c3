import { backoffDelay, type Random, TidemillError } from '@tidemill/core'
import type { SagaCommand } from '../command.ts'
import { sagaErrors } from '../errors.ts'
import type { Json, StepAnswer } from '../step.ts'
import { jsonProblems } from './json.ts'
import type { Delivery } from './lane.ts'

export interface VerdictOptions {
  readonly random: Random
  /** Attempts after which a destination that breaks the contract makes a dead letter. */
  readonly deadAfter: number
}

/** Longest wait that a participant may ask for. */
export const longestRetryAfterMs = 600_000

/** What an answer means: the transition that it asks for. */
export function verdictOfAnswer(
  delivery: Delivery,
  answer: StepAnswer,
  options: VerdictOptions,
): SagaCommand {
  const { message, step } = delivery
  // A handler that is no TypeScript may answer anything.
  const given = answer as Partial<StepAnswer> | null | undefined
  const forward = message.direction === 'action'
  switch (given?.outcome) {
    case 'executed':
    case 'duplicate':
    case 'null-compensated':
      return definitive(delivery, answer, 'done', options)
    case 'rejected':
    case 'suspended':
      if (forward) return definitive(delivery, answer, 'rejected', options)
      break
    case 'running': {
      const bounds = { base: Math.max(step.retry.baseMs, 1000), cap: step.retry.capMs }
      const own = backoffDelay(message.attempt, bounds, options.random)
      return failure(delivery, 'still running', longer(own, given.retryAfterMs), 'busy')
    }
    case undefined:
  }
  return broken(delivery, `${shown(given?.outcome)} of ${message.direction}`, options)
}

function definitive(
  delivery: Delivery,
  answer: StepAnswer,
  outcome: 'done' | 'rejected',
  options: VerdictOptions,
): SagaCommand {
  const { message } = delivery
  const result = answer.result ?? null
  const problem = result === null ? undefined : jsonProblems(result)[0]
  if (problem !== undefined) {
    return broken(delivery, `a result that is not JSON at ${problem.path || '/'}`, options)
  }
  return {
    do: 'answer',
    sagaId: message.sagaId,
    message,
    outcome,
    result: result === null ? null : JSON.stringify(result),
    reason: answer.reason ?? (answer.outcome === 'suspended' ? 'suspended' : null),
    attempt: message.attempt,
  }
}

function broken(delivery: Delivery, received: string, options: VerdictOptions): SagaCommand {
  const { name, to } = delivery.step
  const details = { to, step: name, received }
  return verdictOfError(delivery, sagaErrors.error('TM_SAGA_HANDLER_CONTRACT', details), options)
}

/** What a rejection means: the outcome is unknown and the attempt is repeated, unless repeating is no use. */
export function verdictOfError(
  delivery: Delivery,
  error: unknown,
  options: VerdictOptions,
): SagaCommand {
  const { message, step } = delivery
  const bounds = { base: step.retry.baseMs, cap: step.retry.capMs }
  const own = backoffDelay(message.attempt, bounds, options.random)
  const asked = TidemillError.is(error) ? error.details['retryAfterMs'] : undefined
  const contract = TidemillError.is(error, 'TM_SAGA_HANDLER_CONTRACT')
  const as = contract && message.attempt >= options.deadAfter ? 'bury' : 'unknown'
  return failure(delivery, textOf(error), longer(own, asked), as)
}

/** The answer that a thrown refusal stands for; undefined when it is no refusal. */
export function refusalOf(delivery: Delivery, error: unknown): StepAnswer | undefined {
  if (delivery.message.direction !== 'action') return undefined
  if (!TidemillError.is(error, 'TM_SAGA_REJECTED')) return undefined
  const details = error.details as Record<string, Json>
  const { reason } = details
  return {
    outcome: 'rejected',
    result: details,
    ...(typeof reason === 'string' ? { reason } : {}),
  }
}

function failure(
  delivery: Delivery,
  error: string,
  delayMs: number,
  as: 'unknown' | 'busy' | 'bury',
): SagaCommand {
  const { message } = delivery
  const { attempt, sagaId } = message
  return { do: 'fail', sagaId, message, error, delayMs, attempt, as }
}

function longer(own: number, asked: unknown): number {
  const wanted = typeof asked === 'number' && Number.isFinite(asked) ? asked : 0
  return Math.max(own, Math.min(wanted, longestRetryAfterMs))
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `outcome "${value.slice(0, 80)}"` : `outcome ${typeof value}`
}

/** The message first, then the stack, bounded: it is stored with the attempt. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 2000)
  const stack = (error.stack ?? '').split('\n').slice(1, 12).join('\n')
  return `${error.message}\n${stack}`.slice(0, 2000)
}
