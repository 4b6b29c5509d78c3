import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type ErrorJson, TidemillError } from '@tidemill/core'
import { openSqlite, sqliteError } from '@tidemill/core/sqlite'
import type { Command } from './protocol.ts'
import { Store, type StoreOptions } from './store.ts'

export interface WorkerInput extends StoreOptions {
  /** The owner's monotonic clock now. */
  readonly now: number
}

export type ToWorker =
  | { readonly kind: 'batch'; readonly commands: readonly Command[]; readonly now: number }
  | { readonly kind: 'close' }

/** The worker's first message. */
export type Opened = { readonly storeId: string } | { readonly error: ErrorJson }

if (parentPort !== null) serve(parentPort, workerData as WorkerInput)

/** The thread that owns the file: one batch after the other, waiting work when none is there. */
function serve(port: MessagePort, input: WorkerInput): void {
  let store: Store
  let db: ReturnType<typeof openSqlite>
  try {
    db = openSqlite(input.file)
    try {
      store = new Store(db, input, input.now)
    } catch (error) {
      db.close()
      throw sqliteError(error, { file: input.file })
    }
  } catch (error) {
    post(port, { error: codedError(error) })
    port.close()
    return
  }
  post(port, { storeId: store.storeId })
  let now = input.now
  let closed = false
  let resting = true
  const rest = (): void => {
    resting = closed || !maintain()
    if (!resting) setImmediate(rest)
  }
  const maintain = (): boolean => {
    try {
      return store.maintain(now)
    } catch (error) {
      // For example a full disk: the work waits for the next batch, and writes report what is wrong.
      if (TidemillError.is(error)) return false
      throw error
    }
  }
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'close') {
      closed = true
      db.close()
      port.close()
      return
    }
    now = message.now
    port.postMessage(store.run(message.commands, now))
    if (resting) {
      resting = false
      setImmediate(rest)
    }
  })
}

function post(port: MessagePort, message: Opened): void {
  port.postMessage(message)
}

function codedError(error: unknown): ErrorJson {
  if (TidemillError.is(error)) return error.toJSON()
  throw error
}
