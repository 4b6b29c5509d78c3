import {
  type Clock,
  type Closable,
  coreErrors,
  createUuid7,
  type Duration,
  type Logger,
  type Random,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import {
  appendProcedure,
  archiveProcedure,
  mayBeRepeat,
  originalProcedure,
  resultOf,
  single,
} from './append.ts'
import { createDecider, type Decider, type DeciderDefinition } from './decider.ts'
import {
  type AppendManyInput,
  type AppendManyResult,
  type AppendResult,
  defaultTenant,
  type EventFilter,
  eventsTopic,
  type Expected,
  type NewEvent,
  type StoredEvent,
} from './event.ts'
import type { EventSchema } from './event-schema.ts'
import { appendChannel } from './internal/channels.ts'
import { encodeBatch } from './internal/encode.ts'
import { readEvent } from './internal/event-row.ts'
import { createEventSource } from './internal/event-source.ts'
import { startChainProcedure } from './internal/hash-chain.ts'
import { startProcessor } from './internal/processors.ts'
import { checkReading } from './internal/read-input.ts'
import { createSubscription } from './internal/subscription.ts'
import { storedFilter } from './internal/window.ts'
import { eventMigrations, processorMigrations } from './migrations.ts'
import type { Processor } from './processor.ts'
import type { Projection } from './projection.ts'
import type { Reactor } from './reactor.ts'
import { type VerifyReport, verifyEvents } from './verify.ts'

export interface EventStoreOptions {
  /** Where the events live. The caller opens and closes it; the store migrates it. */
  readonly database: Database
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /** Upcasts what `read`, `readAll`, `subscribe` and deciders give, and stamps what `append` writes. */
  readonly schema?: EventSchema
  /** Chains events by SHA-256 from here on, for `verify`; once on, it stays on. Default false. */
  readonly hashChain?: boolean
  /** How long a processor's ownership lasts without renewal; default `'15s'`. */
  readonly lease?: Duration
}

export interface ReadOptions {
  /** First version; default 1. */
  readonly from?: number
  readonly tenant?: string
}

export interface ReadAllOptions extends EventFilter {
  /** Only events after this position; default 0. */
  readonly after?: number
  /** At most so many, up to 1,000; default 500. */
  readonly limit?: number
}

export interface SubscribeOptions extends EventFilter {
  readonly after?: number
  /** Ends the iteration. */
  readonly signal?: AbortSignal
}

export interface RunOptions {
  /** Where the read model and its checkpoint live; default the event store's database. */
  readonly database?: Database
}

/** Positions that one query of a filtered page looks through: a rare type must not hold the reader's thread. */
const readSpan = 50_000

/** An append-only log of events in streams, with one gapless order over all of them. */
export interface EventStore extends Closable {
  /** Resolves after the commit. Rejects with TM_EVENTS_WRONG_VERSION when `expected` does not hold. */
  append(
    stream: string,
    events: readonly NewEvent[],
    options?: { readonly expected?: Expected; readonly tenant?: string },
  ): Promise<AppendResult>
  /** Appends to several streams, all or nothing, under checks and a condition. */
  appendMany(input: AppendManyInput): Promise<AppendManyResult>
  /** The stream takes no more events; reading goes on. */
  archive(stream: string, options?: { readonly tenant?: string }): Promise<void>
  /** The stream's events by version; ends at its end. */
  read(stream: string, options?: ReadOptions): AsyncIterable<StoredEvent>
  /** One page of all events by position; there are no more only when it is empty. */
  readAll(options?: ReadAllOptions): Promise<StoredEvent[]>
  /** Catches up, then goes on live until the signal aborts or the store closes. */
  subscribe(options?: SubscribeOptions): AsyncIterable<StoredEvent>
  /** Position of the last event; 0 when there is none. */
  head(): Promise<number>
  decider<State, Command>(definition: DeciderDefinition<State, Command>): Decider<State, Command>
  /** Starts to drive it; a second instance of the same name stands by. */
  run(processor: Projection | Reactor, options?: RunOptions): Processor
  /** Reads everything and reports what does not hold; changes nothing. */
  verify(): Promise<VerifyReport>
}

/**
 * Opens the event store on a database: migrates it, starts nothing. Closing the store closes its processors and
 * subscriptions, not the database.
 */
export async function openEventStore(options: EventStoreOptions): Promise<EventStore> {
  const {
    database,
    clock = realClock,
    random = realRandom,
    logger = silentLogger,
    schema,
    lease = '15s',
  } = options
  await database.migrate('events', eventMigrations)
  await database.migrate('processors', processorMigrations)
  if (options.hashChain === true) await database.call(startChainProcedure, null)

  const source = createEventSource(database, eventsTopic)
  const uuid = createUuid7(clock, random)
  // Names the process, so that after a crash the next one knows that nobody holds its leases any more.
  const owner = `${process.pid}-${performance.timeOrigin}/${uuid()}`
  let runs = 0
  const processors = new Set<Processor>()
  const closing = new AbortController()

  const stamp = (event: NewEvent): NewEvent => ({
    ...event,
    // With an id of its own an append whose answer was lost can be repeated.
    id: event.id ?? uuid(),
    ...(schema === undefined || event.schemaVersion !== undefined
      ? {}
      : { schemaVersion: schema.current(event.type) }),
  })
  const assertOpen = (): void => {
    if (closing.signal.aborted)
      throw coreErrors.error('TM_CORE_CLOSED', { what: 'the event store' })
  }
  const appendMany = async (input: AppendManyInput): Promise<AppendManyResult> => {
    assertOpen()
    const appends = input.appends.map((one) => ({ ...one, events: one.events.map(stamp) }))
    const batch = encodeBatch({ ...input, appends })
    const result = await database.call(appendProcedure, batch).then(
      (written) => resultOf(batch, written, false),
      async (error: unknown) => {
        const original = mayBeRepeat(batch, error)
          ? await database.call(originalProcedure, batch)
          : null
        if (original === null) throw error
        return original
      },
    )
    if (appendChannel.hasSubscribers) appendChannel.publish(result)
    return result
  }
  async function* read(stream: string, readOptions: ReadOptions = {}): AsyncGenerator<StoredEvent> {
    const { tenant = defaultTenant } = readOptions
    let { from = 1 } = readOptions
    checkReading({ from })
    const page = 200
    for (;;) {
      assertOpen()
      const { rows, more } = await source.stream(tenant, stream, from, page)
      for (const row of rows) {
        const event = readEvent(row, schema)
        if (event !== undefined) yield event
      }
      if (!more) return
      from = (rows.at(-1)?.version ?? from) + 1
    }
  }

  const store: EventStore = {
    async append(stream, events, { expected, tenant } = {}) {
      const result = await appendMany({
        appends: [{ stream, events, ...(expected === undefined ? {} : { expected }) }],
        ...(tenant === undefined ? {} : { tenant }),
      })
      return single(result)
    },
    appendMany,
    archive: (stream, { tenant } = {}) =>
      database.call(archiveProcedure, { stream, ...(tenant === undefined ? {} : { tenant }) }),
    read,
    async readAll({ after = 0, limit = 500, ...filter } = {}) {
      assertOpen()
      checkReading({ after, limit }, filter)
      const wanted = Math.min(Math.max(limit, 1), 1000)
      for (let from = after; ; ) {
        const window = await source.window(storedFilter(filter, schema), from, wanted, readSpan)
        const events = window.rows
          .map((row) => readEvent(row, schema))
          .filter((event) => event !== undefined)
        // A page of nothing but filtered or ignored events is not the end.
        if (events.length > 0 || window.to >= window.head) return events
        from = window.to
      }
    },
    subscribe({ after = 0, signal, ...filter } = {}) {
      checkReading({ after }, filter)
      const signals = signal === undefined ? [closing.signal] : [closing.signal, signal]
      return createSubscription({
        source,
        filter: storedFilter(filter, schema),
        schema,
        after,
        signal: AbortSignal.any(signals),
        clock,
      })
    },
    head: () => source.head(),
    decider: (definition) => createDecider(definition, { store, database, clock, random, logger }),
    run(processor, runOptions = {}) {
      assertOpen()
      const started = startProcessor(processor, {
        source,
        events: database,
        database: runOptions.database ?? database,
        clock,
        random,
        logger,
        lease,
        owner: `${owner}-${++runs}`,
        onClosed: () => processors.delete(started),
      })
      processors.add(started)
      return started
    },
    verify: () => verifyEvents(source),
    async close() {
      closing.abort()
      await Promise.all([...processors].map((processor) => processor.close()))
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}
