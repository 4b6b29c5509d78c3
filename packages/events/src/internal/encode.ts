import type { Problem } from '@tidemill/core'
import { eventsErrors } from '../errors.ts'
import {
  type AppendCondition,
  type AppendManyInput,
  appendLimits,
  defaultTenant,
  type Expected,
  type NewEvent,
  type StreamCheck,
} from '../event.ts'
import { jsonProblems } from '../json.ts'
import { isEventId } from './event-id.ts'
import { mostTypes } from './read-input.ts'

/** One stream's part of a batch: the next `count` events are its. */
export interface EncodedStream {
  readonly stream: string
  readonly expected: Expected
  readonly count: number
}

/**
 * Events checked and turned to text, ready to cross to the writer thread. They are columns, not objects: a clone
 * writes every key of every object, and ids are text because bytes would take their whole buffer along.
 */
export interface EncodedBatch {
  readonly tenant: string
  readonly appends: readonly EncodedStream[]
  readonly types: readonly string[]
  /** Undefined where the caller gave none. */
  readonly ids: readonly (string | undefined)[]
  readonly schemaVersions: readonly number[]
  readonly data: readonly string[]
  readonly meta: readonly string[]
  /** Absent when no event has any. */
  readonly tags?: readonly (readonly string[])[]
  readonly checks?: readonly StreamCheck[]
  readonly condition?: AppendCondition
}

const printable = /^[\x20-\x7e]+$/u
const typePattern = /^[A-Za-z][\w.:-]{0,119}$/u
const maxProblems = 20

/** Checks everything that can be checked without the database; throws one error with every problem. */
export function encodeBatch(input: AppendManyInput): EncodedBatch {
  const { appends, checks = [], condition, tenant = defaultTenant } = input
  const empty = appends.find((one) => one.events.length === 0)
  if (appends.length === 0 || empty !== undefined) {
    throw eventsErrors.error('TM_EVENTS_EMPTY_APPEND', { stream: empty?.stream ?? '' })
  }
  const places = checks.length === 0 ? appends : [...appends, ...checks]
  for (const { stream, expected = 'any' } of places) checkExpected(stream, expected)
  const shape: Problem[] = []
  const payload: Problem[] = []
  name(tenant, 64, '/tenant', shape)
  if (checks.length > appendLimits.batchEvents) {
    shape.push({ path: '/checks', message: `must be at most ${appendLimits.batchEvents}` })
  }
  const streams = new Set<string>()
  for (const [index, { stream }] of places.entries()) {
    name(stream, appendLimits.streamLength, `/streams/${index}`, shape)
    if (streams.has(stream)) {
      shape.push({ path: `/streams/${index}`, message: 'stream appears twice', received: stream })
    }
    streams.add(stream)
  }
  if (condition !== undefined) conditionProblems(condition, shape)
  const ids = new Set<string>()
  for (const [at, { events }] of appends.entries()) {
    for (const [index, event] of events.entries()) {
      // The first problems say it all; a list as long as the input would not be bounded.
      if (shape.length >= maxProblems) break
      const path = appends.length === 1 ? `/events/${index}` : `/appends/${at}/events/${index}`
      eventProblems(event, path, ids, shape)
      jsonProblems(event.data, `${path}/data`, payload)
      if (event.meta !== undefined) metaProblems(event.meta, `${path}/meta`, payload)
    }
  }
  if (shape.length > 0) throw invalid('TM_EVENTS_INVALID_INPUT', [...shape, ...payload])
  if (payload.length > 0) throw invalid('TM_EVENTS_INVALID_PAYLOAD', payload)
  const batch = encoded(input)
  checkSizes(batch)
  return batch
}

function encoded({ appends, checks, condition, tenant }: AppendManyInput): EncodedBatch {
  const events =
    appends.length === 1 ? (appends[0]?.events ?? []) : appends.flatMap((one) => one.events)
  return {
    tenant: tenant ?? defaultTenant,
    appends: appends.map(({ stream, expected = 'any', events: { length } }) => ({
      stream,
      expected,
      count: length,
    })),
    types: events.map(({ type }) => type),
    ids: events.map(({ id }) => id),
    schemaVersions: events.map(({ schemaVersion = 1 }) => schemaVersion),
    data: events.map(({ data }) => JSON.stringify(data)),
    meta: events.map(({ meta }) => (meta === undefined ? '{}' : JSON.stringify(meta))),
    ...(events.some(({ tags }) => tags !== undefined)
      ? { tags: events.map(({ tags = [] }) => tags) }
      : {}),
    ...(checks === undefined || checks.length === 0 ? {} : { checks }),
    ...(condition === undefined ? {} : { condition }),
  }
}

function invalid(
  code: 'TM_EVENTS_INVALID_INPUT' | 'TM_EVENTS_INVALID_PAYLOAD',
  problems: readonly Problem[],
): Error {
  const [first] = problems
  return eventsErrors.error(code, { summary: `${first?.path} ${first?.message}`, problems })
}

export function checkExpected(stream: string, expected: Expected): void {
  const valid =
    expected === 'any' ||
    expected === 'none' ||
    expected === 'exists' ||
    (typeof expected === 'number' && Number.isSafeInteger(expected) && expected >= 0)
  if (valid) return
  throw eventsErrors.error('TM_EVENTS_INVALID_EXPECTED', { stream, received: String(expected) })
}

function name(value: unknown, length: number, path: string, problems: Problem[]): void {
  if (typeof value === 'string' && value.length <= length && printable.test(value)) return
  problems.push({
    path,
    message: 'is not a valid name',
    received: shown(value),
    expected: `1 to ${length} printable ASCII characters`,
  })
}

function shown(value: unknown): string {
  return String(value).slice(0, 200)
}

function eventProblems(event: NewEvent, path: string, ids: Set<string>, problems: Problem[]): void {
  const { type, id, schemaVersion = 1, tags = [] } = event
  if (typeof type !== 'string' || !typePattern.test(type)) {
    problems.push({
      path: `${path}/type`,
      message: 'is not a valid event type',
      received: shown(type),
      expected: String.raw`[A-Za-z][\w.:-]{0,119}`,
    })
  }
  if (id !== undefined) {
    if (!isEventId(id)) {
      problems.push({ path: `${path}/id`, message: 'is not a UUID', received: String(id) })
    } else if (ids.has(id.toLowerCase())) {
      problems.push({ path: `${path}/id`, message: 'appears twice', received: id })
    } else ids.add(id.toLowerCase())
  }
  if (!Number.isSafeInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > 32_767) {
    problems.push({
      path: `${path}/schemaVersion`,
      message: 'is not a whole number from 1 to 32767',
      received: String(schemaVersion),
    })
  }
  tagProblems(tags, `${path}/tags`, problems)
}

function tagProblems(tags: readonly string[], path: string, problems: Problem[]): void {
  if (tags.length > appendLimits.tags || new Set(tags).size !== tags.length) {
    problems.push({ path, message: `must be at most ${appendLimits.tags} different tags` })
  }
  for (const [index, tag] of tags.entries()) name(tag, 120, `${path}/${index}`, problems)
}

function conditionProblems(condition: AppendCondition, problems: Problem[]): void {
  const { tags, types = [], after } = condition
  tagProblems(tags, '/condition/tags', problems)
  if (tags.length === 0) {
    problems.push({ path: '/condition/tags', message: 'must name at least one tag' })
  }
  if (types.length > mostTypes || types.some((type) => !typePattern.test(type))) {
    problems.push({
      path: '/condition/types',
      message: `must be at most ${mostTypes} event types`,
    })
  }
  if (!Number.isSafeInteger(after) || after < 0) {
    problems.push({ path: '/condition/after', message: 'must be a position from 0' })
  }
}

function metaProblems(meta: unknown, path: string, problems: Problem[]): void {
  if (meta === null || typeof meta !== 'object' || Array.isArray(meta)) {
    problems.push({ path, message: 'is not an object' })
  } else jsonProblems(meta, path, problems)
}

function checkSizes(batch: EncodedBatch): void {
  let bytes = 0
  let at = 0
  for (const { stream, count } of batch.appends) {
    for (let index = 0; index < count; index++, at++) {
      const size =
        Buffer.byteLength(batch.data[at] as string) + Buffer.byteLength(batch.meta[at] as string)
      if (size > appendLimits.eventBytes) {
        throw eventsErrors.error('TM_EVENTS_EVENT_TOO_LARGE', {
          stream,
          index,
          type: batch.types[at] as string,
          bytes: size,
          limit: appendLimits.eventBytes,
        })
      }
      bytes += size
    }
  }
  if (at > appendLimits.batchEvents || bytes > appendLimits.batchBytes) {
    throw eventsErrors.error('TM_EVENTS_BATCH_TOO_LARGE', {
      events: at,
      bytes,
      maxEvents: appendLimits.batchEvents,
      maxBytes: appendLimits.batchBytes,
    })
  }
}
