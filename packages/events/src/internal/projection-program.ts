import { TidemillError } from '@tidemill/core'
import type { Program, Tx } from '@tidemill/sql'
import { eventsErrors } from '../errors.ts'
import type { EventFilter } from '../event.ts'
import type { ProjectionContext, ProjectionDefinition } from '../projection.ts'
import { shard, textsFor } from '../sql/texts.ts'
import {
  type Checkpoint,
  fenced,
  moveCheckpoint,
  ownedCheckpoint,
  type ProcessorKey,
} from './checkpoint.ts'
import { type EventRow, readEvent } from './event-row.ts'
import { type Failure, failureOf, isEngineFailure } from './failure.ts'
import { park, type ParkEntry, parkedStreams, streamKey, waitingPositions } from './park.ts'
import { type EventWindow, readWindow, storedFilter } from './window.ts'

/** What the driver asks of a projection, run where the read model is. */
export type ProjectionCommand =
  | { readonly op: 'prepare' }
  | BatchCommand
  | ReplayCommand
  | { readonly op: 'reset'; readonly fence: number }
  | ActivateCommand
  | { readonly op: 'prune' }

export interface BatchCommand {
  readonly op: 'batch'
  readonly fence: number
  /** One savepoint per event, so that what fails can be told from what does not; after a batch has failed. */
  readonly careful: boolean
  /** The event whose tries are used up. */
  readonly giveUp?: number
  /** The events, when they are stored in another database. */
  readonly shipped?: EventWindow
}

export interface ReplayCommand {
  readonly op: 'replay'
  readonly fence: number
  readonly tenant: string
  readonly stream: string
  /** The stream's events, when they are stored in another database. */
  readonly shipped?: readonly EventRow[]
}

export interface ActivateCommand {
  readonly op: 'activate'
  readonly fence: number
  readonly force: boolean
  /** Only forward: an older version that is still running must not take the switch back. */
  readonly auto: boolean
  /** Whether the events are in this database, so that the rest can be applied under the switch. */
  readonly local: boolean
}

export interface ProjectionOutcome {
  readonly position: number
  readonly head: number
  readonly active: boolean
  /** The event that holds the processor up. */
  readonly blocked?: Failure
  /** Of a replay: events that went through, events that still wait. */
  readonly done?: number
  readonly left?: number
}

/** Events that a switch may still apply while everybody waits for it. */
const switchLimit = 1000

/** Runs one command of a projection. */
export function runProjection(
  tx: Tx,
  definition: ProjectionDefinition,
  command: ProjectionCommand,
): Program<ProjectionOutcome> {
  const run = new ProjectionRun(tx, definition)
  switch (command.op) {
    case 'prepare':
      return run.prepare()
    case 'batch':
      return run.batch(command)
    case 'replay':
      return run.replay(command)
    case 'reset':
      return run.reset(command.fence)
    case 'activate':
      return run.activate(command)
    case 'prune':
      return run.prune()
  }
}

class ProjectionRun {
  private readonly tx: Tx
  private readonly definition: ProjectionDefinition
  private readonly key: ProcessorKey
  private readonly filter: EventFilter

  constructor(tx: Tx, definition: ProjectionDefinition) {
    this.tx = tx
    this.definition = definition
    this.key = { processor: definition.name, version: definition.version ?? 1 }
    this.filter = storedFilter(definition, definition.schema)
  }

  /** Makes the checkpoint and the tables of this version when they are missing. */
  *prepare(): Program<ProjectionOutcome> {
    const { tx, definition, key } = this
    const texts = textsFor(tx.dialect)
    const previous = yield* this.activeVersion()
    const tables = Object.keys(definition.tables ?? {})
    const inPlace = previous !== undefined && tables.length === 0
    const active = previous === undefined || inPlace
    if (inPlace && previous.version > key.version) {
      throw eventsErrors.error('TM_EVENTS_SUPERSEDED', { ...key, active: previous.version })
    }
    const made = yield* tx.run(
      texts.createCheckpoint,
      key.processor,
      key.version,
      shard,
      0,
      active ? 1 : 0,
      JSON.stringify(tables.map((table) => this.tableName(table))),
      tx.now,
    )
    if (made.changes === 0) return this.outcome(0, 0, false)
    for (const table of tables) yield* this.createTable(table)
    if (active) yield* this.pointViews()
    if (inPlace) {
      // Without tables of its own the new version can only take over the read model as it is, emptied.
      yield* this.empty()
      yield* tx.run(texts.dropCheckpoint, key.processor, previous.version)
      yield* tx.run(texts.unparkAll, key.processor, previous.version)
      yield* tx.run(texts.activate, previous.pos, key.processor, key.version, shard, 0)
    }
    return this.outcome(0, 0, active)
  }

  /** Applies the next events and moves the checkpoint, all in this transaction. */
  *batch(command: BatchCommand): Program<ProjectionOutcome> {
    const { tx, definition, key } = this
    const checkpoint = yield* ownedCheckpoint(tx, key, command.fence)
    const from = checkpoint.position
    const limit = definition.batch ?? 500
    const window = command.shipped ?? (yield* readWindow(tx, this.filter, from, limit))
    // Read before a rebuild moved the checkpoint: not ours any more.
    if (window.from !== from) return this.outcome(from, window.head, checkpoint.active)
    const { to, blocked } = yield* this.applyWindow(window, checkpoint, command)
    yield* moveCheckpoint(tx, key, command.fence, from, to)
    const outcome = this.outcome(to, window.head, checkpoint.active)
    return blocked === undefined ? outcome : { ...outcome, blocked }
  }

  /** Applies a window's events, and sets aside what fails as the policy says and what is behind it. */
  private *applyWindow(
    window: EventWindow,
    checkpoint: Checkpoint,
    { careful, giveUp }: Pick<BatchCommand, 'careful' | 'giveUp'>,
  ): Program<{ readonly to: number; readonly blocked?: Failure }> {
    const { tx, key } = this
    const policy = this.definition.onPoison ?? 'stop'
    const waiting = policy === 'park' ? yield* parkedStreams(tx, key) : new Set<string>()
    const aside: ParkEntry[] = []
    let { to } = window
    let blocked: Failure | undefined
    for (const row of window.rows) {
      if (waiting.has(streamKey(row))) {
        aside.push({ row, state: 'behind', error: '', attempts: 0 })
        continue
      }
      if (!careful) {
        yield* this.applyRow(row, checkpoint)
        continue
      }
      const failure = yield* this.tryRow(row, checkpoint)
      if (failure === undefined) continue
      const retryable = failure.retryable && giveUp !== failure.position
      if (policy === 'stop' || retryable) {
        blocked = { ...failure, retryable }
        to = failure.position - 1
        break
      }
      const state = policy === 'park' ? 'parked' : 'skipped'
      aside.push({ row, state, error: failure.message, attempts: 1 })
      if (policy === 'park') waiting.add(streamKey(row))
    }
    yield* park(tx, key, aside)
    return blocked === undefined ? { to } : { to, blocked }
  }

  /** Applies the waiting events of one stream, in order, up to the first that fails again. */
  *replay(command: ReplayCommand): Program<ProjectionOutcome> {
    const { tx, key } = this
    const { tenant, stream, shipped } = command
    const texts = textsFor(tx.dialect)
    const checkpoint = yield* ownedCheckpoint(tx, key, command.fence)
    const positions = yield* waitingPositions(tx, texts, key, tenant, stream)
    let done = 0
    for (const position of positions) {
      const row =
        shipped?.find(({ pos }) => pos === position) ??
        (shipped === undefined
          ? yield* tx.get<EventRow>(texts.eventAt, shard, position)
          : undefined)
      if (row === undefined) break
      const failure = yield* this.tryRow(row, checkpoint)
      const place = [key.processor, key.version, shard, position] as const
      if (failure !== undefined) {
        yield* tx.run(texts.markParked, 'parked', failure.message, ...place)
        break
      }
      yield* tx.run(texts.unpark, ...place)
      done++
    }
    const left = (yield* waitingPositions(tx, texts, key, tenant, stream)).length
    return { ...this.outcome(checkpoint.position, 0, checkpoint.active), done, left }
  }

  /** Empties the read model and begins again; effects stay muted up to where it had come. */
  *reset(fence: number): Program<ProjectionOutcome> {
    const { tx, key } = this
    const { active } = yield* ownedCheckpoint(tx, key, fence)
    const texts = textsFor(tx.dialect)
    yield* this.empty()
    if (active) yield* this.pointViews()
    const place = [key.processor, key.version] as const
    yield* tx.run(texts.unparkAll, ...place)
    const { changes } = yield* tx.run(texts.resetCheckpoint, tx.now, ...place, shard, fence)
    if (changes === 0) throw fenced(key)
    return this.outcome(0, 0, active)
  }

  /** Makes this version the one that readers see: applies the rest, then points the views, in one transaction. */
  *activate(command: ActivateCommand): Program<ProjectionOutcome> {
    const { tx, key } = this
    const { fence, force, auto, local } = command
    const texts = textsFor(tx.dialect)
    const checkpoint = yield* ownedCheckpoint(tx, key, fence)
    if (checkpoint.active) return this.outcome(checkpoint.position, 0, true)
    const previous = yield* this.activeVersion()
    // Of itself a switch only goes forward, and never undoes one that was made by hand.
    if (auto && (checkpoint.replaced || (previous?.version ?? 0) > key.version)) {
      return this.outcome(checkpoint.position, 0, false)
    }
    // Effects that the previous version did not come to are this version's to make, those before are not.
    const done = previous?.pos ?? checkpoint.position
    const muted = force ? Math.max(checkpoint.position, done) : done
    const missing = this.definition.effects === undefined ? 0 : checkpoint.position - muted
    if (missing > (local ? switchLimit : 0)) throw this.behind(missing)
    if (missing > 0) yield* this.missedEffects(muted, checkpoint.position)
    let { position } = checkpoint
    if (local) {
      const first = yield* readWindow(tx, this.filter, position, switchLimit)
      if (first.head - position > switchLimit && !force) throw this.behind(first.head - position)
      const live: Checkpoint = { ...checkpoint, active: true, mutedUntil: muted }
      for (let window = first; window.to > position; ) {
        yield* this.applyWindow(window, live, { careful: false })
        position = window.to
        window = yield* readWindow(tx, this.filter, position, switchLimit)
      }
      yield* moveCheckpoint(tx, key, fence, checkpoint.position, position)
    } else if (position < done && !force) {
      // What is left to do is in another database: readers would see the read model go back.
      throw this.behind(done - position)
    }
    yield* tx.run(texts.deactivate, key.processor, shard)
    const { changes } = yield* tx.run(
      texts.activate,
      muted,
      key.processor,
      key.version,
      shard,
      fence,
    )
    if (changes === 0) throw fenced(key)
    yield* this.pointViews()
    return this.outcome(position, position, true)
  }

  /** Drops the tables and checkpoints of versions that this one has replaced. */
  *prune(): Program<ProjectionOutcome> {
    const { tx, key } = this
    const texts = textsFor(tx.dialect)
    const rows = yield* tx.all<{ version: number; tables: string }>(
      texts.inactive,
      key.processor,
      key.version,
    )
    for (const { version, tables } of rows) {
      for (const table of JSON.parse(tables) as string[]) {
        for (const sql of texts.dropTable(table)) yield* tx.run(sql)
      }
      yield* tx.run(texts.dropCheckpoint, key.processor, version)
      yield* tx.run(texts.unparkAll, key.processor, version)
    }
    return { ...this.outcome(0, 0, true), done: rows.length }
  }

  private *applyRow(row: EventRow, checkpoint: Checkpoint): Program<void> {
    const event = readEvent(row, this.definition.schema)
    if (event === undefined) return
    const muted = !checkpoint.active || event.position <= checkpoint.mutedUntil
    const context = this.context(muted)
    yield* this.definition.apply(this.tx, event, context)
    if (!muted && this.definition.effects) yield* this.definition.effects(this.tx, event, context)
  }

  /** Applies in a savepoint; the failure, or undefined when it went through. */
  private *tryRow(row: EventRow, checkpoint: Checkpoint): Program<Failure | undefined> {
    try {
      yield* this.tx.savepoint(() => this.applyRow(row, checkpoint))
      return undefined
    } catch (error) {
      if (isEngineFailure(error)) throw error
      return failureOf(error, row.pos, TidemillError.is(error) && error.retryable)
    }
  }

  private *missedEffects(from: number, to: number): Program<void> {
    const { definition, tx } = this
    if (definition.effects === undefined) return
    const window = yield* readWindow(tx, this.filter, from, switchLimit)
    for (const row of window.rows) {
      const event = row.pos > to ? undefined : readEvent(row, definition.schema)
      if (event !== undefined) yield* definition.effects(tx, event, this.context(false))
    }
  }

  private *activeVersion(): Program<{ version: number; pos: number } | undefined> {
    const sql = textsFor(this.tx.dialect).activeCheckpoint
    const row = yield* this.tx.get<{ version: number; pos: number }>(sql, this.key.processor, shard)
    return row === undefined ? undefined : { version: row.version, pos: row.pos }
  }

  private *empty(): Program<void> {
    const { tx, definition } = this
    if (definition.reset !== undefined) {
      yield* definition.reset(tx, this.context(true))
      return
    }
    const tables = Object.keys(definition.tables ?? {})
    if (tables.length === 0) {
      const message = 'reset must be given to build the read model again'
      throw eventsErrors.error('TM_EVENTS_INVALID_DEFINITION', {
        name: definition.name,
        summary: message,
        problems: [{ path: '/reset', message }],
      })
    }
    const texts = textsFor(tx.dialect)
    for (const table of tables) {
      for (const sql of texts.dropTable(this.tableName(table))) yield* tx.run(sql)
      yield* this.createTable(table)
    }
  }

  private *createTable(table: string): Program<void> {
    const create = this.definition.tables?.[table]?.[this.tx.dialect]
    if (create === undefined) {
      throw eventsErrors.error('TM_EVENTS_DIALECT', { dialect: this.tx.dialect, table })
    }
    for (const sql of create(this.tableName(table))) yield* this.tx.run(sql)
  }

  private *pointViews(): Program<void> {
    const texts = textsFor(this.tx.dialect)
    for (const table of Object.keys(this.definition.tables ?? {})) {
      for (const sql of texts.pointView(table, this.tableName(table))) yield* this.tx.run(sql)
    }
  }

  private tableName(table: string): string {
    return `${table}__v${this.key.version}`
  }

  private context(muted: boolean): ProjectionContext {
    return { muted, table: (table) => this.tableName(table) }
  }

  private behind(events: number): Error {
    return eventsErrors.error('TM_EVENTS_SWITCH_BEHIND', { ...this.key, events })
  }

  private outcome(position: number, head: number, active: boolean): ProjectionOutcome {
    return { position, head, active }
  }
}
