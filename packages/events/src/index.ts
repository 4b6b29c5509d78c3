export {
  appendManyProgram,
  appendProgram,
  archiveProgram,
} from './append.ts'
export type {
  Decider,
  DeciderDefinition,
  Handled,
  HandleOptions,
  Loaded,
} from './decider.ts'
export { type EventsErrorCode, eventsErrors } from './errors.ts'
export {
  type AppendCondition,
  type AppendInput,
  appendLimits,
  type AppendManyInput,
  type AppendManyResult,
  type AppendResult,
  defaultTenant,
  type EventFilter,
  type Expected,
  eventsTopic,
  type Json,
  type JsonObject,
  type NewEvent,
  type StoredEvent,
  type StreamAppend,
  type StreamCheck,
} from './event.ts'
export {
  type EventSchema,
  type EventSchemaDefinition,
  type EventTypeSchema,
  eventSchema,
  type Upcaster,
} from './event-schema.ts'
export { type LoadInput, loadProgram } from './load.ts'
export { eventMigrations, processorMigrations } from './migrations.ts'
export type { ParkedEvent, Processor, ProcessorState } from './processor.ts'
export {
  type ErrorPolicy,
  type Projection,
  type ProjectionContext,
  type ProjectionDefinition,
  projection,
} from './projection.ts'
export { type Reactor, type ReactorContext, type ReactorDefinition, reactor } from './reactor.ts'
export {
  type EventStore,
  type EventStoreOptions,
  openEventStore,
  type ReadAllOptions,
  type ReadOptions,
  type RunOptions,
  type SubscribeOptions,
} from './store.ts'
export type { VerifyProblem, VerifyReport } from './verify.ts'
