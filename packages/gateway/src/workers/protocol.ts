import type { ObjectChange } from '../configuration/object-change.ts'
import type { LeaseMessage } from '../limit/index.ts'

/** A change of the configuration as its source gives it. */
export interface ConfigurationBatch {
  readonly changes: readonly ObjectChange[]
  readonly revision: number
  /** The changes are all objects that there are. */
  readonly snapshot: boolean
}

/** What a worker says to a batch that it has put into force. */
export interface ConfigurationAnswer {
  /** `kind namespace/name` of the objects whose newest version is not valid; their last good one stays in force. */
  readonly invalid: readonly string[]
}

/** URLs by `namespace/service[:port]`. */
export type Endpoints = Readonly<Record<string, readonly string[]>>

/** All that a worker needs to begin. */
export interface WorkerStart {
  /** Unique among all workers that the pool ever started. */
  readonly id: number
  /** Place in the pool, from 0; a replacement has the place of whom it replaces. */
  readonly index: number
  readonly workers: number
  /** Base64 of 48 bytes. */
  readonly ticketKeys: string
  readonly endpoints: Endpoints
  /** To be applied in this order. */
  readonly batches: readonly ConfigurationBatch[]
}

/** A listening socket that a worker wants; see SocketPlan. */
export interface SocketWish {
  readonly key: string
  readonly transport: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
}

export interface SocketAnswer {
  readonly port: number
  /** Why it cannot be opened; empty when it is. */
  readonly reason: string
  /** Of udp: this worker is to bind it and serve it. */
  readonly serve: boolean
}

export interface ToWorker {
  readonly events: {
    /** An accepted connection comes with it. */
    readonly connection: readonly [key: string, id: number]
    readonly endpoints: Endpoints
    readonly ticketKeys: string
    /** The worker that served this udp socket goes. */
    readonly serveUdp: { readonly key: string }
    readonly lease: LeaseMessage
  }
  readonly calls: {
    readonly configure: { readonly ask: ConfigurationBatch; readonly answer: ConfigurationAnswer }
    /** Answered when no connection is left. */
    readonly drain: {
      readonly ask: { readonly graceMs: number; readonly timeoutMs: number }
      readonly answer: null
    }
    /** For the part that the worker runs. */
    readonly part: {
      readonly ask: { readonly name: string; readonly body: unknown }
      readonly answer: unknown
    }
  }
}

export interface ToPrimary {
  readonly events: {
    /** The configuration is in force and the sockets are open. */
    readonly ready: null
    /** The connection with that id has come; the primary may forget it. */
    readonly took: number
    /** How many connections have ended since the last time. */
    readonly closed: number
    readonly release: { readonly key: string }
    readonly lease: LeaseMessage
    readonly note: { readonly name: string; readonly body: unknown }
  }
  readonly calls: {
    readonly start: { readonly ask: null; readonly answer: WorkerStart }
    readonly open: { readonly ask: SocketWish; readonly answer: SocketAnswer }
  }
}
