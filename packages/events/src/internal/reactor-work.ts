import { backoffDelay, type Clock, type Random, TidemillError } from '@tidemill/core'
import { type Database, type Procedure, type Program, procedure, type Tx } from '@tidemill/sql'
import type { StoredEvent } from '../event.ts'
import type { EventSchema } from '../event-schema.ts'
import type { ParkedEvent } from '../processor.ts'
import type { Reactor, ReactorDefinition } from '../reactor.ts'
import { shard, textsFor } from '../sql/texts.ts'
import { moveCheckpoint, ownedCheckpoint, type ProcessorKey } from './checkpoint.ts'
import { type EventRow, readEvent } from './event-row.ts'
import type { EventSource } from './event-source.ts'
import { type Failure, failureOf, retryLimits } from './failure.ts'
import { park, type ParkEntry, streamKey } from './park.ts'
import type { Work } from './runner.ts'
import { storedFilter } from './window.ts'

interface SaveInput extends ProcessorKey {
  readonly fence: number
  readonly from: number
  readonly to: number
  readonly aside: readonly ParkEntry[]
}

function* save(tx: Tx, input: SaveInput): Program<void> {
  yield* ownedCheckpoint(tx, input, input.fence)
  yield* park(tx, input, input.aside)
  yield* moveCheckpoint(tx, input, input.fence, input.from, input.to)
}

export const saveReactorProcedure: Procedure<SaveInput, void> = procedure(
  import.meta.url,
  'saveReactorProcedure',
  save,
)

function* prepare(tx: Tx, input: ProcessorKey & { readonly position: number }): Program<number> {
  const { processor, version, position } = input
  const texts = textsFor(tx.dialect)
  yield* tx.run(texts.createCheckpoint, processor, version, shard, position, 1, '[]', tx.now)
  const row = yield* tx.get<{ pos: number }>(texts.checkpoint, processor, version, shard)
  return row?.pos ?? position
}

export const prepareReactorProcedure: Procedure<
  ProcessorKey & { readonly position: number },
  number
> = procedure(import.meta.url, 'prepareReactorProcedure', prepare)

interface SettleInput extends ProcessorKey {
  readonly fence: number
  readonly position: number
  /** Undefined when the event went through. */
  readonly error: string | undefined
}

function* settle(tx: Tx, input: SettleInput): Program<void> {
  const { processor, version, fence, position, error } = input
  const texts = textsFor(tx.dialect)
  yield* ownedCheckpoint(tx, input, fence)
  const place = [processor, version, shard, position] as const
  if (error === undefined) yield* tx.run(texts.unpark, ...place)
  else yield* tx.run(texts.markParked, 'parked' satisfies ParkedEvent['state'], error, ...place)
}

/** What became of a replayed event. */
export const settleParkedProcedure: Procedure<SettleInput, void> = procedure(
  import.meta.url,
  'settleParkedProcedure',
  settle,
)

/** A reactor as a runner drives it. */
export interface ReactorWork extends Work {
  replay(
    fence: number,
    tenant: string,
    stream: string,
    signal: AbortSignal,
  ): Promise<{ readonly done: number; readonly left: number }>
}

export function createReactorWork(options: {
  readonly reactor: Reactor
  readonly database: Database
  readonly source: EventSource
  readonly clock: Clock
  readonly random: Random
}): ReactorWork {
  const { reactor, database, source, clock, random } = options
  const { definition } = reactor
  const { onPoison = 'park', concurrency = 16, schema } = definition
  const key = { processor: definition.name, version: 1 }
  const filter = storedFilter(definition, schema)
  const texts = textsFor(database.dialect)
  let position = 0

  /** Tries one event until it goes through, is refused for good, or its tries are used up. */
  async function attempt(
    event: StoredEvent,
    tries: number,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    for (let count = 1; ; count++) {
      try {
        await unlessAborted(definition.handle(event, { signal, attempt: count }), signal)
        return undefined
      } catch (error) {
        signal.throwIfAborted()
        // What is outside is down more often than it is wrong: only a coded refusal is final at once.
        const retryable = !TidemillError.is(error) || error.retryable
        if (!retryable || count >= tries) return failureOf(error, event.position, false)
        await clock.sleep(backoffDelay(count, retryLimits, random), { signal })
      }
    }
  }

  return {
    key,
    database,
    async prepare() {
      const start = definition.from === 'start' ? 0 : await source.head()
      position = await database.call(prepareReactorProcedure, { ...key, position: start })
    },
    async step(fence, _mode, signal) {
      const [checkpoint] = await database.query<{ pos: number }>(
        texts.checkpoint,
        key.processor,
        key.version,
        shard,
      )
      position = checkpoint?.pos ?? position
      const window = await source.window(filter, position, 500)
      const parked = await database.query<{ tenant: string; stream_id: string }>(
        texts.parkedStreams,
        key.processor,
        key.version,
      )
      const waiting = new Set(parked.map(streamKey))
      const aside: ParkEntry[] = []
      const stops: Failure[] = []
      const queue = lanesOf(window.rows, reactor.definition)
      const handleLane = async (lane: Lane): Promise<void> => {
        for (const { row, event } of lane) {
          if (waiting.has(streamKey(row))) {
            aside.push({ row: parkable(row), state: 'behind', error: '', attempts: 0 })
            continue
          }
          const failure =
            'message' in event ? event : await attempt(event, retryLimits.tries, signal)
          if (failure === undefined) continue
          if (onPoison === 'stop') {
            stops.push(failure)
            return
          }
          const state = onPoison === 'park' ? 'parked' : 'skipped'
          aside.push({ row: parkable(row), state, error: failure.message, attempts: 1 })
          if (onPoison === 'park') waiting.add(streamKey(row))
        }
      }
      const worker = async (): Promise<void> => {
        for (let lane = queue.shift(); lane !== undefined; lane = queue.shift()) {
          await handleLane(lane)
        }
      }
      await Promise.all(Array.from({ length: Math.min(concurrency, queue.length) }, worker))
      const [blocked] = stops.toSorted((a, b) => a.position - b.position)
      const to = blocked === undefined ? window.to : Math.max(position, blocked.position - 1)
      const kept = aside.filter(({ row }) => row.pos <= to)
      await database.call(saveReactorProcedure, {
        ...key,
        fence,
        from: position,
        to,
        aside: kept,
      })
      position = to
      const result = { position: to, head: window.head }
      return blocked === undefined ? result : { ...result, blocked }
    },
    async replay(fence, tenant, stream, signal) {
      const waiting = await database.query<{ pos: number }>(
        texts.parkedOfStream,
        key.processor,
        key.version,
        tenant,
        stream,
        500,
      )
      let done = 0
      for (const { pos } of waiting) {
        const row = await source.at(pos)
        const event = row === undefined ? undefined : readOrFail(row, schema)
        const failure =
          event === undefined || 'message' in event ? event : await attempt(event, 1, signal)
        const error = failure?.message
        await database.call(settleParkedProcedure, { ...key, fence, position: pos, error })
        if (failure !== undefined) break
        done++
      }
      return { done, left: waiting.length - done }
    },
  }
}

type Lane = readonly LaneEvent[]

interface LaneEvent {
  readonly row: EventRow
  /** Why it cannot even be read, or has no key: a refusal as one by the handler. */
  readonly event: StoredEvent | Failure
}

function readOrFail(row: EventRow, schema?: EventSchema): StoredEvent | Failure | undefined {
  try {
    return readEvent(row, schema)
  } catch (error) {
    return failureOf(error, row.pos, false)
  }
}

/** The events by key; those of one key are handled one after another. */
function lanesOf(rows: readonly EventRow[], definition: ReactorDefinition): Lane[] {
  const lanes = new Map<string, LaneEvent[]>()
  for (const row of rows) {
    let event = readOrFail(row, definition.schema)
    if (event === undefined) continue
    let key = streamKey(row)
    if (definition.key !== undefined && !('message' in event)) {
      try {
        key = definition.key(event)
      } catch (error) {
        event = failureOf(error, row.pos, false)
      }
    }
    const lane = lanes.get(key)
    if (lane === undefined) lanes.set(key, [{ row, event }])
    else lane.push({ row, event })
  }
  return [...lanes.values()]
}

/** The handler's outcome, or the signal's reason at once: a handler that does not heed it must not hold up a close. */
async function unlessAborted(handled: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    await Promise.race([handled, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Only what parking needs crosses to the writer. */
function parkable(row: EventRow): ParkEntry['row'] {
  const { pos, tenant, stream_id, event_id } = row
  return { pos, tenant, stream_id, event_id }
}
