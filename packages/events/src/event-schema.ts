import { eventsErrors } from './errors.ts'
import type { StoredEvent } from './event.ts'

/** Takes an event's data from one schema version to the next; pure, and gets a value it may keep but not change. */
export type Upcaster = (data: unknown, event: StoredEvent) => unknown

export interface EventTypeSchema {
  /** The version that this code writes and understands; default 1. */
  readonly version?: number
  /** `{1: f}` takes version 1 to 2. Every version below `version` needs one. */
  readonly upcast?: Readonly<Record<number, Upcaster>>
}

export interface EventSchemaDefinition {
  readonly types: Readonly<Record<string, EventTypeSchema>>
  /** Old type name -> today's name. */
  readonly aliases?: Readonly<Record<string, string>>
  /** What to do with a type that is not listed; default `'error'`. */
  readonly unknown?: 'error' | 'ignore'
}

/** Brings stored events to the shape that today's code understands, at reading; what is stored never changes. */
export interface EventSchema {
  /**
   * The event in today's shape, or undefined when its type is unknown and ignored. Throws TM_EVENTS_TYPE_UNKNOWN,
   * TM_EVENTS_SCHEMA_NEWER or TM_EVENTS_UPCASTER_MISSING.
   */
  upcast(event: StoredEvent): StoredEvent | undefined
  /** The version to write events of that type with. */
  current(type: string): number
  /** Those types together with their old names, for filtering what is stored. */
  stored(types: readonly string[]): readonly string[]
}

export function eventSchema(definition: EventSchemaDefinition): EventSchema {
  const { types, aliases = {}, unknown = 'error' } = definition
  const known = (type: string): EventTypeSchema | undefined =>
    Object.hasOwn(types, type) ? types[type] : undefined
  return {
    current: (type) => known(type)?.version ?? 1,
    stored(wanted) {
      const old = Object.keys(aliases).filter((name) => wanted.includes(aliases[name] ?? ''))
      return [...wanted, ...old]
    },
    upcast(event) {
      const type = Object.hasOwn(aliases, event.type) ? (aliases[event.type] ?? '') : event.type
      const schema = known(type)
      if (schema === undefined) {
        if (unknown === 'ignore') return undefined
        throw eventsErrors.error('TM_EVENTS_TYPE_UNKNOWN', { type, position: event.position })
      }
      const to = schema.version ?? 1
      if (event.schemaVersion > to) {
        throw eventsErrors.error('TM_EVENTS_SCHEMA_NEWER', {
          type,
          position: event.position,
          stored: event.schemaVersion,
          known: to,
        })
      }
      if (event.schemaVersion === to && type === event.type) return event
      let { data } = event
      for (let from = event.schemaVersion; from < to; from++) {
        const upcaster = schema.upcast?.[from]
        if (upcaster === undefined) {
          const { position } = event
          throw eventsErrors.error('TM_EVENTS_UPCASTER_MISSING', {
            type,
            position,
            from,
            to: from + 1,
          })
        }
        data = upcaster(data, event)
      }
      return { ...event, type, data, schemaVersion: to }
    },
  }
}
