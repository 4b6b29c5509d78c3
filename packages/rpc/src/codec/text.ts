import { isUtf8 } from 'node:buffer'

/** Methods of Buffer that its published types leave out; `toString` and `write` look the encoding up first. */
interface TextBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, at: number, length: number): number
}

const fcc = String.fromCharCode
/** Up to here a string is made from its characters; a call into the runtime costs more (23 ns against 65 ns). */
const shortest = 12

/** ASCII of at most {@link shortest} bytes; undefined if a byte is not ASCII. */
function shortText(b: Buffer, at: number, length: number): string | undefined {
  let all = 0
  for (let i = at; i < at + length; i++) all |= b[i] as number
  if (all > 0x7f) return undefined
  const c = (i: number): number => b[at + i] as number
  switch (length) {
    case 0:
      return ''
    case 1:
      return fcc(c(0))
    case 2:
      return fcc(c(0), c(1))
    case 3:
      return fcc(c(0), c(1), c(2))
    case 4:
      return fcc(c(0), c(1), c(2), c(3))
    case 5:
      return fcc(c(0), c(1), c(2), c(3), c(4))
    case 6:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5))
    case 7:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5), c(6))
    case 8:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7))
    case 9:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(8))
    case 10:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(8), c(9))
    case 11:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(8), c(9), c(10))
    default:
      return fcc(c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(8), c(9), c(10), c(11))
  }
}

/**
 * Reads UTF-8. Malformed bytes are refused (undefined) if `strict`, else each becomes U+FFFD, as the WHATWG decoder
 * does it.
 */
export function readText(
  bytes: Buffer,
  start: number,
  end: number,
  strict: boolean,
): string | undefined {
  if (end - start <= shortest) {
    const short = shortText(bytes, start, end - start)
    if (short !== undefined) return short
  }
  const text = (bytes as TextBuffer).utf8Slice(start, end)
  // Only a malformed byte or U+FFFD itself gives U+FFFD, so that well-formed text is looked at once.
  if (strict && text.includes('\uFFFD') && !isUtf8(bytes.subarray(start, end))) return undefined
  return text
}

/** Keys that were read last, by a hash of their bytes: a power of two of them. */
const recentKeys: string[] = Array.from({ length: 256 }, () => '')
const longestKey = 32

/**
 * Reads the key of a map entry. Keys come again and again, and a string that was a property name before is found by
 * the engine at once, where a new one is looked up by its characters (70 ns).
 */
export function readKey(
  bytes: Buffer,
  start: number,
  end: number,
  strict: boolean,
): string | undefined {
  const length = end - start
  if (length === 0 || length > longestKey) return readText(bytes, start, end, strict)
  const middle = bytes[start + (length >> 1)] as number
  const last = bytes[end - 1] as number
  const slot = (length * 31 + (bytes[start] as number) * 7 + middle * 13 + last * 17) & 255
  const recent = recentKeys[slot] as string
  // A recent key has as many characters as bytes: it is ASCII, or has a U+FFFD, which no byte equals.
  if (recent.length === length) {
    let i = 0
    while (i < length && recent.charCodeAt(i) === bytes[start + i]) i++
    if (i === length) return recent
  }
  const key = readText(bytes, start, end, strict)
  if (key?.length === length) recentKeys[slot] = key
  return key
}

/** Up to here text is written character by character; a call into the runtime costs more. */
const shortWrite = 24

/** Writes text as UTF-8 and returns where it ends, or -1 for a surrogate without its other; there must be room. */
export function writeText(target: Buffer, at: number, text: string): number {
  const { length } = text
  if (length <= shortWrite) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      target[at + i] = code
    }
    if (i === length) return at + length
  }
  const written = (target as TextBuffer).utf8Write(text, at, target.length - at)
  // As many bytes as characters: ASCII, which has no surrogates.
  return written === length || text.isWellFormed() ? at + written : -1
}

/** Bytes of the text in UTF-8. */
export function textBytes(text: string): number {
  const { length } = text
  if (length > shortWrite) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  }
  return length
}
