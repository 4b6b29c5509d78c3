import type { Problem } from '@tidemill/core'
import type { Dialect, Procedure, Program, Tx } from '@tidemill/sql'
import { eventsErrors } from './errors.ts'
import type { StoredEvent } from './event.ts'
import type { EventSchema } from './event-schema.ts'
import { runProjection } from './internal/projection-program.ts'
import type { ProjectionCommand, ProjectionOutcome } from './internal/projection-program.ts'

/** What happens to an event that its handler refuses for good. */
export type ErrorPolicy = 'stop' | 'skip' | 'park'

export interface ProjectionContext {
  /** The name of a table of this version: `table('orders')` is `orders__v2` in version 2. */
  readonly table: (name: string) => string
  /** True while history is applied again or before this version is the active one. */
  readonly muted: boolean
}

export interface ProjectionDefinition {
  /** Names the checkpoint; unique in the read model's database. At most 100 of `[A-Za-z0-9_.-]`. */
  readonly name: string
  /** From 1; a higher one is built beside the active one and switched to. Default 1. */
  readonly version?: number
  /** Only these event types; default all. */
  readonly types?: readonly string[]
  /** Only streams whose id starts so. */
  readonly prefix?: string
  readonly tenant?: string
  /** Default `'stop'`: a read model with a hole is worse than one that is late. */
  readonly onPoison?: ErrorPolicy
  /** Events per transaction, at most 500; default 500. */
  readonly batch?: number
  /** Upcasts events before they are applied. */
  readonly schema?: EventSchema
  /**
   * Tables that belong to one version: name -> statements that create it, given the table's real name. Readers use
   * the view of the plain name, which always shows the active version.
   */
  readonly tables?: Readonly<
    Record<string, Readonly<Partial<Record<Dialect, (table: string) => readonly string[]>>>>
  >
  /** Applies one event to the read model, in the transaction that moves the checkpoint. */
  apply(tx: Tx, event: StoredEvent, context: ProjectionContext): Program<void>
  /** Writes that must happen once per event, not again on rebuild: messages, notifications. */
  effects?(tx: Tx, event: StoredEvent, context: ProjectionContext): Program<void>
  /** Empties the read model before it is built again in place. */
  reset?(tx: Tx, context: ProjectionContext): Program<void>
}

/** A projection; it is the procedure that applies one batch where the read model is. */
export interface Projection extends Procedure<ProjectionCommand, ProjectionOutcome> {
  readonly kind: 'projection'
  readonly definition: ProjectionDefinition
}

/**
 * Declares a projection. It must be exported from `module` (`import.meta.url`) under exactly `exportName`.
 * Throws TM_EVENTS_INVALID_DEFINITION with every problem.
 */
export function projection(
  module: string,
  exportName: string,
  definition: ProjectionDefinition,
): Projection {
  const problems = definitionProblems(definition)
  if (problems.length > 0) {
    throw eventsErrors.error('TM_EVENTS_INVALID_DEFINITION', {
      name: definition.name,
      summary: problems[0]?.message,
      problems,
    })
  }
  return {
    kind: 'projection',
    module,
    name: exportName,
    definition,
    program: (tx, command) => runProjection(tx, definition, command),
  }
}

function definitionProblems(definition: ProjectionDefinition): Problem[] {
  const { name, version = 1, batch = 500, tables = {} } = definition
  const problems: Problem[] = []
  if (!processorName.test(name)) {
    problems.push({ path: '/name', message: 'name must be 1 to 100 of A-Z a-z 0-9 _ . -' })
  }
  if (!Number.isSafeInteger(version) || version < 1) {
    problems.push({ path: '/version', message: 'version must be a whole number from 1' })
  }
  if (!Number.isSafeInteger(batch) || batch < 1 || batch > 500) {
    problems.push({ path: '/batch', message: 'batch must be from 1 to 500' })
  }
  for (const table of Object.keys(tables)) {
    if (/^[a-z][a-z0-9_]{0,49}$/u.test(table)) continue
    problems.push({ path: `/tables/${table}`, message: 'table names are lower-case words' })
  }
  return problems
}

/** What a processor may be called. */
export const processorName: RegExp = /^[\w.-]{1,100}$/u
