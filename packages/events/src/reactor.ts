import type { StoredEvent } from './event.ts'
import type { EventSchema } from './event-schema.ts'
import type { ErrorPolicy } from './projection.ts'

export interface ReactorContext {
  /** Aborted when the processor closes or loses its lease. */
  readonly signal: AbortSignal
  /** From 1. */
  readonly attempt: number
}

/**
 * Does something outside the database for each event: at least once, in order per key. After a crash the events of
 * the last batch are handled again, so a handler passes `event.id` on as its idempotency key.
 */
export interface ReactorDefinition {
  readonly name: string
  /** Where a reactor that has never run begins; default `'end'`, only new events. */
  readonly from?: 'start' | 'end'
  readonly types?: readonly string[]
  readonly prefix?: string
  readonly tenant?: string
  /** Events with the same key are handled one after another; default the stream. */
  readonly key?: (event: StoredEvent) => string
  /** Keys handled at the same time; default 16. */
  readonly concurrency?: number
  /** Default `'park'`: the event's stream waits, other streams go on. */
  readonly onPoison?: ErrorPolicy
  readonly schema?: EventSchema
  handle(event: StoredEvent, context: ReactorContext): Promise<void>
}

export interface Reactor {
  readonly kind: 'reactor'
  readonly definition: ReactorDefinition
}

export function reactor(definition: ReactorDefinition): Reactor {
  return { kind: 'reactor', definition }
}
