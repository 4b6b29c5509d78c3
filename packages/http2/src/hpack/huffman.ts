import {
  codeCount,
  codeLengths,
  codes,
  endOfString,
  firstCode,
  firstSymbol,
  longestCode,
  symbolsByCode,
} from './huffman-code.ts'

/** Codes up to this length are found by one look-up: it covers all printable ASCII that is common in headers. */
const fastBits = 10
const fastMask = (1 << fastBits) - 1
/** By the next ten bits: `symbol << 4 | length`, 0 for a longer code. */
const fast = new Uint16Array(1 << fastBits)
for (let symbol = 0; symbol < 256; symbol++) {
  const length = codeLengths[symbol] as number
  if (length > fastBits) continue
  const rest = fastBits - length
  const from = (codes[symbol] as number) << rest
  fast.fill((symbol << 4) | length, from, from + (1 << rest))
}

/** Bytes that a Huffman string of so many bytes can become at most. */
export function huffmanBound(encodedBytes: number): number {
  return Math.ceil((encodedBytes * 8) / 5)
}

/**
 * Decodes `bytes[start..end)` into `target` from 0, which must hold `huffmanBound` bytes.
 * @returns how many bytes it wrote, or -1 for a string that RFC 7541 5.2 forbids: one with the end-of-string symbol, or
 * padded with more than 7 bits or with other than ones.
 */
export function huffmanDecode(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
): number {
  let at = start
  let written = 0
  let pending = 0
  let bits = 0
  while (true) {
    while (bits <= 24 && at < end) {
      pending = (pending << 8) | (bytes[at++] as number)
      bits += 8
    }
    // Behind the end the window is filled with ones, as the padding is.
    const window =
      bits >= fastBits
        ? (pending >>> (bits - fastBits)) & fastMask
        : ((pending << (fastBits - bits)) | ((1 << (fastBits - bits)) - 1)) & fastMask
    const entry = fast[window] as number
    const length = entry & 15
    if (length !== 0 && length <= bits) {
      target[written++] = entry >>> 4
      bits -= length
      continue
    }
    const more = at < end ? (bytes[at] as number) : -1
    const long = length === 0 ? longSymbol(pending, bits, more) : -1
    if (long === endOfString) return -1
    if (long < 0) {
      const padding = (1 << bits) - 1
      return bits < 8 && (pending & padding) === padding ? written : -1
    }
    target[written++] = long
    bits -= codeLengths[long] as number
    if (bits < 0) {
      pending = bytes[at++] as number
      bits += 8
    }
  }
}

/**
 * The symbol of more than ten bits that stands next; -1 when the bits end before it does. While bytes are left there
 * are at least 25 bits, and a code may take the rest from the byte `more` (-1 for none), which 32 bits did not hold.
 */
function longSymbol(pending: number, bits: number, more: number): number {
  const longest = Math.min(more < 0 ? bits : bits + 8, longestCode)
  for (let length = fastBits + 1; length <= longest; length++) {
    const lacking = length - bits
    const code =
      (lacking <= 0 ? pending >>> -lacking : (pending << lacking) | (more >>> (8 - lacking))) &
      ((1 << length) - 1)
    const offset = code - (firstCode[length] as number)
    if (offset < (codeCount[length] as number))
      return symbolsByCode[(firstSymbol[length] as number) + offset] as number
  }
  return -1
}

/** Bytes that `text` takes as a Huffman string; characters above 255 count as `?`. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    bits += codeLengths[code > 255 ? 63 : code] as number
  }
  return (bits + 7) >>> 3
}

/** Writes `text` as a Huffman string from `at` on and returns where it ends; characters above 255 become `?`. */
export function huffmanEncode(text: string, target: Uint8Array, at: number): number {
  let end = at
  let pending = 0
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    const symbol = char > 255 ? 63 : char
    let length = codeLengths[symbol] as number
    const code = codes[symbol] as number
    if (length > 24) {
      // With up to seven bits waiting a code must not be longer: 32 bits hold both.
      pending = (pending << (length - 16)) | (code >>> 16)
      bits += length - 16
      while (bits >= 8) {
        bits -= 8
        target[end++] = pending >>> bits
      }
      length = 16
    }
    pending = (pending << length) | (code & ((1 << length) - 1))
    bits += length
    while (bits >= 8) {
      bits -= 8
      target[end++] = pending >>> bits
    }
  }
  if (bits > 0) target[end++] = (pending << (8 - bits)) | (0xff >>> bits)
  return end
}
