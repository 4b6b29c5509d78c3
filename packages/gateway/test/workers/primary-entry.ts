import { createWorkerPool } from '../../src/workers/index.ts'

/** A primary of its own, to be killed: tells its parent which processes it started. */
if (process.send !== undefined) {
  const pool = await createWorkerPool({
    entry: new URL('worker-entry.ts', import.meta.url),
    workers: 2,
  })
  process.send(pool.workers().map(({ pid }) => pid))
}
