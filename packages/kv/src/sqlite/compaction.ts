import { kvError } from '../check.ts'
import type { Statements } from './tables.ts'

/** What a store keeps by itself: the last so many revisions, what is younger than so many ms, or everything. */
export type Retention =
  | { readonly revisions: number }
  | { readonly ageMs: number }
  | { readonly all: true }

/** Log rows looked at in one step of the sweep: a few ms of work. */
const rowsPerStep = 1000

const deleteOlder = 'DELETE FROM log WHERE key = ? AND (rev, sub) < (?, ?)'

/**
 * Compaction: `at` is the revision below which history is gone; it moves at once. The rows behind it are removed
 * afterwards in small steps (the sweep), so that a large compaction does not hold up the writes.
 */
export class Compaction {
  readonly #statements: Statements
  readonly #retention: Retention
  /** Every row that `at` made superfluous is gone up to this revision. */
  #swept = -1
  #at = -1
  #samples: { readonly at: number; readonly revision: number }[] = []

  constructor(statements: Statements, retention: Retention) {
    this.#statements = statements
    this.#retention = retention
  }

  /** The compaction revision; -1 before the first one (as in etcd). */
  get at(): number {
    return this.#at
  }

  load(): void {
    this.#at = this.#number('compacted')
    this.#swept = this.#number('swept')
  }

  /** Refuses what etcd refuses; call inside a transaction. */
  compact(revision: number, current: number): void {
    if (revision <= this.#at) throw kvError('TM_KV_COMPACTED', { revision, compacted: this.#at })
    if (revision > current) throw kvError('TM_KV_FUTURE', { revision, current })
    this.#save('compacted', revision)
    this.#at = revision
  }

  /** The revision that retention wants compacted now, if any. */
  wanted(now: number, current: number): number | undefined {
    const target = this.#target(now, current)
    return target > this.#at && target > 1 ? target : undefined
  }

  #target(now: number, current: number): number {
    if ('revisions' in this.#retention) {
      const { revisions } = this.#retention
      // Not for every write: a tenth more than wanted may stay.
      return current - Math.max(this.#at, 1) > revisions * 1.1 ? current - revisions : -1
    }
    if ('all' in this.#retention) return -1
    const { ageMs } = this.#retention
    const newest = this.#samples.at(-1)
    if (newest === undefined || now - newest.at >= ageMs / 20) {
      this.#samples.push({ at: now, revision: current })
    }
    let old = -1
    while ((this.#samples[0]?.at ?? now) <= now - ageMs) old = this.#samples.shift()?.revision ?? -1
    return old
  }

  /** True while rows wait to be removed. */
  get pending(): boolean {
    return this.#swept < this.#at
  }

  /** One step of the sweep, inside a transaction. */
  sweep(): void {
    const rows = this.#statements.all<[number, number, Uint8Array, number]>(
      'SELECT rev, sub, key, version FROM log WHERE rev >= ? AND rev <= ? ORDER BY rev, sub LIMIT ?',
      this.#swept,
      this.#at,
      rowsPerStep,
    )
    for (const [rev, sub, key, version] of rows) {
      this.#statements.run(deleteOlder, key, rev, sub)
      // A delete at the compaction revision itself stays: a watch may start there (etcd 18089, 19179).
      if (version === 0 && rev < this.#at) {
        this.#statements.run('DELETE FROM log WHERE rev = ? AND sub = ?', rev, sub)
      }
    }
    const last = rows.length < rowsPerStep ? this.#at : (rows.at(-1)?.[0] ?? this.#at)
    // A revision with more rows than a step has would be read for ever: it is done in one go.
    if (last === this.#swept) this.#sweepRevision(last)
    this.#swept = last === this.#swept ? last + 1 : last
    this.#save('swept', this.#swept)
  }

  #sweepRevision(revision: number): void {
    const rows = this.#statements.all<[Uint8Array, number, number]>(
      'SELECT key, version, sub FROM log WHERE rev = ?',
      revision,
    )
    for (const [key, version, sub] of rows) {
      this.#statements.run(deleteOlder, key, revision, sub)
      if (version === 0 && revision < this.#at) {
        this.#statements.run('DELETE FROM log WHERE rev = ? AND sub = ?', revision, sub)
      }
    }
  }

  #number(name: string): number {
    return Number(
      this.#statements.get<[string]>('SELECT value FROM meta WHERE name = ?', name)?.[0] ?? -1,
    )
  }

  #save(name: string, value: number): void {
    this.#statements.run('INSERT OR REPLACE INTO meta VALUES (?, ?)', name, String(value))
  }
}
