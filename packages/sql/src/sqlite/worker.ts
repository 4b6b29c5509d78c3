import { enableCompileCache } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { WorkerSetup } from './messages.ts'

// Before anything is imported: without it each thread compiles again what the process has compiled already, which is
// most of the time that an opening takes.
const { compileCache } = workerData as WorkerSetup
if (compileCache !== null) enableCompileCache(compileCache)
await import('./thread.ts')
