import {
  type Clock,
  type Closable,
  coreErrors,
  createUuid7,
  type Duration,
  type Logger,
  parseDuration,
  type Problem,
  type Random,
  realClock,
  realRandom,
  silentLogger,
  type Timer,
} from '@tidemill/core'
import type { Database, SqlValue } from '@tidemill/sql'
import type { MessageKey, Started } from './command.ts'
import type { SagaDefinition } from './definition.ts'
import { sagaErrors } from './errors.ts'
import {
  hastenSaga,
  holdBuckets,
  leaveBuckets,
  purgeMessages,
  redriveMessage,
} from './internal/dispatch-procedures.ts'
import type { DispatcherCounters } from './internal/counters.ts'
import { Dispatcher } from './internal/dispatcher.ts'
import { jsonProblems } from './internal/json.ts'
import type { SagaKey } from './internal/message.ts'
import type { MessageRow, SagaRow } from './internal/row.ts'
import { encodeInput } from './internal/start.ts'
import { deadLetterOf, sagaOf, type StepRow, summaryOf } from './internal/views.ts'
import { sagaMigrations } from './migrations.ts'
import type { DeadLetter, Saga, SagaState, SagaSummary } from './saga.ts'
import { sagaText } from './sql/text.ts'
import type { StartInput } from './start.ts'
import type { Destination, Json, StepAnswer, StepDirection } from './step.ts'

export interface SagasOptions {
  /** The saga database; openSagas brings its schema up to date. Closing it stays with the caller. */
  readonly database: Database
  /** Every version that still has open sagas: sagas of other versions are left to the processes that know them. */
  // oxlint-disable-next-line typescript/no-explicit-any -- definitions of different inputs live in one list
  readonly definitions: readonly SagaDefinition<any>[]
  /** By the name that steps give in `to`. */
  readonly destinations: Readonly<Record<string, Destination>>
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /** Name of this dispatcher in leases; default a fresh id. */
  readonly owner?: string
  /**
   * True when no other dispatcher uses this database: leases found at opening belong to a dead process and are taken
   * over at once, instead of when they end. Default: true for SQLite, whose file one process owns.
   */
  readonly exclusive?: boolean
  /** Attempts under way at once; default 256. */
  readonly maxInFlight?: number
  /** Attempts under way at once per destination; default 32. */
  readonly perDestination?: number
  /** Leased messages that may wait in memory; more are given back to the table. Default 10,000. */
  readonly queueLimit?: number
  /** How often the table is swept when nothing announces work; default '500ms'. */
  readonly sweep?: Duration
  /** How long bucket leases last; renewed three times as often. Default '15s'. */
  readonly bucketLease?: Duration
  /** How long acknowledged messages of ended sagas are kept; default '7d'. Sagas and their steps are kept. */
  readonly retention?: Duration
  /** Claims in a row without any answer after which a message runs alone (default 3) and is dead (default 5). */
  readonly poison?: { readonly isolateAfter?: number; readonly deadAfter?: number }
  /** How long close() waits for attempts under way; default '10s'. */
  readonly drain?: Duration
}

export interface ListOptions {
  readonly state?: SagaState
  /** Default 100, at most 1,000. */
  readonly limit?: number
  /** The last id of the page before; older ones follow. */
  readonly before?: string
}

export interface DestinationStatus {
  readonly name: string
  readonly inFlight: number
  readonly queued: number
  readonly circuit: 'closed' | 'open' | 'half-open'
}

export interface SagasStatus extends Readonly<DispatcherCounters> {
  readonly owner: string
  readonly inFlight: number
  readonly queued: number
  readonly buckets: number
  readonly dispatchers: number
  readonly destinations: readonly DestinationStatus[]
}

export interface SagaCounts {
  readonly open: number
  readonly compensating: number
  readonly stuck: number
  readonly pendingMessages: number
  readonly deadLetters: number
}

/** The dispatcher of one saga database, and the operator's hand on it. */
export interface Sagas extends Closable {
  /** Delivers the first message of a saga whose start has been committed, without waiting for a sweep. */
  deliver(started: Started): void
  /** Starts a saga in a transaction of its own and delivers its first message. */
  start<Input>(definition: SagaDefinition<Input>, input: StartInput<Input>): Promise<Started>
  /**
   * Takes an answer that arrived by another way than the destination's promise, for example by a callback. Resolves
   * with false when it came too late and changed nothing. Rejects with TM_SAGA_NOT_FOUND or TM_SAGA_UNKNOWN_STEP.
   */
  answer(
    sagaId: string,
    step: string,
    direction: StepDirection,
    answer: StepAnswer,
  ): Promise<boolean>
  get(id: string): Promise<Saga | undefined>
  byKey(type: string, bizKey: string, tenant?: string): Promise<Saga | undefined>
  /** Newest first. */
  list(options?: ListOptions): Promise<readonly SagaSummary[]>
  counts(): Promise<SagaCounts>
  /** Makes the saga's pending message due at once. */
  retry(id: string): Promise<void>
  /** Orders the compensation of a running saga; it ends as `cancelled`. TM_SAGA_PIVOT_PASSED when it is too late. */
  compensate(id: string, reason?: string): Promise<void>
  deadLetters(options?: {
    readonly after?: number
    readonly limit?: number
  }): Promise<readonly DeadLetter[]>
  /** Puts a dead letter back, with another payload if one is given. Audited. */
  redrive(
    id: number,
    options?: { readonly payload?: Json; readonly reason?: string },
  ): Promise<void>
  /**
   * Gives up on a dead letter. Before the point of no return the saga compensates; otherwise the step counts as over,
   * without a result, and the saga goes on. Audited.
   */
  discard(id: number, reason: string): Promise<void>
  /** Deletes acknowledged messages that are older than the retention; runs by itself once an hour. */
  purge(): Promise<number>
  /** Resolves when every saga has ended (or has only dead letters left) and nothing is under way. */
  idle(): Promise<void>
  status(): SagasStatus
}

const purgeEveryMs = 3_600_000
const purgeBatch = 1000

/** Opens the dispatcher. Rejects with TM_SAGA_OPTIONS naming every problem. */
export async function openSagas(options: SagasOptions): Promise<Sagas> {
  const settings = readOptions(options)
  const { clock, database, definitions, owner } = settings
  const logger = options.logger ?? silentLogger
  await database.migrate('saga', sagaMigrations)
  const text = sagaText(database.dialect)
  const dispatcher = new Dispatcher({ ...settings, logger })
  let buckets = 0
  let dispatchers = 1
  let closing: Promise<void> | undefined
  let tick: Timer | undefined
  let purgeTimer: Timer | undefined

  const complain = (what: string) => (error: unknown) => {
    if (closing === undefined) logger.log('error', what, { error: String(error) })
  }
  const query = <T>(sql: string, ...params: readonly SqlValue[]): Promise<T[]> =>
    database.query<T>(sql, ...params)
  const hold = async (takeOver: boolean): Promise<void> => {
    const held = await database.call(holdBuckets, {
      owner,
      ttlMs: settings.bucketLeaseMs,
      takeOver,
      horizonMs: dispatcher.horizonMs,
      routes: dispatcher.routes,
    })
    const grown = held.buckets.length > buckets
    buckets = held.buckets.length
    dispatchers = held.live
    dispatcher.shared = dispatchers > 1
    if (grown) dispatcher.poke()
  }
  const armTick = (): void => {
    // Alone, a dispatcher only renews; with others it also watches for buckets that were given up.
    const ms =
      dispatchers > 1 ? Math.min(1000, settings.bucketLeaseMs / 3) : settings.bucketLeaseMs / 3
    tick = clock.timer(ms, () => {
      hold(false)
        .catch(complain('the bucket leases were not renewed'))
        .finally(() => {
          if (closing === undefined) armTick()
        })
        .catch(() => undefined)
    })
  }
  const purge = async (): Promise<number> => {
    let deleted = 0
    for (let after: number | null = 0; after !== null; ) {
      const part: { after: number | null; deleted: number } = await database.call(purgeMessages, {
        after,
        olderThanMs: settings.retentionMs,
        limit: purgeBatch,
      })
      after = part.after
      deleted += part.deleted
    }
    return deleted
  }
  const armPurge = (): void => {
    purgeTimer = clock.timer(purgeEveryMs, runPurge, { ref: false })
  }
  // A failure must not be the end of the retention.
  const runPurge = (): void => {
    purge()
      .catch(complain('the retention failed'))
      .finally(() => {
        if (closing === undefined) armPurge()
      })
      .catch(() => undefined)
  }
  const definitionOf = (row: {
    readonly type: string
    readonly def_version: number
  }): SagaDefinition => {
    const found = definitions.get(`${row.type}/${row.def_version}`)
    if (found !== undefined) return found
    throw sagaErrors.error('TM_SAGA_UNKNOWN_DEFINITION', {
      type: row.type,
      version: row.def_version,
    })
  }
  const mustFind = async (id: string): Promise<SagaRow> => {
    const [row] = await query<SagaRow>(text.sagaById, id)
    if (row === undefined) throw sagaErrors.error('TM_SAGA_NOT_FOUND', { what: 'saga', id })
    return row
  }
  const view = async (row: SagaRow | undefined): Promise<Saga | undefined> => {
    if (row === undefined) return undefined
    const [messages, steps] = await Promise.all([
      query<MessageRow>(text.messagesOfSaga, row.tenant, row.biz_key, row.seq),
      query<StepRow>(text.oldStepsOfSaga, row.saga_id),
    ])
    return sagaOf(row, messages, steps)
  }
  const open = (): void => {
    if (closing !== undefined) throw coreErrors.error('TM_CORE_CLOSED', { what: 'sagas' })
  }

  const sagas: Sagas = {
    deliver(started) {
      for (const message of started.messages) dispatcher.deliverStarted(message)
    },
    async start(definition, { bizKey, input, tenant = '' }) {
      open()
      const outcome = await database.call(definition, {
        do: 'start',
        bizKey,
        tenant,
        input: input as Json,
      })
      const started = outcome.started as Started
      sagas.deliver(started)
      return started
    },
    async answer(sagaId, step, direction, given) {
      open()
      const row = await mustFind(sagaId)
      const definition = definitionOf(row)
      const success = given.outcome !== 'rejected' && given.outcome !== 'suspended'
      const bad = jsonProblems(given.result ?? null)[0]
      if (given.outcome === 'running') return false
      if (bad !== undefined || (!success && direction === 'compensate')) {
        const received =
          bad === undefined ? given.outcome : `a result that is not JSON at ${bad.path || '/'}`
        throw sagaErrors.error('TM_SAGA_HANDLER_CONTRACT', { to: 'answer', step, received })
      }
      const message: MessageKey = {
        tenant: row.tenant,
        bizKey: row.biz_key,
        step,
        direction,
        seq: row.seq,
        fence: 0,
        version: 0,
      }
      return await dispatcher.transition(definition, keyOf(row), {
        do: 'answer',
        sagaId,
        message,
        outcome: success ? 'done' : 'rejected',
        result:
          given.result === undefined || given.result === null ? null : JSON.stringify(given.result),
        reason: given.reason ?? null,
        attempt: 1,
      })
    },
    async get(id) {
      const [row] = await query<SagaRow>(text.sagaById, id)
      return await view(row)
    },
    async byKey(type, bizKey, tenant = '') {
      const [row] = await query<SagaRow>(text.sagaByKey, tenant, type, bizKey)
      return await view(row)
    },
    async list({ state, limit = 100, before = '~' } = {}) {
      const most = Math.min(Math.max(1, limit), 1000)
      const rows =
        state === undefined
          ? await query<SagaRow>(text.listSagas, before, most)
          : state === 'stuck'
            ? await query<SagaRow>(text.listStuckSagas, before, most)
            : await query<SagaRow>(text.listSagasByStatus, before, state, most)
      return rows.map(summaryOf)
    },
    async counts() {
      const [row] = await query<Record<string, number>>(text.countOpen)
      return {
        open: row?.['open'] ?? 0,
        compensating: row?.['compensating'] ?? 0,
        stuck: row?.['stuck'] ?? 0,
        pendingMessages: row?.['pending'] ?? 0,
        deadLetters: row?.['dead'] ?? 0,
      }
    },
    async retry(id) {
      open()
      await database.call(hastenSaga, { id })
      dispatcher.poke()
    },
    async compensate(id, reason = 'ordered by an operator') {
      open()
      const row = await mustFind(id)
      const command = { do: 'compensate', sagaId: id, reason } as const
      await dispatcher.transition(definitionOf(row), keyOf(row), command)
    },
    async deadLetters({ after = 0, limit = 100 } = {}) {
      const rows = await query<Parameters<typeof deadLetterOf>[0]>(
        text.deadMessages,
        after,
        Math.min(limit, 1000),
      )
      return rows.map(deadLetterOf)
    },
    async redrive(id, { payload, reason = '' } = {}) {
      open()
      const edited = payload === undefined ? null : encodeInput(`message ${id}`, 'payload', payload)
      await database.call(redriveMessage, { id, payload: edited, reason })
      dispatcher.poke()
    },
    async discard(id, reason) {
      open()
      const [message] = await query<MessageRow>(text.messageById, id)
      if (message === undefined)
        throw sagaErrors.error('TM_SAGA_NOT_FOUND', { what: 'message', id })
      const row = await mustFind(message.saga_id)
      const command = { do: 'discard', sagaId: row.saga_id, id, reason } as const
      await dispatcher.transition(definitionOf(row), keyOf(row), command)
    },
    purge,
    idle: () => dispatcher.idle(),
    status() {
      const now = clock.monotonic()
      return {
        ...dispatcher.counters,
        owner,
        inFlight: dispatcher.inFlight,
        queued: dispatcher.queued,
        buckets,
        dispatchers,
        destinations: [...dispatcher.lanes.values()].map((lane) => ({
          name: lane.name,
          inFlight: lane.inFlight,
          queued: lane.queued,
          circuit: lane.circuit(now),
        })),
      }
    },
    close() {
      closing ??= (async () => {
        tick?.cancel()
        purgeTimer?.cancel()
        await dispatcher.stop(settings.drainMs)
        // A courtesy to other dispatchers: without it the buckets are free when the lease ends.
        await database
          .call(leaveBuckets, { owner })
          .catch((error: unknown) =>
            logger.log('warn', 'the bucket leases were not given up', { error: String(error) }),
          )
      })()
      return closing
    },
    [Symbol.asyncDispose]: () => sagas.close(),
  }

  let regaining = false
  dispatcher.onOwnedNothing = () => {
    if (regaining || closing !== undefined) return
    regaining = true
    hold(false)
      .catch(complain('the bucket leases were not taken'))
      .finally(() => {
        regaining = false
      })
      .catch(() => undefined)
  }
  await hold(settings.exclusive)
  armTick()
  armPurge()
  dispatcher.poke()
  return sagas
}

function keyOf(row: SagaRow): SagaKey {
  return { sagaId: row.saga_id, tenant: row.tenant, bizKey: row.biz_key, seq: row.seq }
}

function readOptions(options: SagasOptions) {
  const problems: Problem[] = []
  const clock = options.clock ?? realClock
  const random = options.random ?? realRandom
  const definitions = new Map<string, SagaDefinition>()
  options.definitions.forEach((definition, index) => {
    if (definitions.has(definition.key)) {
      problems.push({
        path: `/definitions/${index}`,
        message: 'is given twice',
        received: definition.key,
      })
    }
    definitions.set(definition.key, definition as SagaDefinition)
    for (const step of definition.steps) {
      if (Object.hasOwn(options.destinations, step.to)) continue
      problems.push({
        path: `/destinations/${step.to}`,
        message: `is missing: step "${step.name}" of ${definition.key} goes there`,
      })
    }
  })
  const whole = (name: string, value: number): number => {
    if (!Number.isSafeInteger(value) || value < 1) {
      problems.push({
        path: `/${name}`,
        message: 'is not a whole number from 1',
        received: String(value),
      })
    }
    return value
  }
  const duration = (name: string, value: Duration): number => {
    try {
      return parseDuration(value, `/${name}`)
    } catch {
      problems.push({ path: `/${name}`, message: 'is not a duration', received: value })
      return 0
    }
  }
  const settings = {
    database: options.database,
    definitions,
    destinations: options.destinations,
    clock,
    random,
    owner: options.owner ?? createUuid7(clock, random)(),
    exclusive: options.exclusive ?? options.database.dialect === 'sqlite',
    maxInFlight: whole('maxInFlight', options.maxInFlight ?? 256),
    perDestination: whole('perDestination', options.perDestination ?? 32),
    queueLimit: whole('queueLimit', options.queueLimit ?? 10_000),
    sweepMs: duration('sweep', options.sweep ?? '500ms'),
    bucketLeaseMs: duration('bucketLease', options.bucketLease ?? '15s'),
    retentionMs: duration('retention', options.retention ?? '7d'),
    drainMs: duration('drain', options.drain ?? '10s'),
    isolateAfter: whole('poison/isolateAfter', options.poison?.isolateAfter ?? 3),
    deadAfter: whole('poison/deadAfter', options.poison?.deadAfter ?? 5),
  }
  if (problems.length > 0) {
    const first = `${problems[0]?.path} ${problems[0]?.message}`
    throw sagaErrors.error('TM_SAGA_OPTIONS', { first, problems })
  }
  return settings
}
