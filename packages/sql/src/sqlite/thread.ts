import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorJson, realClock } from '@tidemill/core'
import { acquireOwner, openSqlite, type SqliteOwner } from '@tidemill/core/sqlite'
import { sqlErrors } from '../errors.ts'
import { execute } from './direct-tx.ts'
import { createFaultPoints } from './fault-points.ts'
import { createIdleCheckpoint, type IdleCheckpoint } from './idle-checkpoint.ts'
import type {
  Answer,
  CallsAnswer,
  QueriesAnswer,
  QueryMessage,
  Request,
  WorkerSetup,
} from './messages.ts'
import { withoutUncloneable } from './plain.ts'
import { createProcedureTable } from './procedures.ts'
import { createReader, type Reader } from './reader.ts'
import { errorJson, stopsWrites } from './statement-failure.ts'
import { createWriter, type Writer } from './writer.ts'

const setup = workerData as WorkerSetup
const port = parentPort as NonNullable<typeof parentPort>
const table = createProcedureTable()
const faults = createFaultPoints(setup.faults)
const connections: DatabaseSync[] = []
let owner: SqliteOwner | undefined
let idle: IdleCheckpoint | undefined
let openWriter: Writer | undefined
let openReader: Reader | undefined
/** Why writes stopped, until one succeeds: a flush that was already on its way must not be tried after that. */
let stopped: ErrorJson | null = null

function connect(readOnly: boolean): DatabaseSync {
  const db = openSqlite(setup.file, { readOnly })
  connections.push(db)
  return db
}

function open(): void {
  if (setup.role === 'reader') return
  const inMemory = setup.file === ':memory:'
  if (!inMemory) owner = acquireOwner(setup.file)
  const db = connect(false)
  if (setup.faults?.maxPages !== undefined) limitPages(setup.faults.maxPages)
  idle = createIdleCheckpoint(db, realClock)
  openWriter = createWriter(db, setup, table, faults, idle)
  // A database in memory has only this connection; a file gets a second one that cannot write.
  if (inMemory) openReader = createReader(db, setup.file)
}

function limitPages(pages: number): void {
  connections[0]?.exec(`PRAGMA max_page_count=${pages}`)
}

function writer(): Writer {
  if (openWriter === undefined) throw new Error('this worker does not write')
  return openWriter
}

function reader(): Reader {
  return (openReader ??= createReader(connect(true), setup.file))
}

function answerQueries(queries: readonly QueryMessage[]): QueriesAnswer['results'] {
  if (queries.some(({ sql }) => sql === setup.faults?.crashQuery)) process.exit(86)
  if (setup.file !== ':memory:') return queries.map(reader())
  // The only connection of a database in memory may write.
  const [db] = connections
  db?.exec('PRAGMA query_only=ON')
  try {
    return queries.map(reader())
  } finally {
    db?.exec('PRAGMA query_only=OFF')
  }
}

function release(): void {
  idle?.stop()
  for (const db of connections.toReversed()) db.close()
  connections.length = 0
  owner?.release()
}

function runCalls(request: Extract<Request, { kind: 'calls' }>): CallsAnswer {
  if (stopped !== null && !request.knowsReadOnly) {
    const details = { url: setup.url, reason: stopped.message }
    const error = sqlErrors.error('TM_SQL_READ_ONLY', details).toJSON()
    const failures = request.procedures.map((_, index): [number, ErrorJson] => [index, error])
    return { commits: 0, outputs: [], failures, readOnly: null, topics: [] }
  }
  try {
    const result = writer().runCalls(request.now, request.procedures, request.inputs)
    stopped = result.readOnly
    return result
  } catch (error) {
    stopped = stopsWrites(error) ? errorJson(error, request.kind) : null
    throw error
  }
}

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'open':
      open()
      break
    case 'queries':
      return { results: answerQueries(request.queries) }
    case 'calls':
      for (const entry of request.define) await table.define(entry)
      return runCalls(request)
    case 'begin':
      writer().begin()
      break
    case 'statement':
      return execute(writer().session, request.mode, request.sql, request.params)
    case 'step':
      writer().session.savepoint(request.step)
      break
    case 'end':
      if (request.commit) writer().commit()
      else writer().rollback()
      break
    case 'probe':
      writer().probe()
      stopped = null
      break
    case 'faults':
      faults.set(request.faults)
      if (request.faults.maxPages !== undefined) limitPages(request.faults.maxPages)
      break
    case 'close':
      release()
      break
  }
  return undefined
}

async function serve(request: Request): Promise<void> {
  let reply: Answer
  try {
    reply = { value: await answer(request) }
  } catch (error) {
    reply = { error: errorJson(error, request.kind), readOnly: stopsWrites(error) }
  }
  try {
    port.postMessage(reply)
  } catch {
    // Only what procedures gave back can fail to be cloned.
    const { procedures } = request as Extract<Request, { kind: 'calls' }>
    const names = procedures.map((id) => table.nameOf(id))
    const { value } = reply as { readonly value: CallsAnswer }
    port.postMessage({ value: withoutUncloneable(value, names) })
  }
  if (request.kind === 'close') port.close()
}

// One after the other even where one awaits an import: the answers carry no numbers.
let last = Promise.resolve()
port.on('message', (request: Request) => {
  last = last.then(() => serve(request))
})
