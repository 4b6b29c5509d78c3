import { bytesId } from '../bytes.ts'
import type { Change, Event, KeyValue } from '../kv.ts'

/** What the watch knew of a key before an event, for the events that a resync makes up. */
export interface Before {
  readonly existed: boolean
  /** First revision that the event stands for. */
  readonly first: number
}

/** Changes that wait for the handler. */
export interface Pending {
  readonly size: number
  /** Bytes of keys and values that wait. */
  readonly bytes: number
  add(event: Event, before?: Before): void
  /** Everything that waits, in the order of the last change of each key; empties it. */
  take(): Change[]
}

interface Entry {
  readonly event: Event
  readonly prev: KeyValue | undefined
  readonly merged: number
  readonly first: number
  readonly existed: boolean
}

/** Merges the changes of a key: memory grows with the number of changed keys, not of changes. */
export function createCoalescer(): Pending {
  const entries = new Map<string, Entry>()
  let bytes = 0
  return {
    get size() {
      return entries.size
    },
    get bytes() {
      return bytes
    },
    add(event, before) {
      const id = bytesId(event.kv.key)
      const old = entries.get(id)
      const entry = old === undefined ? firstEntry(event, before) : merge(old, event)
      bytes += sizeOf(event) - (old === undefined ? 0 : sizeOf(old.event))
      // Taken out first, so that the order is that of the last change.
      if (old !== undefined) entries.delete(id)
      entries.set(id, entry)
    },
    take() {
      const changes: Change[] = []
      for (const entry of entries.values()) {
        // Created and deleted again while the handler was busy: it has never heard of the key.
        if (entry.event.type === 'put' || entry.existed) changes.push(toChange(entry))
      }
      entries.clear()
      bytes = 0
      return changes
    },
  }
}

/** Keeps every change. */
export function createEventQueue(): Pending {
  let entries: Entry[] = []
  let bytes = 0
  return {
    get size() {
      return entries.length
    },
    get bytes() {
      return bytes
    },
    add(event, before) {
      entries.push(firstEntry(event, before))
      bytes += sizeOf(event)
    },
    take() {
      const changes = entries.map((entry) => toChange(entry))
      entries = []
      bytes = 0
      return changes
    },
  }
}

function firstEntry(event: Event, before: Before | undefined): Entry {
  return {
    event,
    prev: event.prev,
    merged: 1,
    first: before?.first ?? event.kv.modRevision,
    // A delete, or a put that is not the first of its key, says that the key was there before.
    existed: before?.existed ?? event.kv.version !== 1,
  }
}

function merge(old: Entry, event: Event): Entry {
  return { ...old, event, merged: old.merged + 1 }
}

function sizeOf(event: Event): number {
  return event.kv.key.length + event.kv.value.length
}

function toChange(entry: Entry): Change {
  const { event, prev, merged, first, existed } = entry
  const { kv, type } = event
  return {
    type,
    key: kv.key,
    ...(type === 'put' ? { kv } : {}),
    ...(prev === undefined ? {} : { prev }),
    merged,
    revisions: [first, kv.modRevision],
    recreated: type === 'put' && existed && kv.createRevision >= first,
  }
}
