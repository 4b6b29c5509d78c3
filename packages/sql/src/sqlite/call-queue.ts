import { serialize } from 'node:v8'

const mostCalls = 1000
const mostBytes = 4 * 1024 * 1024
const mostQueuedBytes = 64 * 1024 * 1024
const deepest = 64
const tooDeep = new Error('too deep')

export interface QueuedCall {
  readonly procedure: number
  readonly name: string
  readonly input: unknown
  readonly bytes: number
  readonly resolve: (output: unknown) => void
  readonly reject: (error: unknown) => void
  /** True once the caller has its answer, or has given up. */
  settled: boolean
  /** Set when the caller's signal has to be let go. */
  release: (() => void) | undefined
}

/** Calls waiting for a flush, oldest first; bounded in number and in size. */
export interface CallQueue {
  readonly size: number
  /** True when one more call of that size has no room. */
  full(bytes: number): boolean
  push(call: QueuedCall): void
  remove(call: QueuedCall): void
  /** Takes out the next flush: at most 1,000 calls and about 4 MiB, at least one call. */
  take(): QueuedCall[]
  takeAll(): QueuedCall[]
}

export function createCallQueue(limit: number): CallQueue {
  let calls: QueuedCall[] = []
  let queuedBytes = 0
  const forget = (taken: readonly QueuedCall[]): void => {
    for (const call of taken) queuedBytes -= call.bytes
  }
  return {
    get size() {
      return calls.length
    },
    full: (bytes) =>
      calls.length >= limit || (calls.length > 0 && queuedBytes + bytes > mostQueuedBytes),
    push(call) {
      calls.push(call)
      queuedBytes += call.bytes
    },
    remove(call) {
      const at = calls.indexOf(call)
      if (at >= 0) forget(calls.splice(at, 1))
    },
    take() {
      let count = 0
      let bytes = 0
      while (count < calls.length && count < mostCalls) {
        bytes += (calls[count] as QueuedCall).bytes
        if (count > 0 && bytes > mostBytes) break
        count++
      }
      const taken = calls.splice(0, count)
      forget(taken)
      return taken
    },
    takeAll() {
      const taken = calls
      calls = []
      queuedBytes = 0
      return taken
    },
  }
}

/** About how many bytes a value takes as a message. Cheap rather than exact: it only bounds what waits. */
export function approximateBytes(value: unknown): number {
  try {
    return walk(value, 0)
  } catch {
    // Not plain data, or so deep that it may refer to itself: ask who can tell.
    return serializedBytes(value)
  }
}

function serializedBytes(value: unknown): number {
  try {
    return serialize(value).byteLength
  } catch {
    // It cannot be posted either, which its caller learns from the flush.
    return 8
  }
}

function walk(value: unknown, depth: number): number {
  if (typeof value === 'string') return 8 + value.length
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) return 16 + value.byteLength
  if (depth === deepest) throw tooDeep
  let sum = 16
  if (Array.isArray(value)) {
    for (const item of value) {
      sum += walk(item, depth + 1)
      if (sum > mostQueuedBytes) break
    }
    return sum
  }
  for (const key in value) {
    sum += key.length + walk((value as Record<string, unknown>)[key], depth + 1)
    if (sum > mostQueuedBytes) break
  }
  // Nothing to see from outside: a map, a set or a buffer, if it is not a plain empty object, which is common.
  if (sum > 16 || Object.getPrototypeOf(value) === Object.prototype) return sum
  return serializedBytes(value)
}
