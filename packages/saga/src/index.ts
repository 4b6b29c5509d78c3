export type {
  Message,
  MessageKey,
  NextMessage,
  SagaCommand,
  SagaOutcome,
  Started,
  StartedMessage,
} from './command.ts'
export {
  defineSaga,
  type RetrySpec,
  type SagaDefinition,
  type SagaSpec,
  type StepDefinition,
  type StepKind,
  type StepSpec,
} from './definition.ts'
export { type SagaErrorCode, sagaErrors } from './errors.ts'
export { httpDestination, type HttpDestinationOptions } from './http-destination.ts'
export { barrierMigrations, sagaMigrations } from './migrations.ts'
export {
  type Participant,
  participant,
  type ParticipantSpec,
  purgeBarrier,
  type PurgeBarrierInput,
  reject,
} from './participant.ts'
export type {
  DeadLetter,
  Saga,
  SagaFacts,
  SagaState,
  SagaStep,
  SagaSummary,
  StepState,
} from './saga.ts'
export { type StartInput, startProgram } from './start.ts'
export type {
  Destination,
  Json,
  StepAnswer,
  StepContext,
  StepDirection,
  StepRequest,
} from './step.ts'
export {
  type DestinationStatus,
  type ListOptions,
  openSagas,
  type SagaCounts,
  type Sagas,
  type SagasOptions,
  type SagasStatus,
} from './sagas.ts'
