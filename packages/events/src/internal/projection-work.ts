import { TidemillError } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import type { Projection } from '../projection.ts'
import { textsFor } from '../sql/texts.ts'
import type { EventRow } from './event-row.ts'
import type { EventSource } from './event-source.ts'
import type { ProjectionOutcome } from './projection-program.ts'
import type { StepResult, Work } from './runner.ts'
import { rowSize, storedFilter, windowSize } from './window.ts'

/** A projection as a runner drives it; the events come from its own database or are shipped to it. */
export interface ProjectionWork extends Work {
  replay(fence: number, tenant: string, stream: string): Promise<ProjectionOutcome>
  reset(fence: number): Promise<ProjectionOutcome>
  activate(fence: number, force: boolean): Promise<ProjectionOutcome>
  prune(): Promise<ProjectionOutcome>
}

export function createProjectionWork(
  projection: Projection,
  database: Database,
  source: EventSource,
  local: boolean,
): ProjectionWork {
  const { definition } = projection
  const key = { processor: definition.name, version: definition.version ?? 1 }
  const filter = storedFilter(definition, definition.schema)
  const limit = definition.batch ?? 500
  let position = 0
  let active = true
  let superseded = false
  const took = (outcome: ProjectionOutcome): StepResult => {
    position = outcome.position
    active = outcome.active
    return outcome
  }
  const parkedRows = async (tenant: string, stream: string): Promise<EventRow[]> => {
    const { processor, version } = key
    const { parkedOfStream } = textsFor(database.dialect)
    const place = [processor, version, tenant, stream, 500] as const
    const parked = await database.query<{ pos: number }>(parkedOfStream, ...place)
    const rows: EventRow[] = []
    let size = 0
    for (const { pos } of parked) {
      const row = await source.at(pos)
      if (row === undefined || (size += rowSize(row)) > windowSize) break
      rows.push(row)
    }
    return rows
  }
  return {
    key,
    database,
    async prepare() {
      await database.call(projection, { op: 'prepare' })
    },
    async step(fence, mode) {
      const command = { op: 'batch', fence, ...mode } as const
      if (local) return took(await database.call(projection, command))
      // The first window after a start may be read from a stale position: the projection answers with its own.
      const shipped = await source.window(filter, position, limit)
      return took(await database.call(projection, { ...command, shipped }))
    },
    async settled(fence) {
      if (active || superseded) return
      try {
        const command = { op: 'activate', fence, force: false, auto: true, local } as const
        active = (await database.call(projection, command)).active
        superseded = !active
      } catch (error) {
        // The version before has events to do that this one must not overtake: the next rest tries again.
        if (!TidemillError.is(error, 'TM_EVENTS_SWITCH_BEHIND')) throw error
      }
    },
    async replay(fence, tenant, stream) {
      const command = { op: 'replay', fence, tenant, stream } as const
      if (local) return database.call(projection, command)
      const shipped = await parkedRows(tenant, stream)
      return database.call(projection, { ...command, shipped })
    },
    reset: (fence) => database.call(projection, { op: 'reset', fence }),
    activate: (fence, force) =>
      database.call(projection, { op: 'activate', fence, force, auto: false, local }),
    prune: () => database.call(projection, { op: 'prune' }),
  }
}
