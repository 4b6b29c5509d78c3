import { parseDuration } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import { eventsErrors } from '../errors.ts'
import { defaultTenant } from '../event.ts'
import { processorMigrations } from '../migrations.ts'
import type { Processor } from '../processor.ts'
import type { Projection } from '../projection.ts'
import { processorName } from '../projection.ts'
import type { Reactor } from '../reactor.ts'
import { textsFor } from '../sql/texts.ts'
import type { EventSource } from './event-source.ts'
import { discardProcedure, type ParkedRow, readParked } from './park.ts'
import { createProjectionWork, type ProjectionWork } from './projection-work.ts'
import { createReactorWork, type ReactorWork } from './reactor-work.ts'
import { Runner, type RunnerOptions } from './runner.ts'

export interface ProcessorOptions
  extends Pick<RunnerOptions, 'clock' | 'random' | 'logger' | 'owner' | 'onClosed'> {
  readonly source: EventSource
  /** Where the events are. */
  readonly events: Database
  /** Where the checkpoint is. */
  readonly database: Database
  readonly lease: string
}

/** Starts to drive a projection or a reactor. */
export function startProcessor(
  processor: Projection | Reactor,
  options: ProcessorOptions,
): Processor {
  const { source, events, database } = options
  const projection =
    processor.kind === 'projection'
      ? createProjectionWork(processor, database, source, database === events)
      : undefined
  const reactor =
    processor.kind === 'reactor'
      ? createReactorWork({ ...options, reactor: checked(processor) })
      : undefined
  const work = (projection ?? reactor) as ProjectionWork | ReactorWork
  const { processor: name, version } = work.key
  const texts = textsFor(database.dialect)
  const runner = new Runner({
    ...options,
    leaseMs: parseDuration(options.lease),
    work: {
      ...work,
      async prepare() {
        await database.migrate('processors', processorMigrations)
        await work.prepare()
      },
    },
    head: () => source.head(),
    listen: (wake) => source.listen(wake),
  })
  const onlyProjection = (): ProjectionWork => {
    if (projection !== undefined) return projection
    const message = 'only a projection has a read model'
    throw eventsErrors.error('TM_EVENTS_INVALID_DEFINITION', {
      name,
      summary: message,
      problems: [{ path: '', message }],
    })
  }
  const self: Processor = {
    name,
    version,
    get state() {
      return runner.state
    },
    get position() {
      return runner.position
    },
    get error() {
      return runner.error
    },
    lag: () => runner.lag(),
    idle: () => runner.idle(),
    resume: () => runner.resume(),
    async parked() {
      const rows = await database.query<ParkedRow>(texts.parkedList, name, version)
      return rows.map(readParked)
    },
    replay: (stream, { tenant = defaultTenant } = {}) =>
      runner.exclusively(async (fence, signal) => {
        const result = await work.replay(fence, tenant, stream, signal)
        return { done: result.done ?? 0, left: result.left ?? 0 }
      }),
    discard: (position, reason) =>
      database.call(discardProcedure, { processor: name, version, position, reason }),
    async rebuild() {
      const only = onlyProjection()
      await runner.exclusively(async (fence) => {
        await only.reset(fence)
        runner.moved(0)
      })
    },
    async activate({ force = false } = {}) {
      const only = onlyProjection()
      await runner.exclusively(async (fence) => {
        const { position } = await only.activate(fence, force)
        runner.moved(position)
      })
    },
    async prune() {
      const { done = 0 } = await onlyProjection().prune()
      return done
    },
    close: () => runner.close(),
    [Symbol.asyncDispose]: () => runner.close(),
  }
  return self
}

function checked(reactor: Reactor): Reactor {
  const { name, concurrency = 16 } = reactor.definition
  const problems = []
  if (!processorName.test(name)) {
    problems.push({ path: '/name', message: 'name must be 1 to 100 of A-Z a-z 0-9 _ . -' })
  }
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    problems.push({ path: '/concurrency', message: 'concurrency must be a whole number from 1' })
  }
  if (problems.length === 0) return reactor
  const summary = problems[0]?.message
  throw eventsErrors.error('TM_EVENTS_INVALID_DEFINITION', { name, summary, problems })
}
