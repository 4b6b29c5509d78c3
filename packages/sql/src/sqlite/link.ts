import { getCompileCacheDir } from 'node:module'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ErrorJson, TidemillError } from '@tidemill/core'
import { sqlErrors } from '../errors.ts'
import type { Answer, Request, WorkerSetup } from './messages.ts'

interface Pending {
  readonly request: Request
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** A worker thread that answers requests in order. */
export interface Link {
  /** Rejects with the worker's coded error; when the worker dies, with what its death means for this request. */
  request(request: Request): Promise<unknown>
  /** Stops the worker at once if it has not ended by itself. */
  end(): Promise<void>
}

export interface LinkEvents {
  /** The worker died, not by {@link Link.end}; everything pending has been rejected. */
  lost(reason: string): void
  /** The worker reported that the file takes no writes. */
  readOnly(error: ErrorJson): void
}

export function createLink(setup: Omit<WorkerSetup, 'compileCache'>, events: LinkEvents): Link {
  const cache = getCompileCacheDir()
  const workerData: WorkerSetup = {
    ...setup,
    // The folder that was asked for; Node makes one per version below it.
    compileCache: cache === undefined ? null : path.dirname(cache),
  }
  const worker = new Worker(new URL(import.meta.resolve('@tidemill/sql/worker')), {
    workerData,
    name: `sql ${setup.role}`,
  })
  const pending: Pending[] = []
  let ending = false
  let lostBecause: string | undefined
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      if (!ending) fail(`it exited with code ${code}`)
      resolve()
    })
  })
  const deathOf = (request: Request, reason: string): Error => {
    const wrote = request.kind === 'calls' || (request.kind === 'end' && request.commit)
    const code = wrote ? 'TM_SQL_OUTCOME_UNKNOWN' : 'TM_SQL_WORKER_LOST'
    return sqlErrors.error(code, { url: setup.url, reason: `its thread stopped: ${reason}` })
  }
  const fail = (reason: string): void => {
    if (lostBecause !== undefined) return
    lostBecause = reason
    events.lost(reason)
    for (const { request, reject } of pending.splice(0)) reject(deathOf(request, reason))
  }
  worker.on('error', (error) => fail(String(error)))
  worker.on('messageerror', (error) => fail(String(error)))
  worker.on('message', (answer: Answer) => {
    const waiting = pending.shift()
    if ('value' in answer) {
      waiting?.resolve(answer.value)
      return
    }
    if (answer.readOnly) events.readOnly(answer.error)
    waiting?.reject(TidemillError.fromJSON(answer.error))
  })
  return {
    request(request) {
      if (lostBecause !== undefined) {
        const details = { url: setup.url, reason: lostBecause }
        return Promise.reject(sqlErrors.error('TM_SQL_WORKER_LOST', details))
      }
      return new Promise((resolve, reject) => {
        // Throws when the request cannot be cloned; nothing is pending then.
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a Worker, not a Window
        worker.postMessage(request)
        pending.push({ request, resolve, reject })
      })
    },
    async end() {
      ending = true
      await worker.terminate()
      await gone
    },
  }
}
