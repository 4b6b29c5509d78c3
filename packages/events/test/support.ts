import assert from 'node:assert/strict'
import { after } from 'node:test'
import { type Clock, type ErrorCode, TidemillError } from '@tidemill/core'
import { type Database, openDatabase } from '@tidemill/sql'
import { type EventStore, type EventStoreOptions, openEventStore } from '@tidemill/events'

export interface Opened extends AsyncDisposable {
  readonly database: Database
  readonly store: EventStore
  close(): Promise<void>
}

/** Databases in memory that wait for the next test: starting a thread takes longer than nearly all of them. */
const idle: Database[] = []

after(async () => {
  await Promise.all(idle.splice(0).map((database) => database.close()))
})

/** Drops everything, so that the next test finds what a new database would be. */
async function empty(database: Database): Promise<void> {
  await database.tx(async (tx) => {
    const parts = await tx.all<{ type: string; name: string }>(
      "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite_%'",
    )
    for (const { type, name } of parts) await tx.run(`DROP ${type} ${name}`)
  })
}

/** An empty store on a database in memory; with a clock of the test's own the database is its own too. */
export async function open(
  options: Omit<EventStoreOptions, 'database'> = {},
  clock?: Clock,
): Promise<Opened> {
  const url = 'sqlite::memory:'
  const database =
    clock === undefined
      ? (idle.pop() ?? (await openDatabase({ url })))
      : await openDatabase({ url, clock })
  const store = await openEventStore({
    database,
    ...(clock === undefined ? {} : { clock }),
    ...options,
  })
  const close = async (): Promise<void> => {
    await store.close()
    if (clock !== undefined) return database.close()
    await empty(database)
    idle.push(database)
  }
  return { database, store, close, [Symbol.asyncDispose]: close }
}

export function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return assert.rejects(promise, (error: unknown) => {
    assert(TidemillError.is(error), String(error))
    assert.equal(error.code, code, error.message)
    return true
  })
}

export function throws(run: () => unknown, code: ErrorCode): void {
  assert.throws(run, (error: unknown) => TidemillError.is(error, code))
}
