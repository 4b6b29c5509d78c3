import { readEvent } from './internal/event-row.ts'
import type { EventSource } from './internal/event-source.ts'
import { chainHash, chainStart } from './internal/hash-chain.ts'
import { shard } from './sql/texts.ts'

export interface VerifyProblem {
  readonly kind: 'position' | 'version' | 'order' | 'stream' | 'hash' | 'payload'
  readonly position?: number
  readonly tenant?: string
  readonly stream?: string
  readonly message: string
}

export interface VerifyReport {
  readonly ok: boolean
  readonly events: number
  readonly streams: number
  readonly head: number
  /** Events whose hash was recomputed. */
  readonly hashed: number
  /** At most 100. */
  readonly problems: readonly VerifyProblem[]
}

/** Problems of one kind that are listed; more of the same say no more. */
const problemLimit = 100

/** Checks that positions and versions have no gaps, orders agree, payloads can be read and the hash chain holds. */
export async function verifyEvents(source: EventSource): Promise<VerifyReport> {
  const problems: VerifyProblem[] = []
  const [sequence] = await source.rows<SequenceRow>(source.texts.sequence, shard)
  const head = sequence?.pos ?? 0
  await positions(source, head, problems)
  await streams(source, problems)
  const [count] = await source.rows<{ n: number }>(source.texts.streamCount)
  const hashed = await payloads(source, sequence, head, problems)
  return {
    ok: problems.length === 0,
    events: head,
    streams: count?.n ?? 0,
    head,
    hashed,
    problems: problems.slice(0, problemLimit),
  }
}

interface SequenceRow {
  readonly pos: number
  readonly chain_from: number | null
  readonly hash: Uint8Array | null
}

interface PlaceRow {
  readonly pos: number
  readonly tenant: string
  readonly stream_id: string
}

async function positions(
  source: EventSource,
  head: number,
  problems: VerifyProblem[],
): Promise<void> {
  const { texts } = source
  const [range] = await source.rows<{ n: number; low: number | null; high: number | null }>(
    texts.positionCounts,
    shard,
    head,
  )
  const low = range?.low ?? 1
  const high = range?.high ?? 0
  if (low !== 1 && head > 0) problems.push(gap(1, low - 1))
  if (high < head) problems.push(gap(high + 1, head))
  const gaps = await source.rows<{ pos: number }>(texts.positionGaps, shard, high)
  for (const { pos } of gaps) problems.push(gap(pos + 1))
}

function gap(from: number, to?: number): VerifyProblem {
  const message = to === undefined || to === from ? 'is missing' : `up to ${to} are missing`
  return { kind: 'position', position: from, message }
}

async function streams(source: EventSource, problems: VerifyProblem[]): Promise<void> {
  const { texts } = source
  const broken = await source.rows<{
    tenant: string
    stream_id: string
    version: number
    n: number
    high: number | null
  }>(texts.brokenStreams)
  for (const { tenant, stream_id: stream, version, n, high } of broken) {
    const message = `is at version ${version} with ${n} events up to version ${high ?? 0}`
    problems.push({ kind: 'version', tenant, stream, message })
  }
  for (const row of await source.rows<PlaceRow>(texts.orphanEvents)) {
    problems.push({ kind: 'stream', ...place(row), message: 'belongs to no stream' })
  }
  for (const row of await source.rows<PlaceRow>(texts.disorderedEvents)) {
    problems.push({ kind: 'order', ...place(row), message: 'stands after its successor' })
  }
}

function place(row: PlaceRow): { position: number; tenant: string; stream: string } {
  return { position: row.pos, tenant: row.tenant, stream: row.stream_id }
}

async function payloads(
  source: EventSource,
  sequence: SequenceRow | undefined,
  head: number,
  problems: VerifyProblem[],
): Promise<number> {
  const chainFrom = sequence?.chain_from ?? null
  let hash = chainStart
  let hashed = 0
  for (let at = 0; at < head && problems.length < problemLimit; ) {
    const rows = await source.hashed(at, head)
    for (const row of rows) {
      const position = row.pos
      try {
        readEvent(row)
      } catch (error) {
        problems.push({ kind: 'payload', ...place(row), message: (error as Error).message })
      }
      if (chainFrom === null || position <= chainFrom) continue
      hash = chainHash(hash, {
        pos: position,
        tenant: row.tenant,
        stream: row.stream_id,
        version: row.version,
        id: row.event_id,
        type: row.type,
        schemaVersion: row.schema_ver,
        data: row.data,
        meta: row.meta,
        tsUs: row.ts_us,
      })
      hashed++
      if (row.hash !== null && Buffer.compare(hash, row.hash) === 0) continue
      problems.push({
        kind: 'hash',
        ...place(row),
        message: 'does not have the hash of its content',
      })
      // Later events are judged by what is stored, or one broken event would break them all.
      hash = row.hash ?? hash
    }
    const last = rows.at(-1)
    if (last === undefined) break
    at = last.pos
  }
  const end = sequence?.hash ?? null
  if (end !== null && problems.length === 0 && Buffer.compare(hash, end) !== 0) {
    problems.push({ kind: 'hash', position: head, message: 'is not the end of the hash chain' })
  }
  return hashed
}
