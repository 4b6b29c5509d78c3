/** Tokens of one lease last that long at the limit's rate, shared by the workers. */
export const batchMs = 100

/**
 * What workers and the node's coordinator say to each other: plain data for any ordered message channel (process IPC,
 * MessagePort). A lost message costs at most one batch of tokens.
 */
export type LeaseMessage = LeaseHello | LeaseWelcome | LeaseTake | LeaseGrant

/** Worker: is anybody there? */
export interface LeaseHello {
  readonly kind: 'limit-hello'
}

/** Coordinator: to every worker when one came or went. */
export interface LeaseWelcome {
  readonly kind: 'limit-welcome'
  /** Workers that share the limits. */
  readonly workers: number
}

/** Worker: asks for tokens. Says all about the limit, so that the coordinator needs no configuration. */
export interface LeaseTake {
  readonly kind: 'limit-take'
  readonly limit: string
  /** Milliseconds of a token and of a full bucket, for each tier. */
  readonly rates: readonly number[]
  readonly maxKeys: number
  /** Key, tier, tokens used in advance, tokens wanted (negative: given back), again and again. */
  readonly takes: readonly (string | number)[]
}

/** Coordinator: one for each take that wants tokens. */
export interface LeaseGrant {
  readonly kind: 'limit-grant'
  readonly limit: string
  /**
   * Key, tokens granted, milliseconds until the bucket is full again, milliseconds before which asking again is in vain;
   * again and again.
   */
  readonly grants: readonly (string | number)[]
}

/** One end of a channel between a worker and the coordinator. */
export interface LeasePort {
  send(message: LeaseMessage): void
  /** Called for each message of the other end; one listener. Messages that are not ours may come too. */
  onMessage(listener: (message: unknown) => void): void
}
