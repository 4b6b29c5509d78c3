const escapes: Readonly<Record<string, string>> = {
  '<': String.raw`\u003c`,
  '>': String.raw`\u003e`,
  '&': String.raw`\u0026`,
  '\u2028': String.raw`\u2028`,
  '\u2029': String.raw`\u2029`,
}

/**
 * JSON with the bytes that Go's encoding/json writes: `<`, `>`, `&` and the two line separators are escaped. Numbers
 * read the same in both (Go follows ECMAScript's rule). `indent` 2 is ghz's `pretty`.
 */
export function goJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[<>&\u2028\u2029]/gu,
    (character) => escapes[character] ?? character,
  )
}

/** The record with its keys in byte order, as Go writes a map. */
export function sortedRecord<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries(
    [...entries].toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  )
}

/** Any JSON value with the keys of every object in byte order: what Go makes of a value it read into a map. */
export function sortedJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedJson)
  if (typeof value !== 'object' || value === null) return value
  return sortedRecord(Object.entries(value).map(([key, item]) => [key, sortedJson(item)] as const))
}

/** An instant as Go prints RFC 3339 with nanoseconds in UTC: trailing zeros of the fraction are dropped. */
export function goTimestamp(wallMs: number, ns: number): string {
  const seconds = new Date(wallMs).toISOString().slice(0, 19)
  const fraction = String(ns).padStart(9, '0').replace(/0+$/u, '')
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`
}
