import type { Socket } from 'node:net'
import { type Clock, realClock } from '@tidemill/core'
import type { LeaseMessage, LeasePort } from '../limit/index.ts'
import type { Binder } from '../listener/binder.ts'
import { Channel } from './channel.ts'
import type {
  ConfigurationAnswer,
  ConfigurationBatch,
  Endpoints,
  ToPrimary,
  ToWorker,
} from './protocol.ts'
import { WorkerBinder } from './worker-binder.ts'

/** What a worker runs: a gateway without a source of configuration of its own. */
export interface WorkerPart {
  /** Resolves when the batch is in force and its sockets are open or have failed. Calls do not overlap. */
  configure(batch: ConfigurationBatch): Promise<ConfigurationAnswer>
  setEndpoints(endpoints: Endpoints): void
  /** Session tickets from now on; 48 bytes. */
  setTicketKeys(keys: Buffer): void
  /** Answers what the primary asks its workers: status, metrics. The answer goes as JSON. */
  answer(name: string, body: unknown): unknown
  /** Takes no more connections and resolves when none is left, or `timeoutMs` after `graceMs`. */
  drain(graceMs: number, timeoutMs: number): Promise<void>
  close(): Promise<void>
}

export interface WorkerContext {
  /** Unique among all workers of the pool. */
  readonly id: number
  /** From 0; a replacement has that of whom it replaces. */
  readonly index: number
  /** How many workers share what comes. */
  readonly workers: number
  readonly ticketKeys: Buffer
  /** For the ListenerSet. */
  readonly binder: Binder
  /** For a LeaseClient. */
  readonly leases: LeasePort
  /** Tells the primary something: {@link WorkerPoolOptions.onNote}. */
  note(name: string, body: unknown): void
}

export type CreateWorkerPart = (context: WorkerContext) => WorkerPart | Promise<WorkerPart>

const ignore = (): void => undefined

/**
 * The life of a worker process that `createWorkerPool` started: call it once, first thing in the entry module. The
 * process ends when the primary says so or is gone; signals are the primary's affair.
 */
export async function runWorker(
  create: CreateWorkerPart,
  options: { readonly clock?: Clock } = {},
): Promise<void> {
  // Ctrl-C reaches all processes of a terminal: who drains whom is decided by the primary.
  process.on('SIGINT', ignore)
  process.on('SIGTERM', ignore)
  let begin: (part: WorkerPart) => void = ignore
  const begun = new Promise<WorkerPart>((resolve) => {
    begin = resolve
  })
  const channel = new Channel<ToPrimary, ToWorker>((frame) => {
    // A primary that is gone ends this process anyway.
    if (process.connected) process.send?.(frame, undefined, undefined, ignore)
  })
  const binder = new WorkerBinder(channel, options.clock ?? realClock)
  let leaseListener: (message: LeaseMessage) => void = ignore
  channel.onEvent('lease', (message) => leaseListener(message))
  // All ears before the first word: what the primary says after its answer may come with it.
  let last: Promise<unknown> = begun
  const configure = (batch: ConfigurationBatch): Promise<ConfigurationAnswer> => {
    const done = last.then(async () => (await begun).configure(batch))
    last = done.catch(ignore)
    return done
  }
  const whenBegun = (act: (part: WorkerPart) => void): void => void begun.then(act)
  channel.onAsk('configure', configure)
  channel.onAsk('part', async ({ name, body }) => (await begun).answer(name, body))
  channel.onEvent('endpoints', (endpoints) => whenBegun((part) => part.setEndpoints(endpoints)))
  channel.onEvent('ticketKeys', (keys) =>
    whenBegun((part) => part.setTicketKeys(Buffer.from(keys, 'base64'))),
  )
  channel.onAsk('drain', async ({ graceMs, timeoutMs }) => {
    const part = await begun
    await part.drain(graceMs, timeoutMs)
    await part.close()
    return null
  })
  process.on('message', (message, handle) => channel.receive(message, handle as Socket | undefined))

  const start = await channel.ask('start', null)
  const part = await create({
    id: start.id,
    index: start.index,
    workers: start.workers,
    ticketKeys: Buffer.from(start.ticketKeys, 'base64'),
    binder,
    leases: {
      send: (message) => channel.event('lease', message),
      onMessage: (listener) => {
        leaseListener = listener
      },
    },
    note: (name, body) => channel.event('note', { name, body }),
  })
  part.setEndpoints(start.endpoints)
  for (const batch of start.batches) {
    // A batch that fails as a whole leaves what was in force; the part has said why.
    await part.configure(batch).catch(ignore)
  }
  begin(part)
  await last
  channel.event('ready', null)
}
