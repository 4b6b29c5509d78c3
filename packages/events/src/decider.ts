import { createHash } from 'node:crypto'
import { backoffDelay, type Clock, type Logger, type Random, TidemillError } from '@tidemill/core'
import { type Database, type Procedure, type Program, procedure, type Tx } from '@tidemill/sql'
import { defaultTenant, type Expected, type NewEvent, type StoredEvent } from './event.ts'
import { jsonProblems, parseJson } from './json.ts'
import { textsFor } from './sql/texts.ts'
import type { EventStore } from './store.ts'

/** State from events, and events from a command and a state; all of it pure. */
export interface DeciderDefinition<State, Command> {
  /** Names the fold in snapshots; must not change while snapshots exist. */
  readonly name: string
  /** Raise it when `evolve` changes meaning, so that old snapshots are not used. Default 1. */
  readonly version?: number
  initial(): State
  evolve(state: State, event: StoredEvent): State
  /** The events to append; none means the command changes nothing. Throws to refuse. */
  decide(command: Command, state: State): readonly NewEvent[]
}

export interface Loaded<State> {
  readonly state: State
  /** 0 when the stream does not exist. */
  readonly version: number
}

export interface HandleOptions {
  readonly tenant?: string
  /** The version the caller has seen; without it the version just loaded. With a number there is no retry. */
  readonly expected?: Expected
}

export interface Handled<State> extends Loaded<State> {
  readonly events: readonly NewEvent[]
}

/** Load, fold, decide, append; again from the start when somebody else appended in between. */
export interface Decider<State, Command> {
  load(stream: string, options?: { readonly tenant?: string }): Promise<Loaded<State>>
  /** Tries at most 4 times, with jitter; then rejects with TM_EVENTS_WRONG_VERSION. */
  handle(stream: string, command: Command, options?: HandleOptions): Promise<Handled<State>>
}

const retries = 3
const retryDelay = { base: 5, cap: 100 }
/** Snapshots are kept of streams longer than this, renewed after so many more events. */
const snapshotPolicy = { longerThan: 500, every: 200 }

export interface DeciderPorts {
  readonly store: EventStore
  readonly database: Database
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Binds a decider's definition to a store. */
export function createDecider<State, Command>(
  definition: DeciderDefinition<State, Command>,
  ports: DeciderPorts,
): Decider<State, Command> {
  const { store, database, clock, random, logger } = ports
  const texts = textsFor(database.dialect)
  const fold = foldId(definition)

  async function load(
    stream: string,
    { tenant = defaultTenant }: { readonly tenant?: string } = {},
  ): Promise<Loaded<State> & { readonly snapshot: number }> {
    const [row] = await database.query<SnapshotRow>(texts.snapshot, tenant, stream, fold)
    const kept = row === undefined ? undefined : readSnapshot<State>(row)
    let state = kept === undefined ? definition.initial() : kept.state
    const snapshot = kept?.version ?? 0
    let version = snapshot
    for await (const event of store.read(stream, { from: snapshot + 1, tenant })) {
      state = definition.evolve(state, event)
      ;({ version } = event)
    }
    return { state, version, snapshot }
  }

  async function keepSnapshot(
    tenant: string,
    stream: string,
    loaded: Loaded<State> & { readonly snapshot: number },
  ): Promise<void> {
    const { version, snapshot, state } = loaded
    if (version <= snapshotPolicy.longerThan || version - snapshot < snapshotPolicy.every) return
    const problems = jsonProblems(state, '')
    if (problems.length > 0) {
      logger.log('warn', 'state is not JSON, no snapshot', { decider: definition.name, problems })
      return
    }
    const input = { tenant, stream, fold, version, state: JSON.stringify(state) }
    try {
      await database.call(saveSnapshotProcedure, input)
    } catch (error) {
      // A snapshot only saves time: without it the next load reads more events.
      logger.log('warn', 'snapshot not saved', { decider: definition.name, stream, error })
    }
  }

  async function once(
    stream: string,
    command: Command,
    { tenant = defaultTenant, expected }: HandleOptions,
  ): Promise<Handled<State>> {
    const loaded = await load(stream, { tenant })
    await keepSnapshot(tenant, stream, loaded)
    const events = definition.decide(command, loaded.state)
    if (events.length === 0) return { state: loaded.state, version: loaded.version, events }
    const appended = await store.append(stream, events, {
      expected: expected ?? loaded.version,
      tenant,
    })
    // Folded from the store, so that the state is what the next load will see.
    const from = loaded.version + 1
    let { state } = loaded
    for await (const event of store.read(stream, { from, tenant })) {
      if (event.version > appended.version) break
      state = definition.evolve(state, event)
    }
    // A repeat is answered with its first place, which the loaded state may have gone past.
    return { state, version: Math.max(loaded.version, appended.version), events }
  }

  return {
    async load(stream, options) {
      const { state, version } = await load(stream, options)
      return { state, version }
    },
    async handle(stream, command, options = {}) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(stream, command, options)
        } catch (error) {
          const conflict =
            TidemillError.is(error, 'TM_EVENTS_WRONG_VERSION') && options.expected === undefined
          if (!conflict || attempt > retries) throw error
          await clock.sleep(backoffDelay(attempt, retryDelay, random))
        }
      }
    },
  }
}

/** Undefined when it cannot be read: what a snapshot says, the events say too. */
function readSnapshot<State>(row: SnapshotRow): Loaded<State> | undefined {
  try {
    return { version: row.version, state: parseJson(row.state) as State }
  } catch {
    return undefined
  }
}

interface SnapshotRow {
  readonly version: number
  readonly state: string
}

/** Changes with the code of the fold, so that a snapshot of other code is never used. */
function foldId<State, Command>(definition: DeciderDefinition<State, Command>): string {
  const { name, version = 1 } = definition
  const code = Object.values(definition)
    .filter((part) => typeof part === 'function')
    .join('\n')
  return `${name}:${version}:${createHash('sha256').update(code).digest('hex').slice(0, 16)}`
}

interface SaveSnapshotInput {
  readonly tenant: string
  readonly stream: string
  readonly fold: string
  readonly version: number
  readonly state: string
}

function* saveSnapshot(tx: Tx, input: SaveSnapshotInput): Program<void> {
  const { tenant, stream, fold, version, state } = input
  yield* tx.run(textsFor(tx.dialect).saveSnapshot, tenant, stream, fold, version, state)
}

export const saveSnapshotProcedure: Procedure<SaveSnapshotInput, void> = procedure(
  import.meta.url,
  'saveSnapshotProcedure',
  saveSnapshot,
)
