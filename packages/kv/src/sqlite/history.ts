import { kvError } from '../check.ts'
import type { Event } from '../kv.ts'
import { tombstone } from '../tombstone.ts'
import type { HistoryCommand, HistoryPage } from './protocol.ts'
import { readPrevious } from './read.ts'
import { type PairRow, rangeCondition, type Statements, toPair } from './tables.ts'

/** A page ends at the first revision boundary after either of these. */
const revisionsPerPage = 1000
const bytesPerPage = 4 * 1024 * 1024

/** Reads the log's events of a range from a revision on, in whole revisions; TM_KV_COMPACTED when they are gone. */
export function readHistory(
  statements: Statements,
  command: HistoryCommand,
  store: { readonly revision: number; readonly compacted: number },
): HistoryPage {
  const { from, prevKv } = command
  const head = store.revision
  if (from < store.compacted) {
    throw kvError('TM_KV_COMPACTED', { revision: from, compacted: store.compacted })
  }
  // For a span the log is read in its own order (the plus keeps SQLite from the index on keys and a sort per page).
  const where = rangeCondition(command.range, command.range.end === undefined ? 'key' : '+key')
  const rows = statements
    .prepare(
      `SELECT key, create_rev, rev, version, lease, value FROM log WHERE rev >= ? AND ${where.sql} ORDER BY rev, sub`,
    )
    .iterate(from, ...where.params) as unknown as Iterable<PairRow>
  const events: Event[] = []
  let last = 0
  let revisions = 0
  let bytes = 0
  let upTo = head
  for (const row of rows) {
    const [key, , revision, version, , value] = row
    if (revision !== last) {
      if (revisions >= revisionsPerPage || bytes >= bytesPerPage) {
        upTo = last
        break
      }
      revisions++
      last = revision
    }
    bytes += key.length + value.length
    const prev =
      prevKv && version !== 1 ? readPrevious(statements, key, revision, store.compacted) : undefined
    const event: Event =
      version === 0
        ? { type: 'delete', kv: tombstone(key, revision) }
        : { type: 'put', kv: toPair(row) }
    events.push(prev === undefined ? event : { ...event, prev })
  }
  return { events, upTo, head }
}
