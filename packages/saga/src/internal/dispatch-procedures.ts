import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import type { Message, MessageKey } from '../command.ts'
import { sagaErrors } from '../errors.ts'
import { bucketCount } from '../migrations.ts'
import { sagaText } from '../sql/text.ts'
import type { Json } from '../step.ts'
import { parseJson } from './json.ts'
import type { SagaKey } from './message.ts'
import {
  directionCode,
  directionName,
  type MessageRow,
  messageStatus,
  type SagaRow,
} from './row.ts'

/** A destination and the key of a definition that has steps there. */
export type Route = readonly [to: string, definition: string]

export interface HoldInput {
  readonly owner: string
  readonly ttlMs: number
  /** Take everything at once: whoever held it is known to be dead. */
  readonly takeOver: boolean
  readonly routes: readonly Route[]
  /** Rows due later than this many milliseconds from now were dated by a clock that has since been set back. */
  readonly horizonMs: number
}

export interface Held {
  readonly buckets: readonly number[]
  /** Dispatchers alive, this one among them. */
  readonly live: number
}

/** Registers the dispatcher, renews its buckets and moves it to its fair share of them. */
export const holdBuckets: Procedure<HoldInput, Held> = procedure(
  import.meta.url,
  'holdBuckets',
  function* (tx, { owner, ttlMs, takeOver, horizonMs, routes }): Program<Held> {
    const text = sagaText(tx.dialect)
    const until = tx.now + ttlMs
    const believable = tx.now + 2 * ttlMs
    yield* tx.run(text.dropMembers, takeOver ? Number.MAX_SAFE_INTEGER : tx.now, believable)
    yield* tx.run(text.putMember, owner, until)
    const live = (yield* tx.get<{ live: number }>(text.countMembers))?.live ?? 1
    if (takeOver) {
      yield* tx.run(text.takeAllBuckets, owner, until)
      yield* tx.run(text.releaseLeases, tx.now)
      return { buckets: yield* ownedBuckets(tx, owner), live }
    }
    yield* tx.run(text.renewBuckets, until, owner, tx.now)
    const quota = Math.ceil(bucketCount / live)
    const mine = yield* ownedBuckets(tx, owner)
    if (mine.length > quota) {
      yield* tx.run(text.releaseBuckets, owner, JSON.stringify(mine.slice(quota)))
    } else if (mine.length < quota) {
      yield* tx.run(text.takeBuckets, owner, until, tx.now, believable, quota - mine.length)
    }
    const buckets = yield* ownedBuckets(tx, owner)
    yield* tx.run(text.mendClock, tx.now, JSON.stringify(routes), tx.now + horizonMs)
    return { buckets, live }
  },
)

function* ownedBuckets(tx: Tx, owner: string): Program<number[]> {
  const rows = yield* tx.all<{ bucket: number }>(sagaText(tx.dialect).bucketsOf, owner, tx.now)
  return rows.map((row) => row.bucket)
}

/** Leaves: others may take the buckets at once. */
export const leaveBuckets: Procedure<{ readonly owner: string }, null> = procedure(
  import.meta.url,
  'leaveBuckets',
  function* (tx, { owner }): Program<null> {
    const text = sagaText(tx.dialect)
    yield* tx.run(text.releaseBuckets, owner, JSON.stringify(yield* ownedBuckets(tx, owner)))
    yield* tx.run(text.dropMember, owner)
    return null
  },
)

export interface ClaimInput {
  readonly owner: string
  /** `type/version` of every definition known here: others are left to those who know them. */
  readonly definitions: readonly string[]
  /** Those that can take something now, and how many; in the order in which they are served. */
  readonly wanted: readonly (readonly [route: Route, limit: number])[]
  readonly routes: readonly Route[]
  readonly leaseMs: number
  /** Claims without any answer after which a message runs alone, and after which it is dead. */
  readonly isolateAfter: number
  readonly deadAfter: number
  /** True when other dispatchers own some of the buckets. */
  readonly shared: boolean
}

export interface Claimed {
  readonly message: Message
  readonly input: Json
  /** Takes the input's place in the request: an operator's edit. */
  readonly payload: Json | undefined
  readonly results: Readonly<Record<string, Json>>
  readonly isolated: boolean
}

export interface ClaimOutput {
  readonly owned: number
  readonly claimed: readonly Claimed[]
  /** Messages that were claimed too often without an answer: they seem to kill their process. */
  readonly poisoned: readonly Message[]
  readonly expired: readonly (SagaKey & { readonly definition: string })[]
  /** There may be more due than was claimed. */
  readonly more: boolean
  /** Milliseconds until the next message or deadline is due; null when none waits. */
  readonly nextMs: number | null
}

const orphanedAfterMs = 5000

/** Messages per claim: the writer thread does nothing else meanwhile. */
const claimLimit = 256

/** Leases due messages of the owned buckets, at most the first of each business key, and finds passed deadlines. */
export const claimMessages: Procedure<ClaimInput, ClaimOutput> = procedure(
  import.meta.url,
  'claimMessages',
  function* (tx, input): Program<ClaimOutput> {
    const text = sagaText(tx.dialect)
    const buckets = yield* ownedBuckets(tx, input.owner)
    let { due, more } = yield* dueMessages(tx, input, buckets, tx.now)
    if (due.length === 0 && input.shared) {
      // Long overdue: their owner does not know their definition, or cannot reach their destination. Safe to take,
      // because the claim itself looks at the key and the fence; ownership only keeps dispatchers out of each
      // other's way.
      ;({ due, more } = yield* dueMessages(tx, input, allBuckets, tx.now - orphanedAfterMs))
    }
    const poisoned = due.filter((row) => row.unanswered >= input.deadAfter)
    const good = due.filter((row) => row.unanswered < input.deadAfter)
    if (good.length > 0) {
      const ids = JSON.stringify(good.map((row) => row.id))
      yield* tx.run(text.claimMessages, input.owner, tx.now + input.leaseMs, ids)
    }
    const expired = yield* tx.all<SagaRow>(
      text.expiredSagas,
      tx.now,
      JSON.stringify(input.definitions),
      100,
    )
    return {
      owned: buckets.length,
      claimed: yield* withFacts(tx, good, input),
      poisoned: poisoned.map((row) => messageOf(row, 0, 0)),
      expired: expired.map((row) => ({
        sagaId: row.saga_id,
        tenant: row.tenant,
        bizKey: row.biz_key,
        seq: row.seq,
        definition: `${row.type}/${row.def_version}`,
      })),
      more,
      nextMs: yield* nextDue(tx, input.routes),
    }
  },
)

const allBuckets = Array.from({ length: bucketCount }, (_, bucket) => bucket)

function* dueMessages(
  tx: Tx,
  input: ClaimInput,
  buckets: readonly number[],
  by: number,
): Program<{ due: MessageRow[]; more: boolean }> {
  const text = sagaText(tx.dialect).dueTo
  const mine = JSON.stringify(buckets)
  const due: MessageRow[] = []
  let more = false
  for (const [[to, definition], wanted] of input.wanted) {
    const limit = Math.min(wanted, claimLimit - due.length)
    const rows = yield* tx.all<MessageRow>(text, to, definition, by, mine, tx.now, limit)
    if (rows.length === limit) more = true
    for (const row of rows) due.push(row)
  }
  return { due, more }
}

function* withFacts(tx: Tx, rows: readonly MessageRow[], input: ClaimInput): Program<Claimed[]> {
  if (rows.length === 0) return []
  const text = sagaText(tx.dialect)
  const ids = JSON.stringify([...new Set(rows.map((row) => row.saga_id))])
  const sagas = yield* tx.all<SagaRow>(text.sagasById, ids)
  const sagaOf = new Map(sagas.map((row) => [row.saga_id, row]))
  const results = new Map<string, Record<string, Json>>()
  const found = yield* tx.all<{ saga_id: string; step: string; result: string }>(
    text.resultsById,
    ids,
  )
  for (const row of found) {
    const known = results.get(row.saga_id) ?? {}
    known[row.step] = parseJson(row.result)
    results.set(row.saga_id, known)
  }
  return rows.map((row) => {
    const saga = sagaOf.get(row.saga_id)
    return {
      message: messageOf(row, 1, saga?.waited === 0 ? saga.state_version : 0),
      input: parseJson(saga?.data),
      payload: row.payload === null ? undefined : parseJson(row.payload),
      results: results.get(row.saga_id) ?? {},
      isolated: row.unanswered >= input.isolateAfter,
    }
  })
}

function messageOf(row: MessageRow, claims: number, version: number): Message {
  return {
    tenant: row.tenant,
    bizKey: row.biz_key,
    step: row.step,
    direction: directionName(row.direction),
    seq: row.seq,
    fence: row.lease_fence + claims,
    sagaId: row.saga_id,
    definition: row.def,
    version,
    attempt: row.attempts + claims,
  }
}

function* nextDue(tx: Tx, routes: readonly Route[]): Program<number | null> {
  const text = sagaText(tx.dialect)
  const message = yield* tx.get<{ due: number | null }>(
    text.nextDue,
    tx.now,
    JSON.stringify(routes),
  )
  const deadline = yield* tx.get<{ deadline_at: number }>(text.nextDeadline, tx.now)
  const due = Math.min(message?.due ?? Infinity, deadline?.deadline_at ?? Infinity)
  return due === Infinity ? null : Math.max(0, due - tx.now)
}

/** Gives leased messages back undelivered: the attempt is not counted. */
export const parkMessages: Procedure<
  { readonly messages: readonly MessageKey[]; readonly delayMs: number },
  null
> = procedure(
  import.meta.url,
  'parkMessages',
  function* (tx, { messages, delayMs }): Program<null> {
    const text = sagaText(tx.dialect)
    for (const { tenant, bizKey, step, direction, seq, fence } of messages) {
      const code = directionCode(direction)
      yield* tx.run(
        text.parkMessage,
        tx.now + Math.ceil(delayMs),
        tenant,
        bizKey,
        step,
        code,
        seq,
        fence,
      )
    }
    return null
  },
)

export interface PurgeInput {
  /** The last id that was looked at. */
  readonly after: number
  readonly olderThanMs: number
  readonly limit: number
}

/** Looks at the next `limit` messages by age and moves those that are over, as are their sagas, for long enough to the steps. */
export const purgeMessages: Procedure<
  PurgeInput,
  { readonly after: number | null; readonly deleted: number }
> = procedure(
  import.meta.url,
  'purgeMessages',
  function* (
    tx,
    { after, olderThanMs, limit },
  ): Program<{
    after: number | null
    deleted: number
  }> {
    const text = sagaText(tx.dialect)
    const before = tx.now - olderThanMs
    const rows = yield* tx.all<MessageRow & { ended_at: number | null }>(
      text.oldMessages,
      after,
      limit,
    )
    const old = rows.filter(
      (row) =>
        row.status !== messageStatus.pending &&
        row.status !== messageStatus.dead &&
        row.done_at !== null &&
        row.done_at < before &&
        row.ended_at !== null &&
        row.ended_at < before,
    )
    if (old.length > 0) {
      const ids = JSON.stringify(old.map((row) => row.id))
      yield* tx.run(text.keepSteps, ids)
      yield* tx.run(text.deleteMessages, ids)
    }
    const last = rows.at(-1)
    const more = last !== undefined && rows.length === limit && last.created_at < before
    return { after: more ? last.id : null, deleted: old.length }
  },
)

export interface RedriveInput {
  readonly id: number
  /** JSON text that takes the place of the payload, or null to keep it. */
  readonly payload: string | null
  readonly reason: string
}

/** Puts a dead letter back, with its attempts forgotten. */
export const redriveMessage: Procedure<RedriveInput, null> = procedure(
  import.meta.url,
  'redriveMessage',
  function* (tx, { id, payload, reason }): Program<null> {
    const text = sagaText(tx.dialect)
    const row = yield* tx.get<MessageRow>(text.messageById, id)
    const { changes } = yield* tx.run(text.redriveMessage, payload, tx.now, id)
    if (row === undefined || changes === 0) throw sagaErrors.error('TM_SAGA_NOT_DEAD', { id })
    yield* tx.run(text.unstickSaga, row.saga_id)
    const action = payload === null ? 'redrive' : 'edit+redrive'
    yield* tx.run(text.insertAudit, tx.now, action, row.saga_id, id, reason)
    return null
  },
)

/** Makes the pending message of a saga due at once. */
export const hastenSaga: Procedure<{ readonly id: string }, null> = procedure(
  import.meta.url,
  'hastenSaga',
  function* (tx, { id }): Program<null> {
    const text = sagaText(tx.dialect)
    const row = yield* tx.get<SagaRow>(text.sagaById, id)
    if (row === undefined) throw sagaErrors.error('TM_SAGA_NOT_FOUND', { what: 'saga', id })
    if (row.ended_at !== null) throw sagaErrors.error('TM_SAGA_ENDED', { id, state: row.status })
    yield* tx.run(text.hastenSaga, tx.now, row.tenant, row.biz_key, row.seq)
    yield* tx.run(text.insertAudit, tx.now, 'retry', id, null, '')
    return null
  },
)
