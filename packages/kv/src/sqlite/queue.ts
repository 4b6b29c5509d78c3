import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Clock, type Logger, TidemillError, type Timer } from '@tidemill/core'
import { kvError } from '../check.ts'
import type { Event } from '../kv.ts'
import type { BatchResult, Command, Reply } from './protocol.ts'
import type { Opened, ToWorker, WorkerInput } from './worker.ts'

/** One batch works while the next one waits in the worker's inbox, so that neither thread idles. */
const batchesInFlight = 2
const commandsPerBatch = 1000

export interface QueueOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly limit: number
  readonly limitBytes: number
  /** Called with the events of each committed batch, after its answers. */
  readonly onEvents: (events: readonly Event[], revision: number) => void
  /** Called once when the worker is gone without having been asked. */
  readonly onLost: (error: TidemillError) => void
}

export type Settle = (value: unknown, error: TidemillError | undefined) => void

/** The way to the worker: commands go in order, those of one turn together, and are answered after their COMMIT. */
export interface Queue {
  readonly storeId: string
  readonly waiting: number
  readonly commits: number
  readonly writes: number
  /** `settle` is called exactly once, never before this returns. Throws TM_KV_OVERLOADED and TM_KV_CLOSED. */
  submit(command: Command, bytes: number, settle: Settle): void
  /**
   * For the store's own commands: as `submit`, but never refused as too many. There are at most a few per watch, and a
   * watch that is behind must be able to catch up while callers fill the queue.
   */
  enqueue(command: Command, settle: Settle): void
  /** Refuses new commands, waits for those that wait, and ends the worker. */
  close(): Promise<void>
}

interface Waiting {
  readonly command: Command
  readonly bytes: number
  readonly settle: Settle
}

/** Starts the worker and opens the store in it; rejects with the coded error of what is wrong with the file. */
export async function createQueue(input: WorkerInput, options: QueueOptions): Promise<Queue> {
  const { clock, limit, limitBytes } = options
  // Compiled files run the compiled worker, sources the source.
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
  const worker = new Worker(new URL(file, import.meta.url), { workerData: input })
  const [opened] = (await once(worker, 'message')) as [Opened]
  if ('error' in opened) {
    await worker.terminate()
    throw TidemillError.fromJSON(opened.error)
  }

  let pending: Waiting[] = []
  const inFlight: Waiting[][] = []
  let waitingCount = 0
  let waitingBytes = 0
  let commits = 0
  let writes = 0
  let scheduled = false
  let state: 'open' | 'closing' | 'closed' = 'open'
  let lost: TidemillError | undefined
  let drained: (() => void) | undefined
  let expiry: { readonly at: number; readonly timer: Timer } | undefined

  const post = (message: ToWorker): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(message)
  }
  const schedule = (): void => {
    if (scheduled || pending.length === 0 || inFlight.length >= batchesInFlight) return
    scheduled = true
    // At the end of the turn: everything that this turn asks for goes in one batch.
    setImmediate(flush)
  }
  const flush = (): void => {
    scheduled = false
    if (lost !== undefined || pending.length === 0 || inFlight.length >= batchesInFlight) return
    const batch = pending.splice(0, commandsPerBatch)
    inFlight.push(batch)
    const message: ToWorker = {
      kind: 'batch',
      commands: batch.map((item) => item.command),
      now: clock.monotonic(),
    }
    post(message)
    schedule()
  }
  const add = (item: Waiting): void => {
    pending.push(item)
    waitingCount++
    waitingBytes += item.bytes
    schedule()
  }
  const checkOpen = (): void => {
    if (state !== 'open') throw kvError('TM_KV_CLOSED')
    if (lost !== undefined) throw kvError('TM_KV_CLOSED', {}, { cause: lost })
  }
  const settle = (item: Waiting, value: unknown, error: TidemillError | undefined): void => {
    waitingCount--
    waitingBytes -= item.bytes
    item.settle(value, error)
  }
  const awaitExpiry = (at: number | undefined): void => {
    if (expiry?.at === at || state !== 'open') return
    expiry?.timer.cancel()
    expiry = undefined
    if (at === undefined) return
    const tick = (): void => {
      expiry = undefined
      if (state !== 'open') return
      add({ command: { kind: 'tick' }, bytes: 0, settle: () => undefined })
    }
    expiry = { at, timer: clock.timer(at - clock.monotonic(), tick, { ref: false }) }
  }
  const onResult = (result: BatchResult): void => {
    const batch = inFlight.shift() ?? []
    if (result.committed) commits++
    writes += result.writes
    for (const [index, item] of batch.entries()) {
      const [value, error] = result.replies[index] as Reply
      settle(item, value, error === undefined ? undefined : TidemillError.fromJSON(error))
    }
    options.onEvents(result.events, result.revision)
    awaitExpiry(result.nextExpiry)
    schedule()
    if (waitingCount === 0) drained?.()
  }
  const onLost = (cause: unknown): void => {
    if (lost !== undefined || state === 'closed') return
    lost = kvError('TM_KV_OUTCOME_UNKNOWN', {}, { cause })
    options.logger.log('error', 'the key-value store stopped', { error: String(cause) })
    for (const item of [...inFlight.splice(0).flat(), ...pending.splice(0)]) {
      settle(item, undefined, lost)
    }
    expiry?.timer.cancel()
    drained?.()
    options.onLost(lost)
  }
  worker.on('message', onResult)
  worker.on('error', onLost)
  worker.on('exit', (code) => onLost(new Error(`worker ended with code ${code}`)))

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    state = 'closing'
    expiry?.timer.cancel()
    if (waitingCount > 0) await new Promise<void>((resolve) => (drained = resolve))
    state = 'closed'
    if (lost !== undefined) return
    const ended = once(worker, 'exit')
    post({ kind: 'close' })
    await ended
  }
  return {
    storeId: opened.storeId,
    get waiting() {
      return waitingCount
    },
    get commits() {
      return commits
    },
    get writes() {
      return writes
    },
    submit(command, bytes, settled) {
      checkOpen()
      if (waitingCount >= limit) {
        throw kvError('TM_KV_OVERLOADED', { waiting: waitingCount, limit, unit: 'calls' })
      }
      // A call that is larger than the limit still gets through alone.
      if (waitingBytes > 0 && waitingBytes + bytes > limitBytes) {
        const details = { waiting: waitingBytes, limit: limitBytes, unit: 'bytes' }
        throw kvError('TM_KV_OVERLOADED', details)
      }
      add({ command, bytes, settle: settled })
    },
    enqueue(command, settled) {
      checkOpen()
      add({ command, bytes: 0, settle: settled })
    },
    close: () => (closing ??= close()),
  }
}
