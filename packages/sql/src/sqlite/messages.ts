import type { ErrorJson } from '@tidemill/core'
import type { SqlValue } from '../program.ts'

/** What the worker is started with. */
export interface WorkerSetup {
  readonly role: 'writer' | 'reader'
  /** The compile cache of the process, which a thread does not inherit; null when there is none. */
  readonly compileCache: string | null
  readonly url: string
  readonly file: string
  readonly faults: Faults | null
}

/** Faults that tests and benches ask for; see `@tidemill/sql/testing`. */
export interface Faults {
  /** Sleeps this long after each COMMIT, as a slower disk would. */
  readonly fsyncDelayMs?: number
  /** Lets the file grow no further than this many pages: real SQLITE_FULL. */
  readonly maxPages?: number
  /** Fails the `at`-th COMMIT from now (1 is the next one); the transaction is rolled back. */
  readonly failCommit?: { readonly at: number; readonly errcode: number }
  /** Kills the reader thread that is asked this. */
  readonly crashQuery?: string
  /** Kills the writer thread around the `at`-th COMMIT from now. */
  readonly crash?: { readonly at: number; readonly when: 'before-commit' | 'after-commit' }
}

export type ProcedureEntry = readonly [id: number, module: string, name: string]

export interface QueryMessage {
  readonly sql: string
  readonly params: readonly SqlValue[]
}

/** Requests are answered one by one, in order, each with one {@link Answer}. */
export type Request =
  | { readonly kind: 'open' }
  | { readonly kind: 'queries'; readonly queries: readonly QueryMessage[] }
  | {
      readonly kind: 'calls'
      /** The sender knows of the last failure that stopped writes; otherwise the calls were sent before they could. */
      readonly knowsReadOnly: boolean
      readonly now: number
      readonly define: readonly ProcedureEntry[]
      /** Parallel arrays: flat messages are the cheapest to clone. */
      readonly procedures: readonly number[]
      readonly inputs: readonly unknown[]
    }
  | { readonly kind: 'begin' }
  | {
      readonly kind: 'statement'
      readonly mode: 'run' | 'all' | 'get'
      readonly sql: string
      readonly params: readonly SqlValue[]
    }
  | { readonly kind: 'step'; readonly step: 'savepoint' | 'release' | 'rollback' }
  | { readonly kind: 'end'; readonly commit: boolean }
  | { readonly kind: 'probe' }
  | { readonly kind: 'faults'; readonly faults: Faults }
  | { readonly kind: 'close' }

export interface CallsAnswer {
  /** By index of the call; what stands at a failed index means nothing. */
  readonly outputs: unknown[]
  readonly failures: [index: number, error: ErrorJson][]
  readonly topics: readonly string[]
  readonly commits: number
  /** Set when the store can no longer be written. */
  readonly readOnly: ErrorJson | null
}

/** Rows as one flat list, row by row. */
export interface RowsAnswer {
  readonly columns: readonly string[]
  readonly values: readonly SqlValue[]
}

export interface QueriesAnswer {
  readonly results: readonly (RowsAnswer | ErrorJson)[]
}

export type Answer =
  | { readonly value: unknown }
  | { readonly error: ErrorJson; readonly readOnly: boolean }
