import { kvErrors } from './errors.ts'
import type { Key, KeyRange, KeySpan } from './kv.ts'

/** A range with its keys as bytes. `end` absent: one key; `end` empty: everything from `key` on. */
export interface ByteRange {
  readonly key: Uint8Array
  readonly end?: Uint8Array
}

const zero = Uint8Array.of(0)
export const emptyBytes: Uint8Array = new Uint8Array(0)

/** The text of UTF-8 bytes; broken sequences become U+FFFD. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** A private copy of the bytes in a buffer of exactly their size: it may cross threads, and the caller may reuse his. */
export function copyBytes(key: Key): Uint8Array {
  if (typeof key === 'string') {
    const length = Buffer.byteLength(key)
    const copy = new Uint8Array(length)
    Buffer.from(copy.buffer).write(key)
    return copy
  }
  return Uint8Array.prototype.slice.call(key)
}

/** Byte order, the order of keys in the store. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}

/** The bytes as a string of code units 0-255: equal for equal bytes and in the same order; a key for Map and Set. */
export function bytesId(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/**
 * The span of all keys that start with `start`. The empty prefix is every key there is and must be meant:
 * `prefix('', { allowAll: true })`; without it TM_KV_EMPTY_KEY.
 */
export function prefix(start: Key, options: { readonly allowAll?: boolean } = {}): KeySpan {
  const key = copyBytes(start)
  if (key.length === 0) {
    if (options.allowAll !== true) throw kvErrors.error('TM_KV_EMPTY_KEY')
    return { key: zero, end: zero }
  }
  return { key, end: prefixEnd(key) }
}

/** The first key after all that start with `start`; one zero byte (no upper bound) when there is none. */
export function prefixEnd(start: Uint8Array): Uint8Array {
  for (let i = start.length - 1; i >= 0; i--) {
    const byte = start[i] ?? 0
    if (byte < 0xff) {
      const end = start.slice(0, i + 1)
      end[i] = byte + 1
      return end
    }
  }
  return zero
}

/** The range as bytes, with etcd's rule that an end of one zero byte has no upper bound and an empty end is one key. */
export function byteRange(range: KeyRange): ByteRange {
  if (typeof range === 'string' || range instanceof Uint8Array) return { key: copyBytes(range) }
  const key = copyBytes(range.key)
  if (range.end === undefined || range.end.length === 0) return { key }
  const end = copyBytes(range.end)
  return { key, end: end.length === 1 && end[0] === 0 ? emptyBytes : end }
}

/** Whether the key lies in the range. */
export function inRange(range: ByteRange, key: Uint8Array): boolean {
  if (range.end === undefined) return compareBytes(range.key, key) === 0
  return (
    compareBytes(range.key, key) <= 0 &&
    (range.end.length === 0 || compareBytes(key, range.end) < 0)
  )
}
