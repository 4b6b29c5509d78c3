import type { Closable } from '@tidemill/core'

/** An event that a processor set aside. */
export interface ParkedEvent {
  readonly position: number
  readonly tenant: string
  readonly stream: string
  readonly id: string
  /** `parked` by its own error, `behind` an earlier one of its stream, `skipped` by policy, `discarded` by hand. */
  readonly state: 'parked' | 'behind' | 'skipped' | 'discarded'
  readonly error: string
  readonly attempts: number
  readonly at: number
}

/** `standby` waits for another owner, `retrying` waits before it tries again, `stopped` waits for `resume`. */
export type ProcessorState = 'starting' | 'standby' | 'running' | 'retrying' | 'stopped' | 'closed'

/** One running projection or reactor. */
export interface Processor extends Closable {
  readonly name: string
  readonly version: number
  readonly state: ProcessorState
  /** Everything up to here is done. */
  readonly position: number
  /** The error it stopped or retries with. */
  readonly error: Error | undefined
  /** Events between its position and the head. */
  lag(): Promise<number>
  /** Resolves when it has done all that is stored now; rejects when it stops before. */
  idle(): Promise<void>
  /** Goes on after a stop. */
  resume(): void
  /** What is set aside, at most 1,000: what waits, then what was given up; each by position. */
  parked(): Promise<ParkedEvent[]>
  /** Handles the parked events of a stream in order; resolves with how many went through and how many are left. */
  replay(
    stream: string,
    options?: { readonly tenant?: string },
  ): Promise<{ readonly done: number; readonly left: number }>
  /** Gives up one parked event; those behind it wait for `replay`. */
  discard(position: number, reason: string): Promise<void>
  /** Projections only. Builds the read model again from position 0, in place, with effects muted. */
  rebuild(): Promise<void>
  /** Projections only. Makes this version the active one, at once; see the README on rebuilding. */
  activate(options?: { readonly force?: boolean }): Promise<void>
  /** Projections only. Drops the tables of older versions that are not active; resolves with how many versions went. */
  prune(): Promise<number>
}
