import assert from 'node:assert/strict'
import { type Clock, type ErrorCode, TidemillError } from '@tidemill/core'
import { type Database, openDatabase } from '@tidemill/sql'
import { type EventStore, type EventStoreOptions, openEventStore } from '@tidemill/events'

export interface Opened extends AsyncDisposable {
  readonly database: Database
  readonly store: EventStore
  close(): Promise<void>
}

/** A store on a database in memory. */
export async function open(
  options: Omit<EventStoreOptions, 'database'> = {},
  clock?: Clock,
): Promise<Opened> {
  const database = await openDatabase({
    url: 'sqlite::memory:',
    ...(clock === undefined ? {} : { clock }),
  })
  const store = await openEventStore({
    database,
    ...(clock === undefined ? {} : { clock }),
    ...options,
  })
  const close = async (): Promise<void> => {
    await store.close()
    await database.close()
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
