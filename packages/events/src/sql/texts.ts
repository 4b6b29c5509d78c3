import type { Dialect } from '@tidemill/sql'
import { eventsErrors } from '../errors.ts'
import { sqliteTexts } from './sqlite.ts'

/** Which optional parts a reading statement has. */
export interface WindowParts {
  readonly tenant: boolean
  readonly prefix: boolean
  readonly types: number
  readonly tags: number
}

type Fixed =
  | 'createStream'
  | 'moveStreamFrom'
  | 'moveStream'
  | 'stream'
  | 'archiveStream'
  | 'takePositions'
  | 'sequence'
  | 'startChain'
  | 'saveHash'
  | 'streamEvents'
  | 'eventAt'
  | 'head'
  | 'snapshot'
  | 'saveSnapshot'
  | 'createCheckpoint'
  | 'checkpoint'
  | 'activeCheckpoint'
  | 'acquire'
  | 'renew'
  | 'moveCheckpoint'
  | 'resetCheckpoint'
  | 'deactivate'
  | 'activate'
  | 'inactive'
  | 'dropCheckpoint'
  | 'park'
  | 'parkedCount'
  | 'parkedStreams'
  | 'parkedOfStream'
  | 'parkedList'
  | 'markParked'
  | 'discardParked'
  | 'unpark'
  | 'unparkAll'
  | 'positionCounts'
  | 'positionGaps'
  | 'streamCount'
  | 'brokenStreams'
  | 'orphanEvents'
  | 'disorderedEvents'
  | 'hashedEvents'

/** Every statement of the package in one dialect; the programs that run them are the same in all. */
export interface SqlTexts extends Readonly<Record<Fixed, string>> {
  readonly eventSchema: readonly string[]
  readonly processorSchema: readonly string[]
  insertEvents(rows: number): string
  insertTags(rows: number): string
  eventsById(ids: number): string
  conditionHit(tags: number, types: number): string
  eventsInWindow(parts: WindowParts): string
  dropTable(table: string): readonly string[]
  pointView(view: string, table: string): readonly string[]
}

const byDialect: Readonly<Partial<Record<Dialect, SqlTexts>>> = { sqlite: sqliteTexts }

/** The statements for that dialect; throws TM_EVENTS_DIALECT when there are none yet. */
export function textsFor(dialect: Dialect): SqlTexts {
  const texts = byDialect[dialect]
  if (texts === undefined) throw eventsErrors.error('TM_EVENTS_DIALECT', { dialect })
  return texts
}

/** The shard that every event goes to while a database holds one. */
export const shard = 0
