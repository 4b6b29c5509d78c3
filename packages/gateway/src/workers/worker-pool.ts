import type { Closable, Clock, Duration, Logger, Random } from '@tidemill/core'
import type { LeasePort } from '../limit/index.ts'
import type { ConfigurationAnswer, ConfigurationBatch, Endpoints } from './protocol.ts'
import { ProcessPool } from './process-pool.ts'
import type { WorkerState } from './worker-slot.ts'

export interface WorkerPoolOptions {
  /** Module that calls `runWorker`: a file URL or path. */
  readonly entry: string | URL
  /** Processes; default one for each core. */
  readonly workers?: number
  /** Arguments of the workers. */
  readonly args?: readonly string[]
  /** Flags of node; default those of this process. */
  readonly execArgv?: readonly string[]
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /** Keeps the limits that the workers share: a LeaseCoordinator. */
  readonly leases?: { attach(port: LeasePort): () => void }
  /** What a worker tells by `note`. */
  readonly onNote?: (worker: number, name: string, body: unknown) => void
  /** Longest time from a worker's start until its configuration is in force; default 30s. */
  readonly startTimeout?: Duration
  /** How often keys of TLS sessions are made anew; default 8h. */
  readonly ticketRotation?: Duration
  /** Of a worker that is replaced: until its idle connections end, and then until all do. Default 5s and 30s. */
  readonly grace?: Duration
  readonly timeout?: Duration
}

export interface WorkerStatus {
  readonly id: number
  readonly index: number
  readonly pid: number
  readonly state: WorkerState
  /** Connections that it has. */
  readonly connections: number
}

export interface WorkerAnswer {
  readonly worker: number
  readonly answer: unknown
}

/** Worker processes of one gateway behind listening sockets that this process owns. */
export interface WorkerPool extends Closable {
  /** Puts a batch into force in every worker; resolves when it is. Later workers start with it. */
  apply(batch: ConfigurationBatch): Promise<ConfigurationAnswer>
  /** Gives services their addresses, added to those given before. */
  setEndpoints(endpoints: Endpoints): void
  /** Asks every worker's part; workers that die meanwhile have no answer. */
  ask(name: string, body?: unknown): Promise<readonly WorkerAnswer[]>
  workers(): readonly WorkerStatus[]
  /** Sockets that are open, with the ports that were chosen. */
  sockets(): readonly { readonly key: string; readonly port: number }[]
  /** How many workers ended without having been told to. */
  readonly crashes: number
  /**
   * Replaces every worker, one after another: the new one serves before the old one drains, so that no connection is
   * refused. Rejects with TM_GATEWAY_WORKER_START, the old worker being kept, when a new one does not start.
   */
  roll(): Promise<void>
  /** No more connections; resolves when the last one has ended. Only `close` is of use afterwards. */
  drain(options?: { readonly grace?: Duration; readonly timeout?: Duration }): Promise<void>
}

/**
 * Starts the workers; resolves when all are ready. Rejects with TM_GATEWAY_WORKER_START, nothing being left behind, when
 * one does not start. Later ones that die are started again, at once and then with growing waits.
 */
export async function createWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  const pool = new ProcessPool(options)
  await pool.start()
  return pool
}
