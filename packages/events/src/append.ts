import { type ErrorCode, TidemillError } from '@tidemill/core'
import { type Procedure, type Program, procedure, type SqlValue, type Tx } from '@tidemill/sql'
import { eventsErrors } from './errors.ts'
import {
  type AppendInput,
  type AppendManyInput,
  type AppendManyResult,
  type AppendResult,
  defaultTenant,
  eventsTopic,
  type Expected,
} from './event.ts'
import { type EncodedBatch, type EncodedStream, encodeBatch } from './internal/encode.ts'
import { deriveEventId, packEventId } from './internal/event-id.ts'
import { chainHash } from './internal/hash-chain.ts'
import { type SqlTexts, shard, textsFor } from './sql/texts.ts'

/**
 * Appends events to one stream inside the caller's transaction. Throws TM_EVENTS_WRONG_VERSION when `expected` does
 * not hold, TM_EVENTS_STREAM_ARCHIVED, or what checking the input gives. Readers see the events after the commit.
 */
export function* appendProgram(tx: Tx, input: AppendInput): Program<AppendResult> {
  const { tenant, ...append } = input
  const result = yield* appendManyProgram(tx, {
    appends: [append],
    ...(tenant === undefined ? {} : { tenant }),
  })
  return single(result)
}

/** Appends events to several streams inside the caller's transaction, all or nothing. */
export function* appendManyProgram(tx: Tx, input: AppendManyInput): Program<AppendManyResult> {
  return yield* writeProgram(tx, encodeBatch(input))
}

/** The stream takes no more events. Throws TM_EVENTS_WRONG_VERSION when there is no such stream. */
export function* archiveProgram(
  tx: Tx,
  input: { readonly stream: string; readonly tenant?: string },
): Program<void> {
  const { stream, tenant = defaultTenant } = input
  const { changes } = yield* tx.run(textsFor(tx.dialect).archiveStream, tenant, stream)
  if (changes === 0) throw wrongVersion(stream, 'exists', 0)
}

export const appendProcedure: Procedure<EncodedBatch, AppendManyResult> = procedure(
  import.meta.url,
  'appendProcedure',
  writeProgram,
)

export const archiveProcedure: Procedure<
  { readonly stream: string; readonly tenant?: string },
  void
> = procedure(import.meta.url, 'archiveProcedure', archiveProgram)

/** The part of a result that an append to one stream answers. */
export function single(result: AppendManyResult): AppendResult {
  const version = result.streams[0]?.version ?? 0
  const { first, last, deduplicated } = result
  return { version, first, last, deduplicated }
}

/** Errors that a repeated append meets because its first run went through. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TM_EVENTS_WRONG_VERSION',
  'TM_EVENTS_DUPLICATE_ID',
  'TM_EVENTS_STREAM_ARCHIVED',
  'TM_EVENTS_CONDITION_FAILED',
])

function* writeProgram(tx: Tx, batch: EncodedBatch): Program<AppendManyResult> {
  // Without ids there is nothing to recognise a repeat by, and the savepoint is saved.
  const identified = batch.appends.some(({ events }) => events.some(({ id }) => id !== undefined))
  if (!identified) return yield* write(tx, batch, 'TM_EVENTS_ROWS_LOST')
  try {
    return yield* tx.savepoint(() => write(tx, batch, 'TM_EVENTS_DUPLICATE_ID'))
  } catch (error) {
    if (!TidemillError.is(error) || !refusals.has(error.code)) throw error
    const original = yield* findOriginal(tx, batch)
    if (original === undefined) throw error
    return original
  }
}

function* write(
  tx: Tx,
  batch: EncodedBatch,
  whenRowsMiss: 'TM_EVENTS_ROWS_LOST' | 'TM_EVENTS_DUPLICATE_ID',
): Program<AppendManyResult> {
  const texts = textsFor(tx.dialect)
  const { tenant, appends } = batch
  // In sorted order, so that two transactions over the same streams cannot wait for each other in a circle.
  const sorted =
    appends.length === 1 ? appends : appends.toSorted((a, b) => (a.stream < b.stream ? -1 : 1))
  const before = new Map<EncodedStream, number>()
  for (const append of sorted) before.set(append, yield* claim(tx, texts, tenant, append))

  // The counter comes last before the insert: its row lock orders all appends, so commit order is position order,
  // and what is checked while it is held cannot change under the check.
  const total = appends.reduce((sum, { events }) => sum + events.length, 0)
  yield* tx.run(texts.takePositions, total, shard)
  const sequence = yield* tx.get<SequenceRow>(texts.sequence, shard)
  const first = (sequence?.pos ?? total) - total + 1
  yield* check(tx, texts, batch)

  const streams = []
  const rows: SqlValue[][] = []
  const tags: SqlValue[][] = []
  let hash = sequence?.hash ?? null
  let pos = first
  for (const append of appends) {
    const start = pos
    let version = before.get(append) ?? 0
    for (const event of append.events) {
      version++
      const id =
        event.id === undefined
          ? deriveEventId(tx.now, tenant, append.stream, version)
          : packEventId(event.id)
      const tsUs = tx.now * 1000
      if (hash !== null) {
        hash = chainHash(hash, { ...event, pos, tenant, stream: append.stream, version, id, tsUs })
      }
      rows.push([
        shard,
        pos,
        tenant,
        append.stream,
        version,
        id,
        event.type,
        event.schemaVersion,
        event.data,
        event.meta,
        null,
        tsUs,
        hash,
      ])
      for (const tag of event.tags) tags.push([shard, tenant, tag, pos, event.type])
      pos++
    }
    const { stream } = append
    streams.push({ stream, version, first: start, last: pos - 1, deduplicated: false })
  }
  const stored = yield* insert(tx, (n) => texts.insertEvents(n), rows)
  if (stored !== total) throw eventsErrors.error(whenRowsMiss, { stored, wanted: total })
  if (tags.length > 0) yield* insert(tx, (n) => texts.insertTags(n), tags)
  if (hash !== null) yield* tx.run(texts.saveHash, hash, shard)
  tx.notify(eventsTopic)
  return { first, last: pos - 1, deduplicated: false, streams }
}

interface SequenceRow {
  readonly pos: number
  readonly hash: Uint8Array | null
}

/** Moves the stream's version on, or throws; the row count decides. Returns the version before. */
function* claim(tx: Tx, texts: SqlTexts, tenant: string, append: EncodedStream): Program<number> {
  const { stream, events, expected } = append
  const count = events.length
  if (expected === 'none' || expected === 0) {
    if (yield* create(tx, texts, tenant, stream, count)) return 0
    throw yield* refusal(tx, texts, tenant, stream, expected)
  }
  if (typeof expected === 'number') {
    const moved = yield* tx.run(texts.moveStreamFrom, count, tenant, stream, expected)
    if (moved.changes === 1) return expected
    throw yield* refusal(tx, texts, tenant, stream, expected)
  }
  // The second move is for an engine where somebody else created the stream after the first one missed it.
  for (const last of [false, true]) {
    const moved = yield* tx.run(texts.moveStream, count, tenant, stream)
    if (moved.changes === 1) {
      const row = yield* tx.get<{ version: number }>(texts.stream, tenant, stream)
      return (row?.version ?? count) - count
    }
    if (expected === 'exists' || last) break
    if (yield* create(tx, texts, tenant, stream, count)) return 0
  }
  throw yield* refusal(tx, texts, tenant, stream, expected)
}

function* create(
  tx: Tx,
  texts: SqlTexts,
  tenant: string,
  stream: string,
  version: number,
): Program<boolean> {
  const [type = stream] = stream.split('-', 1)
  const made = yield* tx.run(texts.createStream, tenant, stream, shard, type, version)
  return made.changes === 1
}

function* refusal(
  tx: Tx,
  texts: SqlTexts,
  tenant: string,
  stream: string,
  expected: Expected,
): Program<Error> {
  const row = yield* tx.get<StreamRow>(texts.stream, tenant, stream)
  if (row !== undefined && row.archived === 1) {
    return eventsErrors.error('TM_EVENTS_STREAM_ARCHIVED', { stream })
  }
  return wrongVersion(stream, expected, row?.version ?? 0)
}

interface StreamRow {
  readonly version: number
  readonly archived: number
}

function wrongVersion(stream: string, expected: Expected, actual: number): Error {
  return eventsErrors.error('TM_EVENTS_WRONG_VERSION', { stream, expected, actual })
}

function* check(tx: Tx, texts: SqlTexts, batch: EncodedBatch): Program<void> {
  const { tenant, checks, condition } = batch
  for (const { stream, expected } of checks) {
    const row = yield* tx.get<StreamRow>(texts.stream, tenant, stream)
    const actual = row?.version ?? 0
    const holds =
      expected === 'any' ||
      (expected === 'exists' ? actual > 0 : actual === (expected === 'none' ? 0 : expected))
    if (!holds) throw wrongVersion(stream, expected, actual)
  }
  if (condition === undefined) return
  const { tags, types = [], after } = condition
  const sql = texts.conditionHit(tags.length, types.length)
  const hit = yield* tx.get<{ pos: number }>(
    sql,
    shard,
    tenant,
    ...tags,
    after,
    ...types,
    tags.length,
  )
  if (hit === undefined) return
  throw eventsErrors.error('TM_EVENTS_CONDITION_FAILED', { position: hit.pos, tags })
}

/** Inserts in statements of 64, 32 ... 1 rows, so that a few texts serve every size and stay prepared. */
function* insert(
  tx: Tx,
  sql: (rows: number) => string,
  rows: readonly SqlValue[][],
): Program<number> {
  let stored = 0
  for (let at = 0; at < rows.length; ) {
    const size = Math.min(64, 2 ** (31 - Math.clz32(rows.length - at)))
    const { changes } = yield* tx.run(sql(size), ...rows.slice(at, at + size).flat())
    stored += changes
    at += size
  }
  return stored
}

/** The result of the append that stored these very events, or undefined when none of the ids is stored. */
function* findOriginal(tx: Tx, batch: EncodedBatch): Program<AppendManyResult | undefined> {
  const wanted = batch.appends.flatMap(({ stream, events }) =>
    events.map(({ id }) => ({ stream, id: id === undefined ? undefined : packEventId(id) })),
  )
  const ids = wanted.flatMap(({ id }) => (id === undefined ? [] : [id]))
  const texts = textsFor(tx.dialect)
  const rows = yield* tx.all<OriginalRow>(texts.eventsById(ids.length), batch.tenant, ...ids)
  if (rows.length === 0) return undefined
  const first = rows[0]?.pos ?? 0
  const same =
    rows.length === wanted.length &&
    rows.every((row, index) => {
      const { stream, id } = wanted[index] as { stream: string; id: Uint8Array | undefined }
      return (
        id !== undefined &&
        row.pos === first + index &&
        row.stream_id === stream &&
        Buffer.compare(row.event_id, id) === 0
      )
    })
  if (!same) {
    throw eventsErrors.error('TM_EVENTS_DUPLICATE_ID', {
      stored: rows.length,
      wanted: wanted.length,
    })
  }
  const streams = []
  let at = 0
  for (const { stream, events } of batch.appends) {
    const end = at + events.length - 1
    streams.push({
      stream,
      version: rows[end]?.version ?? 0,
      first: first + at,
      last: first + end,
      deduplicated: true,
    })
    at = end + 1
  }
  return { first, last: first + at - 1, deduplicated: true, streams }
}

interface OriginalRow {
  readonly pos: number
  readonly stream_id: string
  readonly version: number
  readonly event_id: Uint8Array
}
