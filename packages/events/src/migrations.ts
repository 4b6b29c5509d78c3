import type { Migration } from '@tidemill/sql'
import { sqliteTexts } from './sql/sqlite.ts'

/** The event tables; namespace `events`. */
export const eventMigrations: readonly Migration[] = [
  { id: 1, name: 'events', up: { sqlite: sqliteTexts.eventSchema } },
]

/** Checkpoints and parked events; namespace `processors`, in every database that holds read models. */
export const processorMigrations: readonly Migration[] = [
  { id: 1, name: 'processors', up: { sqlite: sqliteTexts.processorSchema } },
]
