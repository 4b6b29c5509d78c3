/** What an event may carry: plain JSON, checked before anything is written. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

export type JsonObject = Readonly<Record<string, Json>>

/** An event to append. */
export interface NewEvent {
  /** `[A-Za-z][\w.:-]{0,119}`. */
  readonly type: string
  readonly data: Json
  /** Who, why, correlation; not part of the fact. */
  readonly meta?: JsonObject
  /** A UUID, best version 7. Repeating an append with the same ids gives the original result. */
  readonly id?: string
  /** Version of the data's shape, from 1; default 1. */
  readonly schemaVersion?: number
  /** At most 16 tags of at most 120 printable ASCII characters, for append conditions across streams. */
  readonly tags?: readonly string[]
}

/** An event as it was stored. */
export interface StoredEvent {
  /** Place in the order of all events: 1, 2, 3 ... without gaps, in commit order. */
  readonly position: number
  readonly tenant: string
  readonly stream: string
  /** Place in its stream: 1, 2, 3 ... */
  readonly version: number
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
  readonly meta: JsonObject
  /** The database's wall clock when it was appended, in milliseconds. */
  readonly at: number
}

/**
 * What must hold of the stream: `'any'` nothing, `'none'` it has no events (as 0), `'exists'` it has at least one,
 * a number that its last version is exactly that.
 */
export type Expected = 'any' | 'none' | 'exists' | number

export interface AppendInput {
  /** At most 160 printable ASCII characters; the text before the first `-` is the stream's type. */
  readonly stream: string
  readonly events: readonly NewEvent[]
  /** Default `'any'`. */
  readonly expected?: Expected
  /** Default `'default'`. */
  readonly tenant?: string
}

export interface AppendResult {
  /** Version of the stream's last event of this append. */
  readonly version: number
  /** Positions of the first and the last event. */
  readonly first: number
  readonly last: number
  /** True when these same events had been appended before: nothing was written now. */
  readonly deduplicated: boolean
}

/** One stream's part of an append to several. */
export interface StreamAppend {
  readonly stream: string
  readonly events: readonly NewEvent[]
  readonly expected?: Expected
}

/** A stream that is not written, but must be at a version for the append to go through. */
export interface StreamCheck {
  readonly stream: string
  readonly expected: Expected
}

/**
 * The append goes through only while no event after position `after` carries all of `tags` (and is one of `types`,
 * when given): the "dynamic consistency boundary".
 */
export interface AppendCondition {
  readonly tags: readonly string[]
  readonly types?: readonly string[]
  readonly after: number
}

export interface AppendManyInput {
  readonly appends: readonly StreamAppend[]
  readonly checks?: readonly StreamCheck[]
  readonly condition?: AppendCondition
  readonly tenant?: string
}

export interface AppendManyResult {
  readonly first: number
  readonly last: number
  readonly deduplicated: boolean
  /** One per append, in the order given. */
  readonly streams: readonly (AppendResult & { readonly stream: string })[]
}

/** The topic that every append notifies after its commit. */
export const eventsTopic = 'events'

export const defaultTenant = 'default'

/** What one append may hold. */
export const appendLimits: {
  readonly eventBytes: number
  readonly batchEvents: number
  readonly batchBytes: number
  readonly streamLength: number
  readonly tags: number
} = {
  eventBytes: 1024 * 1024,
  batchEvents: 1000,
  batchBytes: 4 * 1024 * 1024,
  streamLength: 160,
  tags: 16,
}

/** Which events; every part given must hold. An empty list is as good as none. */
export interface EventFilter {
  readonly types?: readonly string[]
  /** Only streams whose id starts so. */
  readonly prefix?: string
  /** Only events that carry all of these tags. */
  readonly tags?: readonly string[]
  readonly tenant?: string
}
