import type { Problem } from '@tidemill/core'

/** One change of a stored object. */
export interface ObjectChange {
  /** Its kind as Kubernetes writes it: `HTTPRoute`, `Gateway`, `Secret`, `RoutePolicy`. */
  readonly kind: string
  /** `namespace/name`; of kinds without a namespace the name alone. */
  readonly key: string
  /** JSON; absent is a removal. */
  readonly text: string | undefined
  /** Revision of this version in its source. */
  readonly revision: number
  /** Where it stands, for messages: `file:line`. */
  readonly origin?: string
}

/**
 * `active`: in force. `last-good`: the newest version is not valid, the one before is in force.
 * `invalid`: never valid, not in force.
 */
export type ObjectState = 'active' | 'last-good' | 'invalid'

/** An object as the configuration store has it. */
export interface ObjectStatus<T> {
  /** `namespace/name`. */
  readonly key: string
  readonly state: ObjectState
  /** Revision of the newest version. */
  readonly revision: number
  /** The version in force. */
  readonly object: T | undefined
  /** What is wrong with the newest version. */
  readonly problems: readonly Problem[]
  /** What works otherwise than the object says: unknown backends, filters that are not served. */
  readonly warnings: readonly Problem[]
}
