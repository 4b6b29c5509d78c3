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

/** An event checked and turned to text, ready to cross to the writer thread. */
export interface EncodedEvent {
  readonly type: string
  /** Undefined when the caller gave none. Text: bytes would take their whole buffer along to the writer thread. */
  readonly id: string | undefined
  readonly schemaVersion: number
  readonly data: string
  readonly meta: string
  readonly tags: readonly string[]
}

export interface EncodedStream {
  readonly stream: string
  readonly expected: Expected
  readonly events: readonly EncodedEvent[]
}

export interface EncodedBatch {
  readonly tenant: string
  readonly appends: readonly EncodedStream[]
  readonly checks: readonly StreamCheck[]
  readonly condition: AppendCondition | undefined
}

const printable = /^[\x20-\x7e]+$/u
const typePattern = /^[A-Za-z][\w.:-]{0,119}$/u

/** Checks everything that can be checked without the database; throws one error with every problem. */
export function encodeBatch(input: AppendManyInput): EncodedBatch {
  const { appends, checks = [], condition, tenant = defaultTenant } = input
  const first = appends.find((one) => one.events.length === 0)
  if (appends.length === 0 || first !== undefined) {
    throw eventsErrors.error('TM_EVENTS_EMPTY_APPEND', { stream: first?.stream ?? '' })
  }
  for (const { stream, expected = 'any' } of [...appends, ...checks]) {
    checkExpected(stream, expected)
  }
  const shape: Problem[] = []
  const payload: Problem[] = []
  name(tenant, 64, '/tenant', shape)
  const streams = new Set<string>()
  for (const [index, { stream }] of [...appends, ...checks].entries()) {
    name(stream, appendLimits.streamLength, `/streams/${index}`, shape)
    if (streams.has(stream)) {
      shape.push({ path: `/streams/${index}`, message: 'stream appears twice', received: stream })
    }
    streams.add(stream)
  }
  conditionProblems(condition, shape)
  const ids = new Set<string>()
  for (const [at, { events }] of appends.entries()) {
    for (const [index, event] of events.entries()) {
      const path = appends.length === 1 ? `/events/${index}` : `/appends/${at}/events/${index}`
      eventProblems(event, path, ids, shape)
      jsonProblems(event.data, `${path}/data`, payload)
      if (event.meta !== undefined) metaProblems(event.meta, `${path}/meta`, payload)
    }
  }
  if (shape.length > 0) throw invalid('TM_EVENTS_INVALID_INPUT', [...shape, ...payload])
  if (payload.length > 0) throw invalid('TM_EVENTS_INVALID_PAYLOAD', payload)
  const encoded = appends.map(({ stream, expected = 'any', events }) => ({
    stream,
    expected,
    events: events.map(encodeEvent),
  }))
  checkSizes(encoded)
  return { tenant, appends: encoded, checks, condition }
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

function conditionProblems(condition: AppendCondition | undefined, problems: Problem[]): void {
  if (condition === undefined) return
  tagProblems(condition.tags, '/condition/tags', problems)
  if (condition.tags.length === 0) {
    problems.push({ path: '/condition/tags', message: 'must name at least one tag' })
  }
  if (!Number.isSafeInteger(condition.after) || condition.after < 0) {
    problems.push({ path: '/condition/after', message: 'must be a position from 0' })
  }
}

function metaProblems(meta: unknown, path: string, problems: Problem[]): void {
  if (meta === null || typeof meta !== 'object' || Array.isArray(meta)) {
    problems.push({ path, message: 'is not an object' })
  } else jsonProblems(meta, path, problems)
}

function encodeEvent(event: NewEvent): EncodedEvent {
  return {
    type: event.type,
    id: event.id,
    schemaVersion: event.schemaVersion ?? 1,
    data: JSON.stringify(event.data),
    meta: event.meta === undefined ? '{}' : JSON.stringify(event.meta),
    tags: event.tags ?? [],
  }
}

function checkSizes(streams: readonly EncodedStream[]): void {
  let bytes = 0
  let events = 0
  for (const stream of streams) {
    for (const [index, event] of stream.events.entries()) {
      const size = Buffer.byteLength(event.data) + Buffer.byteLength(event.meta)
      if (size > appendLimits.eventBytes) {
        throw eventsErrors.error('TM_EVENTS_EVENT_TOO_LARGE', {
          stream: stream.stream,
          index,
          type: event.type,
          bytes: size,
          limit: appendLimits.eventBytes,
        })
      }
      bytes += size
      events++
    }
  }
  if (events > appendLimits.batchEvents || bytes > appendLimits.batchBytes) {
    throw eventsErrors.error('TM_EVENTS_BATCH_TOO_LARGE', {
      events,
      bytes,
      maxEvents: appendLimits.batchEvents,
      maxBytes: appendLimits.batchBytes,
    })
  }
}
