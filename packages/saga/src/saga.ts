import type { Json, StepDirection } from './step.ts'

/**
 * `running` goes forward, `compensating` goes back; both may be `stuck`: still retried (or dead-lettered) but in need
 * of a person. The ends: `completed`; `compensated` after a refusal, a deadline or exhausted attempts; `cancelled`
 * when a person ordered the compensation.
 */
export type SagaState =
  | 'running'
  | 'compensating'
  | 'completed'
  | 'compensated'
  | 'stuck'
  | 'cancelled'

/** What a hook sees, in the transaction that makes the change. */
export interface SagaFacts<Input = Json> {
  readonly id: string
  readonly type: string
  readonly version: number
  readonly tenant: string
  readonly bizKey: string
  readonly input: Input
  /** After the change. */
  readonly state: SagaState
  /** Results of the executed steps by name. */
  readonly results: Readonly<Record<string, Json>>
  /** Why it compensates, or why it is stuck. */
  readonly reason: string | null
  /** The step whose answer made the change, if one did. */
  readonly step: string | null
}

export type StepState =
  | 'pending'
  | 'done'
  | 'compensated'
  | 'rejected'
  | 'cancelled'
  | 'dead'
  | 'discarded'

export interface SagaStep {
  readonly name: string
  readonly direction: StepDirection
  readonly state: StepState
  readonly attempts: number
  readonly startedAt: number
  readonly endedAt: number | null
  /** When the next attempt is due, while pending. */
  readonly nextAt: number | null
  readonly result: Json
  readonly error: string | null
}

export interface SagaSummary {
  readonly id: string
  readonly type: string
  readonly version: number
  readonly tenant: string
  readonly bizKey: string
  readonly state: SagaState
  readonly reason: string | null
  readonly stuck: string | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly endedAt: number | null
  readonly deadlineAt: number | null
}

/** One saga with its steps in the order in which they were begun. */
export interface Saga extends SagaSummary {
  readonly input: Json
  readonly steps: readonly SagaStep[]
}

export interface DeadLetter {
  readonly id: number
  readonly sagaId: string
  readonly type: string
  readonly version: number
  readonly tenant: string
  readonly bizKey: string
  readonly step: string
  readonly direction: StepDirection
  readonly to: string
  readonly attempts: number
  readonly payload: Json
  readonly error: string | null
  readonly createdAt: number
  readonly diedAt: number
}
