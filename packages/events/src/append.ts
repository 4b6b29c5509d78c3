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

/** Positions and versions of what a batch wrote: `[first position, version of each stream]`. */
type Written = readonly [first: number, ...versions: number[]]

/**
 * A store's append. A caller of its own transaction needs no savepoint: what it leaves behind is undone with it.
 * A repeat is refused here like any conflict; {@link originalProcedure} then tells the two apart.
 */
export const appendProcedure: Procedure<EncodedBatch, Written> = procedure(
  import.meta.url,
  'appendProcedure',
  write,
)

/** The result of the append that stored these very events, or null when none of their ids is stored. */
export const originalProcedure: Procedure<EncodedBatch, AppendManyResult | null> = procedure(
  import.meta.url,
  'originalProcedure',
  findOriginal,
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

export function resultOf(
  batch: EncodedBatch,
  [first, ...versions]: Written,
  deduplicated: boolean,
): AppendManyResult {
  let next = first
  const streams = batch.appends.map(({ stream, count }, index) => {
    const start = next
    next += count
    return { stream, version: versions[index] ?? 0, first: start, last: next - 1, deduplicated }
  })
  return { first, last: next - 1, deduplicated, streams }
}

const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'TM_EVENTS_WRONG_VERSION',
  'TM_EVENTS_DUPLICATE_ID',
  'TM_EVENTS_STREAM_ARCHIVED',
  'TM_EVENTS_CONDITION_FAILED',
])

/** True for the errors that a repeated append meets because its first run went through. */
export function mayBeRepeat(batch: EncodedBatch, error: unknown): boolean {
  return TidemillError.is(error) && refusals.has(error.code) && hasIds(batch)
}

function hasIds({ ids }: EncodedBatch): boolean {
  return ids.some((id) => id !== undefined)
}

function* writeProgram(tx: Tx, batch: EncodedBatch): Program<AppendManyResult> {
  // One stream without ids, checks and condition is refused before anything is written. All else may be refused half
  // way, and the caller that catches the error must not commit the half.
  const { appends, checks, condition } = batch
  const atOnce =
    appends.length === 1 && checks === undefined && condition === undefined && !hasIds(batch)
  if (atOnce) return resultOf(batch, yield* write(tx, batch), false)
  try {
    return resultOf(batch, yield* tx.savepoint(() => write(tx, batch)), false)
  } catch (error) {
    const original = mayBeRepeat(batch, error) ? yield* findOriginal(tx, batch) : null
    if (original === null) throw error
    return original
  }
}

function* write(tx: Tx, batch: EncodedBatch): Program<Written> {
  const texts = textsFor(tx.dialect)
  const { tenant, appends } = batch
  // In sorted order, so that two transactions over the same streams cannot wait for each other in a circle.
  const sorted =
    appends.length === 1 ? appends : appends.toSorted((a, b) => (a.stream < b.stream ? -1 : 1))
  const before = new Map<EncodedStream, number>()
  for (const append of sorted) before.set(append, yield* claim(tx, texts, tenant, append))

  // The counter comes last before the insert: its row lock orders all appends, so commit order is position order,
  // and what is checked while it is held cannot change under the check.
  const total = batch.types.length
  yield* tx.run(texts.takePositions, total, shard)
  const sequence = yield* tx.get<SequenceRow>(texts.sequence, shard)
  const first = (sequence?.pos ?? total) - total + 1
  yield* check(tx, texts, batch)

  const versions: number[] = []
  const rows: SqlValue[] = []
  const tags: SqlValue[] = []
  const tsUs = tx.now * 1000
  let hash = sequence?.hash ?? null
  let at = 0
  for (const append of appends) {
    const { stream } = append
    let version = before.get(append) ?? 0
    for (const end = at + append.count; at < end; at++) {
      const pos = first + at
      version++
      const given = batch.ids[at]
      const id =
        given === undefined ? deriveEventId(tx.now, tenant, stream, version) : packEventId(given)
      const type = batch.types[at] as string
      const schemaVersion = batch.schemaVersions[at] as number
      const data = batch.data[at] as string
      const meta = batch.meta[at] as string
      if (hash !== null) {
        const event = { pos, tenant, stream, version, id, type, schemaVersion, data, meta, tsUs }
        hash = chainHash(hash, event)
      }
      rows.push(
        shard,
        pos,
        tenant,
        stream,
        version,
        id,
        type,
        schemaVersion,
        data,
        meta,
        tsUs,
        hash,
      )
      for (const tag of batch.tags?.[at] ?? []) tags.push(shard, tenant, tag, pos, type)
    }
    versions.push(version)
  }
  const stored = yield* insert(tx, (n) => texts.insertEvents(n), rows, total)
  if (stored !== total) {
    const code = hasIds(batch) ? 'TM_EVENTS_DUPLICATE_ID' : 'TM_EVENTS_ROWS_LOST'
    throw eventsErrors.error(code, { stored, wanted: total })
  }
  if (tags.length > 0) yield* insert(tx, (n) => texts.insertTags(n), tags, tags.length / 5)
  if (hash !== null) yield* tx.run(texts.saveHash, hash, shard)
  tx.notify(eventsTopic)
  return [first, ...versions]
}

interface SequenceRow {
  readonly pos: number
  readonly hash: Uint8Array | null
}

/** Moves the stream's version on, or throws; the row count decides. Returns the version before. */
function* claim(tx: Tx, texts: SqlTexts, tenant: string, append: EncodedStream): Program<number> {
  const { stream, count, expected } = append
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
  const { tenant, checks = [], condition } = batch
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
  values: readonly SqlValue[],
  rows: number,
): Program<number> {
  const width = values.length / rows
  let stored = 0
  for (let at = 0; at < rows; ) {
    const size = Math.min(64, 2 ** (31 - Math.clz32(rows - at)))
    const { changes } = yield* tx.run(
      sql(size),
      ...(size === rows ? values : values.slice(at * width, (at + size) * width)),
    )
    stored += changes
    at += size
  }
  return stored
}

function* findOriginal(tx: Tx, batch: EncodedBatch): Program<AppendManyResult | null> {
  const { appends, tenant } = batch
  const streams = appends.flatMap(({ stream, count }) =>
    Array.from({ length: count }, () => stream),
  )
  const ids = batch.ids.map((id) => (id === undefined ? undefined : packEventId(id)))
  const given = ids.filter((id) => id !== undefined)
  const texts = textsFor(tx.dialect)
  const rows = yield* tx.all<OriginalRow>(texts.eventsById(given.length), tenant, ...given)
  if (rows.length === 0) return null
  const first = rows[0]?.pos ?? 0
  const same =
    rows.length === ids.length &&
    rows.every((row, index) => {
      const id = ids[index]
      return (
        id !== undefined &&
        row.pos === first + index &&
        row.stream_id === streams[index] &&
        Buffer.compare(row.event_id, id) === 0
      )
    })
  if (!same) {
    const details = { stored: rows.length, wanted: ids.length }
    throw eventsErrors.error('TM_EVENTS_DUPLICATE_ID', details)
  }
  let end = 0
  const versions = appends.map(({ count }) => rows[(end += count) - 1]?.version ?? 0)
  return resultOf(batch, [first, ...versions], true)
}

interface OriginalRow {
  readonly pos: number
  readonly stream_id: string
  readonly version: number
  readonly event_id: Uint8Array
}
